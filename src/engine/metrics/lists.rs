//! Several values of one name: `recall=[0.31, 0.42]`, `loss[ctc=1.2, att=0.5]`, `('loss', 0.5)`,
//! `Train loss 120 0.53`. It does not know how a name and a number beside it are judged.

use super::found::{Candidates, Form};
use super::names::{self, Class};
use super::number::{Number, Style};
use super::pairs::Sentence;
use super::token::{Gap, Kind};

/// A longer list is of classes or of data, not of a few figures.
const MOST: usize = 4;
/// More names than these are not paired with numbers.
const MOST_NAMES: usize = 8;

impl Sentence<'_> {
    /// Offers a number of `recall=[0.31, 0.42]` with its place in the list; whether it is one.
    pub(super) fn listed(&self, at: usize, number: Number, out: &mut Candidates) -> bool {
        let Some((open, count)) = self.list(at) else { return false };
        let Some(name) = open.checked_sub(2) else { return false };
        let signed = matches!(self.kind(open - 1), Some(Kind::Equals | Kind::Colon));
        if !signed || !self.is_measured_word(name) {
            return false;
        }
        let (first, last) = self.qualified(name);
        out.fix(self.tokens[first].start, self.tokens[last].end);
        let place = ["0", "1", "2", "3"][((at - open - 1) / 2).min(count - 1)];
        let name = self.text(first, last);
        out.offer(&[name, place], "/", Form::Sign, number, self.tokens[at].start)
    }

    /// Offers a number of `loss, mae, mape 0.5 0.2 9.6` under the name that has its place; whether
    /// it stands behind several names. Of names and numbers that do not pair none is believed.
    pub(super) fn in_order(&self, at: usize, number: Number, out: &mut Candidates) -> bool {
        let is_number = |i: usize| matches!(self.kind(i), Some(Kind::Number(_)));
        let before = |i: usize| {
            let next = i.checked_sub(1)?;
            let next = next.checked_sub(usize::from(self.kind(next) == Some(Kind::Comma)))?;
            is_number(next).then_some(next)
        };
        let start = std::iter::successors(Some(at), |i| before(*i)).take(MOST_NAMES + 1);
        let place = start.clone().count() - 1;
        let Some(sign) = start.last().and_then(|first| first.checked_sub(1)) else { return false };
        let signed = matches!(self.kind(sign), Some(Kind::Colon | Kind::Equals));
        let Some(last) = sign.checked_sub(usize::from(signed)) else { return false };
        let mut names: Vec<_> = std::iter::successors(self.measured(last), |(first, _)| {
            let comma = first.checked_sub(1).filter(|i| self.kind(*i) == Some(Kind::Comma))?;
            self.measured(comma.checked_sub(1)?)
        })
        .take(MOST_NAMES + 1)
        .collect();
        // `epoch, loss: 3, 0.5`: what they begin with may count.
        let first = names.last().and_then(|(first, _)| first.checked_sub(2));
        if let Some(count) = first.filter(|count| self.is_count_listed(*count)) {
            names.push((count, count));
        }
        let behind = |i: &usize| {
            let next = i + 1 + usize::from(self.kind(i + 1) == Some(Kind::Comma));
            is_number(next).then_some(next)
        };
        let count = place + std::iter::successors(Some(at), behind).take(MOST_NAMES + 1).count();
        if names.len() < 2 || count < 2 {
            return false;
        }
        let pair = names.len() == count && count <= MOST_NAMES;
        if let Some((first, last)) = names.iter().rev().nth(place).filter(|_| pair) {
            out.fix(self.tokens[names[names.len() - 1].0].start, self.tokens[names[0].1].end);
            let name = self.text(*first, *last);
            out.offer(&[name], "_", Form::Sign, number, self.tokens[at].start);
        }
        true
    }

    /// Whether the token is a word that counts, before a comma.
    fn is_count_listed(&self, at: usize) -> bool {
        self.kind(at) == Some(Kind::Word)
            && self.kind(at + 1) == Some(Kind::Comma)
            && names::is_counter(names::class(self.text(at, at)))
    }

    /// The measured name that ends with the token.
    fn measured(&self, last: usize) -> Option<(usize, usize)> {
        self.is_measured_word(last).then(|| self.qualified(last))
    }

    /// The bracket of the list that the token stands in, and how many numbers with a point it has.
    fn list(&self, at: usize) -> Option<(usize, usize)> {
        let open = (at.saturating_sub(2 * MOST)..at).rev().find(|i| self.byte_is(*i, b'['))?;
        let mut count = 0;
        loop {
            let number = open + 1 + 2 * count;
            let Some(Kind::Number(Number { style: Style::Decimal(_), maybe_list: false, .. })) =
                self.kind(number)
            else {
                return None;
            };
            count += 1;
            match self.kind(number + 1)? {
                Kind::Comma if count < MOST => {}
                Kind::Close => break,
                _ => return None,
            }
        }
        let inside = (open + 1..open + 2 * count).contains(&at);
        (count > 1 && inside).then_some((open, count))
    }

    /// What was measured, if the pair stands in brackets that belong to it: `tot_loss[simple=0.5]`.
    pub(super) fn group(&self, first: usize) -> Option<(usize, usize)> {
        let mut depth = 0_u32;
        for open in (1..first).rev() {
            match self.tokens[open].kind {
                Kind::Close => depth += 1,
                Kind::Open if depth > 0 => depth -= 1,
                Kind::Open => {
                    let belongs = self.tokens[open].gap == Gap::None
                        && self.is_measured_word(open - 1)
                        && self.kind(open + 1) == Some(Kind::Word);
                    return belongs.then_some((open - 1, open - 1));
                }
                _ => {}
            }
        }
        None
    }

    /// Whether a quoted name stands before the comma, and it begins an entry: `('loss', 0.5)`.
    pub(super) fn is_tuple(&self, comma: usize) -> bool {
        let Some(start) = comma.checked_sub(4) else { return false };
        let [before, open, name, close, _] = &self.tokens[start..=comma] else { return false };
        matches!(before.kind, Kind::Open | Kind::Comma)
            && open.kind == Kind::Quote
            && name.kind == Kind::Word
            && close.kind == Kind::Quote
    }

    /// Whether the bracket opens `(1e-4,)`, of which `next` is the comma.
    pub(super) fn is_tuple_of_one(&self, open: usize, next: usize) -> bool {
        self.byte_is(open, b'(')
            && next == open + 2
            && self.kind(next) == Some(Kind::Comma)
            && self.kind(next + 1) == Some(Kind::Close)
    }

    /// Whether `120` in `Train loss 120 0.53` says when, and the next number is the value.
    pub(super) fn is_step_of(&self, at: usize) -> bool {
        let colon = usize::from(self.kind(at + 1) == Some(Kind::Colon));
        self.is_step_between(at, at + 1 + colon)
    }

    /// Whether the token is a count between a measured name and its value, the token behind it or
    /// behind its colon: `Validation loss 50: 0.57`.
    pub(super) fn is_step_between(&self, count: usize, value: usize) -> bool {
        let whole =
            |at: usize| matches!(self.kind(at), Some(Kind::Number(n)) if n.style == Style::Integer);
        let pointed = |at: usize| matches!(self.kind(at), Some(Kind::Number(n)) if matches!(n.style, Style::Decimal(1..)));
        let apart = |at: usize| self.tokens[at].gap != Gap::None;
        let beside =
            value == count + 1 || value == count + 2 && self.kind(count + 1) == Some(Kind::Colon);
        count > 0
            && beside
            && whole(count)
            && pointed(value)
            && self.tokens[count].gap == Gap::One
            && apart(value)
            && self.is_measured_word(count - 1)
    }

    /// Whether a fraction's value stands behind it: `2501/10042 = 0.249`.
    pub(super) fn is_ratio(&self, next: usize) -> bool {
        let behind = self.kind(next + 1);
        self.kind(next) == Some(Kind::Equals)
            && matches!(behind, Some(Kind::Number(n)) if n.style != Style::Integer)
    }

    pub(super) fn is_measured_word(&self, at: usize) -> bool {
        self.kind(at) == Some(Kind::Word)
            && !names::is_counter(names::class(self.text(at, at)))
            && names::class(self.text(at, at)) == Class::Measured
    }

    fn byte_is(&self, at: usize, byte: u8) -> bool {
        self.byte(&self.tokens[at]) == byte
    }
}
