//! How far the run is: `Epoch 3/10`, `step 30 of 100`, and how long it may still take.
//!
//! Epochs go before steps, which often count within an epoch: a count that goes back is such a
//! one, and says nothing about the run. Where it is not known, nothing is said.

use std::ops::Range;
use std::sync::LazyLock;
use std::time::Duration;

use regex::bytes::{Captures, Regex};

use crate::engine::alert::Progress;
use crate::engine::block;
use crate::time::Timestamp;

/// The unit, how many of it are done, and of how many.
const PATTERN: &str = r"(?i-u)\b(epoch|step|iter|iteration)s?[ \t]{0,8}[:=#]?[ \t]{0,8}[\[(]?[ \t]{0,8}([0-9]{1,12})[ \t]{0,8}(?:/|of)[ \t]{0,8}([0-9]{1,12})\b";
/// The best first.
const UNITS: [&str; 4] = ["epoch", "step", "iteration", "iter"];

#[derive(Debug, Default)]
pub(in crate::engine) struct Counters {
    counters: [Option<Counter>; UNITS.len()],
}

#[derive(Clone, Copy, Debug)]
struct Counter {
    done: f64,
    total: f64,
    /// When `done` was reached.
    since: Timestamp,
    /// The first count, and when it was reached: the rate is measured from there.
    first: (f64, Timestamp),
    /// It went back: it counts within something larger.
    restarts: bool,
}

impl Counters {
    /// Adds the lines of a block that may hold a count.
    pub(in crate::engine) fn lines(block: &[u8], out: &mut Vec<Range<usize>>) {
        block::lines_with(block, fraction, out);
    }

    /// Looks at a line.
    pub(in crate::engine) fn line(&mut self, text: &[u8], at: Timestamp) {
        static COUNT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PATTERN).ok());
        if fraction(text, 0).is_some()
            && let Some(captures) = COUNT.as_ref().and_then(|count| count.captures(text))
        {
            self.see(&captures, at);
        }
    }

    fn see(&mut self, captures: &Captures<'_>, at: Timestamp) {
        let group = |number| str::from_utf8(captures.get(number)?.as_bytes()).ok();
        let number = |text: Option<&str>| text?.parse::<f64>().ok();
        let (Some(unit), Some(done), Some(total)) = (group(1), number(group(2)), number(group(3)))
        else {
            return;
        };
        let Some(index) = UNITS.iter().position(|known| unit.eq_ignore_ascii_case(known)) else {
            return;
        };
        // A fraction of nothing or of less than itself is a date, a score, a page.
        if total < 1.0 || done > total {
            return;
        }
        let counter = &mut self.counters[index];
        let new = Counter { done, total, since: at, first: (done, at), restarts: false };
        match counter {
            None => *counter = Some(new),
            // One less is another rank that lags behind.
            Some(known) if done + 1.0 < known.done || total != known.total => {
                *known = Counter { restarts: true, ..new };
            }
            Some(known) if done > known.done => (known.done, known.since) = (done, at),
            Some(_) => {}
        }
    }

    /// How many are done, by unit.
    pub(in crate::engine) fn done(&self) -> [Option<f64>; UNITS.len()] {
        self.counters.map(|counter| counter.map(|counter| counter.done))
    }

    /// The progress at a time, of the best counter.
    pub(in crate::engine) fn progress(&self, at: Timestamp) -> Option<Progress> {
        let counted = UNITS.iter().zip(&self.counters);
        let mut known = counted.filter_map(|(unit, counter)| Some((*unit, (*counter)?)));
        let (unit, counter) = known.find(|(_, counter)| !counter.restarts)?;
        let Counter { done, total, .. } = counter;
        let remaining = counter.remaining(at);
        Some(Progress { unit: unit.to_owned(), done, total: Some(total), remaining })
    }
}

/// Where, from `from` on, the sign of a fraction stands between two digits: `3/10`, `3 of 10`.
fn fraction(text: &[u8], from: usize) -> Option<usize> {
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    memchr::memchr3_iter(b'/', b'f', b'F', text.get(from..)?).map(|at| from + at).find(|&at| {
        let sign = match text[at] {
            b'/' => at,
            _ if at > 0 && text[at - 1].eq_ignore_ascii_case(&b'o') => at - 1,
            _ => return false,
        };
        let before = text[..sign].iter().rev().find(|byte| !is_blank(byte));
        let after = text[at + 1..].iter().find(|byte| !is_blank(byte));
        [before, after].iter().all(|byte| byte.is_some_and(u8::is_ascii_digit))
    })
}

impl Counter {
    /// At the rate until now; none while there is no rate.
    fn remaining(&self, at: Timestamp) -> Option<Duration> {
        let counted = self.done - self.first.0;
        let took = self.since.since(self.first.1).as_secs_f64();
        if counted <= 0.0 || took <= 0.0 {
            return None;
        }
        let needed = Duration::try_from_secs_f64(took / counted * (self.total - self.done)).ok()?;
        Some(needed.saturating_sub(at.since(self.since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Progress after lines at seconds, seen at the last one: unit, done, total, remaining seconds.
    fn after(lines: &[(i64, &str)]) -> Option<(String, f64, f64, Option<u64>)> {
        let mut counters = Counters::default();
        let mut now = Timestamp::default();
        for (second, line) in lines {
            now = Timestamp::from_secs(*second);
            counters.line(line.as_bytes(), now);
        }
        let progress = counters.progress(now)?;
        let remaining = progress.remaining.map(|remaining| remaining.as_secs());
        Some((progress.unit, progress.done, progress.total?, remaining))
    }

    #[test]
    fn counts_are_found_as_runs_print_them() {
        for (line, unit, done, total) in [
            ("Epoch 3/10", "epoch", 3.0, 10.0),
            ("Epoch [3/10], loss: 0.5", "epoch", 3.0, 10.0),
            ("epoch: 3 / 10", "epoch", 3.0, 10.0),
            ("Epoch 003 of 010", "epoch", 3.0, 10.0),
            ("step=30/100 loss=2", "step", 30.0, 100.0),
            ("Iter(train) x iter 5/20", "iter", 5.0, 20.0),
        ] {
            assert_eq!(after(&[(0, line)]), Some((unit.to_owned(), done, total, None)), "{line}");
        }
        for line in
            ["Epoch 3", "epoch 11/10", "stepper 3/4", "2026/11/24", "epoch 0/0", "step 5e/6"]
        {
            assert_eq!(after(&[(0, line)]), None, "{line}");
        }
    }

    #[test]
    fn the_rest_is_estimated_from_the_rate() {
        let lines = [(0, "epoch 1/10"), (100, "epoch 2/10"), (200, "epoch 3/10"), (250, "x")];
        assert_eq!(after(&lines), Some(("epoch".to_owned(), 3.0, 10.0, Some(650))));
    }

    #[test]
    fn a_count_within_an_epoch_is_not_the_runs() {
        let steps = [(0, "step 1/100"), (10, "step 99/100"), (20, "step 1/100")];
        assert_eq!(after(&steps), None);
        let both = [(0, "step 1/100"), (5, "epoch 1/5"), (20, "step 2/100")];
        assert_eq!(after(&both).map(|found| found.0), Some("epoch".to_owned()));
    }
}
