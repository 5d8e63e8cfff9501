//! `key=value`, `key: value`, `key value`: names and numbers that stand side by side.

use bstr::ByteSlice;

use super::found::{Candidates, Form};
use super::names::{self, Class};
use super::number::{Number, Style, Unit};
use super::prose;
use super::token::{Gap, Kind, Token};

/// A name has at most so many words.
pub(super) const LONGEST_NAME: usize = 5;

/// A tokenized line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sentence<'a> {
    pub(super) line: &'a [u8],
    pub(super) tokens: &'a [Token],
}

/// Where the name of a number ends, and how the two stand together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The last token of the name.
    pub(super) name: usize,
    pub(super) form: Form,
    /// The sign follows the name at once: `key=`.
    pub(super) attached: bool,
    /// The number stands in brackets of its own: `Epoch [3/10]`.
    pub(super) boxed: bool,
    /// The first token behind the number and what wraps it.
    pub(super) next: usize,
}

/// Offers every pair of the line.
pub(super) fn find(sentence: Sentence<'_>, out: &mut Candidates) {
    sentence.row_number(out);
    sentence.fix_quoted(out);
    if let Some(data) = sentence.shared_data() {
        out.share(data);
    }
    for (at, token) in sentence.tokens.iter().enumerate().skip(sentence.header()) {
        match token.kind {
            Kind::Number(number) => sentence.number(at, number, out),
            Kind::Fraction(number) => {
                sentence.pair(at, number, true, out);
            }
            Kind::Word => {
                if let Some(scope) = sentence.scope(at) {
                    out.set_scope(scope);
                }
            }
            _ => {}
        }
    }
}

impl<'a> Sentence<'a> {
    /// The tokens of `[INFO|DP=0|PP=0|node3]: `, a logger's header.
    fn header(&self) -> usize {
        let opens = |pair: &[Token]| {
            let [open, level] = pair else { return false };
            open.kind == Kind::Open && level.kind == Kind::Word && is_level(self.text_of(level))
        };
        match self.tokens.windows(2).take(8).position(opens) {
            Some(open) if self.closing(open + 1) < self.tokens.len() => self.closing(open + 1),
            _ => 0,
        }
    }

    /// What stands in quotes may be a name, whatever it is.
    fn fix_quoted(&self, out: &mut Candidates) {
        let is_quote = |token: &&Token| token.kind == Kind::Quote;
        let [first, last] = [self.tokens.iter().find(is_quote), self.tokens.iter().rfind(is_quote)];
        if let (Some(first), Some(last)) = (first, last) {
            out.fix(first.start, last.end);
        }
    }

    /// `[12]\ttrain-rmse:0.31`, `10:\tlearn: 0.43`: a row that begins with its step.
    fn row_number(&self, out: &mut Candidates) {
        let (number, next) = match self.tokens {
            [open, number, close, next, ..]
                if open.kind == Kind::Open && close.kind == Kind::Close && open.start == 0 =>
            {
                (number, next)
            }
            [number, colon, next, ..] if colon.kind == Kind::Colon && number.start == 0 => {
                (number, next)
            }
            _ => return,
        };
        if let Kind::Number(step) = number.kind
            && step.style == Style::Integer
            && next.kind == Kind::Word
            && self.byte_before(next) == b'\t'
        {
            out.offer_row(step, number.start);
        }
    }

    fn byte_before(&self, token: &Token) -> u8 {
        token.start.checked_sub(1).and_then(|at| self.line.get(at)).copied().unwrap_or(b' ')
    }

    fn number(self, at: usize, number: Number, out: &mut Candidates) {
        if !self.pair(at, number, false, out) {
            prose::find(self, at, number, out);
        }
    }

