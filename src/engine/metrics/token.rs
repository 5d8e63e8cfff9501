//! A line as words, numbers and signs. Knows no meaning.

use bstr::decode_utf8;

use super::number::{self, Lexed, Number};

/// A piece of the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// White space before it.
    pub(super) gap: Gap,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Word,
    Number(Number),
    Fraction(Number),
    Junk,
    /// `=`
    Equals,
    Colon,
    Comma,
    Semicolon,
    /// A column's border: `|`, `│`, `•`.
    Pipe,
    Open,
    Close,
    Quote,
    /// A free-standing dash or star.
    Dash,
    /// `->`, `=>`, `--->`, `→`
    Arrow,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    None,
    One,
    /// Two blanks and more, or a tab.
    Wide,
}

/// Splits `line` from `from` on into `tokens`, as long as there are fewer than `limit`.
pub(super) fn split(line: &[u8], from: usize, to: usize, limit: usize, tokens: &mut Vec<Token>) {
    let text = &line[..to];
    let mut at = from;
    while at < to && tokens.len() < limit {
        let blank = text[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let gap = match &text[at..at + blank] {
            [] => Gap::None,
            [b' '] => Gap::One,
            _ => Gap::Wide,
        };
        at += blank;
        if at >= to {
            return;
        }
        let (kind, len) = piece(text, at, gap, at == from);
        tokens.push(Token { kind, start: at, end: at + len, gap });
        at += len;
    }
}

/// The piece at `at` and its length, which is at least one.
fn piece(text: &[u8], at: usize, gap: Gap, first: bool) -> (Kind, usize) {
    let rest = &text[at..];
    let byte = rest[0];
    let signed = matches!(byte, b'-' | b'+' | b'.') && rest.len() > 1;
    let may_be_number = byte.is_ascii_digit()
        || matches!(byte, b'n' | b'N' | b'i' | b'I')
        || (signed && (first || gap != Gap::None || !ends_word(text, at)));
    if may_be_number {
        match number::lex(rest) {
            Some(Lexed::Number(number)) => return (Kind::Number(number), number.len),
            Some(Lexed::Fraction(number)) => return (Kind::Fraction(number), number.len),
            Some(Lexed::Junk { len }) => return (Kind::Junk, len.max(1)),
            Some(Lexed::Word) | None => {}
        }
    }
    let len = if byte == b'|' { norm(rest, gap == Gap::One) } else { word(rest) };
    if len > 0 {
        return (Kind::Word, len);
    }
    sign(rest)
}

fn ends_word(text: &[u8], at: usize) -> bool {
    at > 0 && (text[at - 1].is_ascii_alphanumeric() || matches!(text[at - 1], b')' | b']' | b'.'))
}

/// The length of the word at the start of `rest`. Signs belong to it only between letters.
fn word(rest: &[u8]) -> usize {
    let mut end = 0;
    let mut at = 0;
    while at < rest.len() {
        let byte = rest[at];
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            at += 1;
            end = at;
        } else if matches!(byte, b'-' | b'/' | b'.' | b'@' | b'\'' | b'#' | b'+' | b'^' | b'&')
            && end > 0
            && at == end
        {
            at += 1;
        } else if byte >= 0x80
            && let (Some(letter), len) = decode_utf8(&rest[at..])
            && (letter.is_alphabetic() || end > 0 && letter.is_alphanumeric())
            && at == end
        {
            at += len;
            end = at;
        } else {
            break;
        }
    }
    // `chrF++`
    if end > 0 && rest[end..].starts_with(b"++") {
        return end + 2;
    }
    // `Avg. loss`: an abbreviation keeps its point when a word follows.
    let dotted = rest.get(end) == Some(&b'.') && rest.get(end + 1) == Some(&b' ');
    // `Mel-Spec. Error`
    let start = rest[..end].iter().rposition(|byte| *byte == b'-').map_or(0, |dash| dash + 1);
    let short = |word: &&[u8]| word.eq_ignore_ascii_case(&rest[start..end]);
    if dotted && ABBREVIATED.iter().any(|word| short(&word.as_bytes())) {
        return end + 1;
    }
    end
}

