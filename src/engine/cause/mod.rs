//! Why a run ended: from its status, its clues and what it printed last.
//!
//! Watches all lines of all sources cheaply, keeps what may explain an end (tracebacks, known
//! words of doom), bounded, and gives a verdict at the end. "Likely" where it is a guess. It knows
//! no rule, and decides nothing while the run goes on.

mod boxed;
mod doom;
mod finding;
mod foreign;
mod frame;
mod json;
mod launcher;
mod root;
mod signal;
mod tail;
#[cfg(test)]
mod tests;
mod text;
mod traceback;
mod verdict;

use bstr::ByteSlice;

use self::doom::{Doom, classify};
use self::finding::{Finding, Span, Weight, weight_after};
use self::foreign::Foreign;
use self::launcher::Launcher;
use self::tail::Tail;
use self::text::{MAX_LINE, Speaker, split_speaker};
use self::traceback::{HEADER, Step, Traceback};
use crate::engine::alert::Verdict;
use crate::engine::block;
use crate::engine::input::{ProcessEnd, SourceId};
use crate::engine::splitter::{Line, LineKind};

/// Events that are open at the same time, one for each speaker.
const MAX_LANES: usize = 64;
/// Events that are remembered.
const MAX_FINDINGS: usize = 64;
/// Sources whose last lines are remembered.
const MAX_SOURCES: usize = 64;
/// Bytes of a line that are looked at: the longest traceback in one JSON object is not longer.
const MAX_LOOK: usize = 64 * 1024;

/// Collects what may explain the end of a run.
#[derive(Clone, Debug, Default)]
pub struct Investigator {
    /// Whole lines so far, of all sources.
    at: u64,
    tails: Vec<(SourceId, Tail)>,
    /// Unterminated lines; they come again as whole ones, unless the source never ends.
    partials: Vec<(SourceId, Vec<u8>)>,
    lanes: Vec<Lane>,
    findings: Vec<Finding>,
    launcher: Launcher,
    notes: Vec<Note>,
    early_stop: Option<(u64, String)>,
}

/// An open event of one speaker.
#[derive(Clone, Debug)]
struct Lane {
    span: Span,
    weight: Weight,
    event: Event,
}

#[derive(Clone, Debug)]
enum Event {
    Python(Traceback),
    Foreign(Foreign),
}

/// The newest line of a class of doom.
#[derive(Clone, Debug)]
struct Note {
    doom: Doom,
    at: u64,
    rank: Option<u32>,
    text: Vec<u8>,
}

impl Investigator {
    /// Looks at a line; cheap for one without news.
    pub fn line(&mut self, source: SourceId, line: &Line<'_>) {
        let text = &line.text[..line.text.len().min(MAX_LOOK)];
        match line.kind {
            LineKind::Frame => {}
            LineKind::Partial => self.partial(source, text),
            LineKind::Whole => {
                if !self.partials.is_empty() {
                    self.partials.retain(|(id, _)| *id != source);
                }
                self.whole(source, text);
            }
        }
    }

    /// Words, in small letters, of which a line with news holds one.
    pub(in crate::engine) fn words() -> impl Iterator<Item = Vec<u8>> {
        doom::words()
    }

    /// Whether a line without its newline may be news.
    pub(in crate::engine) fn is_news(line: &[u8]) -> bool {
        doom::is_news(line)
    }

    /// Whether every line is wanted now, news or not.
    pub(in crate::engine) fn is_reading(&self) -> bool {
        self.launcher.is_reading() || !self.lanes.is_empty()
    }

    /// Takes a block of whole lines without news, while no others are wanted.
    pub(in crate::engine) fn pass(&mut self, source: SourceId, block: &[u8]) {
        self.partials.retain(|(id, _)| *id != source);
        self.at += block::count(block);
        let at = self.at;
        self.tail(source).pass(at, block);
    }

    /// The verdict, with all that was seen until now.
    pub fn verdict(&self, end: &ProcessEnd) -> Verdict {
        let mut seen = self.clone();
        for (source, text) in std::mem::take(&mut seen.partials) {
            seen.whole(source, &text);
        }
        while !seen.lanes.is_empty() {
            seen.close(0);
        }
        verdict::judge(&seen, end)
    }

    fn partial(&mut self, source: SourceId, text: &[u8]) {
        self.partials.retain(|(id, _)| *id != source);
        if self.partials.len() < MAX_SOURCES {
            self.partials.push((source, text[..text.len().min(MAX_LINE)].to_vec()));
        }
    }

    fn whole(&mut self, source: SourceId, text: &[u8]) {
        self.at += 1;
        let news = doom::is_news(text);
        if self.launcher.is_reading() {
            self.launcher.read(text);
        } else if news {
            self.launcher.look(self.at, text);
        }
        if news || !self.lanes.is_empty() {
            let (speaker, rest) = split_speaker(text);
            if !self.continues(source, speaker, rest) && news {
                self.notice(source, speaker, rest);
            }
        }
        let at = self.at;
        let tail = self.tail(source);
        tail.push(at, text);
        if news {
            tail.push_news(at, text);
        }
    }

