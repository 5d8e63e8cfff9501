//! Broken YAML in words: what the parser's error means, and the usual reasons for it.

use granit_parser::{ErrorKind, ScanError};

use super::problem::Problem;

/// The problem for a syntax error in `text`.
pub(super) fn explain(text: &str, error: &ScanError) -> Problem {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let (message, hint) = words(error.kind());
    let message =
        message.map_or_else(|| format!("this is no valid YAML: {}", error.kind()), str::to_owned);
    let problem = Problem::new(&(at..at), message).label("here");
    problem.maybe_hint(hint.map(str::to_owned).or_else(|| usual_reason(text, at)))
}

/// The frequent ones in plain words; for the others the parser's own message is shown.
fn words(kind: &ErrorKind) -> (Option<&'static str>, Option<&'static str>) {
    match kind {
        ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => (
            Some("a tab is used as indentation"),
            Some("YAML allows only spaces there; replace the tab by spaces"),
        ),
        ErrorKind::UnclosedQuotedScalar => (
            Some("a quote is opened and never closed"),
            Some("inside '…' a single quote is written twice: 'don''t'"),
        ),
        ErrorKind::UnknownQuotedScalarEscape { .. } | ErrorKind::InvalidQuotedScalarHexEscape => (
            Some("inside \"…\" a backslash has a meaning of its own, and this one has none"),
            Some("write patterns in single quotes, where a backslash is just a backslash: '\\d+'"),
        ),
        ErrorKind::UnknownAnchor => (
            Some("`*` refers to an anchor (`&name`), and there is none of this name"),
            Some("text that begins with `*` needs quotes around it"),
        ),
        ErrorKind::RecursionLimitExceeded => (Some("this is nested too deeply"), None),
        _ => (None, None),
    }
}

/// What people most often did, by the look of the line.
fn usual_reason(text: &str, at: usize) -> Option<String> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..)?.lines().next().unwrap_or_default();
    let value = line.split_once(": ").map(|(_, value)| value.trim_start()).unwrap_or_default();
    let hint = if line.contains('\t') {
        "there is a tab in this line; YAML wants spaces"
    } else if value.starts_with(['[', '{', '*', '&', '!', '%', '@', '`', '|', '>', '"']) {
        "text that begins with a special character needs quotes around it: '…'"
    } else if value.contains(": ") || value.ends_with(':') {
        "text with a colon in it needs quotes around it: '…'"
    } else {
        "look at the indentation of this line and the one above, and for a missing `:` or quote"
    };
    Some(hint.to_owned())
}
