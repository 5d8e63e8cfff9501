//! Series to a PNG: panels by unit, legible at the width of a phone, no system font or library.
//!
//! Knows curves and labels only: no rule, no run, no file.

mod axis;
mod canvas;
mod glance;
mod layout;
mod panel;
mod spark;

use crate::engine::series::Curve;
use crate::render::chart::canvas::{Align, Canvas, GREY, INK, Style, Weight};
pub use crate::render::chart::glance::{describe, glance};
use crate::render::chart::layout::{Panel, panels};
use crate::render::chart::panel::{Frame, draw_panel};
pub use crate::render::chart::spark::spark;

/// Width in pixels; three times the width of a phone's preview.
const WIDTH: f32 = 1200.0;
const HEADER: f32 = 112.0;
const FOOTER: f32 = 84.0;
const LEFT: f32 = 108.0;
const RIGHT: f32 = 44.0;
/// Room above each panel for its title and legend.
const CAPTION: f32 = 74.0;
const FIRST_PANEL: f32 = 400.0;
const OTHER_PANEL: f32 = 220.0;

/// What a chart shows.
#[derive(Clone, Debug)]
pub struct Chart<'a> {
    pub title: &'a str,
    pub subtitle: &'a str,
    pub curves: &'a [Curve],
    /// Vertical lines: (x, label).
    pub events: &'a [(f64, String)],
    /// What x counts: `step`, `epoch`, `sample`.
    pub x_label: &'a str,
}

/// Draws it as a PNG, 1200 pixels wide and below 1 MB; none if there is no point to draw.
pub fn draw(chart: &Chart<'_>) -> Option<Vec<u8>> {
    let panels = panels(chart.curves);
    let first = panels.first()?;
    let x_range = x_range(&panels)?;
    let height = HEADER
        + FOOTER
        + panels.len() as f32 * CAPTION
        + FIRST_PANEL
        + (panels.len() - 1) as f32 * OTHER_PANEL;
    let mut canvas = Canvas::new(WIDTH, height)?;
    draw_header(&mut canvas, chart);
    let x_axis = axis::Axis::linear(x_range.0, x_range.1, LEFT, WIDTH - RIGHT, 7);
    let mut top = HEADER;
    for panel in &panels {
        let height = if std::ptr::eq(panel, first) { FIRST_PANEL } else { OTHER_PANEL };
        let frame = Frame {
            left: LEFT,
            right: WIDTH - RIGHT,
            top: top + CAPTION,
            bottom: top + CAPTION + height,
        };
        draw_panel(&mut canvas, panel, &frame, &x_axis, chart.events);
        top = frame.bottom;
    }
    draw_x_labels(&mut canvas, &x_axis, top, chart.x_label);
    canvas.png()
}

fn draw_header(canvas: &mut Canvas, chart: &Chart<'_>) {
    let room = WIDTH - LEFT / 2.0 - RIGHT;
    let title = canvas.clip(chart.title, 36.0, Weight::SemiBold, room);
    canvas.text(&title, (LEFT / 2.0, 54.0), Style::new(36.0, Weight::SemiBold, INK), Align::Left);
    let subtitle = canvas.clip(chart.subtitle, 24.0, Weight::Regular, room);
    canvas.text(
        &subtitle,
        (LEFT / 2.0, 92.0),
        Style::new(24.0, Weight::Regular, GREY),
        Align::Left,
    );
}

fn draw_x_labels(canvas: &mut Canvas, axis: &axis::Axis, top: f32, label: &str) {
    for tick in &axis.ticks {
        canvas.text(
            &tick.label,
            (tick.at, top + 34.0),
            Style::new(24.0, Weight::Regular, GREY),
            Align::Center,
        );
    }
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    canvas.text(
        label,
        (middle, top + 68.0),
        Style::new(24.0, Weight::Regular, GREY),
        Align::Center,
    );
}

/// The x of all points; widened where there is only one.
fn x_range(panels: &[Panel<'_>]) -> Option<(f64, f64)> {
    let xs = panels
        .iter()
        .flat_map(|panel| &panel.curves)
        .flat_map(|curve| &curve.points)
        .map(|(x, _)| *x)
        .filter(|x| x.is_finite());
    let (low, high) =
        xs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    match low <= high {
        false => None,
        true if low == high => Some((low - 1.0, high + 1.0)),
        true => Some((low, high)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Curve {
        Curve::of(name, points.into_iter().collect())
    }

    fn chart(curves: &[Curve]) -> Option<Vec<u8>> {
        let chart = Chart { title: "run", subtitle: "host", curves, events: &[], x_label: "step" };
        draw(&chart)
    }

    /// (width, height, pixels as RGBA)
    fn pixels(png: &[u8]) -> (u32, u32, Vec<u8>) {
        let pixmap = tiny_skia::Pixmap::decode_png(png).expect("a PNG");
        (pixmap.width(), pixmap.height(), pixmap.data().to_vec())
    }

    #[test]
    fn there_is_no_chart_without_a_point() {
        assert_eq!(chart(&[]), None);
        assert_eq!(chart(&[curve("loss", [])]), None);
        assert_eq!(chart(&[curve("loss", [(f64::NAN, 1.0)])]), None);
    }

    #[test]
    fn a_panel_more_makes_it_taller() {
        let losses = [curve("loss", [(0.0, 2.0), (1.0, 1.0)])];
        let both = [losses[0].clone(), curve("lr", [(0.0, 1e-3), (1.0, 1e-4)])];
        let (width, one, _) = pixels(&chart(&losses).expect("a chart"));
        let (_, two, _) = pixels(&chart(&both).expect("a chart"));
        assert_eq!(width, 1200);
        assert!(two > one);
    }

    #[test]
    fn each_curve_has_a_colour_of_its_own() {
        let curves = [
            curve("loss", (0..50).map(|x| (f64::from(x), 1.0))),
            curve("val_loss", (0..50).map(|x| (f64::from(x), 2.0))),
        ];
        let (_, _, data) = pixels(&chart(&curves).expect("a chart"));
        for colour in &canvas::PALETTE[..2] {
            let count = data
                .chunks_exact(4)
                .filter(|pixel| pixel[..3] == [colour.0, colour.1, colour.2])
                .count();
            assert!(count > 500, "{colour:?} is on {count} pixels");
        }
    }

    #[test]
    fn a_run_that_is_all_nan_is_drawn_too() {
        assert!(chart(&[curve("loss", [(0.0, f64::NAN), (1.0, f64::INFINITY)])]).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn any_curves_are_drawn(
            curves in prop::collection::vec(
                ("[a-zA-Z/_%🚀 ]{0,40}", prop::collection::vec((any::<f64>(), any::<f64>()), 0..60)),
                0..12,
            ),
        ) {
            let curves: Vec<_> =
                curves.into_iter().map(|(name, points)| Curve::of(name, points)).collect();
            if let Some(png) = chart(&curves) {
                prop_assert!(png.len() < 1_000_000);
            }
        }
    }
}
