//! Whether what stands around a name and a number lets them be a metric: a cell, the end of a
//! sentence, a setting, an argument of a call, a logger's header. It does not know how the two were
//! found.

use super::names::{self, Class};
use super::number::{Number, Style, Unit};
use super::pairs::{LONGEST_NAME, Place, Sentence};
use super::token::{Gap, Kind, Token};

impl<'a> Sentence<'a> {
    /// The tokens of `[INFO|DP=0|PP=0|node3]: `, a logger's header; and of `[CV 1/2] END C=0.1;`,
    /// what a cross-validation tries.
    pub(super) fn header(&self) -> usize {
        if let [open, name, ..] = self.tokens
            && open.kind == Kind::Open
            && self.text_of(name) == "CV"
        {
            let end = self.closing(1);
            let tries = self.tokens.iter().rposition(|t| t.kind == Kind::Semicolon);
            return match tries.filter(|semicolon| *semicolon > end) {
                Some(semicolon) => semicolon,
                None if self.tokens.get(end).is_some_and(|t| self.text_of(t) == "START") => {
                    self.tokens.len()
                }
                None => end,
            };
        }
        let opens = |pair: &[Token]| {
            let [open, level] = pair else { return false };
            open.kind == Kind::Open
                && level.kind == Kind::Word
                && names::is_level(self.text_of(level))
        };
        match self.tokens.windows(2).take(8).position(opens) {
            Some(open) if self.closing(open + 1) < self.tokens.len() => self.closing(open + 1),
            _ => 0,
        }
    }

    /// Whether the number is complete where it ends.
    pub(super) fn ends_well(&self, next: usize, number: &Number) -> bool {
        let Some(token) = self.tokens.get(next) else { return true };
        if token.gap == Gap::One
            && let Kind::Number(other) = token.kind
        {
            // `0h 5m 3s` is one duration, `0.1 0.2 0.3` is a list without names.
            let duration = number.unit == Unit::Time && other.unit == Unit::Time;
            let bare = self.tokens.get(next + 1).is_none_or(|t| t.kind != Kind::Word);
            let alike = other.style == number.style && other.unit == Unit::None;
            let list = number.unit == Unit::None && alike && bare;
            return !(duration || list && number.style != Style::Integer);
        }
        if token.gap != Gap::None {
            return true;
        }
        match token.kind {
            Kind::Word => number.glued,
            // A bar's percentage is whole: `45%|███`, `45%| ETA`; a cell's in `acc: 45.1%| mAP: 55.2%|`.
            Kind::Pipe => {
                let more = self.tokens.get(next + 1).is_none_or(|t| t.kind == Kind::Word);
                number.unit != Unit::Percent || more && number.style != Style::Integer
            }
            Kind::Comma | Kind::Semicolon | Kind::Close | Kind::Quote | Kind::Open => true,
            Kind::Colon => self.tokens.get(next + 1).is_none_or(|t| t.gap != Gap::None),
            // `=====acc: 0.35=====`
            Kind::Other if token.end - token.start > 2 => matches!(self.byte(token), b'=' | b'#'),
            Kind::Other => matches!(self.byte(token), b'.' | b'!' | b'/' | b'+' | 0x80..),
            _ => false,
        }
    }

    /// `2.0/8 CPUs`: how much of what there is.
    pub(super) fn is_share(&self, next: usize, number: &Number) -> bool {
        let [slash, whole, ..] = &self.tokens[next.min(self.tokens.len())..] else { return false };
        number.style != Style::Integer
            && self.byte(slash) == b'/'
            && whole.gap == Gap::None
            && matches!(whole.kind, Kind::Number(whole) if whole.style == Style::Integer)
    }

    /// `| clip 0 |`: a cell with a name and a number in it, and nothing else.
    pub(super) fn is_cell(&self, first: usize, next: usize) -> bool {
        let walls = |at: usize| self.tokens.get(at).is_none_or(|t| t.kind == Kind::Pipe);
        let before = first.checked_sub(1).is_some_and(walls);
        before && walls(next) && self.tokens[first].gap == Gap::One
    }

    /// Whether `key value` without a sign is more than two words of a sentence.
    pub(super) fn is_told(
        &self,
        first: usize,
        place: &Place,
        number: &Number,
        counter: bool,
    ) -> bool {
        if self.tokens[first..=place.name].iter().any(|t| t.kind == Kind::Quote) {
            return false;
        }
        let open = first.checked_sub(1).map(|i| self.tokens[i].kind);
        // `step 3` after a closing bracket is told, after a name and a sign it is a value.
        if matches!(open, Some(Kind::Equals)) {
            return false;
        }
        counter && number.style == Style::Integer
            || number.glued
            || number.style != Style::Integer && self.is_subject(place.next)
            || self.is_followed_by_more(place.next)
    }

