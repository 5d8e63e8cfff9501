//! One panel: grid, curves, what is special about them, and the legend above.

use crate::engine::series::Curve;
use crate::render::chart::axis::{Axis, short};
use crate::render::chart::canvas::{
    ALARM, Align, Canvas, GREY, GRID, INK, PALETTE, Rgb, Style, WHITE, Weight,
};
use crate::render::chart::layout::{Kind, Panel};

/// Curves with at most this many points show each of them as a dot.
const DOTTED: usize = 40;
/// Curves with at least this many points are smoothed if they are noisy.
const SMOOTHED: usize = 60;
const TEXT: f32 = 24.0;
/// Labels of events that are close to each other stand below each other.
const LABEL_ROWS: usize = 3;

/// The inside of a panel in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) top: f32,
    pub(super) bottom: f32,
}

pub(super) fn draw_panel(
    canvas: &mut Canvas,
    panel: &Panel<'_>,
    frame: &Frame,
    x_axis: &Axis,
    events: &[(f64, String)],
) {
    let values: Vec<f64> =
        panel.curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| *y).collect();
    // The first panel is the tall one; it has room for more ticks and for the events' labels.
    let tall = frame.bottom - frame.top > 300.0;
    let ticks = if tall { 6 } else { 4 };
    let y_axis = Axis::for_values(&values, frame.bottom, frame.top, ticks);
    draw_grid(canvas, frame, &y_axis);
    draw_events(canvas, frame, x_axis, events, tall);
    for (curve, colour) in panel.curves.iter().zip(PALETTE) {
        draw_curve(canvas, curve, frame, x_axis, &y_axis, colour);
    }
    draw_best(canvas, panel, frame, x_axis, &y_axis);
    draw_caption(canvas, panel, frame);
}

fn draw_grid(canvas: &mut Canvas, frame: &Frame, y_axis: &Axis) {
    for tick in &y_axis.ticks {
        canvas.line(&[(frame.left, tick.at), (frame.right, tick.at)], GRID, 255, 1.5, None);
        let x = frame.left - 14.0;
        canvas.text(
            &tick.label,
            (x, tick.at + 8.0),
            Style::new(TEXT, Weight::Regular, GREY),
            Align::Right,
        );
    }
    let floor = [(frame.left, frame.bottom), (frame.right, frame.bottom)];
    canvas.line(&floor, GREY, 160, 2.0, None);
}

fn draw_events(
    canvas: &mut Canvas,
    frame: &Frame,
    x_axis: &Axis,
    events: &[(f64, String)],
    labelled: bool,
) {
    let style = Style::new(22.0, Weight::Regular, ALARM);
    // What stands in each row of labels already: (left, right).
    let mut rows: [Vec<(f32, f32)>; LABEL_ROWS] = Default::default();
    for (x, label) in events.iter().take(20) {
        let x = x_axis.pixel(*x);
        canvas.line(&[(x, frame.top), (x, frame.bottom)], ALARM, 200, 2.5, Some(8.0));
        if !labelled {
            continue;
        }
        let width = canvas.width(label, 22.0, Weight::Regular);
        let (left, right, align) = if x > (frame.left + frame.right) / 2.0 {
            (x - 8.0 - width, x - 8.0, Align::Right)
        } else {
            (x + 8.0, x + 8.0 + width, Align::Left)
        };
        let free = |row: &Vec<(f32, f32)>| row.iter().all(|(l, r)| right < *l || *r < left);
        // Without room the line alone must do.
        if let Some(row) = rows.iter().position(free) {
            rows[row].push((left - 8.0, right + 8.0));
            let beside = if align == Align::Right { right } else { left };
            canvas.text(label, (beside, frame.top + 24.0 + 28.0 * row as f32), style, align);
        }
    }
}