    /// Whether the number has a name beside it.
    fn pair(&self, at: usize, number: Number, fraction: bool, out: &mut Candidates) -> bool {
        let Some(place) = self.place(at) else { return false };
        let number = self.with_unit(number, place.next);
        if !self.ends_well(place.next, &number) {
            return false;
        }
        let Some((first, last)) = self.name(&place) else { return false };
        out.fix(self.tokens[first].start, self.tokens[last].end);
        let name = self.text(first, last);
        let head = self.text(place.name_word(self), place.name_word(self));
        let class = names::class(head);
        let counter = is_counter(class);
        if fraction && class == Class::Measured {
            self.share(place.next, name, out);
            return true;
        }
        // `loss: [0.51]` is a list of one, `lr [1]` may be the first of several.
        let one = class == Class::Measured && number.style != Style::Integer;
        if (fraction || place.boxed && place.form != Form::Sign && !one) && !counter {
            return false;
        }
        if self.both(first, last, &number, place.next, out) {
            return true;
        }
        // `Best metric: 76.4 (epoch 12)` does not say where the run is.
        if counter
            && place.form == Form::Blank
            && first > 0
            && matches!(self.byte(&self.tokens[first - 1]), b'(' | b'@')
        {
            return false;
        }
        let name = if counter && self.is_place(first, place.name_word(self)) { head } else { name };
        if place.form == Form::Blank && !self.is_told(first, &place, &number, counter)
            || class == Class::Unknown && self.is_share(place.next, &number)
            || class == Class::Unknown && place.attached && self.is_plain_argument(first)
        {
            return false;
        }
        let form = match place.form {
            Form::Blank if self.is_cell(first, place.next) => Form::Sign,
            _ if class == Class::Unknown && self.is_setting(first, &place) => Form::Blank,
            form => form,
        };
        let best = head.eq_ignore_ascii_case("value") && self.after_best(first);
        let parts: &[&str] = match self.leader(first, place.name) {
            Some(leader) => &[name, leader],
            None if best => &["best", name],
            None => &[name],
        };
        let start = self.tokens[at].start;
        if out.offer(parts, "_", form, number, start) && !fraction {
            self.average(place.next, name, &number, out);
        }
        true
    }

    /// `train/val loss: 0.51 / 0.62`, `loss/acc = 0.51/0.91`: two names and two values.
    fn both(
        &self,
        first: usize,
        last: usize,
        number: &Number,
        next: usize,
        out: &mut Candidates,
    ) -> bool {
        let [slash, second, ..] = &self.tokens[next.min(self.tokens.len())..] else { return false };
        let Kind::Number(second_number) = second.kind else { return false };
        let bare = matches!(self.tokens[next - 1].kind, Kind::Number(_));
        if !bare || self.byte(slash) != b'/' || second_number.style == Style::Integer {
            return false;
        }
        let halves = |at: usize| {
            let (a, b) = self.text(at, at).split_once('/')?;
            let data = names::is_part_of_data(a) && names::is_part_of_data(b);
            let measured = [a, b].iter().all(|word| names::class(word) == Class::Measured);
            (data || measured && first == last).then_some((a, b))
        };
        let Some((at, (a, b))) = (first..=last).find_map(|at| Some((at, halves(at)?))) else {
            return false;
        };
        // `train/val loss`, `loss (train/val)`
        let rest = if at == first && at < last { (at + 1, last) } else { (first, at.max(1) - 1) };
        let rest = if first == last { "" } else { self.text(rest.0, rest.1).trim_end_matches('(') };
        for (half, number, token) in [(a, *number, next - 1), (b, second_number, next + 1)] {
            let start = self.tokens[token].start;
            let parts: &[&str] = if rest.is_empty() { &[half] } else { &[half, rest.trim_end()] };
            out.offer(parts, "_", Form::Sign, number, start);
        }
        true
    }

