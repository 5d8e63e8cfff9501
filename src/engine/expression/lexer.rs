//! Text to tokens: numbers with units, names with slashes, operators.

use std::time::Duration;

use crate::engine::expression::ExpressionError;
use crate::time::parse_duration;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// `3`, `1e-4`, `95%` (which is 95).
    Number(f64),
    /// `5m`, `1h30m`.
    Duration(Duration),
    /// `10GB`, in bytes.
    Bytes(f64),
    Name(String),
    /// A metric's name in quotation marks: `'val loss'`.
    Quoted(String),
    Operator(&'static str),
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) offset: usize,
    pub(super) length: usize,
}

/// The longest first, since `<=` starts with `<`.
const OPERATORS: [&str; 13] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ","];

/// What people write who know other languages.
const FOREIGN: [(&str, &str); 6] = [
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("=>", "write `>=`"),
    ("=<", "write `<=`"),
    ("=", "write `==` to compare"),
    ("!", "write `not`"),
];

pub(super) fn tokens(text: &str) -> Result<Vec<Lexeme>, ExpressionError> {
    let mut lexemes = Vec::new();
    let mut offset = 0;
    loop {
        let rest = &text[offset..];
        let blank = rest.len() - rest.trim_start().len();
        offset += blank;
        let rest = &text[offset..];
        if rest.is_empty() {
            lexemes.push(Lexeme { token: Token::End, offset, length: 0 });
            return Ok(lexemes);
        }
        let (token, length) = token(rest).map_err(|mut error| {
            error.offset += offset;
            error
        })?;
        lexemes.push(Lexeme { token, offset, length });
        offset += length;
    }
}

/// The first token of a text that is not blank, and its length.
fn token(rest: &str) -> Result<(Token, usize), ExpressionError> {
    let first = rest.chars().next().unwrap_or_default();
    let second = rest.chars().nth(1).unwrap_or_default();
    if first.is_ascii_digit() || (first == '.' && second.is_ascii_digit()) {
        return number(rest);
    }
    if first.is_alphabetic() || first == '_' {
        return name(rest);
    }
    if matches!(first, '\'' | '"' | '`') {
        return quoted(rest, first);
    }
    let foreign = FOREIGN.iter().find(|(written, _)| rest.starts_with(written));
    let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
    match (operator, foreign) {
        (Some(operator), _) => Ok((Token::Operator(operator), operator.len())),
        (None, Some((written, hint))) => {
            Err(error(written.len(), format!("`{written}` is no operator here"), Some(hint)))
        }
        (None, None) => Err(error(first.len_utf8(), format!("`{first}` is unexpected"), None)),
    }
}

/// A metric's or function's name. A slash, dot, `@` or colon belongs to it only between two of
/// its other characters, so `loss / 2` is a division and `train/loss` is not.
fn name(rest: &str) -> Result<(Token, usize), ExpressionError> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut length = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let joined = chars.peek().is_some_and(|&(_, next)| word(next));
        if !(word(c) || (matches!(c, '/' | '.' | '@' | ':') && joined)) {
            break;
        }
        length = at + c.len_utf8();
    }
    let name = &rest[..length];
    if name.rsplit_once('/').is_some_and(|(_, last)| last.chars().all(|c| c.is_ascii_digit())) {
        let message = format!("`{name}` reads as the name of one metric");
        let hint = "a division has spaces around its slash; a name like this is quoted";
        return Err(error(length, message, Some(hint)));
    }
    Ok((Token::Name(name.to_owned()), length))
}

fn quoted(rest: &str, mark: char) -> Result<(Token, usize), ExpressionError> {
    match rest[1..].find(mark) {
        Some(0) => Err(error(2, "the name is empty".to_owned(), None)),
        Some(length) => Ok((Token::Quoted(rest[1..=length].to_owned()), length + 2)),
        None => Err(error(rest.len(), format!("the closing {mark} is missing"), None)),
    }
}

