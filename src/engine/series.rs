//! Named series of samples in bounded memory: the newest ones exactly (where a condition looks
//! back at them), older ones thinned for charts, and running figures over all of them.
//!
//! A series takes up memory by what it holds. All together are bounded: where there are very many,
//! the longest ones are thinned further.
//!
//! Knows no line and no rule. All times are on the run's time.

mod curve;
mod figures;
mod history;
mod text;
mod unprinted;

use std::collections::{BTreeMap, VecDeque, vec_deque};

use bstr::BStr;

use crate::engine::alert::MetricValue;
use crate::time::Timestamp;

pub use curve::Curve;
use figures::Figures;
use history::History;
use text::Text;
pub use unprinted::Unprinted;

/// Metrics beyond this number are counted and dropped.
const MAX_SERIES: usize = 1_000;
/// How many samples a condition can look back.
pub const WINDOW: usize = 4_096;

/// Buckets of all thinned series together, 56 bytes each.
const MOST_BUCKETS: usize = 32 << 10;

/// A series within its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) struct SeriesId(u32);

impl SeriesId {
    /// From 0 on, without gaps.
    pub(in crate::engine) fn index(self) -> usize {
        self.0 as usize
    }
}

/// One value of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engine) struct Point {
    pub(in crate::engine) at: Timestamp,
    /// The step that the run had printed last; none before the first.
    pub(in crate::engine) step: Option<f64>,
    pub(in crate::engine) value: f64,
}

/// All series of a run, in the order in which they were first seen.
#[derive(Debug, Default)]
pub struct SeriesStore {
    series: Vec<Series>,
    by_name: BTreeMap<Box<str>, SeriesId>,
    /// Those with samples, in the order of their first one.
    seen: Vec<SeriesId>,
    dropped: u64,
    /// Of all series together.
    buckets: usize,
}

/// One metric's samples, of whatever source.
#[derive(Debug)]
pub(in crate::engine) struct Series {
    name: Box<str>,
    /// Whether `recent` is kept and the history is settled after each sample, since a condition
    /// names it.
    looked_back_at: bool,
    /// The newest samples, the newest last; at most `WINDOW` and that one.
    recent: VecDeque<Point>,
    newest: Option<Point>,
    /// There ever was a finite value.
    was_finite: bool,
    /// As the program wrote the newest one.
    text: Text,
    history: History,
}

impl SeriesStore {
    /// A copy of all series for drawing, each at most some thousand points.
    pub fn curves(&self) -> Vec<Curve> {
        self.seen().map(|series| series.history.curve(&series.name, series.newest)).collect()
    }

    /// The step that the run is at; none where it prints none.
    pub fn step(&self) -> Option<f64> {
        self.seen().filter_map(|series| series.newest?.step).reduce(f64::max)
    }

    /// How many samples were dropped, since there are too many metrics.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The series of a metric that a condition names: it is kept from its first sample on.
    pub(in crate::engine) fn look_back_at(&mut self, name: &str) -> SeriesId {
        let id = self.add(name);
        if let Some(series) = self.series.get_mut(id.0 as usize) {
            series.looked_back_at = true;
        }
        self.settle(id);
        id
    }

