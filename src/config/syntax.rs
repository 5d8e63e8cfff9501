//! Broken YAML in words: what the parser's error means, and the usual reasons for it.

use granit_parser::{ErrorKind, ScanError};

use super::problem::Problem;

/// The problem for a syntax error in `text`.
pub(super) fn explain(text: &str, error: &ScanError) -> Problem {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let (message, hint) = words(error.kind());
    let message = message.unwrap_or_else(|| format!("this is no valid YAML: {}", error.kind()));
    let problem = Problem::new(&(at..at), message).label("here");
    problem.maybe_hint(hint.or_else(|| usual_reason(text, at)).map(str::to_owned))
}

/// The frequent ones in plain words; for the others the parser's own message is shown.
fn words(kind: &ErrorKind) -> (Option<String>, Option<&'static str>) {
    let (message, hint) = match kind {
        ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => (
            "there is a tab where YAML allows only spaces",
            Some("replace the tabs at the beginning of the line by spaces"),
        ),
        ErrorKind::UnclosedQuotedScalar => (
            "a quote is opened and never closed",
            Some("inside '…' a single quote is written twice: 'don''t'"),
        ),
        ErrorKind::UnclosedFlowCollection { open } => {
            let hint = "close it; if it is part of a text, put quotes around the text";
            return (Some(format!("a bracket `{open}` is opened and never closed")), Some(hint));
        }
        ErrorKind::UnknownQuotedScalarEscape | ErrorKind::InvalidQuotedScalarHexEscape => (
            "inside \"…\" a backslash has a meaning of its own, and this one has none",
            Some("write patterns in single quotes, where a backslash is just a backslash: '\\d+'"),
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "there is something behind the closing quote",
            Some("put all of the text inside the quotes; inside '…' a quote is written twice: ''"),
        ),
        ErrorKind::UnknownAnchor => (
            "`*` refers to an anchor (`&name`), and there is none of this name",
            Some("text that begins with `*` needs quotes around it"),
        ),
        ErrorKind::RecursionLimitExceeded => {
            ("this is nested too deeply", Some("a rules file needs only a few levels"))
        }
        ErrorKind::MappingValueNotAllowed => ("a `: ` is not possible here", None),
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::InvalidIndentation => {
            ("the indentation of this line fits to none above", None)
        }
        ErrorKind::ExpectedBlockMappingKey => ("this does not belong here", None),
        ErrorKind::SimpleKeyExpected => ("a `:` is missing behind this key", None),
        _ => return (None, None),
    };
    (Some(message.to_owned()), hint)
}

/// What people most often did, by the look of the line.
fn usual_reason(text: &str, at: usize) -> Option<&'static str> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..)?.lines().next().unwrap_or_default();
    let value = line.split_once(": ").map(|(_, value)| value.trim_start()).unwrap_or_default();
    Some(if line.contains('\t') {
        "there is a tab in this line; YAML wants spaces"
    } else if value.starts_with(['[', '{', '*', '&', '!', '%', '@', '`', '|', '>', '"']) {
        "text that begins with a special character needs quotes around it: '…'"
    } else if value.contains(": ") || value.ends_with(':') {
        "text with a colon in it needs quotes around it: '…'"
    } else {
        "look at the indentation of this line and the one above, and for a missing `:` or quote"
    })
}
