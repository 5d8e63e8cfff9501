//! A series thinned to a bounded number of points, so that a chart still shows every peak.

use crate::engine::series::Point;
use crate::engine::series::history::{Summary, Waiting};

/// At most this many buckets, each with its lowest and its highest point.
const BUCKETS: usize = 512;
/// A series' memory grows by so many buckets at least: most metrics are printed a few times only.
const LEAST_GROWTH: usize = 4;

/// A series as a chart needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub name: String,
    /// (step if the run prints steps, else the sample's number; value, possibly NaN or infinite).
    /// Of a long series the extremes, and the newest sample.
    pub points: Vec<(f64, f64)>,
    /// The same, with means instead of extremes: what a smoothed line is drawn from.
    pub means: Vec<(f64, f64)>,
}

impl Curve {
    /// All samples of a series.
    pub fn of(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), means: points.clone(), points }
    }
}

/// Neighbouring samples, of which the lowest, the highest and the sum are kept.
///
/// NaN counts as the highest of all, so that a broken number stays visible.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    lowest: Drawn,
    highest: Drawn,
    /// NaN if one of them is not finite.
    sum: f64,
}

#[derive(Clone, Copy, Debug)]
struct Drawn {
    number: u64,
    /// NaN if there is none: an `Option` would take twice the room.
    step: f64,
    value: f64,
}

impl Drawn {
    fn of(number: u64, Waiting { step, value }: Waiting) -> Self {
        // A negative NaN would sort below all; its sign means nothing.
        let value = if value.is_nan() { f64::NAN } else { value };
        Self { number, step, value }
    }

    fn summand(&self) -> f64 {
        if self.value.is_finite() { self.value } else { f64::NAN }
    }

    fn has_step(&self) -> bool {
        !self.step.is_nan()
    }
}

impl Bucket {
    fn of(drawn: Drawn) -> Self {
        Self { lowest: drawn, highest: drawn, sum: drawn.summand() }
    }

    /// Takes in the next sample.
    fn add(&mut self, drawn: Drawn) {
        if drawn.value.total_cmp(&self.lowest.value).is_lt() {
            self.lowest = drawn;
        }
        if drawn.value.total_cmp(&self.highest.value).is_gt() {
            self.highest = drawn;
        }
        self.sum += drawn.summand();
    }

    /// Takes in the next samples; `number`: of the first of them.
    fn extend(&mut self, number: u64, samples: &[Waiting]) {
        let drawn = || (number..).zip(samples).map(|(number, sample)| Drawn::of(number, *sample));
        let all = Summary::of(samples);
        if !all.sum.is_finite() {
            return drawn().for_each(|drawn| self.add(drawn));
        }
        if all.lowest.total_cmp(&self.lowest.value).is_lt() {
            self.lowest = drawn().find(|drawn| drawn.value == all.lowest).unwrap_or(self.lowest);
        }
        if all.highest.total_cmp(&self.highest.value).is_gt() {
            self.highest = drawn().find(|drawn| drawn.value == all.highest).unwrap_or(self.highest);
        }
        self.sum += all.sum;
    }

    /// Takes in the samples that came after.
    fn merge(&mut self, other: &Self) {
        if other.lowest.value.total_cmp(&self.lowest.value).is_lt() {
            self.lowest = other.lowest;
        }
        if other.highest.value.total_cmp(&self.highest.value).is_gt() {
            self.highest = other.highest;
        }
        self.sum += other.sum;
    }

    /// Its one or two points in the order of time.
    fn extremes(&self) -> impl Iterator<Item = Drawn> {
        let (lowest, highest) = (self.lowest, self.highest);
        let (first, second) =
            if lowest.number <= highest.number { (lowest, highest) } else { (highest, lowest) };
        std::iter::once(first).chain((second.number != first.number).then_some(second))
    }

