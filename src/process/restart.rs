//! `--restart`: a command that failed is started again, as the same run.
//!
//! Between two of its processes there is a pause, in which signals are ours: one that would have
//! ended the command ends us in the same way. What somebody stopped stays stopped.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::getpid;

use crate::engine::Input;
use crate::engine::input::{Clue, ProcessEnd, ProcessStatus};
use crate::error::say;
use crate::process::Command;
use crate::process::job::clue;
use crate::process::signals::{Signals, ends_us};
use crate::process::spawn::StartError;
use crate::process::stop::StopQueue;
use crate::process::supervise::{Supervised, input, once, wait_for};
use crate::process::unix::{self, SignalInfo};
use crate::sources::Sink;
use crate::sources::guard::Guarded;
use crate::sources::wake::Timer;

/// The first pause; each one is twice the one before.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// A command that has run so long ran well: the next pause is the first one again.
const RAN_WELL: Duration = Duration::from_secs(600);
/// How long the news of a restart wait for the output before it to be shown.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs `command` to its end; if it fails, again, `command.restarts` times at most. Returns when it
/// was reaped and its outputs are at their end, or the leak timeout has passed since.
///
/// The sink gets `Started`, `Opened` by `Sink::open`, `Chunk`s, `Stopped` and `Continued`, `Ended`
/// as soon as it was reaped, and `Closed` for each source; then perhaps `Restarting`, and all of it
/// again; not `Finished`. The returned end may have one clue more than `Ended`: who still holds the
/// output, which is known only later.
pub fn supervise(
    command: Command,
    signals: &Signals,
    sink: Arc<dyn Sink>,
    stops: StopQueue,
) -> Result<Supervised, StartError> {
    let sink = Guarded::new(sink);
    let well = Timer::new().map_err(|error| StartError::Failed(error.to_string()))?;
    let mut pauses = Pauses::new(command.restarts);
    well.start(RAN_WELL);
    let mut supervised = once(&command, signals, sink.clone(), &stops)?;
    while may_go_on(&supervised)
        && let Some(after) = pauses.next(is_over(&well))
    {
        supervised.flush(signals, Some(LAST_WORDS));
        sink.put(Input::Restarting { attempt: pauses.done, most: command.restarts, after });
        match pause(after, &mut supervised, signals, &stops, &sink) {
            Pause::Over => {}
            Pause::Stopped => break,
            Pause::Ended(info) => {
                let status = ProcessStatus::Signaled { signal: info.signal, core_dumped: false };
                supervised.end = ProcessEnd { status, clues: vec![clue(info)] };
                sink.put(Input::Ended(supervised.end.clone()));
                break;
            }
        }
        well.clear();
        well.start(RAN_WELL);
        match once(&command, signals, sink.clone(), &stops) {
            Ok(next) => supervised = next,
            Err(error) => {
                say(&format!("watch: it cannot be started again: {error}"));
                break;
            }
        }
    }
    Ok(supervised)
}

/// It failed by itself: nobody stopped it, and somebody still reads what it prints.
fn may_go_on(supervised: &Supervised) -> bool {
    let failed = match supervised.end.status {
        ProcessStatus::Exited { code } => code != 0,
        ProcessStatus::Signaled { .. } => true,
        // It may not even be dead.
        ProcessStatus::Unknown => false,
    };
    let is_stop = |clue: &Clue| match clue {
        Clue::InterruptedAtTerminal | Clue::StoppedByRule { .. } => true,
        Clue::Forwarded { signal, .. } => {
            let died_of = ProcessStatus::Signaled { signal: *signal, core_dumped: false };
            ends_us(*signal) || without_core(supervised.end.status) == died_of
        }
        _ => false,
    };
    failed
        && !supervised.end.clues.iter().any(is_stop)
        && !supervised.streams.iter().any(|stream| stream.has_broken_pipe())
}

fn without_core(status: ProcessStatus) -> ProcessStatus {
    match status {
        ProcessStatus::Signaled { signal, .. } => {
            ProcessStatus::Signaled { signal, core_dumped: false }
        }
        status => status,
    }
}

/// How a pause went.
enum Pause {
    Over,
    /// A rule wants the run stopped.
    Stopped,
    /// By this signal.
    Ended(SignalInfo),
}

fn pause(
    length: Duration,
    supervised: &mut Supervised,
    signals: &Signals,
    stops: &StopQueue,
    sink: &Guarded,
) -> Pause {
    if let Some(info) = supervised.hurried.take().filter(is_deadly) {
        return Pause::Ended(info);
    }
    // Without a timer there is no pause.
    let Ok(timer) = Timer::new() else { return Pause::Over };
    timer.start(length);
    loop {
        while let Some(info) = signals.next() {
            match info.signal {
                libc::SIGTSTP => suspend(sink),
                _ if is_deadly(&info) => return Pause::Ended(info),
                _ => {}
            }
        }
        if stops.take().is_some() {
            return Pause::Stopped;
        }
        let mut fds = [input(signals), input(stops), input(&timer)];
        wait_for(&mut fds, None);
        if is_over(&timer) {
            // What the next process prints comes after all that this one did.
            supervised.flush(signals, None);
            let info = supervised.hurried.take().filter(is_deadly);
            return info.map_or(Pause::Over, Pause::Ended);
        }
    }
}

/// It would have ended the command.
fn is_deadly(info: &SignalInfo) -> bool {
    let own = !info.from_kernel && info.pid == std::process::id();
    ends_us(info.signal) && !own
}

/// Stops us, as the command would have been; returns when we are continued.
fn suspend(sink: &Guarded) {
    sink.put(Input::Stopped);
    let _ = unix::kill(getpid().as_raw_nonzero().get(), libc::SIGTSTP);
    let _ = unix::deliver(libc::SIGTSTP);
    sink.put(Input::Continued);
}

fn is_over(timer: &Timer) -> bool {
    let mut fds = [input(timer)];
    wait_for(&mut fds, Some(&rustix::event::Timespec::default()));
    !fds[0].revents().is_empty()
}

/// How long to wait before each start.
#[derive(Debug)]
struct Pauses {
    most: u32,
    done: u32,
    next: Duration,
}

impl Pauses {
    fn new(most: u32) -> Self {
        Self { most, done: 0, next: FIRST }
    }

    /// None: that was the last start.
    fn next(&mut self, ran_well: bool) -> Option<Duration> {
        if self.done >= self.most {
            return None;
        }
        self.done += 1;
        let pause = if ran_well { FIRST } else { self.next };
        self.next = pause.saturating_mul(2).min(LONGEST);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_begin_anew_after_a_good_while() {
        let mut pauses = Pauses::new(14);
        let mut next = |well| pauses.next(well).map(|pause| pause.as_secs());
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert_eq!(next(false), Some(expected));
        }
        assert_eq!([next(true), next(false), next(true)], [Some(1), Some(2), Some(1)]);
        assert_eq!(next(true), None);
    }
}
