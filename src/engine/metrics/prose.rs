//! Values in sentences: `4.2 avg loss`, `the loss is 0.5`, `an accuracy of 91.2%`; and on lines
//! that begin with the value: `0.9 = Validation score (accuracy)`.
//!
//! A sentence is believed only if it names something measured, and if it speaks of no other value
//! than the one now: `target accuracy of 0.9`, `improved from 0.5` do not.

use super::found::{Candidates, Form};
use super::names::{self, Class};
use super::number::{Number, Style, Unit};
use super::pairs::Sentence;
use super::token::{Gap, Kind};

/// What stands between a name and its value.
const VERBS: &[&str] = &["is", "was", "of", "equals"];
/// Near a name or behind a value: it is not the one now.
const OTHERS: &[&str] = &[
    "target",
    "targets",
    "threshold",
    "goal",
    "limit",
    "maximum",
    "minimum",
    "required",
    "desired",
    "expected",
    "if",
    "when",
    "until",
    "than",
    "from",
    "above",
    "below",
    "over",
    "under",
    "exceeds",
    "tolerance",
    "delta",
    "reached",
    "best",
    "previous",
    "last",
    "prior",
    "old",
    "weight",
];
/// Words before a name, or behind a value, that are looked at.
const NEAR: usize = 4;
/// A sentence that a value ends is no longer, in words.
const LONGEST_SENTENCE: usize = 16;

/// Offers a number that has no name beside it as a pair has, if the sentence names it.
pub(super) fn find(sentence: Sentence<'_>, at: usize, number: Number, out: &mut Candidates) {
    if number.style == Style::NonFinite || number.maybe_list {
        return;
    }
    let percent = sentence.tokens.get(at + 1).filter(|t| sentence.text_of(t) == "%");
    let next = at + 1 + usize::from(percent.is_some());
    let unit = if percent.is_some() { Unit::Percent } else { number.unit };
    let number = Number { unit, ..number };
    let whole = number.style == Style::Integer && unit != Unit::Percent;
    if whole || !matches!(unit, Unit::None | Unit::Percent) {
        return;
    }
    let name = sentence.named_before(at, next).or_else(|| sentence.named_behind(at, next));
    let name = name.or_else(|| sentence.at_place(at, out)).or_else(|| sentence.subject(at, next));
    let name = name.or_else(|| sentence.reached(at));
    let name = name.or_else(|| sentence.learning_rate(at, next));
    let name = name.or_else(|| sentence.bracketed(at).filter(|_| out.on_bar));
    if let Some((first, last)) = name.or_else(|| sentence.assigned(at, next)) {
        let data =
            sentence.data_behind(last).filter(|_| !names::says_data(sentence.text(first, last)));
        out.fix(sentence.tokens[first].start, sentence.tokens[data.unwrap_or(last)].end);
        let name = sentence.text(first, last);
        let parts: &[&str] = match data {
            Some(data) => &[sentence.text(data, data), name],
            None => &[name],
        };
        out.offer(parts, "/", Form::Sign, number, sentence.tokens[at].start);
    }
}

