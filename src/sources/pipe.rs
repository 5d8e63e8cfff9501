//! One stream of a command's output: reads it, puts it into the sink, echoes it.
//!
//! It runs on a thread of its own that only ever waits for the command or for our own output. The
//! bytes are put before they are echoed, so that a terminal that stands still does not hide the
//! command's last words. If the thread is held up by the terminal, `Stream::close` takes over the
//! reading of what is there, so that nothing is lost and nobody waits.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{self, Errno};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use crate::engine::{Input, SourceId};
use crate::sources::echo::{BrokenPipe, Echo};
use crate::sources::guard::Guarded;
use crate::sources::wake::Wake;

/// What one read takes at most.
const BLOCK: usize = 64 * 1024;
/// The capacity asked for: the writer goes on while we are held up for a moment. Not more, since
/// the system allows a user 64 MiB of pipes before it gives new ones a single page.
const PIPE_CAPACITY: usize = 256 * 1024;
/// What `close` takes at most: the largest pipe that an unprivileged user can make.
const REST: usize = 1024 * 1024;

/// A pipe: our non-blocking end, and the command's end.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    io::ioctl_fionbio(&reader, true)?;
    let _ = fcntl_setpipe_size(&reader, PIPE_CAPACITY);
    Ok((reader, writer))
}

/// Shared by the thread that runs it and the one that closes it.
#[derive(Debug)]
pub struct Stream {
    source: SourceId,
    sink: Guarded,
    state: Mutex<State>,
    /// Ends the thread's waiting for input.
    cancel: Wake,
    /// Called when the source was closed in the sink.
    closed: Arc<Wake>,
}

#[derive(Debug)]
struct State {
    /// None: it is at its end, or nobody reads our output any more.
    input: Option<Arc<OwnedFd>>,
    /// The source is not yet closed in the sink.
    open: bool,
    /// Put into the sink, but not yet echoed.
    rest: Vec<u8>,
    broken_pipe: bool,
    /// The last look found nothing, and all before it was echoed.
    idle: bool,
    /// The thread has echoed all that it ever will.
    echoed: bool,
}

enum Read {
    Bytes(usize),
    Nothing,
    End,
}

impl Stream {
    /// `input` is non-blocking.
    pub fn new(
        input: Arc<OwnedFd>,
        source: SourceId,
        sink: Guarded,
        cancel: Wake,
        closed: Arc<Wake>,
    ) -> Self {
        let state = State {
            input: Some(input),
            open: true,
            rest: Vec::new(),
            broken_pipe: false,
            idle: false,
            echoed: false,
        };
        Self { source, sink, state: Mutex::new(state), cancel, closed }
    }

    /// Runs until the end of the input, `close`, or the end of our own output.
    pub fn run(&self, echo: &Echo) {
        if self.pass_on(echo) == Err(BrokenPipe) {
            self.break_pipe();
        }
        self.lock().echoed = true;
        self.closed.wake();
    }

    fn pass_on(&self, echo: &Echo) -> Result<(), BrokenPipe> {
        let mut buffer = vec![0; BLOCK];
        loop {
            match self.read(&mut buffer) {
                Read::End => break,
                Read::Nothing => self.wait(),
                Read::Bytes(count) => echo.write(buffer.get(..count).unwrap_or_default())?,
            }
        }
        let rest = std::mem::take(&mut self.lock().rest);
        echo.write(&rest)
    }

    /// Puts what can be read without waiting, and closes the source in the sink. What was put but
    /// not echoed is still echoed by the thread. True: somebody still holds the output open.
    pub fn close(&self) -> bool {
        let mut state = self.lock();
        let mut held = false;
        if state.open {
            let mut buffer = vec![0; BLOCK];
            while state.rest.len() < REST {
                match self.read_locked(&mut state, &mut buffer) {
                    Read::Bytes(count) => {
                        let bytes = buffer.get(..count).unwrap_or_default();
                        state.rest.extend_from_slice(bytes);
                    }
                    Read::Nothing => {
                        held = true;
                        break;
                    }
                    Read::End => break,
                }
            }
            self.close_locked(&mut state);
        }
        self.cancel.wake();
        held
    }

    pub fn is_open(&self) -> bool {
        self.lock().open
    }

    /// All that was put has been echoed, or never will be.
    pub fn is_echoed(&self) -> bool {
        self.lock().echoed
    }

    /// All that was written until now was put and echoed.
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        let Some(input) = &state.input else { return true };
        let mut fds = [PollFd::from_borrowed_fd(input.as_fd(), PollFlags::IN)];
        let _ = poll(&mut fds, Some(&Timespec::default()));
        state.idle && !fds[0].revents().contains(PollFlags::IN)
    }

    /// Nobody reads our output any more.
    pub fn has_broken_pipe(&self) -> bool {
        self.lock().broken_pipe
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, buffer: &mut [u8]) -> Read {
        self.read_locked(&mut self.lock(), buffer)
    }

    fn read_locked(&self, state: &mut State, buffer: &mut [u8]) -> Read {
        let Some(input) = state.input.as_ref().filter(|_| state.open) else { return Read::End };
        loop {
            match io::read(input, &mut *buffer) {
                Ok(count) if count > 0 => {
                    state.idle = false;
                    let bytes = buffer.get(..count).unwrap_or_default();
                    self.sink.put(Input::Chunk { source: self.source, bytes });
                    return Read::Bytes(count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    state.idle = true;
                    return Read::Nothing;
                }
                // A terminal says EIO when its last holder is gone and all was read.
                Ok(_) | Err(_) => {
                    self.close_locked(state);
                    return Read::End;
                }
            }
        }
    }

    fn close_locked(&self, state: &mut State) {
        state.input = None;
        if std::mem::take(&mut state.open) {
            self.sink.put(Input::Closed { source: self.source });
        }
        self.closed.wake();
    }

    /// Closes our end, so that the command's next write fails as it would have without us.
    fn break_pipe(&self) {
        let mut state = self.lock();
        state.broken_pipe = true;
        self.close_locked(&mut state);
    }

    fn wait(&self) {
        let Some(input) = self.lock().input.clone() else { return };
        let mut fds = [
            PollFd::from_borrowed_fd(input.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.cancel.as_fd(), PollFlags::IN),
        ];
        let _ = poll(&mut fds, None);
    }
}