    /// The mean of its `count` samples, placed at the first of its extremes.
    fn middle(&self, count: u64) -> impl Iterator<Item = Drawn> {
        let value = self.sum / count as f64;
        self.extremes().take(1).map(move |first| Drawn { value, ..first })
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Thinned {
    buckets: Vec<Bucket>,
    /// Each full bucket holds two to the power of this many samples.
    doublings: u32,
    /// Samples in the last bucket.
    filled: u64,
}

impl Thinned {
    /// Takes in the next samples. `number`: of the first of them.
    pub(super) fn extend(&mut self, mut number: u64, mut samples: &[Waiting]) {
        while let [first, others @ ..] = samples {
            if self.buckets.len() == BUCKETS && self.filled == self.capacity() {
                self.halve();
            }
            let room = usize::try_from(self.capacity() - self.filled).unwrap_or(usize::MAX);
            let now = match self.buckets.last_mut() {
                Some(last) if room > 0 => {
                    let (now, later) = samples.split_at(room.min(samples.len()));
                    last.extend(number, now);
                    self.filled += now.len() as u64;
                    samples = later;
                    now.len()
                }
                _ => {
                    self.begin(Bucket::of(Drawn::of(number, *first)));
                    samples = others;
                    1
                }
            };
            number += now as u64;
        }
    }

    /// By a quarter, not twice as much as is needed: there may be a thousand series.
    fn begin(&mut self, bucket: Bucket) {
        if self.buckets.len() == self.buckets.capacity() {
            self.buckets.reserve_exact((self.buckets.len() / 4).max(LEAST_GROWTH));
        }
        self.buckets.push(bucket);
        self.filled = 1;
    }

    /// How many samples a full bucket holds.
    fn capacity(&self) -> u64 {
        1_u64.checked_shl(self.doublings).unwrap_or(u64::MAX)
    }

    /// How many buckets it takes up.
    pub(super) fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// Half as many buckets, each of twice as many samples. The last one may not be full.
    pub(super) fn halve(&mut self) {
        let (full, count) = (self.capacity(), self.buckets.len());
        if count < 2 {
            return;
        }
        for at in 0..count / 2 {
            let mut bucket = self.buckets[2 * at];
            bucket.merge(&self.buckets[2 * at + 1]);
            self.buckets[at] = bucket;
        }
        if count.is_multiple_of(2) {
            self.filled = self.filled.saturating_add(full);
        } else {
            self.buckets[count / 2] = self.buckets[count - 1];
        }
        self.buckets.truncate(count.div_ceil(2));
        self.buckets.shrink_to_fit();
        self.doublings = self.doublings.saturating_add(1);
    }

    /// `newest`: the last sample, with its number.
    pub(super) fn curve(&self, name: &str, newest: Option<(u64, Point)>) -> Curve {
        let newest = newest.map(|(number, Point { step, value, .. })| {
            Drawn::of(number, Waiting { step: step.unwrap_or(f64::NAN), value })
        });
        let by_step = self.first_step(newest);
        // What is printed before the first step, such as settings, has no place among steps.
        let place = |drawn: Drawn| match by_step {
            Some(first) if drawn.number < first => None,
            Some(_) if drawn.has_step() => Some((drawn.step, drawn.value)),
            _ => Some((drawn.number as f64, drawn.value)),
        };
        let counts = (1..self.buckets.len()).map(|_| self.capacity()).chain([self.filled]);
        let means =
            self.buckets.iter().zip(counts).flat_map(|(bucket, count)| bucket.middle(count));
        let means = means.filter_map(place).collect();
        let points = self.drawn(newest).filter_map(place).collect();
        Curve { name: name.to_owned(), points, means }
    }

    fn drawn(&self, newest: Option<Drawn>) -> impl Iterator<Item = Drawn> {
        let last = self.buckets.last().and_then(|last| last.extremes().last());
        let newest = newest.filter(|newest| last.is_some_and(|l| l.number != newest.number));
        self.buckets.iter().flat_map(Bucket::extremes).chain(newest)
    }

    /// The number of the first sample that has a step, if steps can be the x axis. Those that go
    /// back (one count for each epoch) would draw a scribble.
    fn first_step(&self, newest: Option<Drawn>) -> Option<u64> {
        let stepped = || self.drawn(newest).skip_while(|point| !point.has_step());
        let usable = stepped().all(|point| point.has_step())
            && stepped().zip(stepped().skip(1)).all(|(one, next)| one.step <= next.step);
        stepped().next().filter(|_| usable).map(|point| point.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn curve(values: impl Iterator<Item = (Option<f64>, f64)>) -> Curve {
        let (mut thinned, mut newest) = (Thinned::default(), None);
        for (number, (step, value)) in (1..).zip(values) {
            let point = Point { at: Timestamp::default(), step, value };
            thinned.extend(number, &[Waiting { step: step.unwrap_or(f64::NAN), value }]);
            newest = Some((number, point));
        }
        thinned.curve("", newest)
    }

    #[test]
    fn a_short_series_is_complete() {
        let curve = curve((0..300).map(|i| (None, f64::from(i))));
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
        let curve = curve((0..200_000).map(|i| (Some(f64::from(i)), peak(i))));
        assert!(curve.points.len() <= 2 * BUCKETS + 1, "{}", curve.points.len());
        assert!(curve.points.contains(&(77_777.0, 1e9)));
        assert!(curve.points.contains(&(123_456.0, -1e9)));
        assert!(curve.points.iter().any(|point| point.0 == 150_000.0 && point.1.is_nan()));
        assert!(curve.points.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn a_long_series_ends_with_its_newest_sample() {
        let curve = curve((0..10_000).map(|i| (None, [5.0, 1.0, 9.0, 4.0][i % 4])));
        assert_eq!(curve.points.last(), Some(&(10_000.0, 4.0)));
    }

    #[test]
    fn the_mean_of_a_long_series_is_not_that_of_its_extremes() {
        let rare_peak = |i: u32| if i.is_multiple_of(100) { 1000.0 } else { 1.0 };
        let curve = curve((0..204_800).map(|i| (None, rare_peak(i))));
        let mean = |points: &[(f64, f64)]| {
            points.iter().map(|(_, y)| y).sum::<f64>() / points.len() as f64
        };
        assert!(mean(&curve.points) > 300.0);
        assert!((mean(&curve.means) - 10.99).abs() < 0.1, "{}", mean(&curve.means));
    }

    #[test]
    fn a_series_that_is_thinned_at_any_time_keeps_its_peaks_and_its_mean() {
        let mut thinned = Thinned::default();
        for number in 1..=10_000_u64 {
            let value = if number == 4_321 { 1e6 } else { (number % 7) as f64 };
            thinned.extend(number, &[Waiting { step: f64::NAN, value }]);
            if number % 97 == 0 && thinned.buckets() > 40 {
                thinned.halve();
            }
        }
        let Curve { points, means, .. } = thinned.curve("loss", None);
        assert!(means.len() <= 60, "{}", means.len());
        assert!(points.contains(&(4_321.0, 1e6)));
        assert!(points.is_sorted_by(|one, next| one.0 < next.0));
        let calm: Vec<f64> = means.iter().map(|(_, y)| *y).filter(|y| *y < 100.0).collect();
        assert!(calm.len() == means.len() - 1);
        assert!(calm.iter().all(|mean| (mean - 3.0).abs() < 0.2), "{calm:?}");
    }

    #[test]
    fn a_setting_before_the_first_step_does_not_cost_the_steps() {
        let steps = [None, Some(0.0), Some(10.0)];
        let curve = curve(steps.into_iter().map(|step| (step, 1.0)));
        assert_eq!(curve.points, [(0.0, 1.0), (10.0, 1.0)]);
    }

    #[test]
    fn steps_that_go_back_are_not_used() {
        let steps = [1.0, 2.0, 1.0, 2.0];
        let curve = curve(steps.into_iter().map(|step| (Some(step), step)));
        let xs: Vec<f64> = curve.points.iter().map(|point| point.0).collect();
        assert_eq!(xs, [1.0, 2.0, 3.0, 4.0]);
    }
}
