//! Where in the file a part of a value stands, so that the caret points into a pattern and not
//! merely at its line.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::yaml::{Node, Value};

/// The bytes of `text` (the file) that `part` (bytes of the value of `node`) was read from; all
/// of the node where they cannot be told.
pub(super) fn of_part(text: &str, node: &Node, part: Range<usize>) -> Range<usize> {
    let whole = || node.span.clone();
    let Value::Scalar { text: value, style } = &node.value else {
        return whole();
    };
    let Some(written) = text.get(node.span.clone()) else {
        return whole();
    };
    let start = offset(written, value, *style, part.start);
    let end = offset(written, value, *style, part.end);
    match (start, end) {
        (Some(start), Some(end)) if start <= end => node.span.start + start..node.span.start + end,
        _ => whole(),
    }
}

/// The offset in what is written of an offset in its value.
fn offset(written: &str, value: &str, style: ScalarStyle, wanted: usize) -> Option<usize> {
    match style {
        // Of a block, its first line; further ones are indented in the file and not in the value.
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => {
            value.get(..wanted).filter(|head| written.starts_with(head)).map(str::len)
        }
        ScalarStyle::SingleQuoted => walk(written, value, wanted, |rest| match rest {
            _ if rest.starts_with("''") => 2,
            _ => first_len(rest),
        }),
        ScalarStyle::DoubleQuoted => walk(written, value, wanted, |rest| match rest.as_bytes() {
            [b'\\', b'x', ..] => 4,
            [b'\\', b'u', ..] => 6,
            [b'\\', b'U', ..] => 10,
            [b'\\', ..] => 1 + first_len(rest.get(1..).unwrap_or_default()),
            _ => first_len(rest),
        }),
    }
}

/// Walks over the characters of a quoted value on one line; `step` says how many bytes the next
/// one takes as it is written.
fn walk(written: &str, value: &str, wanted: usize, step: impl Fn(&str) -> usize) -> Option<usize> {
    if written.contains('\n') {
        return None;
    }
    let mut at = 1;
    for (index, _) in value.char_indices() {
        if index >= wanted {
            return Some(at);
        }
        at += step(written.get(at..)?);
    }
    Some(at)
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}
