//! What a value holds for, in brackets behind its name:
//! ` Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.412`,
//! `precision(k=5): 0.8`. It belongs to the name, and is measured by nobody.

use super::found::{Candidates, Form};
use super::names::{self, Class};
use super::number::{Number, Style};
use super::pairs::Sentence;
use super::token::{Kind, Token};

/// More tokens in brackets are a text of its own.
const MOST: usize = 24;

/// A name, its brackets, and the sign and the number behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// The word that names what was measured.
    name: usize,
    open: usize,
    close: usize,
}

impl Conditions {
    pub(super) fn hold(&self, at: usize) -> bool {
        self.open < at && at < self.close
    }

    /// The token that is the value.
    pub(super) fn value(&self) -> usize {
        self.close + 2
    }
}

impl Sentence<'_> {
    /// The next conditions that end at token `from` or later.
    pub(super) fn conditions(&self, from: usize) -> Option<Conditions> {
        let mut from = from;
        loop {
            let signed = |three: &[Token]| {
                let [close, sign, value] = three else { return false };
                close.kind == Kind::Close
                    && matches!(sign.kind, Kind::Equals | Kind::Colon)
                    && matches!(value.kind, Kind::Number(n) if n.style != Style::Integer)
            };
            let close = from + self.tokens.get(from..)?.windows(3).position(signed)?;
            let found = self.opened(close).and_then(|open| {
                let name = self.measured_before(open)?;
                Some(Conditions { name, open, close })
            });
            if found.is_some() {
                return found;
            }
            from = close + 1;
        }
    }

    /// Offers the value under its name and what it holds for: `AP@IoU=0.50:0.95,area=all`.
    pub(super) fn offer_held(&self, held: Conditions, number: Number, out: &mut Candidates) {
        let mut name = format!("{}@", self.text(held.name, held.name));
        let mut before = Kind::Comma;
        for token in &self.tokens[held.open + 1..held.close] {
            let next = token.kind == Kind::Word && !matches!(before, Kind::Equals | Kind::Colon);
            let border = matches!(token.kind, Kind::Pipe | Kind::Comma | Kind::Semicolon);
            if (border || next) && before != Kind::Comma {
                name.push(',');
            }
            if !border {
                name.push_str(self.text_of(token));
            }
            before = if border { Kind::Comma } else { token.kind };
        }
        out.fix(self.tokens[held.open].start, self.tokens[held.close].end);
        out.offer(&[&name], "_", Form::Sign, number, self.tokens[held.value()].start);
    }

    /// The bracket that `close` closes, if pairs stand between.
    fn opened(&self, close: usize) -> Option<usize> {
        let open = (close.saturating_sub(MOST)..close)
            .rev()
            .take_while(|at| self.tokens[*at].kind != Kind::Close)
            .find(|at| self.tokens[*at].kind == Kind::Open)?;
        let pairs = self.tokens[open..close].iter().any(|token| token.kind == Kind::Equals);
        pairs.then_some(open)
    }

    /// The word before the bracket, over `@` and an abbreviation: `Average Precision (AP) @[`.
    fn measured_before(&self, open: usize) -> Option<usize> {
        let mut last = open.checked_sub(1)?;
        if self.byte(&self.tokens[last]) == b'@' {
            last = last.checked_sub(1)?;
        }
        let measured = |at: usize| {
            self.tokens[at].kind == Kind::Word && names::class(self.text(at, at)) == Class::Measured
        };
        match &self.tokens[last.saturating_sub(3)..=last] {
            [_, open, short, close]
                if open.kind == Kind::Open
                    && short.kind == Kind::Word
                    && close.kind == Kind::Close =>
            {
                measured(last - 3).then_some(last - 1)
            }
            _ => measured(last).then_some(last),
        }
    }
}
