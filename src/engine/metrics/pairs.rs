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
    let in_turn = sentence.shares_in_turn(out);
    let mut held = sentence.conditions(0);
    for (at, token) in sentence.tokens.iter().enumerate().skip(sentence.header()) {
        if let Some(conditions) = held.filter(|held| held.hold(at) || held.value() == at) {
            if let (Kind::Number(number), true) = (token.kind, conditions.value() == at) {
                sentence.offer_held(conditions, number, out);
                held = sentence.conditions(at);
            }
            continue;
        }
        match token.kind {
            Kind::Number(number) => sentence.number(at, number, out),
            Kind::Fraction(number) => {
                sentence.pair(at, number, true, out);
            }
            Kind::Word => {
                // `0.5top1`: not seen as a word from outside.
                let glued = token.gap == Gap::None && at > 0;
                if glued && matches!(sentence.tokens[at - 1].kind, Kind::Number(_)) {
                    out.fix(token.start, token.end);
                }
                if let Some(scope) = sentence.scope(at) {
                    out.set_scope(scope);
                } else if in_turn && sentence.is_data_of_more(at) {
                    out.share(sentence.text(at, at));
                }
            }
            _ => {}
        }
    }
}

impl<'a> Sentence<'a> {
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
        // `lr: 0.1 -> 0.01`: it was, and is no more.
        if self.is_changed(at) {
            return;
        }
        if self.listed(at, number, out) || self.in_order(at, number, out) {
            return;
        }
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
        // `KL divergence after 250 iterations with early exaggeration: 57.3`
        if class == Class::Unknown && self.subject(at, place.next).is_some() {
            return false;
        }
        let counter = names::is_counter(class);
        if fraction && (class == Class::Measured || !counter && self.is_ratio(place.next)) {
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
        if place.form == Form::Blank && class == Class::Measured && self.is_step_of(at) {
            return true;
        }
        // `over the last 100 episodes`
        if place.form == Form::Blank
            && ["last", "past", "previous"].iter().any(|word| head.eq_ignore_ascii_case(word))
        {
            return false;
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
            || self.is_option(first, &place)
        {
            return false;
        }
        let form = match place.form {
            Form::Blank if self.is_cell(first, place.next) => Form::Sign,
            _ if class == Class::Unknown && self.is_setting(first, &place) => Form::Blank,
            form => form,
        };
        let best = head.eq_ignore_ascii_case("value") && self.after_best(first, name);
        let leader = self.leader(first, place.name);
        let before = leader.or_else(|| self.group(first)).map(|(first, last)| {
            out.fix(self.tokens[first].start, self.tokens[last].end);
            self.text(first, last)
        });
        let (parts, join): (&[&str], &str) = match before {
            Some(before) if leader.is_some() => (&[name, before], "_"),
            Some(group) if group.ends_with(name) => (&[group], "_"),
            Some(group) => (&[group, name], "/"),
            None if best => (&["best", name], "_"),
            None => (&[name], "_"),
        };
        let start = self.tokens[at].start;
        if out.offer(parts, join, form, number, start) && !fraction {
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
            let said = |word| names::is_part_of_data(word) || names::is_figure(word);
            let data = said(a) && said(b);
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

    /// `Accuracy: 9832/10000 (98%)`, `acc: 45/60 (0.75)`, `HellaSwag: 2501/10042 = 0.249`: the share is the value.
    fn share(&self, next: usize, name: &str, out: &mut Candidates) {
        if self.is_ratio(next)
            && let Kind::Number(ratio) = self.tokens[next + 1].kind
        {
            let ratio = self.with_unit(ratio, next + 2);
            out.offer(&[name], "_", Form::Sign, ratio, self.tokens[next + 1].start);
            return;
        }
        let [open, inner, close, ..] = &self.tokens[next.min(self.tokens.len())..] else { return };
        let Kind::Number(share) = inner.kind else { return };
        let is_share = share.unit == Unit::Percent || matches!(share.style, Style::Decimal(1..));
        if self.byte(open) == b'(' && close.kind == Kind::Close && is_share {
            out.offer(&[name], "_", Form::Sign, share, inner.start);
        }
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

    /// Whether an arrow leads from the number to the next.
    fn is_changed(&self, at: usize) -> bool {
        let kind = |at: usize| self.tokens.get(at).map(|token| token.kind);
        let is_number = |at: usize| matches!(kind(at), Some(Kind::Number(_)));
        is_number(at) && kind(at + 1) == Some(Kind::Arrow) && is_number(at + 2)
    }

    /// Whether something measured stands before the token, and blanks, dots or an arrow lead from
    /// it to the number: `Loss -> 0.5`, `Loss ..... 0.5`.
    fn is_leader(&self, at: usize) -> bool {
        let [name, leader] = &self.tokens[at.saturating_sub(1)..=at] else { return false };
        let leads = match leader.kind {
            Kind::Arrow => true,
            Kind::Dash => leader.gap == Gap::One,
            // `eval Accuracy |  0.55`, and nothing else.
            Kind::Pipe => {
                let pointed = |n: Number| matches!(n.style, Style::Decimal(1..));
                leader.gap == Gap::One
                    && self.tokens.len() == at + 2
                    && matches!(self.kind(at + 1), Some(Kind::Number(n)) if pointed(n))
            }
            Kind::Other => self.byte(leader) == b'.' && leader.end - leader.start > 2,
            _ => false,
        };
        leads && name.kind == Kind::Word && names::class(self.text_of(name)) == Class::Measured
    }

    /// Steps back from the number over what wraps it, to the name.
    fn place(&self, at: usize) -> Option<Place> {
        let tokens = self.tokens;
        let mut before = at;
        while before > 1 && self.is_changed(before - 2) {
            before -= 2;
        }
        let mut next = at + 1;
        let mut boxed = false;
        // `loss: <tf.Tensor: shape=(), dtype=float32, numpy=0.5>`
        if at > 2 && self.text(at - 2, at - 1) == "numpy=" {
            let open = |t: &Token| t.kind == Kind::Open && self.byte(t) == b'<';
            before = tokens[..at].iter().rposition(open)?;
            next = self.closing(next);
        }
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
                // `lr:(1e-4,)`
                Kind::Open if self.is_tuple_of_one(wrap, next) => next += 2,
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
            _ if tokens[before].gap != Gap::None && self.is_leader(sign) => Form::Sign,
            Kind::Comma if self.is_tuple(sign) => Form::Sign,
            Kind::Number(_) if self.is_step_between(sign, before) => Form::Sign,
            Kind::Word | Kind::Close if boxed || tokens[before].gap != Gap::None => {
                return Some(Place { name: sign, form: Form::Blank, attached, boxed, next });
            }
            _ => return None,
        };
        let attached = attached && tokens[sign].kind == Kind::Equals;
        // `Epoch: [3/10]` names a place as `Epoch [3/10]` does; `lr=[0.1]` is a list of one.
        let form = if boxed && tokens[sign].kind == Kind::Colon { Form::Tight } else { form };
        // `Validation loss 50: 0.57`
        let name = sign.checked_sub(1)?;
        let name = name.checked_sub(usize::from(self.is_step_between(name, before)))?;
        // `Loss....: 0.5`
        let dots = self.text_of(&tokens[name]).bytes().all(|byte| byte == b'.');
        // `learning rate is: 0.1`
        let is = self.text_of(&tokens[name]) == "is" && tokens[name].gap == Gap::One;
        Some(Place {
            name: name.checked_sub(usize::from(dots || is))?,
            form,
            attached,
            boxed,
            next,
        })
    }

    /// The token behind the bracket that is open at `from`.
    pub(super) fn closing(&self, from: usize) -> usize {
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

    /// Whether the token stands alone in brackets that belong to a word: `Avg(100)`.
    fn is_call(&self, at: usize) -> bool {
        let kind = |at: Option<usize>| at.and_then(|at| self.tokens.get(at)).map(|t| t.kind);
        let (open, word) = (at.checked_sub(1), at.checked_sub(2));
        kind(open) == Some(Kind::Open)
            && kind(word) == Some(Kind::Word)
            && kind(Some(at + 1)) == Some(Kind::Close)
            && self.tokens[at - 1].gap == Gap::None
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
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
                    && (sentence.byte(&tokens[open]) == b'('
                        || names::is_part_of_data(sentence.text(open + 1, self.name - 1))) =>
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
