//! Which words before a number are its name.

use super::found::Form;
use super::names::{self, Class};
use super::number::Style;
use super::pairs::{LONGEST_NAME, Place, Sentence};
use super::token::{Gap, Kind};

/// So many tokens away a name may be repeated.
const NEAR: usize = 12;

impl Sentence<'_> {
    /// First and last token of the name that ends at `place.name`.
    pub(super) fn name(&self, place: &Place) -> Option<(usize, usize)> {
        let tokens = self.tokens;
        if let Some(key) = self.indexed(place) {
            return Some((key, key));
        }
        if let Some(averaged) = self.over_the_last(place.name) {
            return Some(averaged);
        }
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
        if names::is_level(self.text(word, word)) || self.begins_as_value(word) {
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
        // `spectro loss=1.55 vocoder loss=0.005`
        if clean && word > first && self.is_repeated(word) {
            return Some((first, last));
        }
        // `Epoch loaded: 6` names nothing.
        if !clean && names::is_prose(self.text(word, word)) {
            return None;
        }
        // `stopping at epoch: 6` does not say where the run is.
        if !clean && !place.attached && names::is_counter(names::class(self.text(word, word))) {
            return None;
        }
        // `No Obj: 0.01` is another than `Obj`.
        if word > first && self.text(word - 1, word - 1).eq_ignore_ascii_case("no") {
            return Some((word - 1, last));
        }
        // `found at epoch 0 with valid_loss value: 0.62`
        let of = word.checked_sub(1).filter(|of| {
            !clean
                && last == word
                && self.text(word, word).eq_ignore_ascii_case("value")
                && tokens[*of].kind == Kind::Word
                && names::class(self.text(*of, *of)) == Class::Measured
        });
        // `New worst char error = 80.1`: what stands behind the last word that is no name's.
        let says =
            |i: &usize| names::is_prose(self.text(*i, *i)) || names::is_joint(self.text(*i, *i));
        let rest = (first..word).rev().find(says).map(|i| i + 1);
        let rest = rest.filter(|rest| !clean && !place.attached && of.is_none() && word - rest < 4);
        let first = rest.unwrap_or_else(|| self.qualified(of.unwrap_or(word)).0);
        Some((first, of.unwrap_or(last)))
    }

    /// Whether something else on the line has a name that ends with this word.
    fn is_repeated(&self, word: usize) -> bool {
        let text = self.text(word, word);
        let near = word.saturating_sub(NEAR)..self.tokens.len().min(word + NEAR);
        let alike = |at: &usize| {
            *at != word && self.kind(at + 1) == Some(Kind::Equals) && self.text(*at, *at) == text
        };
        names::class(text) == Class::Measured && near.into_iter().any(|at| alike(&at))
    }

    /// Whether the word is `3_loss` of `epoch=3_loss=0.5.ckpt`, where a value ends and a name begins.
    fn begins_as_value(&self, word: usize) -> bool {
        let behind_sign =
            word.checked_sub(1).is_some_and(|sign| self.kind(sign) == Some(Kind::Equals));
        behind_sign && self.byte(&self.tokens[word]).is_ascii_digit()
    }

    /// The key in `metrics['dice']=0.5`.
    fn indexed(&self, place: &Place) -> Option<usize> {
        let start = place.name.checked_sub(5).filter(|_| place.form == Form::Sign)?;
        let [object, open, quote, key, end, close] = &self.tokens[start..=place.name] else {
            return None;
        };
        let is = matches!(object.kind, Kind::Word | Kind::Close)
            && self.byte(open) == b'['
            && open.gap == Gap::None
            && self.byte(close) == b']'
            && [quote, end].iter().all(|token| token.kind == Kind::Quote)
            && key.kind == Kind::Word;
        is.then_some(start + 3)
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

    /// The name in `Average reward over the last 100 episodes: 12.5`, `Mean loss (last 10 steps)`:
    /// of how many it is the average stands between it and the sign.
    fn over_the_last(&self, end: usize) -> Option<(usize, usize)> {
        let kind = |at: usize| self.tokens[at].kind;
        let is = |at: usize, words: &[&str]| {
            kind(at) == Kind::Word
                && words.iter().any(|w| self.text(at, at).eq_ignore_ascii_case(w))
        };
        let unit = end.checked_sub(usize::from(kind(end) == Kind::Close))?;
        let plural = kind(unit) == Kind::Word && self.text(unit, unit).ends_with(['s', 'S']);
        // `loss (avg over last 100)`
        let alone = unit < end && matches!(kind(unit), Kind::Number(_));
        let mut first = unit.checked_sub(usize::from(plural)).filter(|_| plural || alone)?;
        if !matches!(kind(first), Kind::Number(number) if number.style == Style::Integer) {
            return None;
        }
        let mut told = false;
        for words in
            [&["last", "past", "previous", "recent"][..], &["the"], &["over", "across", "per"]]
        {
            let stands = first > 0 && is(first - 1, words);
            told |= stands && words != ["the"];
            first -= usize::from(stands);
        }
        first = first.checked_sub(1)?;
        if told && unit < end && is(first, &["avg", "average", "mean"]) {
            first = first.checked_sub(1)?;
        }
        if told && is(first, &["of", "for", "in", "from"])
            || unit < end && kind(first) == Kind::Open
        {
            told = true;
            first = first.checked_sub(1)?;
        }
        let word = self.text(first, first);
        // `Evaluation over 10 episodes: 31.5`
        let measured = kind(first) == Kind::Word
            && (names::class(word) == Class::Measured || names::is_part_of_data(word));
        (told && measured).then(|| self.qualified(first))
    }

    /// Whether what a logger's header ends with is followed by a name of two words, of which the
    /// second says little: `INFO : topic diff=0.28`.
    fn opens(&self, first: usize, word: usize) -> bool {
        let header = first.checked_sub(1).map(|before| self.tokens[before].kind);
        matches!(header, Some(Kind::Colon | Kind::Close | Kind::Dash))
            && word == first + 1
            // `[CV 1/2] END C=0.1`
            && !self.text(first, first).bytes().any(|byte| byte.is_ascii_uppercase())
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
            && (tokens[first].gap == Gap::One || self.is_data_apart(first))
            && self.is_word(first - 1)
            && !names::is_level(self.text(first - 1, first - 1))
            && !names::is_missing(self.text(first - 1, first - 1))
        {
            first -= 1;
        }
        let after_number = first > 0
            && matches!(
                tokens[first - 1].kind,
                Kind::Number(_) | Kind::Fraction(_) | Kind::Junk | Kind::Close
            );
        // `top 5 acc: 0.12`
        if after_number && first > 1 && self.text(first - 2, first - 2).eq_ignore_ascii_case("top")
        {
            return Some((first - 2, true));
        }
        while after_number && first < word && names::is_unit(self.text(first, first)) {
            first += 1;
        }
        // `E3 S100 loss 0.5`: a name that changes with each line is none.
        while first < word && is_numbered(self.text(first, first), form) {
            first += 1;
        }
        // `on the 500 test images: 81%` is a sentence.
        let counted = after_number
            && first > 1
            && tokens[first - 1].kind != Kind::Junk
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
            let alone = first == word && form != Form::Blank && is_acronym(text);
            // `Test set accuracy 0.93`
            let set = text == "set"
                && form == Form::Blank
                && i > first
                && i + 1 == word
                && names::is_part_of_data(self.text(i - 1, i - 1));
            names::is_prose(text) && !(joins || alone || set) || bound(i) && names::is_joint(text)
        });
        if in_unit && prose && names::class(self.text(word, word)) == Class::Unknown {
            return None;
        }
        // With a sign behind it a name may be long: `Average return per training episode: 12.3`.
        let longest = if form == Form::Blank { LONGEST_NAME } else { LONGEST_NAME + 3 };
        Some((first, !prose && word - first < longest))
    }

    /// `eval      Accuracy`: the names below each other begin in one column.
    fn is_data_apart(&self, at: usize) -> bool {
        self.tokens[at].gap == Gap::Wide
            && self.tokens[at - 1].kind == Kind::Word
            && names::is_part_of_data(self.text(at - 1, at - 1))
            && names::class(self.text(at, at)) == Class::Measured
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
}

/// `IS`, the inception score.
fn is_acronym(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// One to five letters and a number: `E3`, `step100`; `第3轮`, the third epoch. With a sign behind the
/// name, `pal1` of `pal1 conf loss: 0.5` is one of several things that are measured.
fn is_numbered(word: &str, form: Form) -> bool {
    if word.starts_with(|c: char| !c.is_ascii()) {
        return word.contains(|c: char| c.is_ascii_digit());
    }
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (unit, digits) = word.split_at(letters);
    // `epoch_5`, `step-100`
    let digits = match digits.strip_prefix(['_', '-']) {
        Some(digits) if names::is_counter(names::class(unit)) => digits,
        _ => digits,
    };
    let digits = digits.as_bytes();
    let part = unit.len() > 2 && unit.bytes().all(|byte| byte.is_ascii_lowercase());
    if part && form != Form::Blank && names::class(unit) == Class::Unknown {
        return false;
    }
    (1..=5).contains(&letters)
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        && names::class(word) != Class::Measured
}
