//! A series thinned to a bounded number of points, so that a chart still shows every peak.

use crate::engine::series::Point;

/// At most this many buckets, each with its lowest and its highest point.
const BUCKETS: usize = 512;

/// A series as a chart needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub name: String,
    /// (step if the run prints steps, else the sample's number; value, possibly NaN or infinite)
    pub points: Vec<(f64, f64)>,
}

/// Neighbouring samples, of which the lowest and the highest are kept.
///
/// NaN counts as the highest of all, so that a broken number stays visible.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    lowest: Drawn,
    highest: Drawn,
}

#[derive(Clone, Copy, Debug)]
struct Drawn {
    number: u64,
    step: Option<f64>,
    value: f64,
}

impl Bucket {
    fn merged(self, other: Self) -> Self {
        let lower = other.lowest.value.total_cmp(&self.lowest.value).is_lt();
        let higher = other.highest.value.total_cmp(&self.highest.value).is_gt();
        Self {
            lowest: if lower { other.lowest } else { self.lowest },
            highest: if higher { other.highest } else { self.highest },
        }
    }

    /// Its one or two points in the order of time.
    fn points(&self) -> impl Iterator<Item = Drawn> {
        let (lowest, highest) = (self.lowest, self.highest);
        let (first, second) =
            if lowest.number <= highest.number { (lowest, highest) } else { (highest, lowest) };
        std::iter::once(first).chain((second.number != first.number).then_some(second))
    }
}

#[derive(Debug, Default)]
pub(super) struct Thinned {
    buckets: Vec<Bucket>,
    /// Each full bucket holds two to the power of this many samples.
    doublings: u32,
    /// Samples in the last bucket.
    filled: u64,
}

impl Thinned {
    pub(super) fn push(&mut self, number: u64, point: Point) {
        // A negative NaN would sort below all; its sign means nothing.
        let value = if point.value.is_nan() { f64::NAN } else { point.value };
        let drawn = Drawn { number, step: point.step, value };
        let bucket = Bucket { lowest: drawn, highest: drawn };
        let capacity = 1_u64.checked_shl(self.doublings).unwrap_or(u64::MAX);
        match self.buckets.last_mut() {
            Some(last) if self.filled < capacity => {
                *last = last.merged(bucket);
                self.filled += 1;
            }
            _ => {
                self.make_room();
                self.buckets.push(bucket);
                self.filled = 1;
            }
        }
    }

    fn make_room(&mut self) {
        if self.buckets.len() < BUCKETS {
            return;
        }
        let pairs =
            self.buckets.chunks(2).filter_map(|pair| pair.iter().copied().reduce(Bucket::merged));
        self.buckets = pairs.collect();
        self.doublings = self.doublings.saturating_add(1);
    }

    pub(super) fn curve(&self, name: &str) -> Curve {
        let all = || self.buckets.iter().flat_map(Bucket::points);
        // What is printed before the first step, such as settings, has no place among steps.
        let before = all().take_while(|point| point.step.is_none()).count();
        let stepped = || all().skip(before);
        // Steps that go back (one count for each epoch) would draw a scribble.
        let by_step = stepped().next().is_some()
            && stepped().all(|point| point.step.is_some())
            && stepped().zip(stepped().skip(1)).all(|(one, next)| one.step <= next.step);
        let drawn = all().skip(if by_step { before } else { 0 });
        let x = |point: &Drawn| match point.step {
            Some(step) if by_step => step,
            _ => point.number as f64,
        };
        Curve { name: name.to_owned(), points: drawn.map(|p| (x(&p), p.value)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn thinned(values: impl Iterator<Item = (Option<f64>, f64)>) -> Thinned {
        let mut thinned = Thinned::default();
        for (number, (step, value)) in values.enumerate() {
            thinned.push(number as u64 + 1, Point { at: Timestamp::default(), step, value });
        }
        thinned
    }

    #[test]
    fn a_short_series_is_complete() {
        let curve = thinned((0..300).map(|i| (None, f64::from(i)))).curve("loss");
        assert_eq!(curve.points.len(), 300);
        assert_eq!(curve.points[7], (8.0, 7.0));
    }

    #[test]
    fn a_long_series_is_bounded_and_keeps_its_peaks() {
        let peak = |i: u32| match i {
            77_777 => 1e9,
            123_456 => -1e9,
            150_000 => f64::NAN,
            _ => f64::from(i % 10),
        };
        let curve = thinned((0..200_000).map(|i| (Some(f64::from(i)), peak(i)))).curve("loss");
        assert!(curve.points.len() <= 2 * BUCKETS, "{}", curve.points.len());
        assert!(curve.points.contains(&(77_777.0, 1e9)));
        assert!(curve.points.contains(&(123_456.0, -1e9)));
        assert!(curve.points.iter().any(|point| point.0 == 150_000.0 && point.1.is_nan()));
        assert!(curve.points.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn a_setting_before_the_first_step_does_not_cost_the_steps() {
        let steps = [None, Some(0.0), Some(10.0)];
        let curve = thinned(steps.into_iter().map(|step| (step, 1.0))).curve("lr");
        assert_eq!(curve.points, [(0.0, 1.0), (10.0, 1.0)]);
    }

    #[test]
    fn steps_that_go_back_are_not_used() {
        let steps = [1.0, 2.0, 1.0, 2.0];
        let curve = thinned(steps.into_iter().map(|step| (Some(step), step))).curve("loss");
        let xs: Vec<f64> = curve.points.iter().map(|point| point.0).collect();
        assert_eq!(xs, [1.0, 2.0, 3.0, 4.0]);
    }
}