fn number(rest: &str) -> Result<(Token, usize), ExpressionError> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| {
        from + bytes[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count()
    };
    let mut end = digits(0);
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    let unit_at = end;
    let tail = bytes[end..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'.').count();
    let end = if bytes.get(end) == Some(&b'%') { end + 1 } else { end + tail };
    let whole = &rest[..end];
    let Ok(value) = rest[..unit_at].parse::<f64>() else {
        return Err(error(end, format!("`{whole}` is no number"), None));
    };
    let token = match &rest[unit_at..end] {
        "" | "%" => Token::Number(value),
        unit => match (size(unit), parse_duration(whole)) {
            (Some(factor), _) => Token::Bytes(value * factor),
            (None, Ok(duration)) => Token::Duration(duration),
            (None, Err(_)) => {
                let hint =
                    "units are ms, s, m, h, d, w, %, and B, kB, MB, GB, TB, KiB, MiB, GiB, TiB";
                return Err(error(end, format!("the unit of `{whole}` is unknown"), Some(hint)));
            }
        },
    };
    Ok((token, end))
}

/// Bytes in a unit: powers of 1000, with an `i` of 1024.
fn size(unit: &str) -> Option<f64> {
    let lower = unit.to_ascii_lowercase();
    let prefix = lower.strip_suffix('b')?;
    let (prefix, base) = match prefix.strip_suffix('i') {
        Some(prefix) => (prefix, 1024.0_f64),
        None => (prefix, 1000.0),
    };
    let power = match prefix {
        "" if base == 1000.0 => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    Some(base.powi(power))
}

fn error(length: usize, message: String, hint: Option<&str>) -> ExpressionError {
    ExpressionError { offset: 0, len: length, message, hint: hint.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Token {
        let mut lexemes = tokens(text).unwrap();
        assert_eq!(lexemes.len(), 2, "{text}: {lexemes:?}");
        lexemes.swap_remove(0).token
    }

    #[test]
    fn numbers_have_units() {
        for (text, token) in [
            ("3", Token::Number(3.0)),
            (".5", Token::Number(0.5)),
            ("1e-4", Token::Number(1e-4)),
            ("2.5E3", Token::Number(2500.0)),
            ("95%", Token::Number(95.0)),
            ("10GB", Token::Bytes(1e10)),
            ("10GiB", Token::Bytes(10_737_418_240.0)),
            ("5kB", Token::Bytes(5e3)),
            ("7B", Token::Bytes(7.0)),
            ("5m", Token::Duration(Duration::from_secs(300))),
            ("1h30m", Token::Duration(Duration::from_secs(5400))),
            ("250ms", Token::Duration(Duration::from_millis(250))),
        ] {
            assert_eq!(one(text), token, "{text}");
        }
    }

    #[test]
    fn a_slash_within_a_name_belongs_to_it() {
        for name in ["loss", "train/loss", "eval.acc@1", "disk.free", "valid:loss", "損失"] {
            assert_eq!(one(name), Token::Name(name.to_owned()));
        }
        assert_eq!(tokens("loss / 2").unwrap().len(), 4);
        assert_eq!(tokens("loss/ 2").unwrap().len(), 4);
        assert_eq!(one("'val loss'"), Token::Quoted("val loss".to_owned()));
    }

    #[test]
    fn errors_know_their_place() {
        for (text, offset, length) in [
            ("loss = 3", 5, 1),
            ("loss > 5x", 7, 2),
            ("loss/2 > 3", 0, 6),
            ("loss > 1.2.3", 7, 5),
            ("a && b", 2, 2),
            ("'open", 0, 5),
            ("loss > §", 7, 2),
            ("10e", 0, 3),
            ("1iB", 0, 3),
        ] {
            let error = tokens(text).unwrap_err();
            assert_eq!((error.offset, error.len), (offset, length), "{text}: {error}");
        }
    }
}
