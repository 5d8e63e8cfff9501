//! A finished event as the verdict needs it: what it says, how much it weighs, and its evidence.

use bstr::ByteSlice;

use super::doom::{Doom, classify};
use super::foreign::{Foreign, Kind};
use super::text::{MAX_LINE, Speaker, clip};
use super::traceback::{Exception, Link, Relation};
use crate::engine::input::SourceId;

/// Lines of evidence at most.
pub(super) const MAX_EVIDENCE: usize = 12;

/// How well an event explains the end of a run; the earlier, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    Primary,
    /// A launcher's copy of what a process printed.
    Copy,
    /// Another process went away.
    Peer,
    /// A launcher reports that its child failed.
    Launcher,
    /// It ended a thread or a task, not the program.
    Background,
    /// Python ignored it.
    Ignored,
}

/// Where and when an event stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) source: SourceId,
    pub(super) speaker: Speaker,
    /// Number of its first and its last line, counted over all sources.
    pub(super) first: u64,
    pub(super) last: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) span: Span,
    pub(super) weight: Weight,
    pub(super) doom: Option<Doom>,
    /// The process itself died of it: no exception that somebody may have caught.
    pub(super) fatal: bool,
    /// It names no reason beyond the signal.
    pub(super) vague: bool,
    pub(super) summary: String,
    pub(super) place: Option<String>,
    pub(super) evidence: Vec<String>,
}

impl Finding {
    /// Of a chain of exceptions, oldest first.
    pub(super) fn from_links(span: Span, weight: Weight, links: &[Link]) -> Option<Self> {
        let main = main_link(links)?;
        let link = links.get(main)?;
        let words = link.words();
        let doom = classify(&words);
        let name =
            Exception::parse(link.exception.trim_ascii()).map_or(&b""[..], |found| found.name);
        let weight = match doom {
            _ if weight != Weight::Primary => weight,
            _ if is_launchers(name) => Weight::Launcher,
            Some(Doom::Peer) => Weight::Peer,
            _ => Weight::Primary,
        };
        Some(Self {
            span,
            weight,
            doom,
            fatal: false,
            vague: false,
            summary: link.summary(),
            place: place(links, link),
            evidence: evidence(links, main),
        })
    }

    pub(super) fn from_foreign(span: Span, weight: Weight, event: &Foreign) -> Self {
        let summary = event.summary();
        let doom = classify(summary.as_bytes());
        let weight = match doom {
            Some(Doom::Peer) if weight == Weight::Primary => Weight::Peer,
            _ => weight,
        };
        let mut evidence = event.lines().to_vec();
        evidence.truncate(MAX_EVIDENCE);
        Self {
            span,
            weight,
            doom,
            fatal: matches!(event.kind, Kind::FatalPython | Kind::Cpp | Kind::Check | Kind::Signal),
            vague: event.is_vague(),
            summary,
            place: event.place(),
            evidence,
        }
    }
}

fn is_launchers(name: &[u8]) -> bool {
    ["ChildFailedError", "CalledProcessError", "ProcessExitedException"]
        .iter()
        .any(|ending| name.ends_with(ending.as_bytes()))
}

/// The last exception of the chain is the cause, unless it only reports that a worker is gone or
/// that clean-up failed too, and an earlier one names a known class of doom.
fn main_link(links: &[Link]) -> Option<usize> {
    let last = links.len().checked_sub(1)?;
    let class = classify(&links[last].words());
    if !matches!(class, None | Some(Doom::WorkerDied | Doom::Peer)) {
        return Some(last);
    }
    let known = |link: &Link| {
        classify(&link.words())
            .is_some_and(|doom| !matches!(doom, Doom::WorkerDied | Doom::Peer | Doom::Interrupted))
    };
    let earlier = links[..last].iter().rposition(known);
    // A handler that fails in its own way is another reason than what it handled.
    let linked = |at: &usize| class.is_some() || links[at + 1].relation == Relation::CausedBy;
    Some(earlier.filter(linked).unwrap_or(last))
}

/// Where in the user's code: of this exception, else of the newest one that passed through it.
fn place(links: &[Link], main: &Link) -> Option<String> {
    let users = links.iter().rev().find(|link| link.stack.has_user());
    if main.stack.has_user() { main.stack.place() } else { users.unwrap_or(main).stack.place() }
}

fn evidence(links: &[Link], main: usize) -> Vec<String> {
    let link = &links[main];
    let mut lines = link.stack.lines(2);
    lines.push(clip(link.exception.trim_ascii(), MAX_LINE));
    let telling = |line: &&String| !line.contains("[bt]") && !line.starts_with("Stack trace:");
    lines.extend(link.message.iter().filter(telling).take(4).cloned());
    let short = |link: &Link| {
        let place = link.stack.place().map_or(String::new(), |place| format!(" ({place})"));
        format!("{}{place}", link.summary())
    };
    for (at, other) in links.iter().enumerate().rev() {
        if at > main {
            lines.push(format!("then: {}", short(other)));
        } else if at < main {
            let label = match links[at + 1].relation {
                Relation::CausedBy => "caused by",
                Relation::Nested => "reported as",
                _ => "while handling",
            };
            lines.push(format!("{label}: {}", short(other)));
        }
    }
    lines.truncate(MAX_EVIDENCE);
    lines
}

/// What the line before a traceback says about it.
pub(super) fn weight_after(line: Option<&[u8]>) -> Weight {
    let Some(line) = line.map(|line| line.trim_ascii()) else { return Weight::Primary };
    let holds = |words: &[&str]| words.iter().any(|word| line.contains_str(word));
    if holds(&[
        "Exception ignored in",
        "--- Logging error ---",
        "Error in atexit",
        "Error in sys.excepthook",
    ]) {
        Weight::Ignored
    } else if holds(&[
        "Exception in thread ",
        "exception was never retrieved",
        "Exception in callback",
    ]) {
        Weight::Background
    } else {
        Weight::Primary
    }
}
