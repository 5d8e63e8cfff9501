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
    let found = match style {
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => {
            unquoted(written, value, &part)
        }
        ScalarStyle::SingleQuoted => quoted(written, value, &part, |rest| match rest {
            _ if rest.starts_with("''") => 2,
            _ => first_len(rest),
        }),
        ScalarStyle::DoubleQuoted => quoted(written, value, &part, |rest| match rest.as_bytes() {
            [b'\\', b'x', ..] => 4,
            [b'\\', b'u', ..] => 6,
            [b'\\', b'U', ..] => 10,
            [b'\\', ..] => 1 + first_len(rest.get(1..).unwrap_or_default()),
            _ => first_len(rest),
        }),
    };
    found.map_or_else(whole, |found| node.span.start + found.start..node.span.start + found.end)
}

/// Without escapes, and over any number of lines: only white space can be written differently, so
/// the other characters are counted.
fn unquoted(written: &str, value: &str, part: &Range<usize>) -> Option<Range<usize>> {
    let ink = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    if ink(written) != ink(value) {
        return None;
    }
    let nth = |n: usize| written.char_indices().filter(|(_, c)| !c.is_whitespace()).nth(n);
    let before = ink(value.get(..part.start)?);
    let within = ink(value.get(part.clone())?);
    let start = nth(before).map_or(written.trim_end().len(), |(at, _)| at);
    let last = within.checked_sub(1).and_then(|more| nth(before + more));
    Some(start..last.map_or(start, |(at, c)| at + c.len_utf8()))
}

fn quoted(
    written: &str,
    value: &str,
    part: &Range<usize>,
    step: impl Fn(&str) -> usize,
) -> Option<Range<usize>> {
    let start = walk(written, value, part.start, &step)?;
    let end = walk(written, value, part.end.max(part.start), &step)?;
    Some(start..end)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml;

    #[test]
    fn a_part_is_found_however_it_is_written() {
        for file in [
            "k: é loss > x",
            "k: 'é loss > x'",
            "k: \"é loss > x\"",
            "k: \"\\u00e9 loss \\x3e x\"",
            "k: |\n  é loss >\n  x\n",
            "k: >-\n   é loss\n   > x\n",
            "k: é\n  loss\n  > x",
            "k: |\r\n  é loss\r\n    > x",
            "k: '''é'' loss > x'",
        ] {
            let root = yaml::parse(file, &mut Vec::new()).unwrap();
            let Value::Map(entries) = &root.value else { panic!() };
            let Some(node) = entries.first().map(|entry| &entry.value) else { panic!() };
            let Value::Scalar { text, .. } = &node.value else { panic!() };
            for word in ["loss", "x"] {
                let start = text.find(word).unwrap();
                let place = of_part(file, node, start..start + word.len());
                assert_eq!(&file[place], word, "{file:?}");
            }
            let end = of_part(file, node, text.len()..text.len());
            assert!(end.is_empty() && end.start <= file.len(), "{file:?}");
        }
    }

    #[test]
    fn an_impossible_part_gives_the_whole_value() {
        let root = yaml::parse("k: \"a\n  b\"", &mut Vec::new()).unwrap();
        let Value::Map(entries) = &root.value else { panic!() };
        let node = &entries[0].value;
        assert_eq!(of_part("k: \"a\n  b\"", node, 2..3), node.span);
        assert_eq!(of_part("", node, 0..1), node.span);
    }
}
