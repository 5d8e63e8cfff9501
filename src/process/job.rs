//! Signals and job control: what reaches the command, what stops us, what the terminal's keys do.

use rustix::event::Timespec;
use rustix::process::getpid;
use rustix::termios::tcsetwinsize;

use crate::engine::Input;
use crate::engine::input::{Clue, Sender};
use crate::process::clues::program_name;
use crate::process::keyboard::Key;
use crate::process::run::{Run, Watched};
use crate::process::signals::ends_us;
use crate::process::spawn::Layout;
use crate::process::supervise::wait_for;
use crate::process::unix::SignalInfo;
use crate::process::{terminal, unix};
use crate::sources::pty::window_size;

/// Signals kept as clues at most.
const CLUES: usize = 32;
/// Before we stop: how often, and after which time each, it is looked whether all was shown.
const LOOKS: usize = 100;
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// What a signal to us says of an end.
pub(super) fn clue(info: SignalInfo) -> Clue {
    if info.from_kernel && info.signal == libc::SIGINT {
        return Clue::InterruptedAtTerminal;
    }
    let sender = (!info.from_kernel && info.pid != 0).then(|| Sender {
        pid: info.pid,
        uid: info.uid,
        name: program_name(info.pid),
    });
    Clue::Forwarded { signal: info.signal, sender }
}

impl Run {
    /// `except`: one signal of this number is dropped; it was seen already.
    pub(super) fn handle_signals(&mut self, watched: &Watched<'_>, mut except: Option<i32>) {
        while let Some(info) = watched.signals.next() {
            if except == Some(info.signal) {
                except = None;
                continue;
            }
            self.handle_signal(info, watched);
        }
    }

    fn handle_signal(&mut self, info: SignalInfo, watched: &Watched<'_>) {
        match info.signal {
            libc::SIGCHLD => self.reap(watched),
            libc::SIGWINCH => {
                self.resize();
                if !info.from_kernel {
                    self.send(libc::SIGWINCH);
                }
            }
            // Of the time that we have used ourselves.
            libc::SIGXCPU | libc::SIGVTALRM | libc::SIGPROF if info.from_kernel => {}
            // Our own: for the others of our job, see `handle_key`.
            _ if !info.from_kernel && info.pid == std::process::id() => {}
            _ if self.ended.is_some() => {
                if ends_us(info.signal) {
                    self.hurried = Some(info);
                    self.close(watched);
                }
            }
            libc::SIGTSTP => self.suspend_by_signal(info, watched),
            libc::SIGCONT => self.resume_by_signal(info),
            _ => self.forward(info),
        }
    }

    fn forward(&mut self, info: SignalInfo) {
        if info.from_kernel && info.signal == libc::SIGINT {
            self.add_clue(clue(info));
        }
        // The kernel has sent it to the command already: to all of the terminal's foreground.
        if info.from_kernel && self.layout == Layout::Shared {
            return;
        }
        self.send(info.signal);
        self.add_clue(clue(info));
    }

    pub(super) fn add_clue(&mut self, clue: Clue) {
        if self.clues.len() < CLUES && !self.clues.contains(&clue) {
            self.clues.push(clue);
        }
    }

    /// To the main child only. Never after it was reaped: its pid may be another's then.
    pub(super) fn send(&self, signal: i32) {
        if self.ended.is_none() {
            let _ = unix::kill(self.pid, signal);
        }
    }

    pub(super) fn send_to_group(&self, signal: i32) {
        let grouped = self.layout != Layout::Shared;
        if self.ended.is_none() {
            let _ = unix::kill(if grouped { -self.pid } else { self.pid }, signal);
        }
    }

    /// SIGTSTP to us: without us the command would stop. In a session or a group of its own the
    /// system ignores that signal, as nobody there could continue it; so it is SIGSTOP.
    fn suspend_by_signal(&mut self, info: SignalInfo, watched: &Watched<'_>) {
        if self.layout != Layout::Shared {
            return self.suspend(watched, false);
        }
        if !info.from_kernel {
            self.send(libc::SIGTSTP);
        }
        self.suspend(watched, false);
    }

    fn resume_by_signal(&mut self, info: SignalInfo) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.attach();
        }
        // In our group it was continued with us, if it was our group that was.
        if self.layout != Layout::Shared || self.child_stopped {
            self.forward(info);
        }
    }

    /// Stops the command, the rest of our job if `all`, and us; returns when we were continued,
    /// at once if the system has nobody who could do that. Then continues the command.
    pub(super) fn suspend(&mut self, watched: &Watched<'_>, all: bool) {
        let with_group = self.layout != Layout::Shared;
        if with_group {
            self.send_to_group(libc::SIGSTOP);
        }
        self.tell_stopped(true);
        self.show_rest();
        terminal::restore();
        let own = getpid().as_raw_nonzero().get();
        let _ = unix::kill(if all { 0 } else { own }, libc::SIGTSTP);
        let _ = unix::deliver(libc::SIGTSTP);
        // Here we are continued.
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.attach();
        }
        self.resize();
        if with_group {
            self.send_to_group(libc::SIGCONT);
        }
        self.reap(watched);
        if with_group || !self.child_stopped {
            self.tell_stopped(false);
        }
        self.handle_signals(watched, Some(libc::SIGCONT));
    }

    /// What the command printed before it was stopped is shown before we are; if our output takes
    /// nothing, it is shown later.
    fn show_rest(&self) {
        for _ in 0..LOOKS {
            if self.channels.iter().all(|channel| channel.stream.is_idle()) {
                return;
            }
            wait_for(&mut [], Some(&GLANCE));
        }
    }

    pub(super) fn tell_stopped(&mut self, stopped: bool) {
        if std::mem::replace(&mut self.told_stopped, stopped) != stopped {
            self.sink.put(if stopped { Input::Stopped } else { Input::Continued });
        }
    }

    pub(super) fn handle_key(&mut self, key: Key, watched: &Watched<'_>) {
        match key {
            Key::Suspend => self.suspend(watched, true),
            Key::Interrupt(signal) => {
                if signal == libc::SIGINT {
                    self.add_clue(Clue::InterruptedAtTerminal);
                }
                // The key makes it for the command; the others of our job (a script that runs us
                // in a loop) would have got it too.
                let _ = unix::kill(0, signal);
            }
        }
    }

    fn resize(&self) {
        for pty in self.channels.iter().filter_map(|channel| channel.pty.upgrade()) {
            let _ = tcsetwinsize(pty, window_size());
        }
    }
}
