//! Whether a rule that fires is heard: once, not again within its cooldown, not twice at the end.

use crate::engine::alert::SuppressReason;
use crate::engine::rules::Rule;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engine) enum Decision {
    /// `held_back`: how many times it was suppressed since it was last sent.
    Send {
        held_back: u64,
    },
    Suppress(SuppressReason),
}

/// What is known of a rule's past alerts. Times are on the run's time.
#[derive(Debug, Default)]
pub(in crate::engine) struct Cooldown {
    sent_at: Option<Timestamp>,
    held_back: u64,
    /// The last thing sent was that it fires.
    open: bool,
}

impl Cooldown {
    /// `died`: the run's process is gone, and its end is told next.
    pub(in crate::engine) fn fires(&mut self, rule: &Rule, at: Timestamp, died: bool) -> Decision {
        let until =
            self.sent_at.and_then(|sent| rule.cooldown.map(|cooldown| sent.after(cooldown)));
        let reason = match (self.sent_at, until) {
            (None, _) => None,
            (Some(_), _) if rule.once => Some(SuppressReason::Once),
            (Some(_), Some(until)) if at < until => Some(SuppressReason::Cooldown { until }),
            (Some(_), _) if died && rule.builtin => Some(SuppressReason::AlreadyTold),
            _ => None,
        };
        match reason {
            Some(reason) => {
                self.held_back = self.held_back.saturating_add(1);
                Decision::Suppress(reason)
            }
            None => {
                self.sent_at = Some(at);
                self.open = true;
                Decision::Send { held_back: std::mem::take(&mut self.held_back) }
            }
        }
    }

    /// Whether it is told that it is resolved: only if it was told that it fires.
    pub(in crate::engine) fn resolves(&mut self, rule: &Rule) -> bool {
        std::mem::take(&mut self.open) && rule.resolved
    }

    /// Another rule has told it.
    pub(in crate::engine) fn told_elsewhere(&mut self) -> Decision {
        self.held_back = self.held_back.saturating_add(1);
        Decision::Suppress(SuppressReason::AlreadyTold)
    }

    pub(in crate::engine) fn was_sent(&self) -> bool {
        self.sent_at.is_some()
    }
}
