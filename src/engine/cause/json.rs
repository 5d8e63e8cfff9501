//! Exceptions inside one line: structured logging's objects, and tracebacks with escaped newlines.
//!
//! Reads bytes, not JSON: such a line is long, and its middle may have been cut out.

use bstr::ByteSlice;

use super::frame::{Frame, Stack};
use super::text::{MAX_LINE, parse_u32};
use super::traceback::{HEADER, Link, Relation, Traceback};

/// Lines of an escaped traceback that are read.
const MAX_LINES: usize = 400;

/// The chain of the exception that the line holds, oldest first.
pub(super) fn exceptions(line: &[u8]) -> Option<Vec<Link>> {
    structured(line).or_else(|| escaped(line))
}

/// structlog's `dict_tracebacks`: the exception that was raised comes first, then its causes.
fn structured(line: &[u8]) -> Option<Vec<Link>> {
    let start = line.find("\"exc_type\"")?;
    let body = &line[start..];
    let mut exception = value_of(body, b"\"exc_type\"")?;
    let end = body[10..].find("\"exc_type\"").map_or(body.len(), |end| end + 10);
    let body = &body[..end];
    if let Some(message) = value_of(body, b"\"exc_value\"").filter(|message| !message.is_empty()) {
        exception.extend_from_slice(b": ");
        exception.extend_from_slice(&message);
    }
    let mut stack = Stack::default();
    let mut rest = body;
    while let Some((_, after)) = rest.split_once_str("\"filename\"") {
        let file = string(after).unwrap_or_default();
        let line = number_of(after, b"\"lineno\"").unwrap_or(0);
        let name = value_of(after, b"\"name\"").unwrap_or_default();
        stack.push(Frame::new(&file, line, &name));
        rest = after;
    }
    stack.settle();
    Some(vec![Link { relation: Relation::First, exception, message: Vec::new(), stack }])
}

/// A traceback as a string: `"Traceback (most recent call last):\n  File …"`.
fn escaped(line: &[u8]) -> Option<Vec<Link>> {
    let at = line.find(HEADER)?;
    let text = &line[at..];
    text.get(HEADER.len()..)?.strip_prefix(b":\\n")?;
    let text = unescape(text);
    let mut lines = text.lines();
    let mut traceback = Traceback::open(lines.next()?, 0);
    lines.take(MAX_LINES).for_each(|line| {
        traceback.push(line);
    });
    let links = traceback.into_links();
    (!links.is_empty()).then_some(links)
}

/// The string after a key.
fn value_of(text: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    string(&text[text.find(key)? + key.len()..])
}

fn number_of(text: &[u8], key: &[u8]) -> Option<u32> {
    let text = text[text.find(key)? + key.len()..].trim_start_with(|c| c == ':' || c == ' ');
    parse_u32(&text[..text.iter().take_while(|byte| byte.is_ascii_digit()).count()])
}

/// The string that begins after a colon and blanks.
fn string(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_start_with(|c| c == ':' || c == ' ').strip_prefix(b"\"")?;
    Some(unescape(text).into_iter().take(4 * MAX_LINE).collect())
}

/// Up to the quote that ends the string.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => match bytes.next() {
                Some(b'n') => out.push(b'\n'),
                Some(b't') => out.push(b'\t'),
                Some(b'u') => {
                    let code: Vec<u8> = bytes.by_ref().take(4).copied().collect();
                    let code = code.to_str().ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
                    let char = code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
                    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(&other) => out.push(other),
                None => break,
            },
            other => out.push(other),
        }
    }
    out
}
