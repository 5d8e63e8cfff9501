//! The verdict: all that was found, weighed against how the process ended.
//!
//! The order of the questions is the order of proof: what the scheduler and the kernel say, what
//! people did, what the program said, the bare signal, the last words, the exit status.

use super::doom::Doom;
use super::finding::{Finding, MAX_EVIDENCE, Weight};
use super::launcher::Failure;
use super::root::root;
use super::signal::{is_own_fault, meaning, reading};
use super::tail::LastWord;
use super::text::{MAX_LINE, after_bar, after_log_prefix, clip, sentence};
use super::{Investigator, Note};
use crate::engine::alert::{Cause, Outcome, Verdict};
use crate::engine::input::{Clue, ProcessEnd, ProcessStatus, Sender};
use crate::engine::signals::name as signal_name;

/// A line further from the end than this does not explain it by itself.
const NEAR: u64 = 200;
/// Lines after a traceback from which on it is doubted that the run died of it.
const FAR: u64 = 500;

type Judgement = (Outcome, Option<Cause>);

pub(super) fn judge(seen: &Investigator, end: &ProcessEnd) -> Verdict {
    let signal = signal_of(end.status);
    let case = Case { seen, end, signal, root: root(&seen.findings, signal, seen.at, NEAR) };
    let (outcome, cause) = case.judge();
    Verdict { status: end.status, outcome, cause, restarts: 0 }
}

/// The signal behind a status, also where a shell hid it in an exit code.
fn signal_of(status: ProcessStatus) -> Option<i32> {
    match status {
        ProcessStatus::Signaled { signal, .. } => Some(signal),
        ProcessStatus::Exited { code: code @ 129..=159 } => Some(code - 128),
        _ => None,
    }
}

fn cause(summary: impl Into<String>) -> Cause {
    let summary = summary.into();
    Cause { summary, place: None, rank: None, likely: false, evidence: Vec::new() }
}

struct Case<'a> {
    seen: &'a Investigator,
    end: &'a ProcessEnd,
    signal: Option<i32>,
    root: Option<&'a Finding>,
}

