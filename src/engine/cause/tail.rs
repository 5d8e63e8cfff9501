//! The last lines of a source, for ends that leave nothing but a word: `sys.exit("no data")`.

use std::collections::VecDeque;
use std::sync::LazyLock;

use bstr::ByteSlice;
use regex::bytes::Regex;

use super::text::{MAX_LINE, pattern};
use crate::engine::block;

/// Lines kept of a source.
const LINES: usize = 32;
/// Lines kept, beyond these, of those that call themselves an error.
const ERRORS: usize = 4;

#[derive(Clone, Debug, Default)]
struct Entry {
    at: u64,
    text: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    last: VecDeque<Entry>,
    errors: VecDeque<Entry>,
}

/// A line that may have been a program's last word.
#[derive(Clone, Debug)]
pub(super) struct LastWord {
    pub(super) at: u64,
    pub(super) text: Vec<u8>,
    /// It calls itself an error, so that it is no mere guess.
    pub(super) certain: bool,
}

impl Tail {
    /// Copies the line into memory that is used again and again.
    pub(super) fn push(&mut self, at: u64, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        push_bounded(&mut self.last, LINES, at, text);
    }

    /// A block of so many lines without news, of which `at` is the last one.
    pub(super) fn pass(&mut self, at: u64, block: &[u8], lines: u64) {
        let last = block::last(block, lines, LINES, |text| !text.is_empty());
        let lines = if last.len() < block.len() { block::count(last) } else { lines };
        let first = at.saturating_sub(lines) + 1;
        for (at, text) in (first..).zip(block::lines(last)) {
            self.push(at, text);
        }
    }

    /// Keeps a line longer if it calls itself an error.
    pub(super) fn push_news(&mut self, at: u64, text: &[u8]) {
        if STRONG.is_match(text) && !is_boilerplate(text) {
            push_bounded(&mut self.errors, ERRORS, at, text);
        }
    }

    pub(super) fn newest(&self) -> Option<&[u8]> {
        self.last.back().map(|entry| entry.text.as_slice())
    }

    pub(super) fn last_word(&self) -> Option<LastWord> {
        let word =
            |entry: &Entry, certain| LastWord { at: entry.at, text: entry.text.clone(), certain };
        let lines = || self.last.iter().rev().filter(|entry| !is_boilerplate(&entry.text));
        if let Some(entry) = lines().find(|entry| STRONG.is_match(&entry.text)) {
            return Some(word(entry, true));
        }
        if let Some(entry) = lines().take(6).find(|entry| WEAK.is_match(&entry.text)) {
            return Some(word(entry, false));
        }
        if let Some(entry) = self.errors.back() {
            return Some(word(entry, false));
        }
        let prose = |entry: &&Entry| is_prose(&entry.text);
        let told = lines().filter(prose).find(|entry| WEAK.is_match(&entry.text));
        // Output that was buffered comes after the reason; without a reason the last line is shown.
        told.or_else(|| lines().take(1).find(prose)).map(|entry| word(entry, false))
    }
}

fn push_bounded(ring: &mut VecDeque<Entry>, limit: usize, at: u64, text: &[u8]) {
    let mut entry = if ring.len() < limit { None } else { ring.pop_front() }.unwrap_or_default();
    entry.at = at;
    entry.text.clear();
    entry.text.extend_from_slice(&text[..text.len().min(MAX_LINE)]);
    ring.push_back(entry);
}

/// A line that calls itself an error.
static STRONG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:\S+: )?(?:fatal|error|FATAL|ERROR|Error|Fatal|CRITICAL|panic|Abort(?:ed|ing)?|ABORT\w*)\b[:!]? |(?:\bFATAL|\bCRITICAL|\bERROR\b\s*[\]|:-])|: (?:fatal )?error: |\[Fatal\]|: command not found|: can't open file |: No such file or directory|: Permission denied|^\S*python\S*: |^Usage: |^usage: ",
    )
});

/// A word that those who give up use.
static WEAK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:fatal|errors?|critical|abort(?:ed|ing)?|panic|exception|cannot|can't|could not|couldn't|failed|failure|failing|invalid|not found|no such|unable|denied|missing|unrecognized|unknown|unsupported|giving up|no (?:\w+ ){1,4}found|found no|is empty|nothing to|killed|exceeded|refused|mismatch|not enough|must be|must not|required|diverged|terminat\w+|received signal|caught signal|signal SIG\w+|SIGTERM|preempt\w*|shutting down|exiting)\b",
    )
});

/// What others add after the reason.
fn is_boilerplate(text: &[u8]) -> bool {
    const STARTS: [&str; 14] = [
        "wandb:",
        "Set the environment variable HYDRA_FULL_ERROR",
        "make:",
        "make[",
        "^C",
        "srun:",
        "  warnings.warn",
        "resource_tracker",
        "Exception ignored",
        "Traceback (most recent",
        "  File ",
        "See also",
        "For more information",
        "note: run with `RUST_BACKTRACE",
    ];
    let trimmed = text.trim_ascii();
    trimmed.iter().all(|byte| !byte.is_ascii_alphanumeric())
        || STARTS.iter().any(|start| text.starts_with(start.as_bytes()))
        || trimmed.contains_str("%|")
        || trimmed.contains_str("resource_tracker")
        || trimmed.contains_str("UserWarning")
        || trimmed.contains_str("FutureWarning")
        || trimmed.contains_str("DeprecationWarning")
}

/// Words rather than figures: a last line of metrics explains nothing.
fn is_prose(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    letters > 4 * digits && text.contains(&b' ') && !text.contains_str("{\"")
}
