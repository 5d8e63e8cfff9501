//! Regular expressions of the rules file: `{num}` expanded, compiled with limits, errors placed
//! inside the pattern.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ast::ErrorKind;

use super::place;
use super::problem::Problem;
use super::reader::Reader;
use super::yaml::Node;

/// Of one compiled pattern, in bytes. A long list of words or `\w{100}` needs some 100 kB.
const LARGEST: usize = 2 << 20;

/// What `{num}` stands for: `12`, `-1.5e-5`, `1,234.5`, `nan`, `inf`; not the `inf` of `info`.
const NUMBER: &str = concat!(
    r"(?:[-+]?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?",
    r"|[-+]?(?i:nan|inf(?:inity)?)\b)"
);
const PLACEHOLDER: &str = "{num}";

/// The pattern of `match`, `except`.
pub(super) fn line(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<Regex> {
    let pattern = reader.plain(name, node)?;
    if pattern.is_empty() {
        let problem =
            Problem::new(&node.span, format!("`{name}` is empty, and so matches every line"));
        reader.report(problem.hint("write what the line contains: 'CUDA out of memory'"));
        return None;
    }
    compile(reader, name, node, pattern)
}

/// A pattern of `metrics`; each named group is a metric.
pub(super) fn metric(reader: &mut Reader<'_>, node: &Node) -> Option<Regex> {
    let pattern = reader.plain("metrics", node)?;
    let regex = compile(reader, "metrics", node, pattern)?;
    if regex.capture_names().flatten().next().is_none() {
        let problem = Problem::new(&node.span, "this pattern names no metric");
        reader
            .report(problem.hint("put a named group around the number: 'loss is (?<loss>{num})'"));
        return None;
    }
    Some(regex)
}

/// The offset in the pattern as it is written of an offset in the expanded one.
fn unexpanded(written: &str, offset: usize) -> usize {
    let (mut from, mut to) = (0, 0);
    while let Some(plain) = written[from..].find(PLACEHOLDER) {
        if offset < to + plain {
            break;
        }
        if offset < to + plain + NUMBER.len() {
            return from + plain;
        }
        from += plain + PLACEHOLDER.len();
        to += plain + NUMBER.len();
    }
    (from + (offset - to)).min(written.len())
}

fn compile(reader: &mut Reader<'_>, name: &str, node: &Node, written: &str) -> Option<Regex> {
    let pattern = &written.replace(PLACEHOLDER, NUMBER);
    let mut parser = regex_syntax::ParserBuilder::new().utf8(false).build();
    if let Err(error) = parser.parse(pattern) {
        let (reason, part, hint) = explain(&error, pattern);
        let part = unexpanded(written, part.start)..unexpanded(written, part.end);
        let place = place::of_part(reader.text, node, part);
        let message = format!("`{name}` is no valid regular expression: {reason}");
        reader.report(Problem::new(&place, message).maybe_hint(hint.map(str::to_owned)));
        return None;
    }
    match RegexBuilder::new(pattern).size_limit(LARGEST).dfa_size_limit(LARGEST).build() {
        Ok(regex) => Some(regex),
        Err(_) => {
            let message = format!("`{name}` is too large a pattern");
            let hint = "a repetition like `{1000}` makes it so; use a smaller one, or `.*`";
            reader.report(Problem::new(&node.span, message).hint(hint));
            None
        }
    }
}

/// The reason, the part of the pattern, and a hint for what people write most often.
fn explain(
    error: &regex_syntax::Error,
    pattern: &str,
) -> (String, Range<usize>, Option<&'static str>) {
    match error {
        regex_syntax::Error::Parse(error) => {
            let span = error.span();
            let part = span.start.offset..span.end.offset;
            (error.kind().to_string(), part, hint(error.kind()))
        }
        regex_syntax::Error::Translate(error) => {
            let span = error.span();
            (error.kind().to_string(), span.start.offset..span.end.offset, None)
        }
        other => (other.to_string(), 0..pattern.len(), None),
    }
}

fn hint(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::UnsupportedLookAround => {
            "look-around is not possible; for lines that must not match, use `except`"
        }
        ErrorKind::UnsupportedBackreference => "back-references are not possible here",
        ErrorKind::RepetitionMissing => {
            "`*` repeats what stands before it; for \"anything\" write `.*`, for the character `\\*`"
        }
        ErrorKind::RepetitionCountUnclosed
        | ErrorKind::RepetitionCountDecimalEmpty
        | ErrorKind::RepetitionCountInvalid => {
            "`{` begins a count, as in `a{3}`; for the character itself write `\\{`"
        }
        ErrorKind::GroupUnclosed => "close it with `)`; for the character itself write `\\(`",
        ErrorKind::GroupUnopened => "there is no `(` for it; for the character itself write `\\)`",
        ErrorKind::ClassUnclosed => "close it with `]`; for the character itself write `\\[`",
        ErrorKind::EscapeUnrecognized => "this character needs no backslash",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn num_takes_every_number_that_programs_print_and_no_word() {
        let regex = Regex::new(&format!("^loss: (?<loss>{NUMBER})(?: |$)")).unwrap();
        for number in [
            "12",
            "-1.5",
            "+.5",
            "3.",
            "1e-5",
            "1,234",
            "12,345,678.9",
            "nan",
            "NaN",
            "-inf",
            "Infinity",
        ] {
            let line = format!("loss: {number}");
            let found = regex.captures(line.as_bytes()).map(|c| c["loss"].to_vec());
            assert_eq!(found.as_deref(), Some(number.as_bytes()), "{number}");
        }
        for word in ["info", "nano", "e5", "-", ".", ",5"] {
            assert!(!regex.is_match(format!("loss: {word}").as_bytes()), "{word}");
        }
    }

    #[test]
    fn places_in_the_expanded_pattern_lead_back_to_the_written_one() {
        let written = "a{num}b{num}c";
        let n = NUMBER.len();
        for (expanded, place) in
            [(0, 0), (1, 1), (n, 1), (n + 1, 6), (n + 2, 7), (2 * n + 2, 12), (2 * n + 3, 13)]
        {
            assert_eq!(unexpanded(written, expanded), place);
        }
    }
}