impl Case<'_> {
    fn judge(&self) -> Judgement {
        if self.end.status.is_success() {
            return self.success();
        }
        let known = self
            .scheduler()
            .or_else(|| self.out_of_memory())
            .or_else(|| self.stopped())
            .or_else(|| self.crash())
            .or_else(|| self.noted())
            .or_else(|| self.bare_signal());
        match (known, self.end.status) {
            (Some(judgement), ProcessStatus::Unknown) => self.doubtful(judgement),
            (Some(judgement), _) => judgement,
            (None, ProcessStatus::Unknown) => (Outcome::Unknown, None),
            (None, _) => self.last_words(),
        }
    }

    /// Status 0: finished, unless it was told to stop; an early stop is said in its own words.
    fn success(&self) -> Judgement {
        if let Some(summary) = self.stopper() {
            return (Outcome::Interrupted, Some(cause(summary)));
        }
        let near = |(at, _): &&(u64, String)| self.seen.at - at <= NEAR;
        let early = self.seen.early_stop.as_ref().filter(near);
        let told = |words: &String| Cause { evidence: vec![words.clone()], ..cause(words.clone()) };
        (Outcome::Finished, early.map(|(_, words)| told(words)))
    }

    /// Nobody knows how it ended: only what was printed last says something, and not for certain.
    fn doubtful(&self, (outcome, cause): Judgement) -> Judgement {
        (outcome, cause.map(|cause| Cause { likely: true, ..cause }))
    }

    /// Words of the scheduler, which stand near the end.
    fn scheduler(&self) -> Option<Judgement> {
        let find =
            |doom| self.seen.notes.iter().find(|note| note.doom == doom && self.near(note.at));
        let outcomes = [
            (Doom::TimeLimit, Outcome::TimeLimit),
            (Doom::Preempted, Outcome::Preempted),
            (Doom::KilledForMemory, Outcome::OutOfMemory),
            (Doom::Cancelled, Outcome::Interrupted),
        ];
        let holds = |(doom, _): &(Doom, _)| *doom != Doom::Cancelled || !self.fell_by_itself();
        let mut outcomes = outcomes.into_iter().filter(holds);
        outcomes.find_map(|(doom, outcome)| Some((outcome, Some(noted(find(doom)?)))))
    }

    /// Whether a task failed on its own: `srun` then cancels what is left of the step, and says so.
    fn fell_by_itself(&self) -> bool {
        let own = self.root.filter(|root| root.doom != Some(Doom::Interrupted));
        self.signal.is_none() && own.is_some_and(|root| root.weight == Weight::Primary)
    }

    /// The kernel's counter rose, and something was killed: proven.
    fn out_of_memory(&self) -> Option<Judgement> {
        let count = self.oom_kills()?;
        let crash = self.crash();
        let worker = self.root.is_some_and(|root| {
            matches!(root.doom, Some(Doom::WorkerKilled | Doom::WorkerDied | Doom::Memory))
        });
        let child = self.seen.launcher.failure().is_some_and(|failure| failure.code == Some(-9));
        if self.signal != Some(9) && !worker && !child {
            return None;
        }
        let mut found = match crash {
            Some((_, Some(found))) if worker || child => found,
            _ => cause("killed by the kernel for want of memory"),
        };
        found.evidence.insert(0, format!("the cgroup's count of oom_kill rose by {count}"));
        found.evidence.truncate(MAX_EVIDENCE);
        Some((Outcome::OutOfMemory, Some(found)))
    }

    fn oom_kills(&self) -> Option<u64> {
        self.end.clues.iter().find_map(|clue| match clue {
            Clue::OomKills { count } if *count > 0 => Some(*count),
            _ => None,
        })
    }

    /// Who told the run to stop, if anybody did.
    fn stopper(&self) -> Option<String> {
        let clues = &self.end.clues;
        let rule = clues.iter().find_map(|clue| match clue {
            Clue::StoppedByRule { rule, signal } => {
                Some(format!("stopped by the rule `{rule}` ({})", signal_name(*signal)))
            }
            _ => None,
        });
        let typed = || {
            clues.contains(&Clue::InterruptedAtTerminal).then(|| "interrupted by Ctrl-C".to_owned())
        };
        let sent = || {
            clues.iter().rev().find_map(|clue| match clue {
                Clue::Forwarded { signal, sender }
                    if matches!(signal, 1 | 2 | 3 | 15) || self.signal == Some(*signal) =>
                {
                    let sender = sender.as_ref();
                    Some(sent_by(*signal, sender) + &self.batch_system(*signal, sender))
                }
                _ => None,
            })
        };
        rule.or_else(typed).or_else(sent)
    }

    /// Root's signals within a job of SLURM are its own, most of the time; and those of which the
    /// sender cannot be told, since it stands outside of our container. Not what a key or a terminal
    /// that is gone sends.
    fn batch_system(&self, signal: i32, sender: Option<&Sender>) -> String {
        let job = self.end.clues.iter().find_map(|clue| match clue {
            Clue::SlurmJob { id } => Some(id),
            _ => None,
        });
        match (job, sender) {
            (Some(id), None | Some(Sender { uid: 0, .. })) if matches!(signal, 10 | 12 | 15) => {
                format!(", likely SLURM job {id}'s time limit, preemption or scancel")
            }
            _ => String::new(),
        }
    }

    /// Somebody stopped it, and it did not die of something else meanwhile.
    fn stopped(&self) -> Option<Judgement> {
        let mut summary = self.stopper()?;
        let root = self.root;
        let by_rule = self.end.clues.iter().any(|clue| matches!(clue, Clue::StoppedByRule { .. }));
        let own = root.filter(|root| root.doom != Some(Doom::Interrupted));
        let unrelated = own.is_some_and(|root| root.weight == Weight::Primary)
            && !self.signal.is_some_and(|signal| matches!(signal, 1 | 2 | 3 | 9 | 15));
        if (unrelated && !by_rule) || self.signal.is_some_and(is_own_fault) {
            return None;
        }
        if let ProcessStatus::Signaled { signal, .. } = self.end.status {
            let name = signal_name(signal);
            if !summary.contains(&name) {
                summary = format!("{summary}, died of {name}");
            }
        }
        let evidence = root.map(|root| root.evidence.clone()).unwrap_or_default();
        let place = root.and_then(|root| root.place.clone());
        Some((Outcome::Interrupted, Some(Cause { place, evidence, ..cause(summary) })))
    }

    /// The program's own words for its death.
    fn crash(&self) -> Option<Judgement> {
        let died_by_signal = matches!(self.end.status, ProcessStatus::Signaled { .. });
        let outside = died_by_signal && !self.signal.is_some_and(is_own_fault);
        let root = self.root;
        if outside {
            // A signal from outside needs no exception; of Ctrl-C there often is one.
            let interrupt = root.filter(|root| {
                root.doom == Some(Doom::Interrupted) && matches!(self.signal, Some(1 | 2 | 3 | 15))
            })?;
            return Some((Outcome::Interrupted, Some(self.told(interrupt))));
        }
        let failure = self.seen.launcher.failure().filter(|failure| self.near(failure.at));
        match (root, failure) {
            (root, Some(failure)) if launcher_knows_better(root, failure) => {
                let mut found = launched(failure);
                if failure.code == Some(-9) && self.oom_kills().is_none() {
                    found.summary.push_str("; cause not proven");
                }
                Some((Outcome::Failed, Some(found)))
            }
            (Some(root), _) if !self.is_old(root) => {
                let mut told = self.told(root);
                if let Some(Failure { rank: Some(rank), .. }) = failure {
                    told.rank = told.rank.or((root.doom.is_none()).then_some(*rank));
                }
                let outcome = match root.doom.map_or(Outcome::Failed, outcome_for) {
                    Outcome::Failed if died_by_signal => Outcome::Killed,
                    outcome => outcome,
                };
                Some((outcome, Some(told)))
            }
            _ => None,
        }
    }

    fn told(&self, root: &Finding) -> Cause {
        let mut summary = root.summary.clone();
        if root.doom == Some(Doom::DiskLikelyFull) {
            summary.push_str(" (likely the disk is full)");
        }
        let mut place = root.place.clone();
        let mut evidence = root.evidence.clone();
        if root.fatal && place.is_none() {
            // The interpreter's own dump says where it was, but not why.
            place = self.seen.findings.iter().rev().find_map(|finding| {
                (finding.fatal && finding.vague).then(|| finding.place.clone()).flatten()
            });
        }
        evidence.extend(self.others(root));
        evidence.truncate(MAX_EVIDENCE);
        let likely = self.seen.at - root.span.last > FAR;
        Cause { summary, place, rank: root.span.speaker.rank, likely, evidence }
    }

    /// Which other ranks say the same.
    fn others(&self, root: &Finding) -> Option<String> {
        let kind = root.summary.split(':').next()?;
        let mut ranks: Vec<u32> = self
            .seen
            .findings
            .iter()
            .filter(|other| other.weight == root.weight && other.summary.starts_with(kind))
            .filter_map(|other| other.span.speaker.rank)
            .filter(|rank| root.span.speaker.rank.is_some_and(|own| own != *rank))
            .collect();
        ranks.sort_unstable();
        ranks.dedup();
        if ranks.is_empty() {
            return None;
        }
        let shown: Vec<String> = ranks.iter().take(16).map(u32::to_string).collect();
        let more = if ranks.len() > 16 { ", …" } else { "" };
        Some(format!("{kind} also on rank {}{more}", shown.join(", ")))
    }

    /// Printed long ago, and a later line calls itself the error.
    fn is_old(&self, root: &Finding) -> bool {
        let unknown = matches!(self.end.status, ProcessStatus::Unknown);
        if unknown && self.seen.at - root.span.last > 20 {
            return true;
        }
        let Some(word) = self.last_word().filter(|word| word.certain) else { return false };
        let uncaught = matches!(self.end.status, ProcessStatus::Exited { code: 1 });
        let gap = word.at.saturating_sub(root.span.last);
        self.seen.at - word.at < 10 && gap > if uncaught { 20 } else { 1 }
    }

    /// A line of a known class near the end, outside of any traceback.
    fn noted(&self) -> Option<Judgement> {
        if matches!(self.end.status, ProcessStatus::Signaled { .. } | ProcessStatus::Unknown) {
            return None;
        }
        let note = self.seen.notes.iter().rev().find(|note| self.near(note.at))?;
        let outcome = outcome_for(note.doom);
        let likely = outcome != Outcome::Interrupted;
        Some((outcome, Some(Cause { likely, ..noted(note) })))
    }

    /// A signal, and nothing that explains it: the status names it, and no cause is claimed.
    fn bare_signal(&self) -> Option<Judgement> {
        let ProcessStatus::Signaled { signal, .. } = self.end.status else { return None };
        let job = self.end.clues.iter().any(|clue| matches!(clue, Clue::SlurmJob { .. }));
        let guess = job && matches!(signal, 9 | 10 | 12 | 15);
        let found = if guess {
            let summary = "by the batch system: time limit, preemption or scancel";
            Some(Cause { likely: true, ..cause(summary) })
        } else {
            meaning(signal).map(cause)
        };
        let outcome = match signal {
            2 => Outcome::Interrupted,
            24 => Outcome::TimeLimit,
            _ => Outcome::Killed,
        };
        Some((outcome, found))
    }

    fn last_word(&self) -> Option<LastWord> {
        let words = || self.seen.tails.iter().filter_map(|(_, tail)| tail.last_word());
        words()
            .filter(|word| word.certain)
            .max_by_key(|word| word.at)
            .or_else(|| words().max_by_key(|word| word.at))
    }

    /// Nothing but an exit status, and perhaps a line that explains it.
    fn last_words(&self) -> Judgement {
        let ProcessStatus::Exited { code } = self.end.status else {
            return (Outcome::Failed, None);
        };
        let outcome = if code == 130 { Outcome::Interrupted } else { Outcome::Failed };
        let word = self.last_word().filter(|word| self.near(word.at));
        let likely = word.as_ref().is_some_and(|word| !word.certain);
        let word = word.map(|word| sentence(after_bar(&word.text)));
        let summary = match (word, reading(code)) {
            (Some(word), Some(reading)) => format!("{word}; {reading}"),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => return (outcome, None),
        };
        (outcome, Some(Cause { likely, ..cause(summary) }))
    }

    fn near(&self, at: u64) -> bool {
        self.seen.at.saturating_sub(at) <= NEAR
    }
}

