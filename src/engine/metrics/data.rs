//! Which data, or which figure of it, a line speaks of: `val Loss: 0.6 Acc: 0.7`,
//! `Test: [0/48] loss 0.5`, `reward: mean=1.5, std=0.2`. It does not know how names are written.

use super::found::Candidates;
use super::names::{self, Class};
use super::number::Unit;
use super::pairs::Sentence;
use super::token::{Gap, Kind, Token};

/// A label has at most so many words behind its first.
const MOST_OF_LABEL: usize = 3;
/// So many names are compared.
const MOST_BARE: usize = 16;

impl<'a> Sentence<'a> {
    /// `loss: train 0.51 | val 0.62`, `reward: mean=1.5, std=0.2`: what data or which figure it is
    /// the name of a number tells, and what was measured stands before them all.
    pub(super) fn leader(&self, first: usize, last: usize) -> Option<(usize, usize)> {
        let word = self.text(first, last);
        if first != last || !(names::is_part_of_data(word) || names::is_figure(word)) {
            return None;
        }
        // `f1: (train=0.9, test=0.8)`
        if let Some(open) = self.tokens[..first].iter().rposition(|t| t.kind == Kind::Open)
            && open > 1
            && self.byte(&self.tokens[open]) == b'('
            && matches!(self.tokens[open - 1].kind, Kind::Colon | Kind::Equals)
            && self.tokens[open - 2].kind == Kind::Word
        {
            return Some((open - 2, open - 2));
        }
        let leads = |at: &usize| {
            self.tokens[*at].kind == Kind::Colon && self.tokens[at + 1].kind == Kind::Word
        };
        let colon = (1..first).rev().find(leads)?;
        let name = &self.tokens[colon - 1];
        let named = name.kind == Kind::Word
            && names::class(self.text_of(name)) == Class::Measured
            && !names::is_part_of_data(self.text_of(name));
        named.then(|| self.qualified(colon - 1))
    }

