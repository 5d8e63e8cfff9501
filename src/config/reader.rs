//! Values of the tree as what they must be: text, a flag, a duration, one of some words.
//!
//! Each method reports what is wrong and gives nothing; so everything is found in one go. Knows
//! no key by name.

use std::ops::Range;
use std::time::Duration;

use granit_parser::ScalarStyle;

use super::interpolate::{self, Outside};
use super::keys::{self, Key};
use super::place;
use super::problem::{Problem, alternatives, closest, did_you_mean, quote};
use super::yaml::{Entry, Node, Value};
use crate::time::parse_duration;

/// Of a list: rules, metrics, charts. More would make every line of the run slow.
const MOST_ITEMS: usize = 500;

/// Collects the problems of one file.
pub(super) struct Reader<'a> {
    /// The file's text, for places within a value.
    pub(super) text: &'a str,
    pub(super) outside: &'a Outside<'a>,
    pub(super) problems: Vec<Problem>,
    /// Values that must be masked wherever they appear.
    pub(super) secrets: Vec<String>,
}

/// A mapping whose keys are all known.
#[derive(Clone, Copy)]
pub(super) struct Section<'n> {
    pub(super) node: &'n Node,
    entries: &'n [Entry],
    /// What seems to be missing may just be misspelt.
    pub(super) has_unknown_keys: bool,
}

impl<'n> Section<'n> {
    pub(super) fn entry(&self, name: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    pub(super) fn entries(&self) -> &'n [Entry] {
        self.entries
    }
}

/// Whether a duration of zero makes sense, and else how short it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shortest {
    Zero,
    AboveZero,
    Second,
}