const ABBREVIATED: &[&str] = &[
    "avg", "val", "acc", "prec", "ppl", "err", "max", "min", "std", "cum", "reg", "cls", "num",
    "approx", "est", "spec", "ep", "epo", "iter", "l.r",
];

fn sign(rest: &[u8]) -> (Kind, usize) {
    let one = |kind| (kind, 1);
    let run = || rest.iter().take_while(|b| **b == rest[0]).count();
    match rest[0] {
        b'=' if rest.get(1) == Some(&b'=') => (Kind::Other, run()),
        b'<' | b'>' | b'!' if rest.get(1) == Some(&b'=') => (Kind::Other, 2),
        b'-' | b'=' if arrow(rest) > 0 => (Kind::Arrow, arrow(rest)),
        b'=' => one(Kind::Equals),
        b':' => one(Kind::Colon),
        b',' => one(Kind::Comma),
        b';' => one(Kind::Semicolon),
        b'|' => one(Kind::Pipe),
        b'[' | b'(' | b'{' | b'<' => one(Kind::Open),
        b']' | b')' | b'}' | b'>' => one(Kind::Close),
        b'\'' | b'"' | b'`' => one(Kind::Quote),
        b'-' | b'*' | b'~' => (Kind::Dash, run()),
        // `loss.....: 0.5`
        b'.' => (Kind::Other, run()),
        byte if byte >= 0x80 => wide_sign(rest),
        _ => one(Kind::Other),
    }
}

/// The length of the arrow here, 0 if there is none.
fn arrow(rest: &[u8]) -> usize {
    let shaft = rest.iter().take_while(|b| **b == rest[0]).count();
    if rest.get(shaft) == Some(&b'>') { shaft + 1 } else { 0 }
}

/// The length of `||g||` or `|x|` with a sign behind it, 0 if there is none: a column has borders
/// too, but no sign. Within a line (`apart`) a number may stand behind a blank: `f 1.5 |g| 3.6e+04`.
fn norm(rest: &[u8], apart: bool) -> usize {
    let bars = rest.iter().take_while(|b| **b == b'|').count();
    let inner = rest.get(bars..).map_or(0, word);
    // `|proj g|`
    let second = match rest.get(bars + inner..) {
        Some([b' ', more @ ..]) if word(more) > 0 => 1 + word(more),
        _ => 0,
    };
    let end = bars + inner + second;
    let closed = rest.get(end..).is_some_and(|rest| {
        let (close, behind) = rest.split_at(rest.len().min(bars));
        let signed = matches!(behind.trim_ascii_start().first(), Some(b'=' | b':'));
        let number = matches!(behind, [b' ', b'0'..=b'9' | b'-', ..])
            && second == 0
            && !is_walled(&behind[1..]);
        close.len() == bars && close.iter().all(|b| *b == b'|') && (signed || apart && number)
    });
    if (1..=2).contains(&bars) && inner > 0 && closed { end + bars } else { 0 }
}

/// Whether a border stands behind the next word: `5 | 0.5` is a cell.
fn is_walled(text: &[u8]) -> bool {
    let end = text.iter().take_while(|b| !b.is_ascii_whitespace()).count();
    let next = text[end..].trim_ascii_start();
    matches!(next, [b'|', behind @ ..] if !behind.first().is_some_and(u8::is_ascii_alphabetic))
}

fn wide_sign(rest: &[u8]) -> (Kind, usize) {
    let (letter, len) = decode_utf8(rest);
    let kind = match letter {
        Some('：') => Kind::Colon,
        Some('＝') => Kind::Equals,
        Some('，' | '、') => Kind::Comma,
        Some('；') => Kind::Semicolon,
        Some('│' | '┃' | '║' | '•' | '·' | '┆' | '├' | '└' | '┌' | '╭' | '╰') => {
            Kind::Pipe
        }
        Some('–' | '—') => Kind::Dash,
        Some('→') => Kind::Arrow,
        Some('（' | '【' | '［') => Kind::Open,
        Some('）' | '】' | '］') => Kind::Close,
        Some('“' | '”' | '‘' | '’') => Kind::Quote,
        _ => Kind::Other,
    };
    (kind, len.max(1))
}