    /// The series of that name; none if there are too many.
    pub(in crate::engine) fn find_or_add(&mut self, name: &str) -> Option<SeriesId> {
        if let Some(id) = self.find(name) {
            return Some(id);
        }
        if self.series.len() >= MAX_SERIES {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        Some(self.add(name))
    }

    pub(in crate::engine) fn find(&self, name: &str) -> Option<SeriesId> {
        self.by_name.get(name).copied()
    }

    pub(in crate::engine) fn name(&self, id: SeriesId) -> &str {
        self.get(id).map(Series::name).unwrap_or_default()
    }

    /// The series with that index.
    pub(in crate::engine) fn nth(&self, index: usize) -> Option<SeriesId> {
        (index < self.series.len()).then(|| SeriesId(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    fn add(&mut self, name: &str) -> SeriesId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let id = SeriesId(u32::try_from(self.series.len()).unwrap_or(u32::MAX));
        self.series.push(Series::new(name));
        self.by_name.insert(name.into(), id);
        id
    }

    pub(in crate::engine) fn get(&self, id: SeriesId) -> Option<&Series> {
        self.series.get(id.0 as usize)
    }

    #[inline]
    pub(in crate::engine) fn push(&mut self, id: SeriesId, point: Point, text: &BStr) {
        let Some(series) = self.series.get_mut(id.0 as usize) else { return };
        if series.newest.is_none() {
            self.seen.push(id);
        }
        series.push((point.at, point.step, point.value), text);
        if series.looked_back_at || series.history.is_full() {
            self.settle(id);
        }
    }

    fn settle(&mut self, id: SeriesId) {
        let Some(Series { history, .. }) = self.series.get_mut(id.0 as usize) else { return };
        let before = history.buckets();
        history.settle();
        self.buckets = self.buckets.saturating_sub(before) + history.buckets();
        while self.buckets > MOST_BUCKETS && self.thin_longest() {}
    }

    /// Whether there was one to be thinned.
    fn thin_longest(&mut self) -> bool {
        let longest = self.series.iter_mut().max_by_key(|series| series.history.buckets());
        let Some(Series { history, .. }) = longest else { return false };
        let before = history.buckets();
        history.halve();
        let freed = before - history.buckets();
        self.buckets = self.buckets.saturating_sub(freed);
        freed > 0
    }

    fn seen(&self) -> impl Iterator<Item = &Series> {
        self.seen.iter().filter_map(|&id| self.get(id))
    }

    /// The newest value of each metric, in the order in which they were first seen.
    pub fn newest_values(&self) -> Vec<MetricValue> {
        self.seen().filter_map(Series::metric_value).collect()
    }
}

impl Series {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            looked_back_at: false,
            recent: VecDeque::new(),
            newest: None,
            was_finite: false,
            text: Text::default(),
            history: History::default(),
        }
    }

    /// A point's parts, which are passed in registers: what is written to memory word by word and
    /// read by two words at once is waited for.
    fn push(&mut self, (at, step, value): (Timestamp, Option<f64>, f64), text: &BStr) {
        let point = Point { at, step, value };
        self.newest = Some(point);
        self.was_finite |= value.is_finite();
        self.text.set(text);
        self.history.push(step, value);
        if self.looked_back_at {
            if self.recent.len() > WINDOW {
                self.recent.pop_front();
            }
            self.recent.push_back(point);
        }
    }

    pub(in crate::engine) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::engine) fn newest(&self) -> Option<Point> {
        self.newest
    }

    pub(in crate::engine) fn text(&self) -> &BStr {
        self.text.get()
    }

    pub(in crate::engine) fn metric_value(&self) -> Option<MetricValue> {
        let newest = self.newest?;
        Some(MetricValue {
            name: self.name.to_string(),
            value: newest.value,
            text: self.text.get().to_string(),
        })
    }

    /// The value before the newest one. This and all figures below are of series that are looked
    /// back at; of others they lag behind by some samples.
    pub(in crate::engine) fn previous(&self) -> Option<f64> {
        self.history.previous()
    }

    /// Figures over all samples before the newest one.
    pub(in crate::engine) fn before(&self) -> &Figures {
        self.history.before()
    }

    /// Whether there ever was a finite value.
    pub(in crate::engine) fn was_finite(&self) -> bool {
        self.was_finite
    }

    /// Samples since the lowest (or highest) finite value; 0 if it is the newest one.
    pub(in crate::engine) fn since_lowest(&self) -> Option<u64> {
        self.history.since_lowest()
    }

    pub(in crate::engine) fn since_highest(&self) -> Option<u64> {
        self.history.since_highest()
    }

