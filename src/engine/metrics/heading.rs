//! Which data the lines below are of, where a line of its own says so: `Running validation`,
//! `===== Test results =====`, `Validation Epoch 3`, `eval | step 500 | output:`. It does not know
//! how metrics are written.
//!
//! It holds for what follows at once: up to a line without a metric, to one that says itself
//! which data it is of or where the run is, or to the next heading.

use bstr::ByteSlice;

use super::names::{self, Class};

/// A longer line is no heading.
const LONGEST: usize = 160;
const MOST_WORDS: usize = 6;
/// So many lines may stand between a heading and the first metric below it.
const PATIENCE: u32 = 8;

/// That a phase begins, whose steps are counted below then.
const BEGINS: [&str; 9] = [
    "begin",
    "begins",
    "beginning",
    "start",
    "starts",
    "starting",
    "started",
    "running",
    "performing",
];
/// What else a heading says.
const OTHER_WORDS: [&str; 21] = [
    "run",
    "doing",
    "on",
    "the",
    "of",
    "for",
    "at",
    "after",
    "cross",
    "set",
    "data",
    "results",
    "result",
    "metrics",
    "stats",
    "summary",
    "scores",
    "performance",
    "phase",
    "loop",
    "reported",
];

#[derive(Debug, Default)]
pub(super) struct Heading {
    /// The data that it says; empty: none holds.
    data: String,
    begins: bool,
    used: bool,
    idle: u32,
}

impl Heading {
    pub(super) fn holds(&self) -> bool {
        !self.data.is_empty()
    }

    /// Takes a line that is a heading.
    pub(super) fn take(&mut self, line: &[u8]) -> bool {
        let announced = || announced(line).map(|data| (data, false));
        let Some((data, begins)) = read(line).or_else(announced) else { return false };
        self.close();
        if names::is_held_out(data) {
            self.data.push_str(data);
            self.begins = begins;
        }
        true
    }

    /// The data that the metrics of this line are of, unless it says something of its own.
    pub(super) fn of(&mut self, line: &[u8]) -> &str {
        // The names of columns say nothing of their own.
        let has_values = line.iter().any(u8::is_ascii_digit);
        if self.holds() && has_values && says_where(line, self.begins) {
            self.close();
        }
        &self.data
    }

    /// Behind a line: whether there were metrics in it.
    pub(super) fn passed(&mut self, found: bool) {
        self.used |= found;
        self.idle += u32::from(!found);
        if !found && self.used || self.idle > PATIENCE {
            self.close();
        }
    }

    fn close(&mut self) {
        self.data.clear();
        (self.begins, self.used, self.idle) = (false, false, 0);
    }
}

/// The word for data in a heading, and whether it says that a phase begins.
fn read(line: &[u8]) -> Option<(&str, bool)> {
    if line.len() > LONGEST {
        return None;
    }
    let text = behind_header(line.to_str().ok()?);
    let mut told: Option<&str> = None;
    let (mut counter, mut begins) = (false, false);
    for (at, word) in text.split_ascii_whitespace().enumerate() {
        if at >= MOST_WORDS {
            return None;
        }
        let counts = names::is_counter(names::class(word));
        let data = match word {
            _ if is_one_of(word, &["evaluating", "evaluation", "eval"]) => Some("eval"),
            _ if is_one_of(word, &["validating"]) => Some("val"),
            _ => Some(word).filter(|word| names::is_part_of_data(word)),
        };
        // `Evaluating on the test set`
        if let Some(data) = data
            && told.is_none_or(|told| told == "eval")
        {
            told = Some(data);
        }
        let number = counter && word.bytes().all(|b| b.is_ascii_digit() || b == b'/');
        let begin = is_one_of(word, &BEGINS);
        if !(counts || data.is_some() || number || begin || is_one_of(word, &OTHER_WORDS)) {
            return None;
        }
        begins |= begin;
        counter = counts;
    }
    told.map(|data| (data, begins))
}

/// The data of a line that begins with it and that others follow: `eval | step: 500 | output:`.
fn announced(line: &[u8]) -> Option<&str> {
    let text = line.trim_ascii_end().strip_suffix(b":")?.to_str().ok()?;
    let text = text.rfind("] ").map_or(text, |at| &text[at + 2..]);
    let word = text.split_ascii_whitespace().next()?;
    Some(word.trim_end_matches(':')).filter(|word| names::is_held_out(word))
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// A text without its ornaments, and without a logger's header before it.
fn behind_header(text: &str) -> &str {
    let ornament = |c: char| !c.is_alphanumeric();
    let text = text.trim_matches(ornament);
    let start = [": ", "] ", "| ", " - "]
        .iter()
        .filter_map(|sign| text.rfind(sign).map(|at| at + sign.len()))
        .max();
    text[start.unwrap_or(0)..].trim_matches(ornament)
}

/// Whether a line says which data it is of, or how far the run is: its epoch, or its step if that
/// may not be one of a phase that `begins`.
fn says_where(line: &[u8], begins: bool) -> bool {
    let Ok(text) = line.to_str() else { return true };
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| {
        let class = names::class(word);
        names::says_data(word) || class == Class::Epoch || class == Class::Step && !begins
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_a_line_that_says_nothing_but_the_data() {
        for (line, data) in [
            ("validation", Some("validation")),
            ("Running validation", Some("validation")),
            ("Beginning validation after epoch!", Some("validation")),
            ("===== Test results =====", Some("Test")),
            ("Evaluating on the test set...", Some("test")),
            ("Evaluating...", Some("eval")),
            ("Validation Epoch 3", Some("Validation")),
            ("2025-03-14 09:26:53,589 - trainer - INFO - Eval begin", Some("eval")),
            ("I0320 13:01:39.640402 140271 train.py:412] Validating", Some("val")),
            ("Epoch 3/10 Training", Some("Training")),
            ("** Reported on validation data. **", Some("validation")),
            ("Validation set is empty", None),
            ("Loading validation data", None),
            ("validation loss", None),
            ("Test: 3", None),
            ("epoch 3", None),
            ("", None),
        ] {
            assert_eq!(read(line.as_bytes()).map(|(data, _)| data), data, "{line}");
        }
    }
}
