//! Metrics that are found in lines without being told.
//!
//! Wrong numbers are worse than missing ones. One `Metrics` for one source, since tables and
//! headers span lines. Knows no rule and no time.

mod cells;
mod columns;
mod conditions;
mod context;
mod data;
mod found;
mod heading;
mod lists;
mod mapping;
mod names;
mod naming;
mod number;
mod pairs;
mod prose;
mod redraw;
mod settings;
mod shapes;
mod summary;
mod table;
mod token;
mod words;
mod wrapped;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use bstr::{BStr, ByteSlice};
use memchr::memmem::Finder;

use crate::engine::bar;
use crate::engine::splitter::{Line, LineKind};
use found::{Candidates, Form};
use heading::Heading;
use pairs::Sentence;
use redraw::{Bar, Shown};
use settings::Settings;
pub(in crate::engine) use shapes::{Asked, Reading, Readings, Shapes};
use summary::Summary;
use table::Tables;
use token::Token;
use wrapped::Wrapped;

/// A number with a name, found in a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found<'a> {
    /// `loss`, `train/loss`, `eval_acc`.
    pub name: &'a str,
    /// NaN and infinities as such; `95.2%` is 95.2.
    pub value: f64,
    /// As the program wrote it.
    pub text: &'a BStr,
    /// A number that is only this name's; not each name has one.
    pub(in crate::engine) known: Option<u16>,
}

/// Only the beginning of a longer line is searched.
const LONGEST: usize = 64 * 1024;
const MOST_TOKENS: usize = 4096;

#[derive(Debug, Default)]
pub struct Metrics {
    tables: Tables,
    heading: Heading,
    settings: Settings,
    wrapped: Wrapped,
    summary: Summary,
    shown: Shown,
    /// The line of the last frame: what completes it is a redraw too.
    frame: u64,
    in_traceback: bool,
    candidates: Candidates,
    tokens: Vec<Token>,
    /// All of the last line was looked at, and it is no part of something larger.
    searched: bool,
    /// Scratch.
    readings: Readings,
}

impl Metrics {
    /// The same as `scan`, but quick for a line whose shape is known. `reading`: what was found in
    /// it ahead, if anything was.
    pub(in crate::engine) fn scan_known(
        &mut self,
        line: &Line<'_>,
        reading: Option<Reading<'_>>,
        shapes: &Shapes,
        each: &mut dyn FnMut(Found<'_>),
    ) {
        let usual = self.is_usual(line);
        if usual {
            let has_header = self.tables.have_header();
            let reading = reading.or_else(|| shapes.read_line(line.text, &mut self.readings));
            if let Some(reading) = reading.filter(|reading| !(reading.has_columns && has_header)) {
                if let Some(last) = reading.filled.last() {
                    self.summary.known(last.name);
                }
                for metric in reading.filled {
                    let name = shapes.name(metric.name);
                    let text = line.text.get(metric.place()).unwrap_or_default().into();
                    each(Found { name, value: metric.value, text, known: Some(metric.name) });
                }
                return;
            }
        }
        self.summary.resolve(shapes);
        self.scan(line, each);
        let plain = self.searched && !self.in_traceback && !self.tables.have_header();
        if usual && plain && !bar::is_bar(line.text) {
            shapes.learn(line.text, &mut self.candidates, table::has_columns(line.text));
        }
    }

    /// Whether what was found ahead in a line is what it holds.
    pub(in crate::engine) fn holds(&mut self, line: &Line<'_>, reading: &Reading<'_>) -> bool {
        let holds = self.is_usual(line) && !(reading.has_columns && self.tables.have_header());
        if let Some(last) = reading.filled.last().filter(|_| holds) {
            self.summary.known(last.name);
        }
        holds
    }

    /// Neither a redraw nor a part of something larger.
    fn is_usual(&self, line: &Line<'_>) -> bool {
        let whole = line.kind == LineKind::Whole && line.number != self.frame;
        let waits = self.heading.holds() || self.settings.may_hold() || self.wrapped.waits();
        whole && !self.in_traceback && !waits && !summary::is_summary(line.text)
    }

    /// Gives every metric that the line holds, in order, at most once for each value shown.
    ///
    /// Frames are redraws of one line: a value counts when it is new. A partial line is not
    /// searched, since its last number may be cut; it comes again.
    pub fn scan(&mut self, line: &Line<'_>, each: &mut dyn FnMut(Found<'_>)) {
        let text = &line.text[..line.text.len().min(LONGEST)];
        self.searched = false;
        if line.kind == LineKind::Partial || self.is_traceback(text) {
            return;
        }
        self.candidates.clear();
        let plain = line.kind == LineKind::Whole && line.number != self.frame && !bar::is_bar(text);
        let setting = plain && self.settings.take(text);
        let heading = plain && self.heading.take(text);
        let below = plain && !heading && self.begin(text);
        if setting {
            self.searched = false;
        } else if has_number(text) {
            self.search(text);
        } else {
            // A header, perhaps; without columns none at any time.
            let taken = self.tables.take(text, &mut self.candidates);
            self.searched = !taken && !table::has_columns(text);
        }
        let wrapped = self.rejoin(text);
        let summary = summary::is_summary(text);
        self.searched &= !(heading || below || wrapped || summary || self.settings.may_hold());
        if below {
            self.heading.passed(!self.candidates.is_empty());
        }
        self.give(line, text, each);
    }