impl<'a> Reader<'a> {
    pub(super) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The entries of a mapping; nothing at all is an empty one.
    pub(super) fn entries<'n>(&mut self, name: &str, node: &'n Node) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            _ if node.is_null() => Some(&[]),
            _ => {
                let place = place_of(name);
                let message =
                    format!("{place} wants keys with values, but this is {}", node.kind());
                let hint = match name {
                    "the file" => "begin with `rules:`, and indent what stands below it".to_owned(),
                    "a rule" => "write `- name: …` and a trigger below it".to_owned(),
                    _ => format!("write `{name}:` and below it, indented, lines like `key: value`"),
                };
                self.report(Problem::new(&node.span, message).hint(hint));
                None
            }
        }
    }

    /// A mapping with these keys only. Each unknown one is reported, each one without value too.
    pub(super) fn section<'n>(
        &mut self,
        name: &str,
        node: &'n Node,
        known: &'static [Key],
    ) -> Option<Section<'n>> {
        let entries = self.entries(name, node)?;
        let count = self.problems.len();
        for entry in entries {
            if !known.iter().any(|key| key.name == entry.key) {
                self.report(unknown_key(name, entry, known));
            }
        }
        Some(Section { node, entries, has_unknown_keys: self.problems.len() > count })
    }

    /// The items of a list; nothing at all is an empty one.
    pub(super) fn list<'n>(&mut self, name: &str, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => match items.get(MOST_ITEMS) {
                None => items,
                Some(extra) => {
                    let message = format!("`{name}` has more than {MOST_ITEMS} items");
                    self.report(Problem::new(&extra.span, message).label("here it is too much"));
                    &[]
                }
            },
            _ if node.is_null() => &[],
            _ => {
                let message = format!("`{name}` wants a list, but this is {}", node.kind());
                let hint = format!("write `{name}:` and below it lines that begin with `- `");
                self.report(Problem::new(&node.span, message).hint(hint));
                &[]
            }
        }
    }

    /// The text as it stands, nothing filled in: for patterns and conditions, where `${` is theirs.
    pub(super) fn plain<'n>(&mut self, name: &str, node: &'n Node) -> Option<&'n str> {
        match &node.value {
            _ if node.is_null() => {
                self.report(no_value(self.text, name, node));
                None
            }
            Value::Scalar { text, .. } => Some(text),
            _ => {
                let message = format!("`{name}` wants a text, but this is {}", node.kind());
                let hint = quotes_hint(self.text, name, node);
                self.report(Problem::new(&node.span, message).maybe_hint(hint));
                None
            }
        }
    }

    /// The text with every `${…}` filled in.
    pub(super) fn text(&mut self, name: &str, node: &Node) -> Option<String> {
        let value = self.plain(name, node)?;
        match interpolate::fill(value, self.outside) {
            Ok(filled) => {
                self.secrets.extend(filled.secrets);
                Some(filled.text)
            }
            Err(failures) => {
                for failure in failures {
                    let place = place::of_part(self.text, node, failure.part);
                    self.report(Problem::new(&place, failure.message).hint(failure.hint));
                }
                None
            }
        }
    }

    /// A name for people: one line, not empty, not long.
    pub(super) fn title(&mut self, name: &str, node: &Node) -> Option<String> {
        const LONGEST: usize = 100;
        let title = self.text(name, node)?.trim().to_owned();
        if title.is_empty() || title.chars().count() > LONGEST || title.contains(char::is_control) {
            let message = format!("`{name}` wants one line of 1 to {LONGEST} characters");
            self.report(Problem::new(&node.span, message));
            return None;
        }
        Some(title)
    }

    pub(super) fn flag(&mut self, name: &str, node: &Node) -> Option<bool> {
        let text = self.plain(name, node)?;
        match (text, is_plain(node)) {
            ("true" | "True" | "TRUE", true) => Some(true),
            ("false" | "False" | "FALSE", true) => Some(false),
            _ => {
                let message = format!("`{name}` wants true or false, but this is {}", quote(text));
                let hint = match text.to_lowercase().as_str() {
                    "yes" | "on" | "y" | "1" => Some("write true"),
                    "no" | "off" | "n" | "0" => Some("write false"),
                    "true" | "false" => Some("write it without quotes"),
                    _ => None,
                };
                self.report(Problem::new(&node.span, message).maybe_hint(hint.map(str::to_owned)));
                None
            }
        }
    }

    pub(super) fn duration(
        &mut self,
        name: &str,
        node: &Node,
        least: Shortest,
    ) -> Option<Duration> {
        let text = self.plain(name, node)?;
        let problem = match parse_duration(text) {
            Ok(duration) if duration.is_zero() && least != Shortest::Zero => {
                Problem::new(&node.span, format!("`{name}` must be longer than nothing"))
            }
            Ok(duration) if duration < Duration::from_secs(1) && least == Shortest::Second => {
                Problem::new(&node.span, format!("`{name}` must be at least 1s"))
            }
            Ok(duration) => return Some(duration),
            Err(error) => {
                let message = format!("`{name}` wants a duration, but this is {}", quote(text));
                Problem::new(&node.span, message).hint(error.to_string())
            }
        };
        self.report(problem);
        None
    }

    pub(super) fn count(&mut self, name: &str, node: &Node, range: Range<u64>) -> Option<u64> {
        let text = self.plain(name, node)?;
        match text.replace('_', "").parse::<u64>() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let (least, most) = (range.start, range.end.saturating_sub(1));
                let message = format!(
                    "`{name}` wants a whole number from {least} to {most}, but this is {}",
                    quote(text)
                );
                self.report(Problem::new(&node.span, message));
                None
            }
        }
    }

    pub(super) fn one_of<'n>(
        &mut self,
        name: &str,
        node: &'n Node,
        words: &[&str],
    ) -> Option<&'n str> {
        let text = self.plain(name, node)?;
        if words.contains(&text) {
            return Some(text);
        }
        let message =
            format!("`{name}` wants {}, but this is {}", alternatives(words), quote(text));
        let meant =
            closest(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
        self.report(Problem::new(&node.span, message).maybe_hint(meant));
        None
    }

    /// One value or a list of them.
    pub(super) fn one_or_list<'n>(&mut self, name: &str, node: &'n Node) -> &'n [Node] {
        let items = match &node.value {
            Value::List(items) => items,
            Value::Scalar { .. } if !node.is_null() => std::slice::from_ref(node),
            _ => {
                let message = format!("`{name}` wants a list, but this is {}", node.kind());
                self.report(
                    Problem::new(&node.span, message).hint(format!("write `{name}: [a, b]`")),
                );
                return &[];
            }
        };
        if items.is_empty() {
            let problem = Problem::new(&node.span, format!("`{name}` is an empty list"));
            self.report(problem.hint(format!("name something, or remove `{name}`")));
        }
        items
    }
}

