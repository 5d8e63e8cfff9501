//! Our keyboard, copied into the pseudo-terminal of the command.
//!
//! Keys are read only while our job is in the foreground and our terminal raw. Ctrl-C and Ctrl-\
//! are passed on to the command's terminal, which makes the signals, and those of our job beside
//! us get them too, as they would without us. Ctrl-Z is ours: the system ignores it for a session
//! whose leader's parent is outside.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::{self, Errno};
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, SpecialCodeIndex, tcgetattr, tcgetpgrp};

use crate::process::terminal;

/// Keys that may wait for the command to read.
const CAPACITY: usize = 4096;

/// What the keys ask of the supervisor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Suspend,
    /// The terminal's signal: SIGINT, SIGQUIT.
    Interrupt(i32),
}

#[derive(Debug)]
pub(crate) struct Keyboard {
    master: Arc<OwnedFd>,
    /// The command's process group.
    group: i32,
    waiting: VecDeque<u8>,
    /// Our terminal is raw and ours.
    pub(crate) attached: bool,
    /// The terminal is gone.
    ended: bool,
}

impl Keyboard {
    pub(crate) fn new(master: Arc<OwnedFd>, group: i32) -> Self {
        Self { master, group, waiting: VecDeque::new(), attached: false, ended: false }
    }

    /// Takes the terminal if our job is in the foreground, lets go of it if not.
    pub(crate) fn attach(&mut self) {
        let foreground = !self.ended && terminal::is_foreground();
        if foreground {
            terminal::enter_raw();
        }
        self.attached = foreground;
    }

    pub(crate) fn wants_keys(&self) -> bool {
        self.attached && !self.ended && self.waiting.len() < CAPACITY
    }

    /// Nothing tells when our job comes to the foreground: it must be looked at now and then.
    pub(crate) fn waits_for_foreground(&self) -> bool {
        !self.attached && !self.ended
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn master(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// Reads keys; to be called when there are some.
    pub(crate) fn read(&mut self) -> Vec<Key> {
        let mut buffer = [0; 1024];
        match io::read(stdin(), &mut buffer) {
            Ok(0) => self.ended = true,
            Ok(count) => return self.take(buffer.get(..count).unwrap_or_default()),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // EIO: in the background, or the terminal is gone.
            Err(_) if terminal::is_foreground() => self.ended = true,
            Err(_) => self.attached = false,
        }
        Vec::new()
    }

    fn take(&mut self, keys: &[u8]) -> Vec<Key> {
        let mut asked = Vec::new();
        let codes = self.signal_codes();
        for &key in keys {
            match codes.iter().find(|(code, _)| *code == key) {
                Some((_, Key::Suspend)) => asked.push(Key::Suspend),
                Some((_, Key::Interrupt(signal))) => {
                    asked.push(Key::Interrupt(*signal));
                    self.waiting.push_back(key);
                }
                None => self.waiting.push_back(key),
            }
        }
        self.write();
        asked
    }

    /// The keys that make signals now, if the command itself is in its terminal's foreground (and
    /// not a job of a shell that is the command: there the terminal does it all).
    fn signal_codes(&self) -> Vec<(u8, Key)> {
        let Ok(modes) = tcgetattr(&self.master) else { return Vec::new() };
        let foreground = tcgetpgrp(&self.master).map(|pid| pid.as_raw_nonzero().get());
        if !modes.local_modes.contains(LocalModes::ISIG) || foreground != Ok(self.group) {
            return Vec::new();
        }
        let code = |index| modes.special_codes[index];
        [
            (code(SpecialCodeIndex::VSUSP), Key::Suspend),
            (code(SpecialCodeIndex::VINTR), Key::Interrupt(libc::SIGINT)),
            (code(SpecialCodeIndex::VQUIT), Key::Interrupt(libc::SIGQUIT)),
        ]
        .into_iter()
        // 0 is _POSIX_VDISABLE: no key.
        .filter(|(code, _)| *code != 0)
        .collect()
    }

    /// Passes on what the command's terminal takes now.
    pub(crate) fn write(&mut self) {
        while self.has_waiting() {
            let (head, _) = self.waiting.as_slices();
            match io::write(&self.master, head) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.waiting.clear(),
            }
        }
    }
}
