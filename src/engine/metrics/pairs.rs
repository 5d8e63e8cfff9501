//! `key=value`, `key: value`, `key value`: names and numbers that stand side by side.

use bstr::ByteSlice;

use super::found::{Candidates, Form};
use super::names::{self, Class};
use super::number::{Number, Style, Unit};
use super::prose;
use super::token::{Gap, Kind, Token};

/// A name has at most so many words.
const LONGEST_NAME: usize = 5;

/// A tokenized line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sentence<'a> {
    pub(super) line: &'a [u8],
    pub(super) tokens: &'a [Token],
}

/// Where the name of a number ends, and how the two stand together.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The last token of the name.
    name: usize,
    form: Form,
    /// The sign follows the name at once: `key=`.
    attached: bool,
    /// The number stands in brackets of its own: `Epoch [3/10]`.
    boxed: bool,
    /// The first token behind the number and what wraps it.
    next: usize,
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
        if (fraction || place.boxed && place.form != Form::Sign) && !counter {
            return false;
        }
        // `Best metric: 76.4 (epoch 12)` does not say where the run is.
        if counter
            && place.form == Form::Blank
            && first > 0
            && self.byte(&self.tokens[first - 1]) == b'('
        {
            return false;
        }
        let name = if counter && self.is_place(first, place.name_word(self)) { head } else { name };
        if place.form == Form::Blank && !self.is_told(first, &place, &number, counter)
            || class == Class::Unknown && self.is_share(place.next, &number)
        {
            return false;
        }
        let form = match place.form {
            Form::Blank if self.is_cell(first, place.next) => Form::Sign,
            form => form,
        };
        let best = head.eq_ignore_ascii_case("value") && self.after_best(first);
        let parts: &[&str] = if best { &["best", name] } else { &[name] };
        let start = self.tokens[at].start;
        if out.offer(parts, "_", form, number, start) && !fraction {
            self.average(place.next, name, &number, out);
        }
        true
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

    /// First and last token of the name that ends at `place.name`.
    fn name(&self, place: &Place) -> Option<(usize, usize)> {
        let tokens = self.tokens;
        let last = self.without_range(place);
        let place = &Place { name: last, ..*place };
        match tokens[last].kind {
            Kind::Word => {}
            Kind::Quote if place.form != Form::Blank => {
                let open = (0..last).rev().find(|i| tokens[*i].kind == Kind::Quote)?;
                return (open + 1 < last).then_some((open + 1, last - 1));
            }
            Kind::Close if place.name_word(self) < last => {}
            _ => return None,
        }
        let word = place.name_word(self);
        if is_level(self.text(word, word)) {
            return None;
        }
        let (first, clean) = self.words_back(word, place.form)?;
        if place.form == Form::Blank {
            return clean.then_some((first, last));
        }
        let listed = first > 0 && tokens[first - 1].kind == Kind::Comma;
        let entry = listed || self.is_entry(first, place.next) || self.opens(first, word);
        if clean && (!place.attached || entry) {
            return Some((first, last));
        }
        // `Epoch loaded: 6` names nothing.
        if !clean && names::is_prose(self.text(word, word)) {
            return None;
        }
        // `stopping at epoch: 6` does not say where the run is.
        if !clean && !place.attached && is_counter(names::class(self.text(word, word))) {
            return None;
        }
        // `found at epoch 0 with valid_loss value: 0.62`
        let of = word.checked_sub(1).filter(|of| {
            !clean
                && last == word
                && self.text(word, word).eq_ignore_ascii_case("value")
                && tokens[*of].kind == Kind::Word
                && names::class(self.text(*of, *of)) == Class::Measured
        });
        let first = self.qualified(of.unwrap_or(word)).0;
        Some((first, of.unwrap_or(last)))
    }

    /// The end of the name in `avg. loss [1351-1425]: -385.1`, where what it is over follows it.
    fn without_range(&self, place: &Place) -> usize {
        let Some(start) = place.name.checked_sub(3) else { return place.name };
        let [word, open, range, close] = &self.tokens[start..=place.name] else {
            return place.name;
        };
        let over = matches!(range.kind, Kind::Junk | Kind::Number(_) | Kind::Fraction(_))
            && self.byte(open) == b'['
            && self.byte(close) == b']'
            && word.kind == Kind::Word
            && names::class(self.text_of(word)) == Class::Measured;
        if over && place.form == Form::Sign && !place.attached { start } else { place.name }
    }

    /// Whether what a logger's header ends with is followed by a name of two words, of which the
    /// second says little: `INFO : topic diff=0.28`.
    fn opens(&self, first: usize, word: usize) -> bool {
        let header = first.checked_sub(1).map(|before| self.tokens[before].kind);
        matches!(header, Some(Kind::Colon | Kind::Close | Kind::Dash))
            && word == first + 1
            && names::class(self.text(word, word)) == Class::Unknown
    }

    /// The name that ends with token `last`: with the words before it that belong to it.
    pub(super) fn qualified(&self, last: usize) -> (usize, usize) {
        let mut first = last;
        while first > 0
            && last - first < 2
            && self.tokens[first].gap == Gap::One
            && self.tokens[first - 1].kind == Kind::Word
            && names::is_qualifier(self.text(first - 1, first - 1))
        {
            first -= 1;
        }
        (first, last)
    }

    /// Whether an indented line is this pair alone: `    Peak GPU memory (MB)=4,712`.
    fn is_entry(&self, first: usize, next: usize) -> bool {
        first == 0 && next >= self.tokens.len() && self.tokens[0].gap != Gap::None
    }

    /// Back over the words of a name that ends with token `word`: its first token, and whether it
    /// reads as a name and not as a sentence.
    fn words_back(&self, word: usize, form: Form) -> Option<(usize, bool)> {
        let tokens = self.tokens;
        let mut first = word;
        while first > 0
            && tokens[first].gap == Gap::One
            && self.is_word(first - 1)
            && !is_level(self.text(first - 1, first - 1))
        {
            first -= 1;
        }
        let after_number = first > 0
            && matches!(
                tokens[first - 1].kind,
                Kind::Number(_) | Kind::Fraction(_) | Kind::Junk | Kind::Close
            );
        while after_number && first < word && names::is_unit(self.text(first, first)) {
            first += 1;
        }
        // `E3 S100 loss 0.5`: a name that changes with each line is none.
        while first < word && is_numbered(self.text(first, first)) {
            first += 1;
        }
        // `on the 500 test images: 81%` is a sentence.
        let counted = after_number
            && first > 1
            && self.tokens[first - 2].kind == Kind::Word
            && names::is_prose(self.text(first - 2, first - 2));
        if counted && names::class(self.text(word, word)) == Class::Unknown {
            return None;
        }
        // `step timing in s` is a name, and `s` is none.
        let in_unit = word > first && self.text(word - 1, word - 1).eq_ignore_ascii_case("in");
        // `number of steps:` is a name, `accuracy of 0.9` is a sentence.
        let bound = |i: usize| form == Form::Blank || i == first || i == word;
        let prose = (first..=word).any(|i| {
            let text = self.text(i, i);
            let joins = in_unit && i + 1 == word && names::is_unit(self.text(word, word));
            names::is_prose(text) && !joins || bound(i) && names::is_joint(text)
        });
        if in_unit && prose && names::class(self.text(word, word)) == Class::Unknown {
            return None;
        }
        Some((first, !prose && word - first < LONGEST_NAME))
    }

    /// A word; also `nan` in `number of nan iterations`.
    fn is_word(&self, at: usize) -> bool {
        match self.tokens[at].kind {
            Kind::Word => true,
            Kind::Number(number) if number.style == Style::NonFinite && at > 0 => {
                names::is_joint(self.text(at - 1, at - 1))
            }
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

    fn byte(&self, token: &Token) -> u8 {
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
    fn name_word(&self, sentence: &Sentence<'_>) -> usize {
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

/// One to five letters and a number: `E3`, `step100`; `第3轮`, the third epoch.
fn is_numbered(word: &str) -> bool {
    if word.starts_with(|c: char| !c.is_ascii()) {
        return word.contains(|c: char| c.is_ascii_digit());
    }
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let digits = &word.as_bytes()[letters..];
    (1..=5).contains(&letters)
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        && names::class(word) != Class::Measured
}

pub(super) fn is_counter(class: Class) -> bool {
    matches!(class, Class::Epoch | Class::Step | Class::Counted)
}

fn is_level(word: &str) -> bool {
    [
        "INFO", "WARN", "WARNING", "DEBUG", "ERROR", "SUCCESS", "NOTICE", "TRACE", "CRITICAL",
        "FATAL", "Info",
    ]
    .contains(&word)
}