/// The entries of a mapping, without a word if it is none.
pub(super) fn entries_of(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

pub(super) fn is_plain(node: &Node) -> bool {
    matches!(node.value, Value::Scalar { style: ScalarStyle::Plain, .. })
}

/// A section in a sentence.
fn place_of(section: &str) -> String {
    match section {
        "the file" | "a rule" | "a test" | "a step" | "an expectation" => section.to_owned(),
        _ => format!("`{section}`"),
    }
}

/// `-` or `{}`.
pub(super) fn is_empty(node: &Node) -> bool {
    node.is_null() || matches!(&node.value, Value::Map(entries) if entries.is_empty())
}

fn unknown_key(section: &str, entry: &Entry, known: &'static [Key]) -> Problem {
    let names = keys::names(known);
    let message = match section {
        _ if std::ptr::eq(known, keys::CHANNELS) => {
            format!("unknown kind of channel {} in `{section}`", quote(&entry.key))
        }
        "the file" => format!("unknown key {}", quote(&entry.key)),
        _ => format!("unknown key {} in {}", quote(&entry.key), place_of(section)),
    };
    let synonym = keys::SYNONYMS
        .iter()
        .find(|(theirs, ours)| *theirs == entry.key.to_lowercase() && names.contains(ours));
    let cut = entry.value.is_null() && entry.key.contains([' ', ')', '(', '"', '\'']);
    let hint = match synonym {
        _ if cut => "in `{ … }` a comma ends the value; text with a comma needs quotes".to_owned(),
        Some((_, ours)) => format!("did you mean `{ours}`?"),
        None if known.is_empty() => format!("`{section}` has no settings"),
        None => elsewhere(&entry.key, known).unwrap_or_else(|| did_you_mean(&entry.key, &names)),
    };
    Problem::new(&entry.key_span, message).hint(hint)
}

/// A key that exists, but in another place: the indentation is wrong.
fn elsewhere(key: &str, known: &'static [Key]) -> Option<String> {
    let is = |keys: &'static [Key]| std::ptr::eq(keys, known);
    let has = |keys: &'static [Key]| keys.iter().any(|k| k.name == key) && !is(keys);
    if is(keys::RULE) && has(keys::TOP) {
        return Some(format!("`{key}` belongs to the top of the file, not into a rule"));
    }
    if is(keys::TOP) && has(keys::RULE) {
        return Some(format!("`{key}` belongs into a rule: indent it below a `- name:`"));
    }
    None
}

/// `key:` with nothing behind it; often text that begins with `#` and so is a comment.
fn no_value(text: &str, name: &str, node: &Node) -> Problem {
    let problem = Problem::new(&node.span, format!("`{name}` has no value")).label("nothing here");
    let rest = text.get(node.span.start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    if rest.trim_start_matches([':', ' ']).starts_with('#') {
        return problem
            .hint("`#` begins a comment; text that begins with it needs quotes: \"#name\"");
    }
    problem.hint("write a value behind the colon, or remove the key")
}

fn quotes_hint(text: &str, name: &str, node: &Node) -> Option<String> {
    let is_text = ["match", "except", "when", "until", "message", "name", "metrics", "file"];
    let written = text.get(node.span.start..).filter(|_| is_text.contains(&name))?;
    let hint = if written.starts_with("{{") {
        "text with `{{ … }}` needs quotes around it: \"{{ run.name }}\""
    } else if written.starts_with(['[', '{']) {
        "text that begins with `[` or `{` needs quotes around it: '…'"
    } else {
        return None;
    };
    Some(hint.to_owned())
}
