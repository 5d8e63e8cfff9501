//! One stream of a command's output: reads it, puts it into the sink, echoes it.
//!
//! It runs on a thread of its own that only ever waits for the command or for our own output. The
//! bytes are put before they are echoed, so that a terminal that stands still does not hide the
//! command's last words. If the thread is held up by the terminal, `Stream::close` takes over the
//! reading of what is there, so that nothing is lost and nobody waits. While we were stopped, the
//! keeper has read in our place (`sources::turn`); what it left comes first.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{self, Errno};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use crate::engine::{Input, SourceId};
use crate::error::say;
use crate::sources::echo::{BrokenPipe, Echo};
use crate::sources::guard::Guarded;
use crate::sources::share::Share;
use crate::sources::spill::Reader;
use crate::sources::turn::{By, Spilled, Taken};
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
    /// With the keeper.
    share: Share,
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
    spill: Option<Reader>,
    /// What the thread has read in its life; none: nobody counts that.
    read: Option<u64>,
    /// The source is not yet closed in the sink.
    open: bool,
    /// Put into the sink, but not yet echoed.
    rest: Vec<u8>,
    broken_pipe: bool,
    /// The thread waits: all that it has read was echoed.
    idle: bool,
    /// The thread has echoed all that it ever will.
    echoed: bool,
}

enum Read {
    Bytes(usize),
    Nothing,
    /// The keeper is reading.
    NotYet,
    End,
}

impl Stream {
    /// `input` is non-blocking. `spill` is what the keeper leaves, if anything.
    pub fn new(
        (input, share, spill): (Arc<OwnedFd>, Share, Option<Reader>),
        source: SourceId,
        sink: Guarded,
        cancel: Wake,
        closed: Arc<Wake>,
    ) -> Self {
        let state = State {
            input: Some(input),
            spill,
            read: None,
            open: true,
            rest: Vec::new(),
            broken_pipe: false,
            idle: false,
            echoed: false,
        };
        Self { source, sink, share, state: Mutex::new(state), cancel, closed }
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
        let mut has_entered = false;
        loop {
            // Before the turn, which is only taken to read what is there: of one in which nothing was
            // read the keeper cannot tell whether it is over.
            if self.share.words.is_free() {
                self.wait();
            }
            match self.read(&mut buffer) {
                Read::End => break,
                Read::Nothing => {}
                Read::NotYet => {
                    self.share.wait(&self.cancel);
                    self.enter();
                }
                Read::Bytes(count) => {
                    echo.write(buffer.get(..count).unwrap_or_default())?;
                    // A run that prints nothing does not pay for it.
                    if !std::mem::replace(&mut has_entered, true) {
                        self.enter();
                    }
                }
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
            while state.rest.len() < REST.saturating_add(self.share.words.spilled_bytes()) {
                match self.read_locked(&mut state, &mut buffer, By::Closer) {
                    Read::Bytes(count) => {
                        let bytes = buffer.get(..count).unwrap_or_default();
                        state.rest.extend_from_slice(bytes);
                    }
                    Read::NotYet => self.share.wait(&self.cancel),
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
        state.idle && !fds[0].revents().contains(PollFlags::IN) && self.share.words.is_free()
    }

    /// Nobody reads our output any more.
    pub fn has_broken_pipe(&self) -> bool {
        self.lock().broken_pipe
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what this thread reads from here on, the stream aside.
    fn enter(&self) {
        self.lock().read = self.share.words.enter();
    }

    fn read(&self, buffer: &mut [u8]) -> Read {
        let mut state = self.lock();
        let by = By::thread(state.read);
        let read = self.read_locked(&mut state, buffer, by);
        if let Read::Bytes(count) = read {
            state.read = state.read.map(|sum| sum + count as u64);
        }
        read
    }

    fn read_locked(&self, state: &mut State, buffer: &mut [u8], by: By) -> Read {
        loop {
            let Some(input) = state.input.as_ref().filter(|_| state.open) else { return Read::End };
            match self.share.words.take(by) {
                Taken::Ours => {}
                Taken::Keepers => return Read::NotYet,
                Taken::Spilled(spilled) => match self.read_spill(state, buffer, spilled) {
                    0 => continue,
                    count => return self.got(state, buffer, count),
                },
            }
            let read = io::read(input, &mut *buffer);
            self.share.words.release(by);
            match read {
                Ok(count) if count > 0 => return self.got(state, buffer, count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Read::Nothing,
                // A terminal says EIO when its last holder is gone and all was read.
                Ok(_) | Err(_) => {
                    self.close_locked(state);
                    return Read::End;
                }
            }
        }
    }

    fn got(&self, state: &mut State, buffer: &[u8], count: usize) -> Read {
        state.idle = false;
        let bytes = buffer.get(..count).unwrap_or_default();
        self.sink.put(Input::Chunk { source: self.source, bytes });
        Read::Bytes(count)
    }

    /// The next bytes that the keeper left; at their end 0, and what it could not keep is told.
    fn read_spill(&self, state: &mut State, buffer: &mut [u8], spilled: Spilled) -> usize {
        let words = self.share.words;
        let length = usize::try_from(spilled.rest).unwrap_or(usize::MAX).min(buffer.len());
        let wanted = buffer.get_mut(..length).unwrap_or_default();
        let read = state.spill.as_mut().map_or(0, |spill| spill.read(wanted, spilled.at));
        if read > 0 {
            words.read_spill(read as u64);
            return read;
        }
        words.read_spill(spilled.rest);
        let lost = spilled.rest.saturating_add(words.take_dropped());
        if lost > 0 {
            self.sink.put(Input::Gap { source: self.source, bytes: lost });
            say(&format!("watch: {lost} bytes of output were lost while watch was stopped"));
        }
        if let Some(spill) = &mut state.spill {
            spill.remove();
        }
        if words.end_spill(spilled)
            && let Some(spill) = &mut state.spill
        {
            spill.close();
        }
        0
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
        let mut state = self.lock();
        state.idle = true;
        let Some(input) = state.input.clone() else { return };
        drop(state);
        let mut fds = [
            PollFd::from_borrowed_fd(input.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.cancel.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.share.handed_back.as_fd(), PollFlags::IN),
        ];
        let _ = poll(&mut fds, None);
        if !fds[2].revents().is_empty() {
            self.share.handed_back.clear();
            self.enter();
        }
    }
}
