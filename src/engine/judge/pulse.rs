//! Signs of life in what a run prints.
//!
//! A spinner turns also while nothing happens. So a redraw is news only if it shows numbers that
//! it has not just shown; times and rates, which change by themselves, are no such numbers.
//!
//! Of a run that counts its steps, a bar that is printed line by line (an evaluation, shards being
//! loaded: `12/40`) is a step as well, as far as it gets further than before since the last step: a
//! list of ranks or of attempts that begins again does not.
//!
//! Of a run that counts nothing, bars that are full (a download) promise no further step.

use crate::engine::alert::Sign;
use crate::engine::splitter::{Line, LineKind};

/// Redraws that are remembered: of several bars below each other each has its own numbers.
const REMEMBERED: usize = 8;

/// How often what counts the run has got another value: where that is the same, the run is where it
/// was. 0: nothing counts it.
pub(super) type Position = u64;

#[derive(Debug, Default)]
pub(super) struct Pulse {
    position: Position,
    /// Hashes of the numbers that redraws showed last.
    shown: [u64; REMEMBERED],
    next: usize,
    /// Of bars since the last step: how many in all, and how many at most are done.
    bars: Vec<(u64, u64)>,
    /// A line that is not ended: its number, and how long it was at most.
    open: (u64, usize),
    /// Of bars that are redrawn: how many in all, and how many are done.
    redrawn: Vec<(u64, u64)>,
    /// The line of the last redraw: what ends it is one too.
    frame: u64,
}

impl Pulse {
    /// The sign that a line or a frame is; none: it says nothing new. `position`: after it.
    /// `may_tell`: it may say how far something is.
    pub(super) fn see(
        &mut self,
        line: &Line<'_>,
        may_tell: bool,
        position: Position,
    ) -> Option<Sign> {
        let moved = position != self.position;
        self.position = position;
        if moved {
            self.bars.clear();
            return Some(Sign::Step);
        }
        if line.kind == LineKind::Whole {
            if may_tell && position > 0 && self.gets_further(line.text) {
                return Some(Sign::Step);
            }
            return (!line.text.trim_ascii().is_empty()).then_some(Sign::Line);
        }
        if let Some(numbers) = numbers(line.text).filter(|hash| !self.shown.contains(hash)) {
            self.shown[self.next % REMEMBERED] = numbers;
            self.next = self.next.wrapping_add(1);
            return Some(Sign::Step);
        }
        let (number, longest) = self.open;
        let grown = number == line.number && line.text.len() > longest;
        if grown || number != line.number {
            self.open = (line.number, line.text.len());
        }
        grown.then_some(Sign::Line)
    }

    /// Whether this line filled the last bar of a run that counts nothing: it may have no steps.
    #[inline]
    pub(super) fn has_filled(&mut self, line: &Line<'_>) -> bool {
        let redraw = line.kind != LineKind::Whole || line.number == self.frame;
        redraw && self.position == 0 && self.fills(line)
    }

    fn fills(&mut self, line: &Line<'_>) -> bool {
        self.frame = line.number;
        let Some((done, all)) = fraction(line.text).or_else(|| percent(line.text)) else {
            return false;
        };
        let has_room = self.redrawn.len() < REMEMBERED;
        match self.redrawn.iter_mut().find(|(known, _)| *known == all) {
            Some(bar) => bar.1 = done,
            None if has_room => self.redrawn.push((all, done)),
            None => return false,
        }
        self.redrawn.iter().all(|(all, done)| done == all)
    }

    fn gets_further(&mut self, text: &[u8]) -> bool {
        let Some((done, all)) = fraction(text) else { return false };
        let has_room = self.bars.len() < REMEMBERED;
        match self.bars.iter_mut().find(|(known, _)| *known == all) {
            Some((_, most)) => std::mem::replace(most, done.max(*most)) < done,
            None if has_room => {
                self.bars.push((all, done));
                true
            }
            None => false,
        }
    }
}

/// The first `12/40` in the text that is no part of a date, a path or a word.
fn fraction(text: &[u8]) -> Option<(u64, u64)> {
    memchr::memchr_iter(b'/', text).find_map(|at| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let digits = before.iter().rev().take_while(is_digit).count();
        let (front, done) = before.split_at(before.len() - digits);
        let (all, behind) = after.split_at(after.iter().take_while(is_digit).count());
        let alone = |byte: Option<&u8>| {
            byte.is_none_or(|b| !(b.is_ascii_alphanumeric() || b"/_.-".contains(b)))
        };
        let number = |digits: &[u8]| str::from_utf8(digits).ok()?.parse::<u64>().ok();
        let (done, all) = (number(done)?, number(all)?);
        (alone(front.last()) && alone(behind.first()) && done <= all && all > 1)
            .then_some((done, all))
    })
}

/// The `45%` of a bar that does not count: done, and 100.
fn percent(text: &[u8]) -> Option<(u64, u64)> {
    let (before, _) = text.split_at(memchr::memchr(b'%', text)?);
    let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let done = str::from_utf8(&before[before.len() - digits..]).ok()?.parse().ok()?;
    (done <= 100).then_some((done, 100))
}

