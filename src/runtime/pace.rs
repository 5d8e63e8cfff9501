//! So many alerts that nobody would read them are told in few messages: within a burst each alone,
//! then one a while for each rule, which says how many it stands for.
//!
//! It also keeps the disk from being the run's brake: each message costs an `fsync`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::alert::{AlertState, Happening};
use crate::runtime::driver::Report;
use crate::time::Timestamp;

/// Alerts of a rule that are told each by itself, ...
const BURST: u32 = 8;
/// ... and how long it takes to be allowed one more.
const REFILL: Duration = Duration::from_secs(5);

/// Alerts on their way to messages. Bounded: one for each rule and state waits.
#[derive(Debug, Default)]
pub struct Pace {
    waiting: Vec<Report>,
    rules: BTreeMap<String, Credit>,
}

/// What a rule may still say.
#[derive(Debug)]
struct Credit {
    left: u32,
    /// Since when the next one is earned.
    since: Timestamp,
}

impl Pace {
    /// An alert like one that waits takes its place, and counts it.
    pub fn put(&mut self, mut report: Report) {
        let alike = |other: &Report| {
            let (ours, theirs) = (&report.alert, &other.alert);
            ours.rule == theirs.rule && ours.state == theirs.state && is_firing(other)
        };
        if is_firing(&report)
            && let Some(index) = self.waiting.iter().position(alike)
        {
            let earlier = self.waiting.remove(index).alert.held_back;
            let held_back = &mut report.alert.held_back;
            *held_back = held_back.saturating_add(earlier).saturating_add(1);
        }
        self.waiting.push(report);
    }

    /// What is to be told now, in order. The end of the run brings out all that waits.
    pub fn take(&mut self, now: Timestamp) -> Vec<Report> {
        let over = |report: &Report| matches!(report.alert.happening, Happening::Ended(_));
        if self.waiting.iter().any(over) {
            return self.take_all();
        }
        let (due, later) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|report| !is_firing(report) || self.may_speak(&report.alert.rule, now));
        self.waiting = later;
        due
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn take_all(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.waiting)
    }

    fn may_speak(&mut self, rule: &str, now: Timestamp) -> bool {
        let fresh = || Credit { left: BURST, since: now };
        let credit = self.rules.entry(rule.to_owned()).or_insert_with(fresh);
        while credit.left < BURST && now.since(credit.since) >= REFILL {
            credit.left += 1;
            credit.since = credit.since.after(REFILL);
        }
        if credit.left == BURST {
            credit.since = now;
        }
        let may = credit.left > 0;
        credit.left = credit.left.saturating_sub(1);
        may
    }
}

/// What stops a run is told at once, as are its end and all that is over.
fn is_firing(report: &Report) -> bool {
    let alert = &report.alert;
    alert.state == AlertState::Firing
        && alert.stop.is_none()
        && !matches!(alert.happening, Happening::Ended(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alert::{Alert, Outcome, Severity, Verdict};
    use crate::engine::input::ProcessStatus;
    use crate::engine::rules::Attach;

    fn report(rule: &str, happening: Happening) -> Report {
        let alert = Alert {
            rule: rule.to_owned(),
            severity: Severity::Warning,
            state: AlertState::Firing,
            at: Timestamp::default(),
            origin: None,
            happening,
            message: None,
            lines: Vec::new(),
            metrics: Vec::new(),
            progress: None,
            elapsed: Duration::ZERO,
            held_back: 0,
            untold: Vec::new(),
            to: Vec::new(),
            attach: Attach::default(),
            stop: None,
        };
        Report::bare(alert)
    }

    fn end() -> Report {
        let status = ProcessStatus::Exited { code: 0 };
        let (outcome, cause) = (Outcome::Finished, None);
        let verdict = Verdict { status, outcome, cause, restarts: 0 };
        report("end", Happening::Ended(verdict))
    }

    fn second(n: u64) -> Timestamp {
        Timestamp::from_secs(1000).after(Duration::from_secs(n))
    }

    #[test]
    fn a_storm_is_told_in_few_messages_that_count_every_alert() {
        let mut pace = Pace::default();
        let mut told = Vec::new();
        for n in 0..100_000_u64 {
            pace.put(report("oops", Happening::Due));
            told.extend(pace.take(second(n / 10_000)));
        }
        pace.put(end());
        told.extend(pace.take(second(10)));
        assert!(told.len() <= 12, "{}", told.len());
        assert_eq!(told.last().unwrap().alert.rule, "end");
        let counted: u64 = told.iter().map(|report| report.alert.held_back + 1).sum();
        assert_eq!(counted, 100_000 + 1);
    }

    #[test]
    fn a_few_alerts_are_told_at_once_and_each_by_itself() {
        let mut pace = Pace::default();
        for n in 0..8 {
            pace.put(report("oops", Happening::Due));
            assert_eq!(pace.take(second(n / 8)).len(), 1);
        }
        pace.put(report("oops", Happening::Due));
        pace.put(report("other", Happening::Due));
        let told: Vec<_> = pace.take(second(1)).into_iter().map(|r| r.alert.rule).collect();
        assert_eq!(told, ["other"], "one rule's storm holds up no other's");
        assert!(pace.take(second(4)).is_empty());
        assert_eq!(pace.take(second(5)).len(), 1);
        pace.put(report("oops", Happening::Due));
        assert_eq!(pace.take_all().len(), 1);
    }

    #[test]
    fn after_a_quiet_time_the_whole_burst_is_allowed_again_and_no_more() {
        let mut pace = Pace::default();
        for hour in [0, 3600] {
            let mut told = 0;
            for _ in 0..20 {
                pace.put(report("oops", Happening::Due));
                told += pace.take(second(hour)).len();
            }
            assert_eq!(told, 8);
        }
    }
}
