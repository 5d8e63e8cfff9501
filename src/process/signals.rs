//! Signals to us, as a queue that is read instead of handlers that interrupt.
//!
//! They are blocked in every thread and read through signalfd(2): none is lost from `block` on,
//! also not before the command was started, and the command gets the dispositions that we were
//! started with.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use crate::process::unix::{self, Dispositions, SignalInfo, SignalMask};
use crate::sources::wake::Timer;

/// Left alone: nobody can block them, or they are faults of our own, for which blocking is no help.
const LEFT: [i32; 8] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGTRAP,
    libc::SIGPIPE,
];
/// Blocked and never read: with them blocked, the terminal does not stop us for reading or
/// changing it from the background, see credentials and job control in termios(3).
const IGNORED: [i32; 2] = [libc::SIGTTIN, libc::SIGTTOU];

/// The blocked signals; on drop the thread has the mask from before.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
    before: SignalMask,
    dispositions: Dispositions,
}

impl Signals {
    /// Call it before any thread is started: a thread that does not block a signal gets it.
    pub fn block() -> io::Result<Self> {
        let all = 1..=unix::last_signal();
        let read = SignalMask::of(all.filter(|it| ![&LEFT[..], &IGNORED].concat().contains(it)));
        let before = unix::block(&read)?;
        unix::block(&SignalMask::of(IGNORED))?;
        let dispositions = [
            // With it ignored the system keeps no exit status for us.
            (libc::SIGCHLD, unix::set_default(libc::SIGCHLD).unwrap_or(false)),
            // A file of ours that may not grow any more is no reason to die.
            (libc::SIGXFSZ, unix::ignore(libc::SIGXFSZ)),
            (libc::SIGPIPE, unix::sigpipe_was_ignored()),
        ];
        Ok(Self { fd: unix::signal_fd(&read)?, before, dispositions })
    }

    /// As nohup(1): a terminal that is gone ends neither us nor the command.
    pub fn ignore_hang_up(&self) {
        unix::ignore(libc::SIGHUP);
    }

    /// Waits until somebody asks us to end (SIGHUP, SIGINT, SIGQUIT, SIGTERM), at most `timeout`.
    /// For the time after the run, in which nobody else reads the signals.
    pub fn wait_for_end(&self, timeout: Duration) -> bool {
        let Ok(timer) = Timer::new() else { return false };
        timer.start(timeout);
        loop {
            while let Some(info) = self.next() {
                if ends_us(info.signal) {
                    return true;
                }
            }
            let mut fds =
                [PollFd::new(&self.fd, PollFlags::IN), PollFd::new(&timer, PollFlags::IN)];
            let _ = poll(&mut fds, None);
            if fds[1].revents().contains(PollFlags::IN) {
                return false;
            }
        }
    }

    pub(crate) fn next(&self) -> Option<SignalInfo> {
        unix::read_signal(self.fd.as_fd())
    }

    /// The mask that we were started with.
    pub(crate) fn mask_before(&self) -> SignalMask {
        self.before
    }

    /// What we have changed since we were started.
    pub(crate) fn dispositions_before(&self) -> Dispositions {
        self.dispositions
    }
}

/// Without a command to pass it on to, this signal ends us: not one that is ignored, which the
/// system queues all the same since it is blocked, see signal(7).
pub(crate) fn ends_us(signal: i32) -> bool {
    let ends = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM].contains(&signal);
    ends && !unix::is_ignored(signal)
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _ = unix::set_mask(&self.before);
    }
}
