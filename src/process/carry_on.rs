//! What the keeper does once the supervisor is gone: reads the outputs on, and waits for the end;
//! and what it does after the end for those who still write.
//!
//! It signals nobody, waits for nobody who reads, and never closes what the command writes to.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::io::Errno;

use crate::engine::Input;
use crate::engine::input::{ProcessEnd, ProcessStatus};
use crate::process::keep::{Estate, Held, Kept, is_file};
use crate::process::outsider::Outsider;
use crate::process::signals::Signals;
use crate::process::stand_in::Seat;
use crate::process::supervise::{Reader, input, wait_for};
use crate::sources::Sink;
use crate::sources::echo::{Echo, Log};
use crate::sources::guard::Guarded;
use crate::sources::pipe::Stream;
use crate::sources::share::Share;
use crate::sources::wake::{Timer, Wake};

/// What one read takes at most.
const BLOCK: usize = 64 * 1024;

/// Files for the output: one for all of it, one for what our own output does not take.
#[derive(Debug, Default)]
pub struct Logs {
    pub always: Option<Arc<dyn Log>>,
    pub otherwise: Option<Arc<dyn Log>>,
}

impl Estate {
    /// The process still runs, as far as that can be seen.
    pub fn is_alive(&self) -> bool {
        match &self.process {
            Some(process) => !process.has_ended(),
            None => !self.outputs.is_empty(),
        }
    }

    /// Puts what `process::supervise` would put, and returns at the end of the command and of its
    /// outputs, or `leak_timeout` after the former, with those outputs that are still held, to be
    /// drained. An output goes on into our own if that is a file. Signals are taken and let go: those
    /// who end a job send them to the command too.
    pub fn carry_on(
        self,
        signals: &Signals,
        sink: Arc<dyn Sink>,
        logs: Logs,
        leak_timeout: Duration,
    ) -> io::Result<Self> {
        let Self { outputs, process, mut slaves, .. } = self;
        let (sink, changed, leak) = (Guarded::new(sink), Arc::new(Wake::new()?), Timer::new()?);
        if let Some(process) = &process {
            sink.put(Input::Started { pid: process.pid().cast_unsigned() });
        }
        let (mut streams, mut spills, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for Kept { held, stream, seat } in outputs {
            let output = Some(ours(&held)).filter(|fd| is_file(*fd));
            let otherwise = logs.otherwise.as_ref().filter(|_| output.is_none());
            let log = logs.always.as_ref().or(otherwise).cloned();
            let reader = Reader::start(Echo { output, log })?;
            let source = sink.open(&held.name);
            again.push(Kept { held, stream: stream.try_clone()?, seat: None });
            let (words, spill) = match seat.map(Seat::inherit).transpose()? {
                Some((words, reader, spill)) => {
                    spills.push(spill);
                    (Some(words), reader)
                }
                None => (None, None),
            };
            let stream = Stream::new(
                (Arc::new(stream), Share::alone(words)?, spill),
                source,
                sink.clone(),
                reader.cancel,
                Arc::clone(&changed),
            );
            let stream = Arc::new(stream);
            let _ = reader.begin.send(Arc::clone(&stream));
            streams.push(stream);
        }
        let (mut ended, mut left) = (false, Self::default());
        while !ended && process.is_some() || streams.iter().any(|stream| !stream.is_echoed()) {
            let mut fds = vec![input(signals), input(changed.as_ref()), input(&leak)];
            fds.extend(process.as_ref().filter(|_| !ended).map(input));
            wait_for(&mut fds, None);
            let ready =
                |at: usize| fds.get(at).is_some_and(|fd: &PollFd<'_>| !fd.revents().is_empty());
            let (late, exit) = (ready(2), ready(3));
            changed.clear();
            while signals.next().is_some() {}
            if exit {
                ended = true;
                slaves.clear();
                sink.put(Input::Ended(process.as_ref().map_or_else(nobody_knows, Outsider::end)));
                leak.start(leak_timeout);
            }
            if late {
                leak.clear();
                let is_held: Vec<bool> = streams.iter().map(|stream| stream.close()).collect();
                let held = again.drain(..).zip(is_held).filter(|(_, is_held)| *is_held);
                left.outputs.extend(held.map(|(kept, _)| kept));
            }
        }
        if process.is_none() {
            sink.put(Input::Ended(nobody_knows()));
        }
        Ok(left)
    }
}

impl Estate {
    /// Reads what processes that the command left behind still write, until the last one lets go.
    /// With nobody to read they would die of it, as they do not without us. It goes on into our own
    /// output if that is a file.
    pub fn drain(self) {
        let echo = |kept: Kept| {
            let output = Some(ours(&kept.held)).filter(|fd| is_file(*fd));
            (kept.stream, Echo { output, log: None })
        };
        let mut streams: Vec<_> = self.outputs.into_iter().map(echo).collect();
        let mut block = vec![0; BLOCK];
        while !streams.is_empty() {
            let mut fds: Vec<_> = streams.iter().map(|(stream, _)| input(stream)).collect();
            wait_for(&mut fds, None);
            streams.retain(|(stream, echo)| match rustix::io::read(stream, &mut block) {
                Ok(count) if count > 0 => {
                    let _ = echo.write(block.get(..count).unwrap_or_default());
                    true
                }
                Err(Errno::AGAIN | Errno::INTR) => true,
                Ok(_) | Err(_) => false,
            });
        }
    }
}

fn ours(held: &Held) -> BorrowedFd<'static> {
    if held.is_stderr { rustix::stdio::stderr() } else { rustix::stdio::stdout() }
}

fn nobody_knows() -> ProcessEnd {
    ProcessEnd { status: ProcessStatus::Unknown, clues: Vec::new() }
}
