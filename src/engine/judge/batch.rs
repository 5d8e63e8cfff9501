//! The samples of one line, gathered before they are judged together: a condition on two metrics
//! must not see one of this line and one of the last.

use std::ops::Range;

use bstr::{BStr, BString};

use crate::engine::rules::LinePlace;
use crate::engine::series::SeriesId;

#[derive(Debug, Default)]
pub(super) struct Batch {
    samples: Vec<(SeriesId, f64, Range<usize>)>,
    /// The samples' texts, one after the other.
    text: BString,
    /// Committed, and not judged yet.
    sampled: Vec<SeriesId>,
    /// What patterns captured from this line.
    captured: Vec<SeriesId>,
    /// Where each captured metric was seen last.
    places: Vec<(SeriesId, LinePlace)>,
}

impl Batch {
    /// A new line, or a sample that stands in none.
    pub(super) fn start(&mut self) {
        self.samples.clear();
        self.text.clear();
        self.sampled.clear();
        self.captured.clear();
    }

    pub(super) fn add(&mut self, id: SeriesId, value: f64, text: &BStr) {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.samples.push((id, value, start..self.text.len()));
    }

    /// Adds what a pattern captured. The first pattern that names a metric wins; and a line that
    /// is drawn again with the same number (`before`) is no new sample.
    pub(super) fn add_captured(
        &mut self,
        id: SeriesId,
        value: f64,
        text: &BStr,
        place: LinePlace,
        before: &BStr,
    ) {
        if self.captured.contains(&id) {
            return;
        }
        self.captured.push(id);
        match self.places.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) if *known == place && before == text => return,
            Some((_, known)) => *known = place,
            None => self.places.push((id, place)),
        }
        self.add(id, value, text);
    }

    pub(super) fn is_captured(&self, id: SeriesId) -> bool {
        self.captured.contains(&id)
    }

    pub(super) fn contains(&self, id: SeriesId) -> bool {
        self.samples.iter().any(|(known, ..)| *known == id)
    }

    /// (series, value, as it was written)
    pub(super) fn samples(&self) -> impl Iterator<Item = (SeriesId, f64, &BStr)> {
        let text = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default().into();
        self.samples.iter().map(move |(id, value, range)| (*id, *value, text(range)))
    }

    /// The samples are in their series.
    pub(super) fn committed(&mut self) {
        self.sampled.extend(self.samples.iter().map(|(id, ..)| *id));
        self.samples.clear();
        self.text.clear();
    }

    /// Which series have a new sample that was not judged.
    pub(super) fn take(&mut self) -> Vec<SeriesId> {
        std::mem::take(&mut self.sampled)
    }

    /// These have one, which is in its series already.
    pub(super) fn put<'a>(&mut self, sampled: impl Iterator<Item = &'a SeriesId>) {
        self.sampled.extend(sampled);
    }

    /// They were; their memory is kept.
    pub(super) fn judged(&mut self, mut sampled: Vec<SeriesId>) {
        sampled.clear();
        self.sampled = sampled;
    }
}