    /// `loss: train 0.51 | val 0.62`, `reward: mean=1.5, std=0.2`: what data or which figure it is
    /// the name of a number tells, and what was measured stands before them all.
    fn leader(&self, first: usize, last: usize) -> Option<&'a str> {
        let word = self.text(first, last);
        let figure = ["mean", "std", "min", "max", "avg", "median"];
        if first != last
            || !(names::is_part_of_data(word)
                || figure.iter().any(|f| word.eq_ignore_ascii_case(f)))
        {
            return None;
        }
        let leads = |at: &usize| {
            self.tokens[*at].kind == Kind::Colon && self.tokens[at + 1].kind == Kind::Word
        };
        let colon = (1..first).rev().find(leads)?;
        let name = &self.tokens[colon - 1];
        let named = name.kind == Kind::Word
            && names::class(self.text_of(name)) == Class::Measured
            && !names::is_part_of_data(self.text_of(name));
        let (start, end) = named.then(|| self.qualified(colon - 1))?;
        Some(self.text(start, end))
    }

    /// `Accuracy: 9832/10000 (98%)`: the share is the value.
    fn share(&self, next: usize, name: &str, out: &mut Candidates) {
        let [open, inner, close, ..] = &self.tokens[next.min(self.tokens.len())..] else { return };
        let Kind::Number(share) = inner.kind else { return };
        if self.byte(open) == b'(' && close.kind == Kind::Close && share.unit == Unit::Percent {
            out.offer(&[name], "_", Form::Sign, share, inner.start);
        }
    }

    /// `2.0/8 CPUs`: how much of what there is.
    fn is_share(&self, next: usize, number: &Number) -> bool {
        let [slash, whole, ..] = &self.tokens[next.min(self.tokens.len())..] else { return false };
        number.style != Style::Integer
            && self.byte(slash) == b'/'
            && whole.gap == Gap::None
            && matches!(whole.kind, Kind::Number(whole) if whole.style == Style::Integer)
    }

    /// `12.3 seconds`: the unit may be a word of its own.
    fn with_unit(&self, number: Number, next: usize) -> Number {
        match self.tokens.get(next) {
            Some(token) if token.gap != Gap::One => number,
            Some(token) if token.kind == Kind::Word && names::is_time_unit(self.text_of(token)) => {
                Number { unit: Unit::Time, ..number }
            }
            Some(token) if self.text_of(token) == "%" && number.unit == Unit::None => {
                Number { unit: Unit::Percent, ..number }
            }
            _ => number,
        }
    }

    /// The first word of `val Loss: 0.6 Acc: 0.7`, if no other data is spoken of.
    fn shared_data(&self) -> Option<&'a str> {
        let [data, name, sign, ..] = self.tokens else { return None };
        let is_word = |token: &Token| token.kind == Kind::Word;
        let shares = is_word(data)
            && names::is_part_of_data(self.text_of(data))
            && is_word(name)
            && name.gap == Gap::One
            && names::class(self.text_of(name)) == Class::Measured
            && matches!(sign.kind, Kind::Colon | Kind::Equals | Kind::Number(_));
        let mut others = self.tokens[1..].iter().filter(|token| is_word(token));
        (shares && !others.any(|token| names::says_data(self.text_of(token))))
            .then(|| self.text_of(data))
    }

    /// The data that is spoken of from this word on: `Test: [0/48] loss 0.5`, `| valid | loss 5.2`,
    /// `Epoch(val) [3] mae: 0.1`. Training needs no mention.
    fn scope(&self, at: usize) -> Option<&'a str> {
        let word = self.text(at, at);
        if !names::is_part_of_data(word) {
            return None;
        }
        let kind = |at: usize| self.tokens.get(at).map(|t| t.kind);
        let opens = match at.checked_sub(1).and_then(kind) {
            None | Some(Kind::Pipe | Kind::Dash | Kind::Close | Kind::Colon) => true,
            Some(Kind::Open) => {
                let call = at > 1 && is_counter(names::class(self.text(at - 2, at - 2)));
                call || self.byte(&self.tokens[at - 1]) == b'['
            }
            _ => false,
        };
        let told = match kind(at + 1)? {
            // `val: n/a` says that there is no value.
            Kind::Colon => match kind(at + 2) {
                Some(Kind::Word) => {
                    let word = self.text(at + 2, at + 2);
                    !["n/a", "na", "none", "null"].iter().any(|x| word.eq_ignore_ascii_case(x))
                }
                next => matches!(next, None | Some(Kind::Open)),
            },
            Kind::Pipe | Kind::Close => opens,
            Kind::Word => opens && names::is_report(self.text(at + 1, at + 1)),
            _ => false,
        };
        told.then_some(if names::is_held_out(word) { word } else { "" })
    }

    /// `6.8 (7.1)`: the value now, and its average in brackets.
    fn average(&self, next: usize, name: &str, number: &Number, out: &mut Candidates) {
        let [open, inner, close, ..] = &self.tokens[next.min(self.tokens.len())..] else { return };
        let Kind::Number(average) = inner.kind else { return };
        let bracketed = self.byte(open) == b'(' && close.kind == Kind::Close;
        let alike = average.style == number.style || average.style == Style::NonFinite;
        if bracketed && alike && number.style != Style::Integer && average.unit == number.unit {
            out.offer(&[name, "avg"], "_", Form::Sign, average, inner.start);
        }
    }

    /// Steps back from the number over what wraps it, to the name.
    fn place(&self, at: usize) -> Option<Place> {
        let tokens = self.tokens;
        let mut before = at;
        let mut next = at + 1;
        let mut boxed = false;
        while let Some(wrap) = before.checked_sub(1) {
            match tokens[wrap].kind {
                Kind::Quote if tokens.get(next).is_some_and(|t| t.kind == Kind::Quote) => next += 1,
                Kind::Open if self.byte(&tokens[wrap]) == b'[' => {
                    if matches!(tokens[at].kind, Kind::Number(number) if number.maybe_list)
                        || tokens.get(next).is_none_or(|t| t.kind != Kind::Close)
                    {
                        return None;
                    }
                    next += 1;
                    boxed = true;
                }
                Kind::Open if self.byte(&tokens[wrap]) == b'(' => {
                    let call = wrap.checked_sub(1)?;
                    if tokens[wrap].gap != Gap::None || !is_wrapper(self.text(call, call)) {
                        return None;
                    }
                    next = self.closing(next);
                    before = call;
                    continue;
                }
                // `Epoch #3`
                Kind::Other if self.byte(&tokens[wrap]) == b'#' => {}
                _ => break,
            }
            before = wrap;
        }
        let sign = before.checked_sub(1)?;
        let attached = tokens[sign].gap == Gap::None;
        let form = match tokens[sign].kind {
            Kind::Equals => Form::Sign,
            Kind::Colon if attached && tokens[before].gap == Gap::None => Form::Tight,
            Kind::Colon => Form::Sign,
            Kind::Word | Kind::Close if boxed || tokens[before].gap != Gap::None => {
                return Some(Place { name: sign, form: Form::Blank, attached, boxed, next });
            }
            _ => return None,
        };
        let attached = attached && tokens[sign].kind == Kind::Equals;
        // `Epoch: [3/10]` names a place as `Epoch [3/10]` does; `lr=[0.1]` is a list of one.
        let form = if boxed && tokens[sign].kind == Kind::Colon { Form::Tight } else { form };
        Some(Place { name: sign.checked_sub(1)?, form, attached, boxed, next })
    }

    /// The token behind the bracket that is open at `from`.
    fn closing(&self, from: usize) -> usize {
        let mut depth = 1_u32;
        for (at, token) in self.tokens.iter().enumerate().skip(from) {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close if depth == 1 => return at + 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// Whether the number is complete where it ends.
    fn ends_well(&self, next: usize, number: &Number) -> bool {
        let Some(token) = self.tokens.get(next) else { return true };
        if token.gap == Gap::One
            && let Kind::Number(other) = token.kind
        {
            // `0h 5m 3s` is one duration, `0.1 0.2 0.3` is a list without names.
            let duration = number.unit == Unit::Time && other.unit == Unit::Time;
            let bare = self.tokens.get(next + 1).is_none_or(|t| t.kind != Kind::Word);
            let list = number.unit == Unit::None && other.style == number.style && bare;
            return !(duration || list && number.style != Style::Integer);
        }
        if token.gap != Gap::None {
            return true;
        }
        match token.kind {
            Kind::Word => number.glued,
            // A bar's percentage: `45%|███`.
            Kind::Pipe => number.unit != Unit::Percent,
            Kind::Comma | Kind::Semicolon | Kind::Close | Kind::Quote | Kind::Open => true,
            Kind::Colon => self.tokens.get(next + 1).is_none_or(|t| t.gap != Gap::None),
            Kind::Other => matches!(self.byte(token), b'.' | b'!' | b'/' | b'+' | 0x80..),
            _ => false,
        }
    }

    /// `| clip 0 |`: a cell with a name and a number in it, and nothing else.
    fn is_cell(&self, first: usize, next: usize) -> bool {
        let walls = |at: usize| self.tokens.get(at).is_none_or(|t| t.kind == Kind::Pipe);
        let before = first.checked_sub(1).is_some_and(walls);
        before && walls(next) && self.tokens[first].gap == Gap::One
    }

    /// Whether `key value` without a sign is more than two words of a sentence.
    fn is_told(&self, first: usize, place: &Place, number: &Number, counter: bool) -> bool {
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
            || self.is_followed_by_more(place.next)
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
    fn is_setting(&self, first: usize, place: &Place) -> bool {
        let quoted = first == 1 && self.tokens[0].kind == Kind::Quote;
        let listed = self.tokens.get(place.next).is_some_and(|t| t.kind == Kind::Comma);
        if (first == 0 && listed || quoted) && place.next + usize::from(listed) == self.tokens.len()
        {
            return true;
        }
        place.attached && self.callee(first).is_some_and(is_type)
    }

    /// `weight(decay=0.0)`; in `val(mean=0.5)` it is a value.
    fn is_plain_argument(&self, first: usize) -> bool {
        self.callee(first).is_some_and(|name| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && names::class(name) == Class::Unknown
                && !names::is_part_of_data(name)
        })
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

    /// Whether `train epoch` merely says where: all words before the counter are qualifiers of data.
    fn is_place(&self, first: usize, word: usize) -> bool {
        (first..word).all(|i| {
            let text = self.text(i, i);
            names::is_part_of_data(text)
                || ["global", "current", "completed"].iter().any(|w| text.eq_ignore_ascii_case(w))
        })
    }

    /// Whether a sentence about the best one began a few words before.
    fn after_best(&self, first: usize) -> bool {
        (first.saturating_sub(6)..first).any(|i| self.text(i, i).eq_ignore_ascii_case("best"))
    }

    /// Whether the token stands alone in brackets that belong to a word: `Avg(100)`.
    fn is_call(&self, at: usize) -> bool {
        let kind = |at: Option<usize>| at.and_then(|at| self.tokens.get(at)).map(|t| t.kind);
        let (open, word) = (at.checked_sub(1), at.checked_sub(2));
        kind(open) == Some(Kind::Open)
            && kind(word) == Some(Kind::Word)
            && kind(Some(at + 1)) == Some(Kind::Close)
            && self.tokens[at - 1].gap == Gap::None
    }

    pub(super) fn byte(&self, token: &Token) -> u8 {
        self.line.get(token.start).copied().unwrap_or(b' ')
    }

    pub(super) fn text_of(&self, token: &Token) -> &'a str {
        self.line[token.start..token.end].to_str().unwrap_or_default()
    }

    pub(super) fn text(&self, first: usize, last: usize) -> &'a str {
        let line = &self.line[self.tokens[first].start..self.tokens[last].end];
        line.to_str().unwrap_or_default()
    }
}

