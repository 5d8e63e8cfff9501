//! A metric that turns NaN or infinite, told once until it is finite again.
//!
//! Healthy runs print such numbers too: a best value that is still infinite, a score of a trial
//! that failed, a gradient norm while the loss scale of mixed precision settles, a loss in a
//! progress bar before its first step. So it depends on the name what is told, and when.

use std::time::Duration;

use crate::engine::alert::{AlertState, Happening, Verdict};
use crate::engine::explain::Why;
use crate::engine::rules::{Change, Track};
use crate::engine::scene::Scene;
use crate::engine::series::{Series, SeriesId, SeriesStore};
use crate::time::Timestamp;

/// A loss that never was finite is told when it is seen again, or after this long.
const DOUBT: Duration = Duration::from_secs(30);
/// So many times in a row a gradient norm may overflow while the loss scale settles.
const GRADIENTS: u32 = 5;

/// What a name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// A condition names it: told at once.
    Named,
    Loss,
    Gradient,
    /// A measure of quality, which may be undefined until there is something to measure.
    Quality,
    Other,
}

#[derive(Debug)]
struct Watched {
    meaning: Meaning,
    /// Samples in a row that were not finite, and since when.
    broken: u32,
    since: Timestamp,
    told: bool,
}

#[derive(Debug)]
pub(in crate::engine) struct NonFinite {
    /// By their series; none: not seen yet.
    watched: Vec<Option<Watched>>,
    /// Broken, and not told yet since it may come right.
    doubtful: Vec<SeriesId>,
}

impl NonFinite {
    /// `named`: the metrics that conditions name.
    pub(super) fn new(named: &[String], store: &mut SeriesStore) -> Self {
        let mut tracker = Self { watched: Vec::new(), doubtful: Vec::new() };
        tracker.name(named, store);
        tracker
    }

    /// These are named by conditions from now on.
    pub(in crate::engine) fn name(&mut self, named: &[String], store: &mut SeriesStore) {
        for name in named {
            let id = store.look_back_at(name);
            let watched = entry(&mut self.watched, id);
            watched.get_or_insert_with(|| Watched::new(Meaning::Named)).meaning = Meaning::Named;
        }
    }

    fn sample(&mut self, id: SeriesId, series: &Series, at: Timestamp, out: &mut Vec<Change>) {
        let watched = entry(&mut self.watched, id);
        let watched = watched.get_or_insert_with(|| Watched::new(meaning(series.name())));
        let Some(newest) = series.newest().filter(|_| watched.meaning != Meaning::Other) else {
            return;
        };
        if newest.value.is_finite() {
            if std::mem::take(&mut watched.broken) > 0 {
                self.doubtful.retain(|doubtful| *doubtful != id);
            }
            if std::mem::take(&mut watched.told) {
                out.push(change(AlertState::Resolved, series));
            }
            return;
        }
        watched.broken = watched.broken.saturating_add(1);
        if watched.broken == 1 {
            watched.since = at;
        }
        if watched.told {
            return;
        }
        if watched.is_certain(series.was_finite()) {
            self.tell(id, series, out);
        } else if watched.meaning == Meaning::Loss && !self.doubtful.contains(&id) {
            self.doubtful.push(id);
        }
    }

    fn tell(&mut self, id: SeriesId, series: &Series, out: &mut Vec<Change>) {
        self.doubtful.retain(|doubtful| *doubtful != id);
        if let Some(watched) = entry(&mut self.watched, id) {
            watched.told = true;
            out.push(change(AlertState::Firing, series));
        }
    }

    fn doubted_until(&self, id: SeriesId) -> Option<Timestamp> {
        let watched = self.watched.get(id.index()).and_then(Option::as_ref);
        watched.map(|watched| watched.since.after(DOUBT))
    }
}

fn entry(all: &mut Vec<Option<Watched>>, id: SeriesId) -> &mut Option<Watched> {
    let index = id.index();
    if all.len() <= index {
        all.resize_with(index + 1, || None);
    }
    &mut all[index]
}

impl Watched {
    fn new(meaning: Meaning) -> Self {
        Self { meaning, broken: 0, since: Timestamp::default(), told: false }
    }

    fn is_certain(&self, was_finite: bool) -> bool {
        match self.meaning {
            Meaning::Named => true,
            Meaning::Loss => was_finite || self.broken > 1,
            Meaning::Gradient => self.broken >= GRADIENTS,
            Meaning::Quality => was_finite,
            Meaning::Other => false,
        }
    }
}

