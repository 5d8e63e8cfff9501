//! All samples of a series in a few words: figures, the lowest and the highest, a thinned curve.
//!
//! Samples are taken in several at a time, which takes half as long as one by one: most series are
//! drawn at most, and nobody asks after each sample.

use std::borrow::Cow;

use crate::engine::series::Point;
use crate::engine::series::curve::{Curve, Thinned};
use crate::engine::series::figures::Figures;

/// So many samples wait at most.
const MOST_WAITING: usize = 32;

#[derive(Debug, Default)]
pub(super) struct History {
    /// The newest samples, which all else here does not tell of yet.
    waiting: Vec<Waiting>,
    newest: Option<f64>,
    previous: Option<f64>,
    /// Over all samples before the newest one.
    before: Figures,
    lowest: Option<Best>,
    highest: Option<Best>,
    thinned: Thinned,
}

/// A sample that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// NaN if there is none: an `Option` would take twice the room.
    pub(super) step: f64,
    pub(super) value: f64,
}

#[derive(Clone, Copy, Debug)]
struct Best {
    value: f64,
    /// The sample's number.
    number: u64,
}

impl Best {
    /// The first sample of that value; none if it is not finite.
    fn find(value: f64, first: u64, samples: &[Waiting]) -> Option<Self> {
        let is_it = |sample: &Waiting| value.is_finite() && sample.value == value;
        let at = samples.iter().position(is_it)?;
        Some(Self { value, number: first + at as u64 })
    }
}

/// What some samples have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    /// The lowest and the highest finite value: infinite and minus infinite if there is none.
    pub(super) lowest: f64,
    pub(super) highest: f64,
    /// Not finite if one of them is not.
    pub(super) sum: f64,
}

impl Summary {
    pub(super) fn of(samples: &[Waiting]) -> Self {
        let values = || samples.iter().map(|sample| sample.value);
        let all = Self::of_any(values());
        if all.sum.is_finite() { all } else { all.with_extremes_of(values()) }
    }

    fn of_any(values: impl Iterator<Item = f64>) -> Self {
        let none = Self { lowest: f64::INFINITY, highest: f64::NEG_INFINITY, sum: 0.0 };
        values.fold(none, |Self { lowest, highest, sum }, value| Self {
            // Not `min` and `max`, which cost several instructions for NaN.
            lowest: if value < lowest { value } else { lowest },
            highest: if value > highest { value } else { highest },
            sum: sum + value,
        })
    }

    fn with_extremes_of(self, values: impl Iterator<Item = f64>) -> Self {
        let finite = Self::of_any(values.filter(|value| value.is_finite()));
        Self { sum: self.sum, ..finite }
    }
}

impl History {
    /// The next sample, which waits to be taken in.
    pub(super) fn push(&mut self, step: Option<f64>, value: f64) {
        self.waiting.push(Waiting { step: step.unwrap_or(f64::NAN), value });
    }

    /// It is time to settle.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    /// Takes in what waits.
    pub(super) fn settle(&mut self) {
        let mut samples = std::mem::take(&mut self.waiting);
        let first = self.settled() + 1;
        self.figure(&samples);
        self.compare(first, &samples);
        self.thinned.extend(first, &samples);
        samples.clear();
        self.waiting = samples;
    }

    fn figure(&mut self, samples: &[Waiting]) {
        let Some((last, others)) = samples.split_last() else { return };
        if let Some(newest) = self.newest {
            self.before.add(newest);
        }
        self.before.extend(others.iter().map(|sample| sample.value));
        self.previous = others.last().map_or(self.newest, |sample| Some(sample.value));
        self.newest = Some(last.value);
    }

    fn compare(&mut self, first: u64, samples: &[Waiting]) {
        let all = Summary::of(samples);
        if self.lowest.is_none_or(|lowest| all.lowest < lowest.value) {
            self.lowest = Best::find(all.lowest, first, samples).or(self.lowest);
        }
        if self.highest.is_none_or(|highest| all.highest > highest.value) {
            self.highest = Best::find(all.highest, first, samples).or(self.highest);
        }
    }

    /// How many samples were taken in.
    fn settled(&self) -> u64 {
        self.before.count() + u64::from(self.newest.is_some())
    }

    /// How many samples there are.
    pub(super) fn count(&self) -> u64 {
        self.settled() + self.waiting.len() as u64
    }

    pub(super) fn previous(&self) -> Option<f64> {
        self.previous
    }

    pub(super) fn before(&self) -> &Figures {
        &self.before
    }

    pub(super) fn since_lowest(&self) -> Option<u64> {
        self.lowest.map(|best| self.count().saturating_sub(best.number))
    }

    pub(super) fn since_highest(&self) -> Option<u64> {
        self.highest.map(|best| self.count().saturating_sub(best.number))
    }

    /// How many buckets the curve takes up.
    pub(super) fn buckets(&self) -> usize {
        self.thinned.buckets()
    }

    /// Makes do with half of them.
    pub(super) fn halve(&mut self) {
        self.thinned.halve();
    }

    /// For drawing. `newest`: the newest sample.
    pub(super) fn curve(&self, name: &str, newest: Option<Point>) -> Curve {
        let mut thinned = Cow::Borrowed(&self.thinned);
        if !self.waiting.is_empty() {
            thinned.to_mut().extend(self.settled() + 1, &self.waiting);
        }
        thinned.curve(name, newest.map(|point| (self.count(), point)))
    }
}
