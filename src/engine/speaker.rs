//! A rule's voice: what a tracker found becomes an alert, or a suppression with its reason.

use crate::engine::alert::{Alert, AlertState, Effect, SuppressReason, Suppressed};
use crate::engine::cooldown::{Cooldown, Decision};
use crate::engine::judge::Moment;
use crate::engine::rules::{Change, Rule};
use crate::engine::scene::Scene;
use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Speaker {
    rule: Rule,
    cooldown: Cooldown,
    /// Others have said it.
    quiet: bool,
}

/// Under which circumstances a rule speaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occasion<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) moment: &'a Moment<'a>,
    /// The run's process is gone.
    pub(super) died: bool,
}

impl Speaker {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, cooldown: Cooldown::default(), quiet: false }
    }

    pub(super) fn rule(&self) -> &Rule {
        &self.rule
    }

    pub(super) fn keep_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// It has spoken, to all channels.
    pub(super) fn has_told_everybody(&self) -> bool {
        self.cooldown.was_sent() && self.rule.to.is_empty()
    }

    /// How many times it was held back of which nobody has heard yet.
    pub(super) fn untold(&self) -> u64 {
        self.cooldown.untold()
    }

    pub(super) fn say(&mut self, change: Change, occasion: &Occasion<'_>) -> Option<Effect> {
        if change.state == AlertState::Resolved {
            let resolved = self.cooldown.resolves(&self.rule);
            return resolved.then(|| self.alert(change, occasion, 0));
        }
        let decision = if self.quiet {
            self.cooldown.told_elsewhere()
        } else {
            self.cooldown.fires(&self.rule, occasion.scene.at, occasion.died)
        };
        Some(match decision {
            Decision::Send { held_back } => self.alert(change, occasion, held_back),
            Decision::Suppress(reason) => self.suppressed(reason, occasion.moment),
        })
    }

    fn suppressed(&self, reason: SuppressReason, moment: &Moment<'_>) -> Effect {
        let wall = |until: Timestamp| moment.wall.after(until.since(moment.at));
        let reason = match reason {
            SuppressReason::Cooldown { until } => SuppressReason::Cooldown { until: wall(until) },
            SuppressReason::Flood { until } => SuppressReason::Flood { until: wall(until) },
            reason => reason,
        };
        let (rule, origin, at) = (self.rule.name.clone(), moment.origin(), moment.wall);
        Effect::Suppressed(Suppressed { rule, origin, at, reason })
    }

    fn alert(&self, change: Change, occasion: &Occasion<'_>, held_back: u64) -> Effect {
        let (rule, scene) = (&self.rule, occasion.scene);
        let firing = change.state == AlertState::Firing;
        Effect::Alert(Box::new(Alert {
            rule: rule.name.clone(),
            severity: rule.severity,
            state: change.state,
            at: occasion.moment.wall,
            origin: occasion.moment.origin(),
            happening: change.happening,
            message: rule.message.clone(),
            lines: scene.lines().last(rule.lines),
            metrics: scene.series.newest_values(),
            progress: scene.counters.progress(scene.at),
            elapsed: scene.at.since(scene.started),
            held_back,
            untold: Vec::new(),
            to: rule.to.clone(),
            attach: rule.attach,
            stop: rule.stop.filter(|_| firing),
        }))
    }
}
