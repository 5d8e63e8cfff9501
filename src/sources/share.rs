//! What a stream shares with the keeper, and how its thread waits for it.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::sources::turn::Words;
use crate::sources::wake::Wake;

/// How long the keeper may take to hand a stream back; it looks twenty times a second.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// The keeper, as a stream sees it.
pub trait Deputy: fmt::Debug + Send + Sync {
    /// Hangs up when it is dead.
    fn line(&self) -> BorrowedFd<'_>;

    fn kill(&self);
}

#[derive(Debug)]
pub struct Share {
    pub words: &'static Words,
    /// The keeper has ended a turn.
    pub handed_back: Wake,
    pub deputy: Option<Arc<dyn Deputy>>,
}

impl Share {
    /// With nobody. `words` are those of the supervisor that is gone, if there was one.
    pub fn alone(words: Option<&'static Words>) -> std::io::Result<Self> {
        // For the rest of the process, as what is shared; it is little.
        let words = words.unwrap_or_else(|| Box::leak(Box::default()));
        Ok(Self { words, handed_back: Wake::new()?, deputy: None })
    }

    /// Until the keeper may have handed the stream back, or `cancel`. A keeper that is dead, or does
    /// not answer and therefore is killed, reads no more.
    pub fn wait(&self, cancel: &Wake) {
        let Some(deputy) = &self.deputy else { return self.words.reclaim() };
        let mut fds = [
            PollFd::from_borrowed_fd(deputy.line(), PollFlags::empty()),
            PollFd::from_borrowed_fd(self.handed_back.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(cancel.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, Some(&PATIENCE)) {
            Ok(0) => deputy.kill(),
            _ if !fds[0].revents().is_empty() => self.words.reclaim(),
            _ => self.handed_back.clear(),
        }
    }
}