/// `SIGTERM from bash (process 12, user id 1000)`.
fn sent_by(signal: i32, sender: Option<&Sender>) -> String {
    let signal = signal_name(signal);
    let Some(Sender { pid, uid, name }) = sender else { return format!("{signal} from outside") };
    match name {
        Some(name) => format!("{signal} from {name} (process {pid}, user id {uid})"),
        None => format!("{signal} from process {pid} (user id {uid})"),
    }
}

fn outcome_for(doom: Doom) -> Outcome {
    match doom {
        Doom::TimeLimit => Outcome::TimeLimit,
        Doom::Preempted => Outcome::Preempted,
        Doom::KilledForMemory | Doom::GpuMemory | Doom::Memory => Outcome::OutOfMemory,
        Doom::Cancelled | Doom::Interrupted => Outcome::Interrupted,
        _ => Outcome::Failed,
    }
}

fn noted(note: &Note) -> Cause {
    let evidence = vec![clip(note.text.trim_ascii(), MAX_LINE)];
    let typed = note.text.trim_ascii() == b"^C";
    let summary =
        if typed { "Ctrl-C".into() } else { sentence(after_log_prefix(after_bar(&note.text))) };
    Cause { rank: note.rank, evidence, ..cause(summary) }
}

/// A launcher's failure explains more than an event that is only its consequence, or none.
fn launcher_knows_better(root: Option<&Finding>, failure: &Failure) -> bool {
    let Some(root) = root else { return failure.code.is_some() };
    let consequence = match root.weight {
        Weight::Peer | Weight::Launcher | Weight::Background | Weight::Ignored => true,
        Weight::Copy => false,
        Weight::Primary => {
            let by_signal = failure.code.is_some_and(|code| code < 0) && !root.fatal;
            let other = root.span.speaker.rank.is_some() && root.span.speaker.rank != failure.rank;
            by_signal && (other || matches!(root.doom, Some(Doom::Nccl | Doom::NcclTimeout)))
        }
    };
    consequence
        && failure.code.is_some()
        && !(failure.code == Some(1) && root.weight == Weight::Peer)
}

fn launched(failure: &Failure) -> Cause {
    let who = failure.rank.map_or("a process of the run".into(), |rank| format!("rank {rank}"));
    let how = match failure.code {
        Some(code) if code < 0 => {
            format!("was killed by {} (exit code {code})", signal_name(-code))
        }
        Some(code) => format!("failed with exit code {code}, without a traceback"),
        None => "failed".into(),
    };
    Cause { rank: failure.rank, evidence: failure.lines.clone(), ..cause(format!("{who} {how}")) }
}