    /// Whether a plain line is below a heading, after whose data its metrics are named then, as those
    /// of a summary are after what it sums up.
    fn begin(&mut self, text: &[u8]) -> bool {
        let mut data = self.heading.of(text);
        let below = !data.is_empty();
        if !below && summary::is_summary(text) {
            data = self.summary.data();
        }
        self.candidates.set_scope(data);
        below
    }

    /// Whether a row continues the last one or is continued in the next.
    fn rejoin(&mut self, text: &[u8]) -> bool {
        let value = self.wrapped.value(text);
        if let Some((name, number, start)) = value {
            self.candidates.offer(&[name], "_", Form::Sign, number, start);
        }
        let continues = value.is_some();
        self.wrapped.passed(text, !self.candidates.is_empty());
        continues || self.wrapped.waits()
    }

    fn search(&mut self, text: &[u8]) {
        if self.tables.take(text, &mut self.candidates) {
            return;
        }
        self.searched = true;
        self.candidates.on_bar = bar::is_bar(text);
        let end = before_exception(text);
        let mut from = 0;
        while let Some(at) = mapping::start(&text[from..end]) {
            self.pairs(text, from, from + at);
            let (next, message) = mapping::read(&text[..end], from + at, &mut self.candidates);
            if let Some((start, end)) = message {
                self.pairs(text, start, end);
            }
            from = next;
        }
        self.pairs(text, from, end);
    }

    fn pairs(&mut self, text: &[u8], from: usize, to: usize) {
        if text[from..to].trim_ascii().is_empty() {
            return;
        }
        self.tokens.clear();
        token::split(text, from, to, MOST_TOKENS, &mut self.tokens);
        pairs::find(Sentence { line: text, tokens: &self.tokens }, &mut self.candidates);
    }

    fn give(&mut self, line: &Line<'_>, text: &[u8], each: &mut dyn FnMut(Found<'_>)) {
        let whole = line.kind == LineKind::Whole;
        let is_bar = bar::is_bar(text);
        let redraw = !whole || line.number == self.frame || is_bar;
        if !self.candidates.is_empty() {
            // A bar is known by its label, other text that is redrawn by its line.
            let bar = match bar::start(text) {
                Some(start) => Bar::labelled(&text[..start]),
                None => Bar::line(line.number),
            };
            let (shown, summary) = (&mut self.shown, &mut self.summary);
            self.candidates.each(&mut |name, candidate| {
                summary.found(name);
                let number = &candidate.number;
                let end = candidate.start + number.written;
                let written = text.get(candidate.start..end).unwrap_or_default();
                if redraw && !shown.is_new(bar, name, written) {
                    return;
                }
                let text = BStr::new(written);
                each(Found { name, value: number.value, text, known: None });
            });
        }
        if !whole {
            self.frame = line.number;
        } else if is_bar {
            self.shown.forget();
        }
    }

    /// Code and messages of a traceback hold numbers, but no metric.
    fn is_traceback(&mut self, text: &[u8]) -> bool {
        if self.in_traceback {
            let body = without_rank(text);
            // Indented, or in a box (its border is in the block of U+2500).
            self.in_traceback = body.first().is_none_or(|b| matches!(b, b' ' | b'\t' | 0xe2));
            return true;
        }
        static TRACEBACK: LazyLock<Finder<'static>> =
            LazyLock::new(|| Finder::new("Traceback (most recent call last)"));
        // Nothing follows it but a sign, or the border of a box: a text may speak of one.
        self.in_traceback = TRACEBACK.find(text).is_some_and(|at| {
            let behind = &text[at + TRACEBACK.needle().len()..];
            !behind.iter().any(u8::is_ascii_alphanumeric)
        });
        false
    }
}

/// Whether there is anything that can be a number.
fn has_number(text: &[u8]) -> bool {
    static NAN: LazyLock<[Finder<'static>; 6]> =
        LazyLock::new(|| ["nan", "NaN", "NAN", "inf", "Inf", "INF"].map(Finder::new));
    text.iter().any(u8::is_ascii_digit) || NAN.iter().any(|word| word.find(text).is_some())
}

/// `[rank1]: text` without its prefix.
fn without_rank(text: &[u8]) -> &[u8] {
    match text.strip_prefix(b"[").and_then(|rest| rest.find("]:").map(|at| &rest[at + 2..])) {
        Some(rest) => rest.strip_prefix(b" ").unwrap_or(rest),
        None => text,
    }
}

/// The end of what may be searched: `ValueError: ...`, `UserWarning: ...` are sentences.
fn before_exception(text: &[u8]) -> usize {
    for colon in memchr::memchr_iter(b':', text) {
        let named = ["Error", "Warning", "Exception"].iter().any(|kind| {
            let word = text[..colon].strip_suffix(kind.as_bytes());
            word.and_then(|w| w.last()).is_some_and(u8::is_ascii_lowercase)
        });
        let sentence = matches!(text[colon + 1..], [b' ', next, ..] if !next.is_ascii_digit());
        if named && sentence {
            return text[..colon].rfind_byte(b' ').map_or(0, |blank| blank + 1);
        }
    }
    text.len()
}
