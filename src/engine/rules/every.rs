//! `every: 1h`, `every: 10 epoch`: reports in intervals.

use std::time::Duration;

use crate::engine::alert::{AlertState, Happening};
use crate::engine::explain::Why;
use crate::engine::rules::{Change, Interval, Track};
use crate::engine::scene::Scene;
use crate::engine::series::{SeriesId, SeriesStore};
use crate::time::Timestamp;

/// Reports are not closer than this, whatever is asked for.
pub(super) const SHORTEST: Duration = Duration::from_millis(100);

/// What was due at `due` and then every `interval`: the last time of it that is not after `latest`.
/// Who was away for many intervals is told once.
pub(super) fn last_due(due: Timestamp, interval: Duration, latest: Timestamp) -> Timestamp {
    let missed = latest.since(due).as_nanos().checked_div(interval.as_nanos()).unwrap_or(0);
    let missed = interval.as_nanos().saturating_mul(missed);
    due.after(Duration::from_nanos(u64::try_from(missed).unwrap_or(u64::MAX)))
}

#[derive(Debug)]
pub(in crate::engine) enum Every {
    /// At the start plus each multiple of the interval.
    Time { interval: Duration, next: Timestamp },
    /// At each multiple of `amount` that the metric reaches: with 10, at epochs 10, 20, 30.
    Metric { amount: f64, series: SeriesId, reached: Option<f64> },
}

impl Every {
    /// A rule that is new at `at` does not catch up on what was before.
    pub(super) fn new(
        interval: Interval,
        (started, at): (Timestamp, Timestamp),
        store: &mut SeriesStore,
    ) -> Self {
        match interval {
            Interval::Time(interval) => {
                let interval = interval.max(SHORTEST);
                Self::Time { interval, next: last_due(started, interval, at).after(interval) }
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

    fn skip_to(&mut self, latest: Timestamp) {
        if let Self::Time { interval, next } = self {
            *next = last_due(*next, *interval, latest);
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

    fn explain(&self, _: &[u8], _: &Scene<'_>, wall: &dyn Fn(Timestamp) -> Timestamp) -> Why {
        Why::Waiting { until: self.deadline().map(wall) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_due_once_at_its_last_time() {
        let at = Timestamp::from_secs;
        let minute = Duration::from_secs(60);
        for (due, latest, last) in [
            (60, 59, 60),
            (60, 60, 60),
            (60, 119, 60),
            (60, 120, 120),
            (60, 1_000_000_000, 999_999_960),
        ] {
            assert_eq!(last_due(at(due), minute, at(latest)), at(last), "{due} {latest}");
        }
        assert_eq!(last_due(Timestamp::MAX, minute, Timestamp::MAX), Timestamp::MAX);
        assert_eq!(last_due(at(0), Duration::ZERO, at(9)), at(0));
    }
}
