//! `every: 1h`, `every: 10 epoch`: reports in intervals.

use std::time::Duration;

use crate::engine::alert::{AlertState, Happening};
use crate::engine::rules::{Change, Interval, Track};
use crate::engine::scene::Scene;
use crate::engine::series::{SeriesId, SeriesStore};
use crate::time::Timestamp;

/// Reports are not closer than this, whatever is asked for.
pub(super) const SHORTEST: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(in crate::engine) enum Every {
    /// At the start plus each multiple of the interval.
    Time { interval: Duration, next: Timestamp },
    /// At each multiple of `amount` that the metric reaches: with 10, at epochs 10, 20, 30.
    Metric { amount: f64, series: SeriesId, reached: Option<f64> },
}

impl Every {
    pub(super) fn new(interval: Interval, started: Timestamp, store: &mut SeriesStore) -> Self {
        match interval {
            Interval::Time(interval) => {
                let interval = interval.max(SHORTEST);
                Self::Time { interval, next: started.after(interval) }
            }
            Interval::Metric { amount, metric } => {
                let series = store.look_back_at(&metric);
                Self::Metric { amount, series, reached: None }
            }
        }
    }
}

impl Track for Every {
    fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Time { next, .. } => Some(*next).filter(|next| *next < Timestamp::MAX),
            Self::Metric { .. } => None,
        }
    }

    fn due(&mut self, _scene: &Scene<'_>, out: &mut Vec<Change>) {
        if let Self::Time { interval, next } = self {
            *next = next.after(*interval);
            out.push(Change { state: AlertState::Firing, happening: Happening::Due });
        }
    }

    fn sampled(&mut self, sampled: &[SeriesId], scene: &Scene<'_>, out: &mut Vec<Change>) {
        let Self::Metric { amount, series, reached, .. } = self else { return };
        if !sampled.contains(series) {
            return;
        }
        let newest = scene.series.get(*series).and_then(|series| series.newest());
        let Some(value) = newest.map(|point| point.value).filter(|value| value.is_finite()) else {
            return;
        };
        let multiple = (value / *amount).floor();
        // A run that starts counts from zero; one that is resumed from where it is.
        let first = if value <= *amount { 0.0 } else { multiple };
        if multiple > reached.unwrap_or(first) {
            out.push(Change { state: AlertState::Firing, happening: Happening::Due });
        }
        *reached = Some(multiple);
    }
}
