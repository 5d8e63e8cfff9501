//! How far the run is: `Epoch 3/10`, `step 30 of 100`, and how long it may still take.
//!
//! Epochs go before steps, which often count within an epoch: a count that goes back is such a
//! one, and says nothing about the run. Where it is not known, nothing is said.

use std::ops::Range;
use std::sync::LazyLock;
use std::time::Duration;

use memchr::memmem::Finder;

use crate::engine::alert::Progress;
use crate::engine::block::{self, Block};
use crate::time::Timestamp;

/// The best first.
const UNITS: [&str; 4] = ["epoch", "step", "iteration", "iter"];

#[derive(Debug, Default)]
pub(in crate::engine) struct Counters {
    counters: [Option<Counter>; UNITS.len()],
    /// How often one of them got another value.
    changes: u64,
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
    pub(in crate::engine) fn lines(block: Block<'_>, out: &mut Vec<Range<usize>>) {
        let find = |text: &[u8], from: usize| {
            let mut slashes = memchr::memchr_iter(b'/', text.get(from..)?).map(|at| from + at);
            slashes.find(|&at| is_between_digits(text, at..at + 1))
        };
        out.extend(block::lines_with(block.text, find));
        static OF: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("of"));
        let find = |text: &[u8], from: usize| {
            let mut words = OF.find_iter(text.get(from..)?).map(|at| from + at);
            words.find(|&at| is_between_digits(text, at..at + 2))
        };
        out.extend(block::lines_with(block.small, find));
    }

    /// Whether a line may. Its digits do not matter, only that there are any.
    pub(in crate::engine) fn may_tell(line: &[u8]) -> bool {
        memchr::memchr_iter(b'/', line).any(|at| is_between_digits(line, at..at + 1))
            || memchr::memchr2_iter(b'o', b'O', line).any(|at| {
                let is_word = line.get(at + 1).is_some_and(|next| matches!(next, b'f' | b'F'));
                is_word && is_between_digits(line, at..at + 2)
            })
    }

    /// Looks at a line.
    pub(in crate::engine) fn line(&mut self, text: &[u8], at: Timestamp) {
        if let Some((unit, done, total)) = count(text) {
            self.see(unit, done, total, at);
        }
    }

    fn see(&mut self, index: usize, done: f64, total: f64, at: Timestamp) {
        // A fraction of nothing or of less than itself is a date, a score, a page.
        if total < 1.0 || done > total {
            return;
        }
        let counter = &mut self.counters[index];
        let before = counter.map(|counter| counter.done);
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
        let after = counter.map(|counter| counter.done);
        self.changes += u64::from(after != before);
    }

    /// How often a count got another value.
    pub(in crate::engine) fn changes(&self) -> u64 {
        self.changes
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

/// The first count in the text: which unit, how many of it are done, and of how many.
///
/// `epoch 3/10`, `Steps: [ 3 of 10`, `iter=(3/10`: a unit, perhaps a sign and a bracket, and two
/// numbers, with a few blanks anywhere between.
fn count(text: &[u8]) -> Option<(usize, f64, f64)> {
    memchr::memchr3_iter(b'/', b'f', b'F', text).find_map(|at| {
        let start = match text[at] {
            b'/' => at,
            _ => at.checked_sub(1).filter(|at| text[*at].eq_ignore_ascii_case(&b'o'))?,
        };
        let blanks = text[at + 1..].iter().take_while(is_blank).count();
        let behind = text[at + 1..].get(blanks..).filter(|_| blanks <= GAP)?;
        let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let ends = behind.get(digits).is_none_or(|byte| !is_word(byte));
        let total = number(&behind[..digits]).filter(|_| ends)?;
        let (before, blanks) = without_blanks(&text[..start]);
        let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (before, done) = before.split_at(before.len() - digits);
        Some((unit(before)?, number(done).filter(|_| blanks <= GAP)?, total))
    })
}

/// The unit at the end of the text, with what may stand between it and its count.
fn unit(mut text: &[u8]) -> Option<usize> {
    let mut most = GAP;
    for signs in [&b"[("[..], b":=#"] {
        let (inner, blanks) = without_blanks(text);
        match inner.split_last() {
            Some((sign, _)) if signs.contains(sign) && blanks > most => return None,
            Some((sign, before)) if signs.contains(sign) => (text, most) = (before, GAP),
            _ => most += GAP,
        }
    }
    let (text, blanks) = without_blanks(text);
    let text = text.strip_suffix(b"s").or(text.strip_suffix(b"S")).unwrap_or(text);
    let ends_with = |unit: &&str| {
        let start = text.len().checked_sub(unit.len());
        start.is_some_and(|start| {
            text[start..].eq_ignore_ascii_case(unit.as_bytes())
                && text[..start].last().is_none_or(|byte| !is_word(byte))
        })
    };
    UNITS.iter().position(ends_with).filter(|_| blanks <= most)
}

/// At most so many blanks in one place.
const GAP: usize = 8;

fn is_blank(byte: &&u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

fn without_blanks(text: &[u8]) -> (&[u8], usize) {
    let blanks = text.iter().rev().take_while(is_blank).count();
    (&text[..text.len() - blanks], blanks)
}

fn number(digits: &[u8]) -> Option<f64> {
    let value = |digits: &[u8]| digits.iter().fold(0, |sum, b| 10 * sum + u64::from(b - b'0'));
    (1..=12).contains(&digits.len()).then(|| value(digits) as f64)
}

/// Whether a sign stands between two digits, but for blanks.
fn is_between_digits(text: &[u8], sign: Range<usize>) -> bool {
    let before = text[..sign.start].iter().rev().find(|byte| !is_blank(byte));
    let after = text[sign.end..].iter().find(|byte| !is_blank(byte));
    [before, after].iter().all(|byte| byte.is_some_and(u8::is_ascii_digit))
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
    use proptest::prelude::*;
    use regex::bytes::Regex;

    use super::*;

    /// The same as `count`: the unit, how many of it are done, and of how many.
    const PATTERN: &str = r"(?i-u)\b(epoch|step|iter|iteration)s?[ \t]{0,8}[:=#]?[ \t]{0,8}[\[(]?[ \t]{0,8}([0-9]{1,12})[ \t]{0,8}(?:/|of)[ \t]{0,8}([0-9]{1,12})\b";

    proptest! {
        #[test]
        fn a_count_is_what_the_pattern_matches(
            pieces in prop::collection::vec(prop_oneof![
                "(?i)(epoch|step|iter|iteration)s?",
                "[0-9]{1,3}", "[ \\t]{1,10}", "[:=#\\[(/]", "(/|of|OF|oF)", "[0-9]{12,13}", "[a-f_ \u{e9}]",
            ], 0..14),
        ) {
            let text = pieces.concat();
            let pattern = Regex::new(PATTERN).unwrap();
            let expected = pattern.captures(text.as_bytes()).map(|captures| {
                let group = |number: usize| str::from_utf8(&captures[number]).unwrap();
                let unit = UNITS.iter().position(|unit| group(1).eq_ignore_ascii_case(unit));
                (unit.unwrap(), group(2).parse().unwrap(), group(3).parse().unwrap())
            });
            prop_assert_eq!(count(text.as_bytes()), expected);
            let mut found = Vec::new();
            let small = text.to_ascii_lowercase();
            let block = Block { text: text.as_bytes(), small: small.as_bytes() };
            Counters::lines(block, &mut found);
            prop_assert!(expected.is_none() || !found.is_empty());
            prop_assert_eq!(Counters::may_tell(text.as_bytes()), !found.is_empty());
        }
    }

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