impl Sentence<'_> {
    fn is(&self, at: usize, words: &[&str]) -> bool {
        self.kind(at) == Some(Kind::Word)
            && words.iter().any(|word| self.text(at, at).eq_ignore_ascii_case(word))
    }

    fn is_measured(&self, at: usize) -> bool {
        self.kind(at) == Some(Kind::Word) && names::class(self.text(at, at)) == Class::Measured
    }

    /// Whether no word near the tokens from `first` to `next` says that this is another value.
    fn is_of_now(&self, first: usize, next: usize) -> bool {
        let before = (0..first).rev().take(NEAR).take_while(|i| self.is_inner(*i));
        let behind = (next..self.tokens.len()).take(NEAR).take_while(|i| self.is_inner(*i));
        !before.chain(first..next).chain(behind).any(|at| self.is(at, OTHERS))
    }

    /// Whether the token ends no part of a sentence.
    fn is_inner(&self, at: usize) -> bool {
        !matches!(self.kind(at), Some(Kind::Comma | Kind::Semicolon | Kind::Pipe | Kind::Colon))
    }

    /// `the training loss is 2.43`, `an accuracy of 91.2%`, `the accuracy is: 0.91`; and
    /// `finished after 200 timesteps with reward 200.0`.
    fn named_before(&self, at: usize, next: usize) -> Option<(usize, usize)> {
        let mut last = at.checked_sub(1)?;
        if self.kind(last) == Some(Kind::Colon) {
            last = last.checked_sub(1).filter(|verb| self.is(*verb, &["is", "was"]))?;
        }
        let has_verb = self.is(last, VERBS);
        last = last.checked_sub(usize::from(has_verb)).filter(|last| self.is_measured(*last))?;
        let (first, last) = self.qualified(last);
        let joined = has_verb || first.checked_sub(1).is_some_and(|i| self.is(i, &["with"]));
        // `is    0.97` is padded.
        let one =
            (last..at).all(|i| self.tokens[i + 1].gap != Gap::Wide || has_verb && i + 1 == at);
        (joined && one && self.is_of_now(first, next)).then_some((first, last))
    }

    /// `1.25 avg loss, 90.1% top1`, `55.9 perplexity estimate`, `-8.2 per-word bound`
    fn named_behind(&self, at: usize, next: usize) -> Option<(usize, usize)> {
        let before = at.checked_sub(1).and_then(|before| self.kind(before));
        if matches!(before, Some(Kind::Word | Kind::Equals | Kind::Quote | Kind::Other)) {
            return None;
        }
        // `| 45.6% bf16 MFU |`: a cell may say more.
        let more = before == Some(Kind::Pipe) && self.kind(next + 2) == Some(Kind::Pipe);
        let next = next + usize::from(more && self.kind(next) == Some(Kind::Word));
        let is_name = |i: usize| {
            self.kind(i) == Some(Kind::Word)
                && self.tokens[i].gap == Gap::One
                && (self.is_measured(i)
                    || names::is_qualifier(self.text(i, i))
                    || self.text(i, i).starts_with("per-"))
        };
        // `640.12 avg, 0.001 rate`
        if self.is(next, &["avg", "rate"]) && self.kind(next + 1) == Some(Kind::Comma) {
            return Some((next, next));
        }
        let count = (next..).take(3).take_while(|i| is_name(*i)).count();
        let last = (next + count).checked_sub(1).filter(|last| *last >= next)?;
        let end = last + 1 + usize::from(self.is(last + 1, &["estimate", "estimated"]));
        let ends = match self.kind(end) {
            None | Some(Kind::Comma | Kind::Semicolon | Kind::Close | Kind::Pipe | Kind::Dash) => {
                true
            }
            Some(Kind::Word) => end > last + 1 || names::is_prose(self.text(end, end)),
            _ => false,
        };
        (ends && self.is_measured(last) && self.is_of_now(next, end)).then_some((next, last))
    }

    /// `Training loss (for one batch) at step 100: 0.69`, `Cost after iteration 200: 0.53`; offers
    /// the place too.
    fn at_place(&self, at: usize, out: &mut Candidates) -> Option<(usize, usize)> {
        let sign = at.checked_sub(1)?;
        if !matches!(self.kind(sign), Some(Kind::Colon | Kind::Equals)) && !self.is(sign, VERBS) {
            return None;
        }
        let count = sign.checked_sub(1)?;
        let Some(Kind::Number(number)) = self.kind(count) else { return None };
        let unit = count.checked_sub(1)?;
        // `loss in epoch 1 iteration 20: 1.27`
        let is_count = |unit: usize| {
            self.kind(unit) == Some(Kind::Word)
                && names::is_counter(names::class(self.text(unit, unit)))
                && matches!(self.kind(unit + 1), Some(Kind::Number(_)))
        };
        let larger = |unit: &usize| unit.checked_sub(2).filter(|unit| is_count(*unit));
        let first = std::iter::successors(Some(unit), larger).last()?;
        let joint = first.checked_sub(1)?;
        let counts = is_count(unit) && self.is(joint, &["at", "after", "in", "on", "for"]);
        let mut last = joint.checked_sub(1).filter(|_| counts)?;
        if self.kind(last) == Some(Kind::Close) {
            let open = (0..last).rev().find(|i| self.kind(*i) == Some(Kind::Open))?;
            last = open.checked_sub(1)?;
        }
        let of_data = last > 0
            && self.kind(last - 1) == Some(Kind::Word)
            && names::is_part_of_data(self.text(last - 1, last - 1));
        if !self.is_measured(last) && !of_data {
            return None;
        }
        let start = self.tokens[count].start;
        if !out.holds(start) {
            out.offer(&[self.text(unit, unit)], "_", Form::Blank, number, start);
        }
        Some(self.qualified(last))
    }

    /// `Epoch 12: reducing learning rate of group 0 to 5e-04`, `Learning rate is 0.001`
    fn learning_rate(&self, at: usize, next: usize) -> Option<(usize, usize)> {
        let verb = at.checked_sub(1).filter(|verb| self.is(*verb, &["to", "is", "now"]))?;
        let last = verb.checked_sub(1)?;
        let group = last.checked_sub(2).filter(|of| {
            self.is(*of, &["of"])
                && self.is(of + 1, &["group"])
                && matches!(self.kind(of + 2), Some(Kind::Number(_)))
        });
        let rate = match group {
            Some(of) => of.checked_sub(1)?,
            None => last,
        };
        let first = rate.checked_sub(1)?;
        let named = self.is(rate, &["rate"]) && self.is(first, &["learning"]);
        (named && self.is_of_now(first, next)).then_some((first, rate))
    }

    /// `'val_loss' reached 0.70639 (best 0.70639), saving model`
    fn reached(&self, at: usize) -> Option<(usize, usize)> {
        let [.., open, name, close, verb] = &self.tokens[..at] else { return None };
        let quoted = open.kind == Kind::Quote && close.kind == Kind::Quote;
        (quoted && self.text_of(verb) == "reached" && self.is_measured(at - 3))
            .then_some((at - 3, at - 3))
            .filter(|_| name.kind == Kind::Word && self.kind(at + 1) == Some(Kind::Open))
    }

    /// `0.9  = Validation score   (accuracy)`
    fn assigned(&self, at: usize, next: usize) -> Option<(usize, usize)> {
        let apart = |i: usize| self.tokens.get(i).is_some_and(|token| token.gap != Gap::None);
        if at > 0 || self.kind(next) != Some(Kind::Equals) || !apart(next) || !apart(next + 1) {
            return None;
        }
        let first = next + 1;
        let words = (first..).take_while(|i| {
            self.kind(*i) == Some(Kind::Word) && (*i == first || self.tokens[*i].gap == Gap::One)
        });
        let last = first + words.count().checked_sub(1)?;
        let ends = matches!(self.kind(last + 1), None | Some(Kind::Open));
        (ends && last < first + 3 && self.is_measured(last)).then_some((first, last))
    }

    /// `Accuracy of the network on the 10000 test images: 55 %`, `AUROC over val set: 0.73`, `KL
    /// divergence after 250 iterations: 57.3`: what the sentence begins with.
    pub(super) fn subject(&self, at: usize, next: usize) -> Option<(usize, usize)> {
        let sign = at.checked_sub(1)?;
        let told = matches!(self.kind(sign), Some(Kind::Colon | Kind::Equals));
        if !told && !self.is(sign, VERBS) {
            return None;
        }
        let inner = |i: &usize| match self.kind(*i) {
            Some(Kind::Word) => !names::is_level(self.text(*i, *i)),
            kind => matches!(kind, Some(Kind::Number(_))),
        };
        let start = (0..sign).rev().take(LONGEST_SENTENCE).take_while(inner).last()?;
        let joints = ["of", "on", "over", "after"];
        let joint = (start + 1..sign.min(start + 4)).find(|i| self.is(*i, &joints))?;
        let of = joint + 1;
        let of_data = self.kind(of) == Some(Kind::Word) && {
            let word = self.text(of, of);
            names::says_data(word) || names::is_counter(names::class(word))
        };
        let counted = matches!(self.kind(of), Some(Kind::Number(n)) if n.style == Style::Integer);
        let all = match self.text(joint, joint) {
            "after" => self.kind(of + usize::from(counted)) == Some(Kind::Word),
            "over" => of_data,
            _ => of_data || self.is(of, &["the"]),
        };
        let is_header = |before: usize| {
            matches!(self.kind(before), Some(Kind::Colon | Kind::Close))
                || names::is_level(self.text(before, before))
        };
        let begins = start.checked_sub(1).is_none_or(is_header)
            && (start..joint).all(|i| self.kind(i) == Some(Kind::Word));
        let alone = self.kind(next).is_none() || [".", "("].contains(&self.text(next, next));
        (begins && all && alone && self.is_measured(joint - 1))
            .then_some((start, joint - 1))
            .filter(|_| !(start..next).any(|i| i != joint && self.is(i, OTHERS)))
    }

    /// The data of `AUROC over val set`, `accuracy on the test set`.
    fn data_behind(&self, last: usize) -> Option<usize> {
        let of = last + 2 + usize::from(self.is(last + 2, &["the"]));
        let is_data = self.is(last + 1, &["on", "over", "of", "for"])
            && self.kind(of) == Some(Kind::Word)
            && names::is_part_of_data(self.text(of, of));
        is_data.then_some(of)
    }

    /// `Gen. (+01.02) | Discrim. (-00.03):   4%|`: on a bar, a name and its value in brackets.
    fn bracketed(&self, at: usize) -> Option<(usize, usize)> {
        let open = at.checked_sub(1).filter(|open| self.kind(*open) == Some(Kind::Open))?;
        let mut name = open.checked_sub(1)?;
        name = name.checked_sub(usize::from(self.text(name, name) == "."))?;
        let alone = self.tokens[open].gap == Gap::One
            && self.kind(at + 1) == Some(Kind::Close)
            && self.kind(name) == Some(Kind::Word);
        let begins = name.checked_sub(1).is_none_or(|i| self.kind(i) == Some(Kind::Pipe));
        (alone && begins).then_some((name, name))
    }
}
