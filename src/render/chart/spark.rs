//! A curve as a word: for channels that take text only.

use crate::render::chart::axis::short;
use crate::render::message::Curve;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `loss ▇▅▃▂▁ 2.3 to 0.41`: the lowest value is the lowest bar, and the highest one the highest. Of
/// values that are all the same no bar is higher than a line.
pub fn spark(curve: &Curve) -> Option<String> {
    let values: Vec<f64> = curve.points.iter().map(|(_, y)| *y).filter(|y| y.is_finite()).collect();
    let (first, last) = (values.first()?, values.last()?);
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Halves, since the whole range may be no number.
    let range = highest / 2.0 - lowest / 2.0;
    let bar = |value: &f64| {
        let height = if range > 0.0 { (value / 2.0 - lowest / 2.0) / range } else { 0.0 };
        // Within 0 and 7, whatever was rounded.
        let level = (height * 7.0).round().clamp(0.0, 7.0) as usize;
        BARS.get(level).copied().unwrap_or(' ')
    };
    let bars: String = values.iter().map(bar).collect();
    Some(format!("{} {bars} {} to {}", curve.name, short(*first), short(*last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparked(values: &[f64]) -> Option<String> {
        let points = values.iter().map(|value| (String::new(), *value)).collect();
        spark(&Curve { name: "loss".to_owned(), points })
    }

    #[test]
    fn a_curve_is_a_word() {
        for (values, expected) in [
            (&[2.3, 1.7, 1.1, 0.8, 0.41][..], Some("loss █▆▄▂▁ 2.3 to 0.41")),
            (&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], Some("loss ▁▂▃▄▅▆▇█ 0 to 7")),
            (&[5.0, 5.0, 5.0], Some("loss ▁▁▁ 5 to 5")),
            (&[1.0, f64::NAN, 3.0], Some("loss ▁█ 1 to 3")),
            (&[f64::INFINITY], None),
            (&[], None),
        ] {
            assert_eq!(sparked(values).as_deref(), expected);
        }
        assert!(sparked(&[f64::MIN, 0.0, f64::MAX]).unwrap().contains("▁▅█"));
    }
}