    /// `val loss 2.28 did not improve`: the value now, and what the sentence says of it.
    fn is_subject(&self, next: usize) -> bool {
        let says = ["did", "improved", "decreased", "increased", "dropped", "below", "above"];
        self.tokens.get(next).is_some_and(|token| {
            token.kind == Kind::Word
                && says.iter().any(|word| self.text_of(token).eq_ignore_ascii_case(word))
        })
    }

    /// Behind a value stands the end, a sign, or the next name with its value; not a sentence.
    fn is_followed_by_more(&self, next: usize) -> bool {
        let mut words = 0;
        for token in &self.tokens[next.min(self.tokens.len())..] {
            if words > 0 && token.gap == Gap::Wide {
                return true;
            }
            match token.kind {
                Kind::Word if token.gap == Gap::Wide => return true,
                Kind::Word => {
                    if words > 0 && names::is_missing(self.text_of(token)) {
                        return true;
                    }
                    if names::is_prose(self.text_of(token)) {
                        return false;
                    }
                    words += 1;
                }
                Kind::Other => return token.gap == Gap::None || words == 0,
                _ => return true,
            }
            if words > LONGEST_NAME {
                return false;
            }
        }
        words <= 1
    }

    /// Whether it is one of many on lines of their own, as settings are printed, or describes an
    /// object: `"hidden_dropout": 0.1,`, `adam_beta1=0.9,`, `Dropout(p=0.1, inplace=False)`.
    pub(super) fn is_setting(&self, first: usize, place: &Place) -> bool {
        let quoted = first == 1 && self.tokens[0].kind == Kind::Quote;
        let listed = self.tokens.get(place.next).is_some_and(|t| t.kind == Kind::Comma);
        if (first == 0 && listed || quoted) && place.next + usize::from(listed) == self.tokens.len()
        {
            return true;
        }
        place.attached && self.callee(first).is_some_and(is_type)
    }

    /// `weight(decay=0.0)`; in `val(mean=0.5)` it is a value.
    pub(super) fn is_plain_argument(&self, first: usize) -> bool {
        self.callee(first).is_some_and(|name| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && names::class(name) == Class::Unknown
                && !names::is_part_of_data(name)
        })
    }

    /// `--lr 0.1`, `--lr=0.1`, and `+ LR=0.1` as a shell traces it: what a command was told.
    pub(super) fn is_option(&self, first: usize, place: &Place) -> bool {
        let signed = matches!(self.kind(place.name + 1), Some(Kind::Colon));
        let dashes = first.checked_sub(1).map(|before| &self.tokens[before]);
        let option = |t: &Token| t.kind == Kind::Dash && self.text_of(t) == "--";
        let traced = first == 1 && place.attached && self.text(0, 0) == "+";
        traced || dashes.is_some_and(option) && self.tokens[first].gap == Gap::None && !signed
    }

    /// The name before the brackets that the token stands in: `Dropout(...)`, `nn.Linear(...)`.
    fn callee(&self, at: usize) -> Option<&'a str> {
        let mut depth = 0_u32;
        for open in (1..at).rev() {
            match self.tokens[open].kind {
                Kind::Close => depth += 1,
                Kind::Open if depth > 0 => depth -= 1,
                Kind::Open => {
                    let name = &self.tokens[open - 1];
                    let called = self.byte(&self.tokens[open]) == b'('
                        && self.tokens[open].gap == Gap::None
                        && name.kind == Kind::Word;
                    return called.then(|| self.text_of(name).rsplit('.').next())?;
                }
                _ => {}
            }
        }
        None
    }

    /// Whether a sentence about the best one began a few words before, and the name does not say so.
    pub(super) fn after_best(&self, first: usize, name: &str) -> bool {
        if name.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("best")) {
            return false;
        }
        (first.saturating_sub(6)..first).any(|i| self.text(i, i).eq_ignore_ascii_case("best"))
    }
}

/// `Dropout`, `LayerNorm`; `Loss(train=0.5)` is none.
fn is_type(word: &str) -> bool {
    let capitals = word.bytes().filter(u8::is_ascii_uppercase).count();
    let camel = capitals > 1 && word.bytes().any(|byte| byte.is_ascii_lowercase());
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && (camel || names::class(word) == Class::Unknown)
}
