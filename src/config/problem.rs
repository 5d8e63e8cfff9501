//! One thing that is wrong with a rules file: where, what, and what to do about it.
//!
//! Knows no file and no rendering. Texts are for a beginner at a terminal.

use std::ops::Range;

/// `span` is in bytes of the file's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) span: Range<usize>,
    /// One sentence without a full stop.
    pub(super) message: String,
    /// A few words below the caret; may be empty.
    pub(super) label: String,
    pub(super) hints: Vec<String>,
    /// Another place that belongs to it, with its words.
    pub(super) also: Option<(Range<usize>, String)>,
}

impl Problem {
    pub(super) fn new(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self {
            span: span.clone(),
            message: message.into(),
            label: String::new(),
            hints: Vec::new(),
            also: None,
        }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    pub(super) fn also(mut self, span: &Range<usize>, words: impl Into<String>) -> Self {
        self.also = Some((span.clone(), words.into()));
        self
    }
}

/// The user's words inside a sentence: short, on one line, in backticks.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let shown: String = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("`{shown}`")
}

/// `a`, `b` or `c`.
pub(super) fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The name that was probably meant, if one is close enough that a reader agrees.
pub(super) fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    names
        .into_iter()
        .map(|name| (name, strsim::jaro_winkler(&word, &name.to_lowercase())))
        .filter(|(name, likeness)| {
            *likeness >= 0.8 || strsim::damerau_levenshtein(&word, &name.to_lowercase()) <= 1
        })
        .reduce(|best, other| if other.1 > best.1 { other } else { best })
        .map(|(name, _)| name)
}

/// "did you mean `cooldown`?", or else which names there are.
pub(super) fn did_you_mean(word: &str, names: &[&str]) -> String {
    match closest(word, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("possible here: {}", alternatives(names)),
    }
}