/// A hash (FNV-1a) of a text's numbers without units; none if it has none.
fn numbers(text: &[u8]) -> Option<u64> {
    let is_number = |byte: &u8| byte.is_ascii_digit() || b".,:".contains(byte);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let (mut any, mut rest) = (false, text);
    while let Some(start) = rest.iter().position(u8::is_ascii_digit) {
        rest = &rest[start..];
        let end = rest.iter().position(|byte| !is_number(byte)).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(end);
        rest = behind;
        if number.contains(&b':') || behind.first().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        any = true;
        for byte in number.iter().chain(b" ") {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    any.then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    use LineKind::{Frame, Partial, Whole};

    /// The sign that each one is, as its first letter; `-` for none.
    fn signs(lines: &[(LineKind, &str)]) -> String {
        let mut pulse = Pulse::default();
        let see = |&(kind, text): &(LineKind, &str)| {
            let line = Line { number: 1, kind, text: text.as_bytes() };
            match pulse.see(&line, true, 0) {
                None => '-',
                Some(Sign::Output) => 'o',
                Some(Sign::Line) => 'l',
                Some(Sign::Step) => 's',
            }
        };
        lines.iter().map(see).collect()
    }

    #[test]
    fn a_spinner_is_no_sign_and_a_bar_that_moves_is_a_step() {
        for (lines, expected) in [
            (&[(Whole, "loading"), (Whole, ""), (Whole, "loading")][..], "l-l"),
            (&[(Frame, "| waiting"), (Frame, "/ waiting"), (Frame, "- waiting")], "---"),
            (&[(Frame, "| waiting 3s"), (Frame, "/ waiting 4s"), (Partial, "- waiting 5s")], "---"),
            (&[(Frame, "5%|# | 5/99 [00:01<00:09]"), (Frame, "5%|# | 5/99 [00:02<00:19]")], "s-"),
            (&[(Frame, "5%|# | 5/99 [00:01]"), (Frame, "6%|# | 6/99 [00:01]")], "ss"),
            (&[(Frame, "a 1/9"), (Frame, "b 7/9"), (Frame, "a 1/9"), (Frame, "a 2/9")], "ss-s"),
            (&[(Partial, "."), (Partial, "..."), (Partial, "...")], "-l-"),
        ] {
            assert_eq!(signs(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_bar_of_whole_lines_is_a_step_as_far_as_it_gets_further_and_the_run_counts() {
        let lines = [
            ("Validation: 10%|# | 4/40 [00:01<00:09]", 's'),
            ("Validation: 20%|## | 8/40 [00:02<00:08]", 's'),
            ("Validation: 20%|## | 8/40 [00:03<00:12]", 'l'),
            ("[rank 1/2] waits", 's'),
            ("[rank 2/2] waits", 's'),
            ("[rank 1/2] waits", 'l'),
            ("[rank 2/2] waits", 'l'),
            ("2026/11/24 waits in /data/3/4 at 5.1/6", 'l'),
            ("the batch is 9/8 of that", 'l'),
        ];
        for counts in [true, false] {
            let mut pulse = Pulse::default();
            let position = u64::from(counts);
            let see = |pulse: &mut Pulse, text: &str| {
                let line = Line { number: 1, kind: Whole, text: text.as_bytes() };
                pulse.see(&line, true, position)
            };
            see(&mut pulse, "step 7");
            for (text, expected) in lines {
                let is_step = see(&mut pulse, text) == Some(Sign::Step);
                assert_eq!(is_step, counts && expected == 's', "{text}");
            }
        }
    }

    #[test]
    fn a_bar_that_is_full_promises_no_step_unless_another_is_not_or_the_run_counts() {
        for (lines, filled) in [
            (&[(Frame, "get 1/9"), (Frame, "get 8/9"), (Whole, "get 9/9")][..], "--f"),
            (&[(Frame, "50% 1.2M/2.4M"), (Frame, "100% 2.4M/2.4M")], "-f"),
            (&[(Frame, "1/9"), (Frame, "1/5"), (Frame, "5/5"), (Frame, "9/9")], "---f"),
            (&[(Frame, "9/9"), (Frame, "0/9"), (Frame, "9/9")], "f-f"),
            (&[(Whole, "shard 9/9"), (Whole, "100% of it")], "--"),
        ] {
            let see =
                |pulse: &mut Pulse, (at, (kind, text)): (usize, &(LineKind, &str)), position| {
                    // A whole line ends the frames before it.
                    let number = if lines[0].0 == Frame { 1 } else { at as u64 + 1 };
                    let line = Line { number, kind: *kind, text: text.as_bytes() };
                    pulse.see(&line, true, position);
                    if pulse.has_filled(&line) { 'f' } else { '-' }
                };
            let mut pulse = Pulse::default();
            let said: String =
                lines.iter().enumerate().map(|line| see(&mut pulse, line, 0)).collect();
            assert_eq!(said, filled, "{lines:?}");
            let mut counting = Pulse::default();
            let mut said = lines.iter().enumerate().map(|line| see(&mut counting, line, 1));
            assert!(said.all(|sign| sign == '-'), "{lines:?}");
        }
    }

    #[test]
    fn who_has_got_further_has_made_a_step() {
        let mut pulse = Pulse::default();
        let line = Line { number: 1, kind: Whole, text: b"step 7" };
        assert_eq!(pulse.see(&line, true, 1), Some(Sign::Step));
        assert_eq!(pulse.see(&line, true, 1), Some(Sign::Line));
        assert_eq!(pulse.see(&line, true, 2), Some(Sign::Step));
    }
}