impl Place {
    /// The last word of the name; what follows it is in brackets: `Epoch(train)`, `time (ms)`.
    pub(super) fn name_word(&self, sentence: &Sentence<'_>) -> usize {
        let tokens = sentence.tokens;
        if tokens[self.name].kind != Kind::Close {
            return self.name;
        }
        match self.opening(sentence) {
            Some(open)
                if open > 0
                    && tokens[open - 1].kind == Kind::Word
                    && tokens[open].gap != Gap::Wide
                    && sentence.byte(&tokens[open]) == b'(' =>
            {
                open - 1
            }
            _ => self.name,
        }
    }

    /// The bracket that the last token of the name closes. Words stand between, or what is counted
    /// over, as in `Avg(100)`.
    fn opening(&self, sentence: &Sentence<'_>) -> Option<usize> {
        let mut depth = 0_u32;
        for at in (self.name.saturating_sub(8)..=self.name).rev() {
            match sentence.tokens[at].kind {
                Kind::Close => depth += 1,
                Kind::Open if depth <= 1 => return Some(at),
                Kind::Open => depth -= 1,
                Kind::Word | Kind::Other => {}
                Kind::Number(n) if n.style == Style::Integer && sentence.is_call(at) => {}
                _ => return None,
            }
        }
        None
    }
}