fn draw_curve(
    canvas: &mut Canvas,
    curve: &Curve,
    frame: &Frame,
    x_axis: &Axis,
    y_axis: &Axis,
    colour: Rgb,
) {
    let smooth = smoothed(curve, y_axis);
    let (alpha, width) = if smooth.is_some() { (90, 2.0) } else { (255, 3.5) };
    for stretch in finite_stretches(&curve.points) {
        let pixels = thin(stretch, x_axis, y_axis);
        canvas.line(&pixels, colour, alpha, width, None);
        if let [(x, y)] = pixels[..] {
            canvas.dot(x, y, 5.0, colour);
        }
    }
    if let Some(points) = smooth {
        for stretch in finite_stretches(&points) {
            canvas.line(&thin(stretch, x_axis, y_axis), colour, 255, 3.5, None);
        }
    }
    if curve.points.len() <= DOTTED {
        for (x, y) in curve.points.iter().filter(|(_, y)| y.is_finite()) {
            canvas.dot(x_axis.pixel(*x), y_axis.pixel(*y), 6.0, colour);
        }
    }
    draw_non_finite(canvas, curve, frame, x_axis);
}

/// Where a value is NaN or infinite there is a gap; a mark on the floor says so.
fn draw_non_finite(canvas: &mut Canvas, curve: &Curve, frame: &Frame, x_axis: &Axis) {
    let mut labelled = false;
    let mut last = f32::NEG_INFINITY;
    for (x, y) in curve.points.iter().filter(|(_, y)| !y.is_finite()) {
        let at = x_axis.pixel(*x);
        if at - last < 6.0 {
            continue;
        }
        last = at;
        canvas.box_of(at - 2.5, frame.bottom - 16.0, at + 2.5, frame.bottom, ALARM, 255);
        if !labelled {
            let label = if y.is_nan() { "NaN" } else { "inf" };
            // To the right, where the gap is, and a row above the label of a best value on the floor.
            let room = at + 10.0 + canvas.width(label, TEXT, Weight::SemiBold) < frame.right;
            let (x, align) =
                if room { (at + 10.0, Align::Left) } else { (at - 10.0, Align::Right) };
            let style = Style::new(TEXT, Weight::SemiBold, ALARM);
            canvas.text(label, (x, frame.bottom - 52.0), style, align);
            labelled = true;
        }
    }
}

/// The best value of the one curve by which the run is judged: the validation's, else the first.
fn draw_best(canvas: &mut Canvas, panel: &Panel<'_>, frame: &Frame, x_axis: &Axis, y_axis: &Axis) {
    if !matches!(panel.kind, Kind::Loss | Kind::Score) {
        return;
    }
    let judged = |curve: &&&Curve| {
        let name = curve.name.to_ascii_lowercase();
        ["val", "eval", "test", "dev"].iter().any(|word| name.contains(word))
    };
    let Some(curve) = panel.curves.iter().find(judged).or(panel.curves.first()) else { return };
    let finite = curve.points.iter().filter(|(_, y)| y.is_finite());
    let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
    let best =
        if panel.kind == Kind::Loss { finite.min_by(by_value) } else { finite.max_by(by_value) };
    let Some((x, y)) = best else { return };
    if curve.points.len() < 3 {
        return;
    }
    let (at_x, at_y) = (x_axis.pixel(*x), y_axis.pixel(*y));
    canvas.ring(at_x, at_y, 10.0, INK);
    // Beside the ring, on the side with more room.
    let right = at_x > (frame.left + frame.right) / 2.0;
    let (text_x, align) =
        if right { (at_x - 6.0, Align::Right) } else { (at_x + 6.0, Align::Left) };
    let text_y = if at_y > (frame.top + frame.bottom) / 2.0 { at_y - 20.0 } else { at_y + 38.0 };
    let label = format!("best {}", short(*y));
    let width = canvas.width(&label, 22.0, Weight::Regular);
    let left = if right { text_x - width } else { text_x };
    canvas.box_of(left - 4.0, text_y - 20.0, left + width + 4.0, text_y + 6.0, WHITE, 200);
    canvas.text(&label, (text_x, text_y), Style::new(22.0, Weight::Regular, INK), align);
}

