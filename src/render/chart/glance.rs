//! Curves for channels that cannot show a picture: few points, or words.

use crate::engine::series::Curve;
use crate::render::chart::axis::short;
use crate::render::chart::layout::{Kind, panels};
use crate::render::message;

/// Slack's native chart takes 20 points; other services draw none.
const MOST_POINTS: usize = 20;
const MOST_CURVES: usize = 3;

/// The curves of the most important panel in at most 20 points each, all finite.
pub fn glance(curves: &[Curve]) -> Vec<message::Curve> {
    let panels = panels(curves);
    let Some(panel) = panels.first().filter(|panel| panel.kind != Kind::Progress) else {
        return Vec::new();
    };
    let thinned = panel
        .curves
        .iter()
        .take(MOST_CURVES)
        .map(|curve| message::Curve { name: curve.name.clone(), points: thin(curve) });
    thinned.filter(|curve| curve.points.len() > 1).collect()
}

/// What the chart shows, for those who cannot see it: each curve's first and last value.
pub fn describe(curves: &[Curve]) -> String {
    let panels = panels(curves);
    let shown = panels.iter().flat_map(|panel| &panel.curves).take(8);
    let parts: Vec<String> = shown
        .filter_map(|curve| {
            let (first, last) = (curve.means.first()?, curve.points.last()?);
            Some(format!("{} from {} to {}", curve.name, short(first.1), short(last.1)))
        })
        .collect();
    format!("Chart: {}", parts.join("; "))
}

/// Evenly spaced points, the first and the newest among them. Between them means: single extremes
/// would tell of nothing but noise.
fn thin(curve: &Curve) -> Vec<(String, f64)> {
    let before_newest = curve.means.split_last().map(|(_, before)| before).unwrap_or_default();
    let points = before_newest.iter().chain(curve.points.last());
    let finite: Vec<_> = points.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let count = finite.len().min(MOST_POINTS);
    let last = finite.len().saturating_sub(1);
    (0..count)
        .filter_map(|index| finite.get(index * last / count.saturating_sub(1).max(1)))
        .map(|(x, y)| (short(*x), *y))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_points_with_both_ends() {
        let points = (0..1000).map(|x| (f64::from(x), f64::from(x) * 2.0)).collect();
        let glance = glance(&[Curve::of("loss", points)]);
        assert_eq!(glance[0].points.len(), 20);
        assert_eq!(glance[0].points[0], ("0".to_owned(), 0.0));
        assert_eq!(glance[0].points[19], ("999".to_owned(), 1998.0));
    }

    #[test]
    fn values_that_are_not_finite_and_single_points_are_left_out() {
        let curve = Curve::of("loss", vec![(0.0, f64::NAN), (1.0, 1.0)]);
        assert_eq!(glance(std::slice::from_ref(&curve)), []);
        assert_eq!(describe(&[curve]), "Chart: loss from NaN to 1");
    }
}