/// `tensor(0.5, ...)`, `Array(0.5)`, `np.float64(0.5)`: a value and how it is stored.
pub(super) fn is_wrapper(word: &str) -> bool {
    let word = word.rsplit('.').next().unwrap_or(word).as_bytes();
    ["tensor", "array", "devicearray", "float", "int", "double", "scalar", "decimal", "parameter"]
        .iter()
        .any(|kind| {
            word.len() >= kind.len() && word[..kind.len()].eq_ignore_ascii_case(kind.as_bytes())
        })
}

/// `Dropout`, `LayerNorm`; `Loss(train=0.5)` is none.
fn is_type(word: &str) -> bool {
    let capitals = word.bytes().filter(u8::is_ascii_uppercase).count();
    let camel = capitals > 1 && word.bytes().any(|byte| byte.is_ascii_lowercase());
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && (camel || names::class(word) == Class::Unknown)
}

pub(super) fn is_counter(class: Class) -> bool {
    matches!(class, Class::Epoch | Class::Step | Class::Counted)
}

pub(super) fn is_level(word: &str) -> bool {
    [
        "INFO", "WARN", "WARNING", "DEBUG", "ERROR", "SUCCESS", "NOTICE", "TRACE", "CRITICAL",
        "FATAL", "Info",
    ]
    .contains(&word)
}