    /// The first word of `val Loss: 0.6 Acc: 0.7`, if no other data is spoken of. Only a header or
    /// a place stands before it: `INFO:trainer:`, `Epoch 3,`, `epoch`.
    pub(super) fn shared_data(&self) -> Option<&'a str> {
        let is_word = |token: &Token| token.kind == Kind::Word;
        let is_of_data = |token: &Token| is_word(token) && names::says_data(self.text_of(token));
        let at = self.tokens.iter().position(is_of_data)?;
        let sign = self.tokens.get(at + 2)?;
        let opens = at.checked_sub(1).is_none_or(|before| {
            !is_word(&self.tokens[before])
                || names::is_counter(names::class(self.text(before, before)))
        });
        let shares = opens
            && !(0..at).any(|before| self.is_measured_word(before))
            && self.is_data_of_more(at)
            && matches!(sign.kind, Kind::Colon | Kind::Equals | Kind::Number(_));
        (shares && !self.tokens[at + 1..].iter().any(is_of_data)).then(|| self.text(at, at))
    }

    /// Whether several data are spoken of in turn, with the same names for what was measured:
    /// `train loss 0.5 acc 0.9 | val loss 0.6 acc 0.8`. Then each name is of the data before it.
    pub(super) fn shares_in_turn(&self, out: &mut Candidates) -> bool {
        // Of training where nothing is said.
        let mut data = "";
        let mut bare: Vec<(&str, &str)> = Vec::new();
        for at in 0..self.tokens.len() {
            let alone = at == 0 || self.tokens[at - 1].kind != Kind::Word;
            if self.is_data_of_more(at) {
                data = self.text(at, at);
            } else if alone && self.is_measured_word(at) {
                let name = self.text(at, at);
                out.fix(self.tokens[at].start, self.tokens[at].end);
                if bare.iter().any(|(n, d)| n.eq_ignore_ascii_case(name) && *d != data) {
                    return true;
                }
                if bare.len() < MOST_BARE {
                    bare.push((name, data));
                }
            }
        }
        false
    }

    /// Whether the token is `val` of `val loss`, which what follows may share.
    pub(super) fn is_data_of_more(&self, at: usize) -> bool {
        self.tokens[at].kind == Kind::Word
            && names::is_part_of_data(self.text(at, at))
            && self.tokens.get(at + 1).is_some_and(|name| name.gap != Gap::None)
            && self.is_measured_word(at + 1)
    }

    /// The data that is spoken of from this word on: `Test: [0/48] loss 0.5`, `| valid | loss 5.2`,
    /// `Epoch(val) [3] mae: 0.1`.
    pub(super) fn scope(&self, at: usize) -> Option<&'a str> {
        let word = self.text(at, at);
        if !names::is_part_of_data(word) {
            let whole = Some(word).filter(|_| self.is_of_report(at) || self.is_of_class(at));
            return whole.or_else(|| self.data_of_label(at));
        }
        let kind = |at: usize| self.tokens.get(at).map(|t| t.kind);
        // `Completed eval after train step 19, loss=5.4`
        let done = at.checked_sub(1).is_some_and(|before| {
            ["completed", "finished", "done"]
                .iter()
                .any(|w| self.text(before, before).eq_ignore_ascii_case(w))
        });
        let opens = done
            || match at.checked_sub(1).and_then(kind) {
                None | Some(Kind::Pipe | Kind::Dash | Kind::Close | Kind::Colon) => true,
                Some(Kind::Other) => self.text(at - 1, at - 1) == "/",
                // `Epoch 1 Validation - loss: 0.5`
                Some(Kind::Number(_) | Kind::Fraction(_)) => {
                    at > 1
                        && kind(at + 1) == Some(Kind::Dash)
                        && names::is_counter(names::class(self.text(at - 2, at - 2)))
                }
                // `DEBUG CV Batch 3 loss 0.5`
                Some(Kind::Word) => names::is_level(self.text(at - 1, at - 1)),
                Some(Kind::Open) => {
                    let call = at > 1 && names::is_counter(names::class(self.text(at - 2, at - 2)));
                    // ` - (Validation) ppl: 50.9`
                    let begins = match at.checked_sub(2).and_then(kind) {
                        None | Some(Kind::Dash | Kind::Pipe | Kind::Colon) => true,
                        _ => self.byte(&self.tokens[at - 1]) == b'[',
                    };
                    call || begins
                }
                _ => false,
            };
        // `validating...:  50%|█████     |`
        let dots = self.tokens.get(at + 1).is_some_and(|t| self.text_of(t) == "...");
        let sign = at + 1 + usize::from(dots);
        let told = match kind(sign)? {
            // `val: n/a` says that there is no value.
            Kind::Colon => match kind(sign + 1) {
                Some(Kind::Word) => {
                    let word = self.text(sign + 1, sign + 1);
                    !["n/a", "na", "none", "null"].iter().any(|x| word.eq_ignore_ascii_case(x))
                }
                // `valid:  50%|█████     | 8/16 [00:01<00:01, loss=0.5]`; what a bar of the training
                // shows is the run's own.
                Some(Kind::Number(n)) if at == 0 && n.unit == Unit::Percent => {
                    names::is_held_out(word) && self.kind(sign + 2) == Some(Kind::Pipe)
                }
                // `[val: 1, 50 / 500] loss: 0.13`
                Some(Kind::Number(_)) => {
                    let boxed = at.checked_sub(1).is_some_and(|i| self.text(i, i) == "[");
                    boxed && kind(sign + 2) == Some(Kind::Comma)
                }
                next => matches!(next, None | Some(Kind::Open)),
            },
            // `Validating... (loss=2.3):   0%|`
            Kind::Open if dots => at == 0,
            Kind::Open => self.is_bracketed(at),
            Kind::Pipe | Kind::Close => opens,
            // `epoch 1, val, loss=0.5`
            Kind::Comma => self.is_between_commas(at),
            // `TRAIN - loss 0.5 / VAL - loss 0.6`
            Kind::Dash => opens && kind(at + 2) == Some(Kind::Word),
            Kind::Word => opens && (done || self.is_heading(at)),
            _ => false,
        };
        // `Train Epoch: 3 [640/60000] Loss: 0.5` merely says where the run is.
        let place = kind(at + 1) == Some(Kind::Word)
            && names::is_counter(names::class(self.text(at + 1, at + 1)));
        told.then_some(if place && !names::is_held_out(word) { "" } else { word })
    }

    /// Whether the word is `best` of `best metric, acc: 0.50, loss: 0.3`: those are no newer values.
    fn is_of_report(&self, at: usize) -> bool {
        let is = |at: usize, words: &[&str]| {
            self.kind(at) == Some(Kind::Word)
                && words.iter().any(|word| self.text(at, at).eq_ignore_ascii_case(word))
        };
        let opens = at.checked_sub(1).and_then(|before| self.kind(before));
        is(at, &["best", "cur", "current"])
            && is(at + 1, &["metric", "metrics", "model", "result", "results"])
            && matches!(opens, None | Some(Kind::Colon | Kind::Close | Kind::Dash))
            && matches!(self.kind(at + 2), Some(Kind::Comma | Kind::Colon))
            && self.kind(at + 3) == Some(Kind::Word)
    }

    /// Whether the data is that of what the brackets behind it hold, or the label of all that follows
    /// them: `valid (HR: 0.8), test (HR: 0.7)`, `train (1/10) loss: 0.24`.
    fn is_bracketed(&self, at: usize) -> bool {
        let pair = self.kind(at + 2) == Some(Kind::Word)
            && matches!(self.kind(at + 3), Some(Kind::Colon | Kind::Equals))
            && self.tokens[at + 1].gap == Gap::One;
        let counted = matches!(self.kind(at + 2), Some(Kind::Fraction(_)))
            && self.kind(at + 3) == Some(Kind::Close)
            && self.kind(at + 4) == Some(Kind::Word);
        self.text(at + 1, at + 1) == "(" && (pair || at == 0 && counted)
    }

    /// Whether the word stands between a place and a name with its value.
    fn is_between_commas(&self, at: usize) -> bool {
        let is_number =
            |at: usize| matches!(self.kind(at), Some(Kind::Number(_) | Kind::Fraction(_)));
        at > 1
            && self.kind(at - 1) == Some(Kind::Comma)
            && is_number(at - 2)
            && self.kind(at + 2) == Some(Kind::Word)
            && matches!(self.kind(at + 3), Some(Kind::Colon | Kind::Equals))
    }

    /// The data in `EP0_train, avg_loss= 8.1`.
    fn data_of_label(&self, at: usize) -> Option<&'a str> {
        let (_, data) = self.text(at, at).rsplit_once('_')?;
        let labels = at == 0
            && self.kind(1) == Some(Kind::Comma)
            && self.kind(2) == Some(Kind::Word)
            && names::is_part_of_data(data);
        labels.then_some(data)
    }

    /// Whether the word is `PER` of `      PER: precision: 71.2%; recall: 68.1%`, a class below what was
    /// measured over all of them (conlleval).
    fn is_of_class(&self, at: usize) -> bool {
        self.tokens[at].gap == Gap::Wide
            && self.text(at, at).bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            && !names::is_level(self.text(at, at))
            && self.kind(at + 1) == Some(Kind::Colon)
            && self.is_measured_word(at + 2)
            && self.kind(at + 3) == Some(Kind::Colon)
    }

    /// Whether a line that begins with this word for data goes on as one that speaks of it:
    /// `Test results`, `CV Batch 3`, `Testing at 4096/24576, loss 0.5`,
    /// `dev valid unofficial: start = 41`, `eval     E: 0    R: 22.1`.
    fn is_heading(&self, at: usize) -> bool {
        let next = self.text(at + 1, at + 1);
        let measured = |at: usize| names::class(self.text(at, at)) == Class::Measured;
        let column = at == 0
            && self.tokens[1].gap == Gap::Wide
            && self.kind(2) == Some(Kind::Colon)
            && !measured(1);
        let says = names::is_held_out(self.text(at, at)) && names::is_prose(next);
        let words = (at + 1..).take_while(|i| self.kind(*i) == Some(Kind::Word) && !measured(*i));
        let end = at + 1 + words.take(MOST_OF_LABEL).count();
        // `Test net output #1: loss = 0.07`
        let counted = self.tokens.get(end).is_some_and(|token| self.byte(token) == b'#');
        let colon = end + 2 * usize::from(counted);
        let label =
            self.kind(colon) == Some(Kind::Colon) && self.kind(colon + 1) == Some(Kind::Word);
        let counts = names::is_counter(names::class(next));
        // `Val NLL     epoch: 0, NLL: -13.40`
        let title = measured(at + 1)
            && self.kind(at + 2) == Some(Kind::Word)
            && self.tokens[at + 2].gap == Gap::Wide;
        names::is_report(next) || counts || column || says || label || title
    }

    /// Whether `train epoch` merely says where: all words before the counter are qualifiers of data.
    pub(super) fn is_place(&self, first: usize, word: usize) -> bool {
        (first..word).all(|i| {
            let text = self.text(i, i);
            names::is_part_of_data(text)
                || ["global", "current", "completed"].iter().any(|w| text.eq_ignore_ascii_case(w))
        })
    }
}