    /// The newest `most` of the samples before the newest one, oldest first; at most `WINDOW`.
    pub(in crate::engine) fn earlier(&self, most: usize) -> vec_deque::Iter<'_, Point> {
        let end = self.recent.len().saturating_sub(1);
        self.recent.range(end.saturating_sub(most)..end)
    }

    /// Those of them from the first one on of which `included` is true, as it is of all later ones.
    pub(in crate::engine) fn earlier_from(
        &self,
        included: impl Fn(&Point) -> bool,
    ) -> vec_deque::Iter<'_, Point> {
        let end = self.recent.len().saturating_sub(1);
        let start = self.recent.partition_point(|point| !included(point));
        self.recent.range(start.min(end)..end)
    }

    /// The newest `most` samples, oldest first, with the newest one; at most `WINDOW` and that one.
    pub(in crate::engine) fn recent(&self, most: usize) -> vec_deque::Iter<'_, Point> {
        self.recent.range(self.recent.len().saturating_sub(most)..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: f64) -> Point {
        Point { at: Timestamp::default(), step: None, value }
    }

    #[test]
    fn figures_are_over_the_samples_before_the_newest() {
        let mut store = SeriesStore::default();
        let id = store.look_back_at("loss");
        for value in [3.0, f64::NAN, 1.0, 2.0, 9.0] {
            store.push(id, point(value), "".into());
        }
        let series = store.get(id).unwrap();
        assert_eq!(series.before().count(), 4);
        assert_eq!(series.before().min(), Some(1.0));
        assert_eq!(series.before().mean(), Some(2.0));
        assert_eq!(series.previous(), Some(2.0));
        assert_eq!(series.since_lowest(), Some(2));
        assert_eq!(series.since_highest(), Some(0));
        assert_eq!(series.earlier(usize::MAX).len(), 4);
    }

    #[test]
    fn too_many_metrics_are_counted_and_dropped_but_named_ones_are_kept() {
        let mut store = SeriesStore::default();
        for number in 0..MAX_SERIES + 5 {
            store.find_or_add(&format!("m{number}"));
        }
        assert_eq!(store.dropped(), 5);
        assert_eq!(store.series.len(), MAX_SERIES);
    }

    #[test]
    fn all_series_together_are_bounded_and_a_few_keep_their_detail() {
        let mut store = SeriesStore::default();
        let ids: Vec<_> =
            (0..MAX_SERIES).filter_map(|n| store.find_or_add(&format!("m{n}"))).collect();
        for number in 0..600 {
            ids.iter().take(2).for_each(|&id| store.push(id, point(f64::from(number)), "".into()));
        }
        assert!(store.curves().iter().all(|curve| curve.points.len() > 256));
        for number in 0..300 {
            ids.iter().for_each(|&id| store.push(id, point(f64::from(number)), "".into()));
        }
        let buckets = |store: &SeriesStore| -> usize {
            store.series.iter().map(|series| series.history.buckets()).sum()
        };
        assert_eq!(store.buckets, buckets(&store));
        assert!(store.buckets <= MOST_BUCKETS, "{}", store.buckets);
        assert!(store.series.iter().all(|series| series.history.buckets() >= 8));
    }

    #[test]
    fn a_series_is_the_same_whether_somebody_looks_back_at_it_or_not() {
        let mut store = SeriesStore::default();
        let asked = store.look_back_at("asked");
        let other = store.find_or_add("other").unwrap();
        for number in 0..3_000 {
            let value = if number % 100 == 7 { f64::NAN } else { f64::from(number * 7 % 1_000) };
            let step = (number > 50).then_some(f64::from(number));
            for id in [asked, other] {
                store.push(id, Point { at: Timestamp::default(), step, value }, "".into());
            }
            if number % 700 == 33 {
                let curves = store.curves();
                let points = |curve: &Curve| format!("{:?} {:?}", curve.points, curve.means);
                assert_eq!(points(&curves[0]), points(&curves[1]));
            }
        }
        store.look_back_at("other");
        assert_eq!(
            format!("{:?}", store.get(asked).unwrap().history),
            format!("{:?}", store.get(other).unwrap().history)
        );
    }

    #[test]
    fn the_best_was_taken_to_be_infinite_before_there_was_a_finite_value() {
        let mut store = SeriesStore::default();
        let id = store.look_back_at("best_loss");
        for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            store.push(id, point(value), "".into());
        }
        let series = store.get(id).unwrap();
        assert_eq!((series.since_lowest(), series.since_highest()), (None, None));
        store.push(id, point(2.0), "".into());
        let series = store.get(id).unwrap();
        assert_eq!((series.since_lowest(), series.since_highest()), (Some(0), Some(0)));
    }

    #[test]
    fn the_samples_kept_are_bounded() {
        let mut store = SeriesStore::default();
        let id = store.look_back_at("loss");
        for number in 0..3 * WINDOW {
            store.push(id, point(number as f64), "".into());
        }
        let series = store.get(id).unwrap();
        assert_eq!(series.earlier(usize::MAX).len(), WINDOW);
        assert_eq!(
            series.earlier(usize::MAX).next_back().map(|p| p.value),
            Some(3.0 * WINDOW as f64 - 2.0)
        );
        let other = store.find_or_add("other").unwrap();
        store.push(other, point(1.0), "1.0".into());
        assert_eq!(store.get(other).unwrap().recent(usize::MAX).len(), 0);
    }
}
