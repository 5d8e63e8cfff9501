//! Which of the metrics counts the run's steps, and how far it is.

use crate::engine::series::{SeriesId, SeriesStore};

/// The last parts of names, the best first: of a run that prints several, that one is taken.
const NAMES: [&str; 6] =
    ["global_step", "step", "total_timesteps", "iteration", "iter", "global step"];

#[derive(Debug, Default)]
pub(super) struct Steps {
    /// The rank of its name, the series, its newest value.
    best: Option<(usize, SeriesId, f64)>,
    epoch: Option<f64>,
    /// What they were when somebody asked last, and how often that was another value.
    asked: [Option<f64>; 2],
    changes: u64,
    /// What each series counts, by its number.
    counts: Vec<Counts>,
}

/// What the last part of a name says.
#[derive(Clone, Copy, Debug)]
enum Counts {
    Epochs,
    /// The rank of the name.
    Steps(usize),
    Nothing,
}

impl Counts {
    fn of(name: &str) -> Self {
        let last = name.rsplit('/').next().unwrap_or(name);
        if last.eq_ignore_ascii_case("epoch") {
            return Self::Epochs;
        }
        let rank = NAMES.iter().position(|known| last.eq_ignore_ascii_case(known));
        rank.map_or(Self::Nothing, Self::Steps)
    }
}

impl Steps {
    /// Whether a metric of that name may count the run.
    pub(super) fn is_counted_by(name: &str) -> bool {
        !matches!(Counts::of(name), Counts::Nothing)
    }

    pub(super) fn see(&mut self, id: SeriesId, store: &SeriesStore, value: f64) {
        if self.counts.len() <= id.index() {
            while let Some(id) = store.nth(self.counts.len()).filter(|next| *next <= id) {
                self.counts.push(Counts::of(store.name(id)));
            }
        }
        let rank = match self.counts.get(id.index()) {
            Some(Counts::Epochs) => {
                self.epoch = Some(value).filter(|value| value.is_finite());
                return;
            }
            Some(Counts::Steps(rank)) => *rank,
            Some(Counts::Nothing) | None => return,
        };
        let better = self.best.is_none_or(|(best, known, _)| rank < best || known == id);
        if better && value.is_finite() {
            self.best = Some((rank, id, value));
        }
    }

    /// How often the step or the epoch was another one than when this was asked before.
    pub(super) fn changes(&mut self) -> u64 {
        let now = [self.latest(), self.epoch];
        self.changes += u64::from(now != self.asked);
        self.asked = now;
        self.changes
    }

    pub(super) fn latest(&self) -> Option<f64> {
        self.best.map(|(_, _, value)| value)
    }
}
