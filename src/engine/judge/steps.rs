//! Which of the metrics counts the run's steps, and how far it is.

use crate::engine::series::SeriesId;

/// The last parts of names, the best first: of a run that prints several, that one is taken.
const NAMES: [&str; 6] =
    ["global_step", "step", "total_timesteps", "iteration", "iter", "global step"];

#[derive(Debug, Default)]
pub(super) struct Steps {
    /// The rank of its name, the series, its newest value.
    best: Option<(usize, SeriesId, f64)>,
    epoch: Option<f64>,
}

impl Steps {
    pub(super) fn see(&mut self, id: SeriesId, name: &str, value: f64) {
        let last = name.rsplit('/').next().unwrap_or(name);
        if last.eq_ignore_ascii_case("epoch") {
            self.epoch = Some(value).filter(|value| value.is_finite());
        }
        let Some(rank) = NAMES.iter().position(|known| last.eq_ignore_ascii_case(known)) else {
            return;
        };
        let better = self.best.is_none_or(|(best, known, _)| rank < best || known == id);
        if better && value.is_finite() {
            self.best = Some((rank, id, value));
        }
    }

    /// The newest step and epoch.
    pub(super) fn position(&self) -> [Option<f64>; 2] {
        [self.latest(), self.epoch]
    }

    pub(super) fn latest(&self) -> Option<f64> {
        self.best.map(|(_, _, value)| value)
    }
}
