//! Starts a command and sees it to its end, once.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::{stderr, stdout};

use crate::engine::input::ProcessEnd;
use crate::process::Command;
use crate::process::clues::OomWatch;
use crate::process::run::{Run, Watched};
use crate::process::signals::{Signals, ends_us};
use crate::process::spawn::{StartError, spawn, wire};
use crate::process::stop::StopQueue;
use crate::process::unix::SignalInfo;
use crate::sources::echo::{Echo, Log};
use crate::sources::guard::Guarded;
use crate::sources::pipe::Stream;
use crate::sources::share::Share;
use crate::sources::wake::{Timer, Wake};

/// A run that has ended. What the sink got is complete; the echo may not be.
#[derive(Debug)]
#[must_use = "flush it, or a slow terminal loses the end of the output"]
pub struct Supervised {
    pub end: ProcessEnd,
    pub(super) streams: Vec<Arc<Stream>>,
    pub(super) changed: Arc<Wake>,
    /// Who asked us to end already.
    pub(super) hurried: Option<SignalInfo>,
}

impl Supervised {
    /// Waits until our stdout and stderr have taken everything; not longer than `patience`, nor
    /// once somebody asks us to end.
    pub fn flush(&mut self, signals: &Signals, patience: Option<Duration>) {
        let deadline = patience.and_then(|patience| {
            let timer = Timer::new().ok()?;
            timer.start(patience);
            Some(timer)
        });
        loop {
            self.changed.clear();
            if self.hurried.is_some() || self.streams.iter().all(|stream| stream.is_echoed()) {
                return;
            }
            let mut fds = vec![input(signals), input(self.changed.as_ref())];
            fds.extend(deadline.as_ref().map(input));
            wait_for(&mut fds, None);
            if fds.get(2).is_some_and(|timer| !timer.revents().is_empty()) {
                return;
            }
            while let Some(info) = signals.next() {
                if ends_us(info.signal) {
                    self.hurried = Some(info);
                }
            }
        }
    }
}

/// Runs `command` to its end. Returns when it was reaped and its outputs are at their end, or the
/// leak timeout has passed since.
///
/// The sink gets `Started`, `Opened` by `Sink::open`, `Chunk`s, `Stopped` and `Continued`, `Ended`
/// as soon as it was reaped, and `Closed` for each source; not `Finished`. The returned end may
/// have one clue more than `Ended`: who still holds the output, which is known only later.
pub(super) fn once(
    command: &Command,
    signals: &Signals,
    sink: Guarded,
    stops: &StopQueue,
) -> Result<Supervised, StartError> {
    // All that may fail is had before the start.
    let failed = |error: io::Error| StartError::Failed(error.to_string());
    let wiring = wire(command.pty).map_err(failed)?;
    let changed = Arc::new(Wake::new().map_err(|error| failed(error.into()))?);
    let log = command.log.as_ref().and_then(|log| log.try_clone().ok());
    let log = log.map(|log| Arc::new(log) as Arc<dyn Log>);
    let mut readers = Vec::new();
    for output in &wiring.outputs {
        let ours = if output.is_stderr { stderr() } else { stdout() };
        let echo = Echo { output: (!command.quiet).then_some(ours), log: log.clone() };
        readers.push(Reader::start(echo).map_err(failed)?);
    }
    let timers = Timers::new().map_err(|error| failed(error.into()))?;
    let oom = OomWatch::start();

    let shares = match &command.keeper {
        Some(keeper) => keeper.outputs(&wiring.outputs),
        None => wiring.outputs.iter().map(|_| Ok((Share::alone(None)?, None))).collect(),
    };
    let shares = shares.map_err(failed)?;
    let spawned = spawn(command, wiring, signals)?;
    if let Some(keeper) = &command.keeper {
        keeper.process(&spawned);
    }
    let run = Run::new(spawned, readers.into_iter().zip(shares), sink, changed, timers);
    let watched = Watched { signals, stops, oom, command };
    Ok(run.supervise(&watched))
}

/// A thread that waits for its stream, so that it is there before the command is.
pub(super) struct Reader {
    pub(super) begin: SyncSender<Arc<Stream>>,
    pub(super) cancel: Wake,
}

impl Reader {
    pub(super) fn start(echo: Echo) -> io::Result<Self> {
        let cancel = Wake::new()?;
        let (begin, stream) = sync_channel::<Arc<Stream>>(1);
        thread::Builder::new().name("output".to_owned()).spawn(move || {
            // Nothing comes if the command could not be started.
            if let Ok(stream) = stream.recv() {
                stream.run(&echo);
            }
        })?;
        Ok(Self { begin, cancel })
    }
}

pub(super) struct Timers {
    /// From the end of the command to the end of our patience with its outputs.
    pub(super) leak: Timer,
    /// From a rule's signal to SIGKILL, and from there to giving up.
    pub(super) kill: Timer,
}

impl Timers {
    pub(super) fn new() -> rustix::io::Result<Self> {
        Ok(Self { leak: Timer::new()?, kill: Timer::new()? })
    }
}

pub(super) fn input(fd: &impl AsFd) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::IN)
}

/// Interrupted or out of memory, it returns with nothing ready, and is called again.
pub(super) fn wait_for(fds: &mut [PollFd<'_>], timeout: Option<&Timespec>) {
    let _ = poll(fds, timeout);
}