/// The panel's title at the left, the legend with the last values at the right.
fn draw_caption(canvas: &mut Canvas, panel: &Panel<'_>, frame: &Frame) {
    let y = frame.top - 22.0;
    let mut x = frame.right;
    if panel.left_out > 0 {
        let more = format!("+{} more", panel.left_out);
        canvas.text(&more, (x, y), Style::new(TEXT, Weight::Regular, GREY), Align::Right);
        x -= canvas.width(&more, TEXT, Weight::Regular) + 28.0;
    }
    let room_for_title = 150.0;
    for (curve, colour) in panel.curves.iter().zip(PALETTE).rev() {
        let last = curve.points.last().map(|(_, y)| short(*y)).unwrap_or_default();
        // Alone in its panel it is named by the title already.
        let alone = panel.curves.len() == 1;
        let name = if alone {
            String::new()
        } else {
            canvas.clip(&curve.name, TEXT, Weight::Regular, 260.0)
        };
        let value_width = canvas.width(&last, TEXT, Weight::SemiBold);
        let width = value_width + 10.0 + canvas.width(&name, TEXT, Weight::Regular) + 48.0;
        if x - width < frame.left + room_for_title {
            break;
        }
        canvas.text(&last, (x, y), Style::new(TEXT, Weight::SemiBold, INK), Align::Right);
        let name_right = x - value_width - 10.0;
        canvas.text(&name, (name_right, y), Style::new(TEXT, Weight::Regular, GREY), Align::Right);
        let left = x - width;
        canvas.line(&[(left + 4.0, y - 8.0), (left + 36.0, y - 8.0)], colour, 255, 5.0, None);
        x = left - 26.0;
    }
    let title = canvas.clip(&panel.title, 26.0, Weight::SemiBold, (x - frame.left).max(120.0));
    canvas.text(&title, (frame.left, y), Style::new(26.0, Weight::SemiBold, INK), Align::Left);
}

/// The points between values that are not finite.
fn finite_stretches(points: &[(f64, f64)]) -> impl Iterator<Item = &[(f64, f64)]> {
    points.split(|(x, y)| !y.is_finite() || !x.is_finite()).filter(|stretch| !stretch.is_empty())
}

/// Pixels of a stretch: of each column the first, lowest, highest and last value, in order.
fn thin(points: &[(f64, f64)], x_axis: &Axis, y_axis: &Axis) -> Vec<(f32, f32)> {
    let pixels = points.iter().map(|(x, y)| (x_axis.pixel(*x), y_axis.pixel(*y)));
    if points.len() < 2_000 {
        return pixels.collect();
    }
    let mut thinned: Vec<(f32, f32)> = Vec::new();
    let mut column: Vec<(f32, f32)> = Vec::new();
    for (x, y) in pixels {
        if column.first().is_some_and(|(first, _)| first.floor() != x.floor()) {
            flush(&mut column, &mut thinned);
        }
        column.push((x, y));
    }
    flush(&mut column, &mut thinned);
    thinned
}

fn flush(column: &mut Vec<(f32, f32)>, thinned: &mut Vec<(f32, f32)>) {
    let by_y = |a: &&(f32, f32), b: &&(f32, f32)| a.1.total_cmp(&b.1);
    let (Some(first), Some(last)) = (column.first(), column.last()) else { return };
    let (low, high) = (column.iter().min_by(by_y), column.iter().max_by(by_y));
    thinned.push(*first);
    thinned.extend(low.into_iter().chain(high));
    thinned.push(*last);
    column.clear();
}

/// An exponential moving average, if the curve is long and noisy enough to need one. It is that of
/// the values as the axis measures them, so that it runs through the middle of what is drawn.
fn smoothed(curve: &Curve, y_axis: &Axis) -> Option<Vec<(f64, f64)>> {
    let measure = |y: f64| y_axis.scaled(y);
    let finite = || {
        let ys = curve.points.iter().map(|(_, y)| *y);
        ys.filter(|y| y.is_finite() && y.abs() < 1e150).map(measure)
    };
    if curve.points.len() < SMOOTHED {
        return None;
    }
    let (low, high) = finite()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    let travel: f64 = finite().zip(finite().skip(1)).map(|(a, b)| (b - a).abs()).sum();
    // A curve that goes once from top to bottom travels its range once.
    if low >= high || travel / (high - low) < 4.0 {
        return None;
    }
    let span = (curve.means.len() as f64 / 25.0).clamp(5.0, 500.0);
    let weight = 2.0 / (span + 1.0);
    let mut average = None;
    let smooth = curve.means.iter().map(|(x, y)| {
        if !y.is_finite() {
            average = None;
            return (*x, *y);
        }
        let next = average.map_or(measure(*y), |last: f64| last + weight * (measure(*y) - last));
        average = Some(next);
        (*x, y_axis.unscaled(next))
    });
    Some(smooth.collect())
}
