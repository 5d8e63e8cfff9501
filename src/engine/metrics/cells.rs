//! What a cell of a table holds: a value, a list of them, something else, or nothing. It knows no
//! column and no metric.

use bstr::ByteSlice;

use super::names;
use super::number::{self, Lexed, Number};

pub(super) fn blanks(text: &[u8]) -> usize {
    text.len() - text.trim_ascii_start().len()
}

/// The value of a cell; of `3/10` the first. A mark behind it says that it is better, or the best.
pub(super) fn value(cell: &[u8]) -> Option<Number> {
    let cell = cell.trim_ascii();
    let marks = ["↓", "↑", "*", "▲", "▼"];
    let bare = marks.iter().find_map(|mark| cell.strip_suffix(mark.as_bytes()));
    let cell = bare.map_or(cell, |cell| cell.trim_ascii_end());
    match number::lex(cell)? {
        Lexed::Number(n) | Lexed::Fraction(n) if n.len == cell.len() && !n.glued => Some(n),
        _ => None,
    }
}

/// The values of a cell, each with where it stands in it and its place in a list: of
/// `[9.7e-01, 4.8e-01]` both.
pub(super) fn values(cell: &[u8]) -> impl Iterator<Item = (usize, &'static str, Number)> + '_ {
    const PLACES: [&str; 12] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
    let text = cell.trim_ascii();
    let list = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    let list = list.filter(|list| list.split(|byte| *byte == b',').all(|x| value(x).is_some()));
    let count = list.map_or(0, |list| list.split(|byte| *byte == b',').count());
    let places = if count == 1 { &[""][..] } else { &PLACES[..] };
    let mut next = blanks(cell) + 1;
    let inner = list.filter(|_| count <= PLACES.len()).unwrap_or_default();
    let listed = inner.split(|byte| *byte == b',').zip(places).filter_map(move |(part, place)| {
        let at = next + blanks(part);
        next += part.len() + 1;
        value(part).map(|number| (at, *place, number))
    });
    let single = value(cell).map(|number| (blanks(cell), "", number));
    single.into_iter().chain(listed)
}

/// Whether a cell holds nothing, or what is no label either: a time, a hash, a duration.
pub(super) fn is_blank_or_junk(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    // `2025-03-14 09:27:01`, `0.05 sec`
    let is_said = |word: &[u8]| {
        let junk = matches!(number::lex(word), Some(Lexed::Junk { len }) if len == word.len());
        junk || value(word).is_some() || word.to_str().is_ok_and(names::is_time_unit)
    };
    let many = cell.contains(&b' ');
    matches!(cell, b"" | b"-" | b"--" | b"N/A" | b"None")
        || matches!(number::lex(cell), Some(Lexed::Junk { len }) if len == cell.len())
        || many && cell.split(|byte| *byte == b' ').all(is_said)
}
