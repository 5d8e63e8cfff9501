//! Whether a rule that fires is heard: once, not again within its cooldown, not twice at the end.

use std::time::Duration;

use crate::engine::alert::SuppressReason;
use crate::engine::rules::Rule;
use crate::time::Timestamp;

/// More alerts of one rule within `FLOOD_TIME` tell nobody anything.
const FLOOD: u32 = 20;
const FLOOD_TIME: Duration = Duration::from_secs(60);

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
    /// The same, but for what `once` or another rule's words made superfluous.
    untold: u64,
    /// When the minute began in which `sent` alerts were sent.
    minute: Timestamp,
    sent: u32,
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
            (Some(_), _) => self.flood(at),
        };
        match reason {
            Some(reason) => {
                self.held_back = self.held_back.saturating_add(1);
                let counts = matches!(
                    reason,
                    SuppressReason::Cooldown { .. } | SuppressReason::Flood { .. }
                );
                self.untold = self.untold.saturating_add(u64::from(counts));
                Decision::Suppress(reason)
            }
            None => {
                if self.sent_at.is_none() || self.minute.after(FLOOD_TIME) <= at {
                    (self.minute, self.sent) = (at, 0);
                }
                self.sent += 1;
                self.sent_at = Some(at);
                self.open = true;
                self.untold = 0;
                Decision::Send { held_back: std::mem::take(&mut self.held_back) }
            }
        }
    }

    fn flood(&self, at: Timestamp) -> Option<SuppressReason> {
        let until = self.minute.after(FLOOD_TIME);
        (self.sent >= FLOOD && at < until).then_some(SuppressReason::Flood { until })
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

    pub(in crate::engine) fn untold(&self) -> u64 {
        self.untold
    }

    pub(in crate::engine) fn was_sent(&self) -> bool {
        self.sent_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rules::{Attach, ExitFilter, Trigger};

    fn rule(cooldown: Option<u64>, once: bool, builtin: bool) -> Rule {
        Rule {
            name: "rule".to_owned(),
            severity: crate::engine::alert::Severity::Info,
            trigger: Trigger::Exit(ExitFilter::Any),
            cooldown: cooldown.map(Duration::from_secs),
            once,
            repeat: None,
            resolved: true,
            lines: 0,
            message: None,
            to: Vec::new(),
            attach: Attach::default(),
            stop: None,
            builtin,
        }
    }

    #[test]
    fn every_reason_counts_what_it_holds_back() {
        use Decision::{Send, Suppress};
        let at = Timestamp::from_secs;
        let cooling = |until| Suppress(SuppressReason::Cooldown { until: at(until) });
        for (rule, times, expected) in [
            (rule(None, false, false), [0, 1], [Send { held_back: 0 }, Send { held_back: 0 }]),
            (rule(Some(9), false, false), [0, 8], [Send { held_back: 0 }, cooling(9)]),
            (rule(Some(9), false, false), [0, 9], [Send { held_back: 0 }, Send { held_back: 0 }]),
            (
                rule(Some(9), true, false),
                [0, 90],
                [Send { held_back: 0 }, Suppress(SuppressReason::Once)],
            ),
        ] {
            let mut cooldown = Cooldown::default();
            let found = times.map(|second| cooldown.fires(&rule, at(second), false));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_flood_is_held_back_for_the_rest_of_its_minute() {
        let rule = rule(None, false, false);
        let mut cooldown = Cooldown::default();
        let at = |second: i64| Timestamp::from_secs(second);
        for second in 0..20 {
            assert_eq!(cooldown.fires(&rule, at(second), false), Decision::Send { held_back: 0 });
        }
        let flood = Decision::Suppress(SuppressReason::Flood { until: at(60) });
        assert_eq!(cooldown.fires(&rule, at(20), false), flood);
        assert_eq!(cooldown.fires(&rule, at(59), false), flood);
        assert_eq!(cooldown.fires(&rule, at(60), false), Decision::Send { held_back: 2 });
        for _ in 0..19 {
            assert_eq!(cooldown.fires(&rule, at(119), false), Decision::Send { held_back: 0 });
        }
        let flood = Decision::Suppress(SuppressReason::Flood { until: at(120) });
        assert_eq!(cooldown.fires(&rule, at(119), false), flood);
    }

    #[test]
    fn a_builtin_warning_is_not_said_again_of_a_dead_run() {
        let (own, builtin) = (rule(None, false, false), rule(None, false, true));
        let at = Timestamp::from_secs(1);
        let mut cooldown = Cooldown::default();
        assert_eq!(cooldown.fires(&builtin, at, true), Decision::Send { held_back: 0 });
        let told = Decision::Suppress(SuppressReason::AlreadyTold);
        assert_eq!(cooldown.fires(&builtin, at, true), told);
        assert_eq!(cooldown.fires(&own, at, true), Decision::Send { held_back: 1 });
    }
}
