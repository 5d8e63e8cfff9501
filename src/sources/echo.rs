//! Passes bytes on to our own stdout or stderr, exactly, and appends them to a log.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{self, Errno};

/// A file that output is appended to. What cannot be written is lost.
pub trait Log: fmt::Debug + Send + Sync {
    fn append(&self, bytes: &[u8]);
}

impl Log for File {
    fn append(&self, bytes: &[u8]) {
        let mut file = self;
        let _ = file.write_all(bytes);
    }
}

/// Where one stream is passed on to.
#[derive(Debug, Default)]
pub struct Echo {
    /// None: it is not echoed.
    pub output: Option<BorrowedFd<'static>>,
    pub log: Option<Arc<dyn Log>>,
}

/// The reader of our output is gone (EPIPE).
#[derive(Debug, PartialEq, Eq)]
pub struct BrokenPipe;

impl Echo {
    /// Writes all of `bytes`, and waits for that as long as it takes, as the command itself would.
    ///
    /// Errors other than EPIPE (the disk is full, the terminal is gone) lose the bytes that could
    /// not be written and nothing else: the command must not fail of them, and the next write may
    /// succeed.
    pub fn write(&self, bytes: &[u8]) -> Result<(), BrokenPipe> {
        if let Some(log) = &self.log {
            log.append(bytes);
        }
        let Some(output) = self.output else { return Ok(()) };
        let mut rest = bytes;
        while !rest.is_empty() {
            match io::write(output, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                // Somebody who shares the descriptor made it non-blocking.
                Err(Errno::AGAIN) => wait_writable(output.as_fd()),
                Err(Errno::PIPE) => return Err(BrokenPipe),
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }
}

fn wait_writable(output: BorrowedFd<'_>) {
    let _ = poll(&mut [PollFd::new(&output, PollFlags::OUT)], None);
}