    fn tail(&mut self, source: SourceId) -> &mut Tail {
        let place = self.tails.iter().position(|(id, _)| *id == source).unwrap_or_else(|| {
            if self.tails.len() == MAX_SOURCES {
                self.tails.remove(0);
            }
            self.tails.push((source, Tail::default()));
            self.tails.len() - 1
        });
        &mut self.tails[place].1
    }

    /// Gives the line to the speaker's open event; false: it is somebody else's.
    fn continues(&mut self, source: SourceId, speaker: Speaker, text: &[u8]) -> bool {
        let mine = |lane: &Lane| lane.span.source == source && lane.span.speaker == speaker;
        let Some(place) = self.lanes.iter().position(mine) else { return false };
        let lane = &mut self.lanes[place];
        let step = match &mut lane.event {
            Event::Python(traceback) => traceback.push(text),
            Event::Foreign(event) => event.push(text),
        };
        match step {
            Step::Taken => lane.span.last = self.at,
            Step::Last => {
                lane.span.last = self.at;
                self.close(place);
            }
            Step::Stray => return false,
            Step::Ended => {
                self.close(place);
                return false;
            }
        }
        true
    }

    /// A line with news that belongs to no open event.
    fn notice(&mut self, source: SourceId, speaker: Speaker, text: &[u8]) {
        if doom::stops_early(text) {
            self.early_stop = Some((self.at, text::sentence(text::after_bar(text))));
        }
        let span = Span { source, speaker, first: self.at, last: self.at };
        if let Some(links) = json::exceptions(text) {
            self.keep(Finding::from_links(span, Weight::Primary, &links));
        } else if let Some(header) = text.find(HEADER) {
            let (late, _) = split_speaker(text::after_bar(&text[..header]));
            let span =
                if late == Speaker::default() { span } else { Span { speaker: late, ..span } };
            let copied = text[..header].trim_ascii().starts_with(b"traceback");
            let weight = if copied { Weight::Copy } else { self.weight_here(source) };
            self.open(Lane { span, weight, event: Event::Python(Traceback::open(text, header)) });
        } else {
            if let Some(doom) = classify(text) {
                self.note(doom, speaker.rank, text);
            }
            if let Some(event) = Foreign::open(text) {
                let weight = self.weight_here(source);
                self.open(Lane { span, weight, event: Event::Foreign(event) });
            }
        }
    }

    /// What the line before this one says about an event that begins here.
    fn weight_here(&self, source: SourceId) -> Weight {
        let tail = self.tails.iter().find(|(id, _)| *id == source);
        weight_after(tail.and_then(|(_, tail)| tail.newest()))
    }

    fn note(&mut self, doom: Doom, rank: Option<u32>, text: &[u8]) {
        // The terminal's echo of the key says less than the program's words.
        let echo = text.trim_ascii() == b"^C";
        if echo && self.notes.iter().any(|note| note.doom == doom) {
            return;
        }
        self.notes.retain(|note| note.doom != doom);
        let text = text[..text.len().min(MAX_LINE)].to_vec();
        self.notes.push(Note { doom, at: self.at, rank, text });
    }

    fn open(&mut self, lane: Lane) {
        if self.lanes.len() == MAX_LANES {
            self.close(0);
        }
        self.lanes.push(lane);
    }

    fn close(&mut self, place: usize) {
        let Lane { mut span, weight, event } = self.lanes.remove(place);
        let finding = match event {
            Event::Python(traceback) => {
                if weight == Weight::Copy {
                    span.speaker.rank = self.launcher.rank();
                }
                Finding::from_links(span, weight, &traceback.into_links())
            }
            Event::Foreign(event) => Some(Finding::from_foreign(span, weight, &event)),
        };
        self.keep(finding);
    }

    /// Remembers a finding. Of many, those stay that a verdict looks at first: the last one of each
    /// speaker, and of these the earliest.
    fn keep(&mut self, finding: Option<Finding>) {
        let Some(finding) = finding else { return };
        if let Some(last) = self.findings.last_mut()
            && last.fatal
            && finding.fatal
            && last.summary.get(..24) == finding.summary.get(..24)
            && finding.span.first.saturating_sub(last.span.last) < 4
        {
            // A kernel's assertion fails in thousands of threads.
            last.span.last = finding.span.last;
            return;
        }
        if self.findings.len() == MAX_FINDINGS {
            let replaced = |(at, old): (usize, &Finding)| {
                let later = &self.findings[at + 1..];
                let same = |new: &Finding| {
                    new.span.speaker == old.span.speaker
                        && new.span.source == old.span.source
                        && new.weight <= old.weight
                };
                later.iter().any(same).then_some(at)
            };
            let place = self.findings.iter().enumerate().find_map(replaced);
            self.findings.remove(place.unwrap_or(MAX_FINDINGS / 2));
        }
        self.findings.push(finding);
    }
}