impl Track for NonFinite {
    fn sampled(&mut self, sampled: &[SeriesId], scene: &Scene<'_>, out: &mut Vec<Change>) {
        for &id in sampled {
            if let Some(series) = scene.series.get(id) {
                self.sample(id, series, scene.at, out);
            }
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.doubtful.iter().filter_map(|&id| self.doubted_until(id)).min()
    }

    fn due(&mut self, scene: &Scene<'_>, out: &mut Vec<Change>) {
        for id in std::mem::take(&mut self.doubtful) {
            if self.doubted_until(id).is_some_and(|until| until > scene.at) {
                self.doubtful.push(id);
            } else if let Some(series) = scene.series.get(id) {
                self.tell(id, series, out);
            }
        }
    }

    fn finished(&mut self, _: Option<&Verdict>, scene: &Scene<'_>, out: &mut Vec<Change>) {
        for id in std::mem::take(&mut self.doubtful) {
            if let Some(series) = scene.series.get(id) {
                self.tell(id, series, out);
            }
        }
    }

    fn explain(&self, _: &[u8], scene: &Scene<'_>, _: &dyn Fn(Timestamp) -> Timestamp) -> Why {
        let doubted = self.doubtful.iter().filter_map(|&id| scene.series.get(id));
        Why::NonFinite { doubted: doubted.map(|series| series.name().to_owned()).collect() }
    }
}

fn change(state: AlertState, series: &Series) -> Change {
    let mut text = series.text().to_string();
    if text.is_empty() {
        text = series.newest().map(|newest| newest.value.to_string()).unwrap_or_default();
    }
    Change { state, happening: Happening::NonFinite { metric: series.name().to_owned(), text } }
}

/// A name's words: `train/policyLoss (avg)` has `train`, `policyloss`, `avg`.
fn meaning(name: &str) -> Meaning {
    /// Start out infinite by design, or are settings.
    const NEVER: [&str; 14] = [
        "best",
        "lowest",
        "highest",
        "min",
        "max",
        "initial",
        "prev",
        "previous",
        "scale",
        "scaler",
        "threshold",
        "target",
        "clip",
        "lr",
    ];
    const LOSSES: [&str; 14] = [
        "nll",
        "mse",
        "rmse",
        "mae",
        "bce",
        "ce",
        "elbo",
        "bound",
        "kl",
        "cost",
        "objective",
        "crossentropy",
        "err",
        "error",
    ];
    const QUALITIES: [&str; 25] = [
        "acc",
        "acc1",
        "acc5",
        "accuracy",
        "reward",
        "rew",
        "return",
        "ppl",
        "perplexity",
        "bpb",
        "bpc",
        "f1",
        "auc",
        "map",
        "iou",
        "miou",
        "bleu",
        "rouge",
        "wer",
        "cer",
        "r2",
        "eval",
        "val",
        "valid",
        "validation",
    ];
    let lower = name.to_lowercase();
    let words = || lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let has = |list: &[&str]| words().any(|word| list.contains(&word));
    if has(&NEVER) {
        Meaning::Other
    } else if words().any(|word| word.contains("loss")) || has(&LOSSES) {
        Meaning::Loss
    } else if has(&["gnorm"]) || words().any(|word| word.starts_with("grad")) {
        Meaning::Gradient
    } else if has(&QUALITIES) {
        Meaning::Quality
    } else {
        Meaning::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::context::Context;
    use crate::engine::progress::Counters;
    use crate::engine::series::Point;

    #[test]
    fn names_tell_what_may_be_broken() {
        for (name, expected) in [
            ("loss", Meaning::Loss),
            ("train/policy_gradient_loss", Meaning::Loss),
            ("val_loss", Meaning::Loss),
            ("valid-logloss", Meaning::Loss),
            ("mae", Meaning::Loss),
            ("lower_bound", Meaning::Loss),
            ("grad_norm", Meaning::Gradient),
            ("gnorm", Meaning::Gradient),
            ("eval/mean_reward", Meaning::Quality),
            ("perplexity", Meaning::Quality),
            ("best_val_loss", Meaning::Other),
            ("min loss", Meaning::Other),
            ("loss_scale", Meaning::Other),
            ("max_grad_norm", Meaning::Other),
            ("score", Meaning::Other),
            ("value", Meaning::Other),
            ("learning_rate", Meaning::Other),
            ("train/explained_variance", Meaning::Other),
        ] {
            assert_eq!(meaning(name), expected, "{name}");
        }
    }

    /// What is said of `loss`, which no condition names, after each value.
    #[test]
    fn each_break_is_told_once_and_its_end_too() {
        let mut store = SeriesStore::default();
        let mut tracker = NonFinite::new(&[], &mut store);
        let id = store.find_or_add("loss").unwrap();
        let (context, counters) = (&Context::default(), &Counters::default());
        for (second, (value, expected)) in [
            (1.0, None),
            (f64::NAN, Some(AlertState::Firing)),
            (f64::INFINITY, None),
            (2.0, Some(AlertState::Resolved)),
            (1.0, None),
            (f64::NEG_INFINITY, Some(AlertState::Firing)),
        ]
        .into_iter()
        .enumerate()
        {
            let at = Timestamp::from_secs(second as i64);
            store.push(id, Point { at, step: None, value }, "".into());
            let started = Timestamp::default();
            let scene = Scene { at, started, series: &store, context, passed: None, counters };
            let mut out = Vec::new();
            tracker.sampled(&[id], &scene, &mut out);
            assert_eq!(out.first().map(|change| change.state), expected, "{value}");
        }
    }
}
