//! One run: waits for all that can happen to the command and to us, and acts on it.
//!
//! What signals and keys do is in `job`.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, waitid};
use rustix::stdio::stdin;

use crate::engine::Input;
use crate::engine::input::{Clue, ProcessEnd, ProcessStatus};
use crate::error::say;
use crate::process::clues::{self, OomWatch};
use crate::process::keyboard::Keyboard;
use crate::process::signals::Signals;
use crate::process::spawn::{Layout, Output, Spawned};
use crate::process::stop::{StopQueue, StopRequest};
use crate::process::supervise::{Reader, Supervised, Timers, input, wait_for};
use crate::process::unix::SignalInfo;
use crate::process::{Command, terminal};
use crate::sources::guard::Guarded;
use crate::sources::pipe::Stream;
use crate::sources::share::Share;
use crate::sources::spill;
use crate::sources::wake::Wake;

/// How often is looked whether our job came to the foreground.
const FOREGROUND_LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
/// After SIGKILL: a process that hangs inside the system is given up.
const UNKILLABLE: Duration = Duration::from_secs(30);
/// What stays the same during a run.
pub(super) struct Watched<'a> {
    pub(super) signals: &'a Signals,
    pub(super) stops: &'a StopQueue,
    pub(super) oom: Option<OomWatch>,
    pub(super) command: &'a Command,
}

/// One output during the run.
pub(super) struct Channel {
    pub(super) stream: Arc<Stream>,
    /// The terminal, for its size. The stream holds it, as long as it reads.
    pub(super) pty: Weak<OwnedFd>,
    pub(super) link: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Killing {
    No,
    /// SIGKILL when the timer ends.
    Grace,
    /// It was sent.
    Sent,
}

/// What `step` may wake for.
#[derive(Clone, Copy)]
enum Event {
    Signals,
    Exit,
    Stops,
    Changed,
    Leak,
    Kill,
    Keys,
    Room,
}

pub(super) struct Run {
    pub(super) pid: i32,
    /// A pidfd: readable when the command has ended. None on an old kernel: SIGCHLD tells it too.
    pub(super) exit: Option<OwnedFd>,
    pub(super) layout: Layout,
    pub(super) sink: Guarded,
    pub(super) channels: Vec<Channel>,
    pub(super) keyboard: Option<Keyboard>,
    pub(super) slaves: Vec<OwnedFd>,
    pub(super) changed: Arc<Wake>,
    pub(super) timers: Timers,
    pub(super) killing: Killing,
    pub(super) clues: Vec<Clue>,
    /// The command is stopped, as wait(2) says.
    pub(super) child_stopped: bool,
    /// `Stopped` was put last, not `Continued`.
    pub(super) told_stopped: bool,
    /// A rule has asked it to end: should it turn out to be stopped, it is continued, once.
    pub(super) is_to_end: bool,
    pub(super) ended: Option<ProcessStatus>,
    /// Who asked us to end after the command had.
    pub(super) hurried: Option<SignalInfo>,
    pub(super) _restore: terminal::RestoreOnDrop,
}

impl Run {
    pub(super) fn new(
        spawned: Spawned,
        readers: impl Iterator<Item = (Reader, (Share, Option<spill::Reader>))>,
        sink: Guarded,
        changed: Arc<Wake>,
        timers: Timers,
    ) -> Self {
        sink.put(Input::Started { pid: spawned.pid.cast_unsigned() });
        let master = spawned.outputs.first().map(|output| Arc::clone(&output.input));
        let keyboard = master.filter(|_| spawned.copies_stdin).map(|master| {
            let mut keyboard = Keyboard::new(master, spawned.pid);
            keyboard.attach();
            keyboard
        });
        let begin = |(output, (reader, (share, spill))): (Output, (Reader, _))| {
            let source = sink.open(output.name);
            let pty = if output.is_pty { Arc::downgrade(&output.input) } else { Weak::new() };
            let (sink, changed) = (sink.clone(), Arc::clone(&changed));
            let input = (output.input, share, spill);
            let stream = Stream::new(input, source, sink, reader.cancel, changed);
            let stream = Arc::new(stream);
            let _ = reader.begin.send(Arc::clone(&stream));
            Channel { stream, pty, link: output.link }
        };
        let channels = spawned.outputs.into_iter().zip(readers).map(begin).collect();
        Self {
            pid: spawned.pid,
            exit: Pid::from_raw(spawned.pid)
                .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()),
            layout: spawned.layout,
            sink,
            channels,
            keyboard,
            slaves: spawned.slaves,
            changed,
            timers,
            killing: Killing::No,
            clues: Vec::new(),
            child_stopped: false,
            told_stopped: false,
            is_to_end: false,
            ended: None,
            hurried: None,
            _restore: terminal::RestoreOnDrop,
        }
    }

    pub(super) fn supervise(mut self, watched: &Watched<'_>) -> Supervised {
        self.reap(watched);
        while self.ended.is_none() || self.channels.iter().any(|channel| channel.stream.is_open()) {
            self.step(watched);
        }
        let status = self.ended.unwrap_or(ProcessStatus::Unknown);
        let streams = self.channels.iter().map(|channel| Arc::clone(&channel.stream)).collect();
        let clues = std::mem::take(&mut self.clues);
        let changed = Arc::clone(&self.changed);
        Supervised { end: ProcessEnd { status, clues }, streams, changed, hurried: self.hurried }
    }

    /// Waits until something happens, and handles it.
    fn step(&mut self, watched: &Watched<'_>) {
        for event in self.wait(watched) {
            match event {
                Event::Signals => self.handle_signals(watched, None),
                Event::Exit => self.reap(watched),
                Event::Stops => {
                    if let Some(request) = watched.stops.take() {
                        self.stop(request);
                    }
                }
                Event::Changed => {
                    self.changed.clear();
                    self.drop_unread(watched);
                }
                Event::Leak => {
                    self.timers.leak.clear();
                    self.close(watched);
                }
                Event::Kill => {
                    self.timers.kill.clear();
                    self.kill(watched);
                }
                Event::Keys => {
                    let keys = self.keyboard.as_mut().map(Keyboard::read).unwrap_or_default();
                    for key in keys {
                        self.handle_key(key, watched);
                    }
                }
                Event::Room => {
                    if let Some(keyboard) = &mut self.keyboard {
                        keyboard.write();
                    }
                }
            }
        }
        if let Some(keyboard) = self.keyboard.as_mut().filter(|it| it.waits_for_foreground()) {
            keyboard.attach();
        }
    }

    fn wait(&self, watched: &Watched<'_>) -> Vec<Event> {
        let (keys, mut timeout) = (stdin(), None);
        let mut fds = vec![
            (Event::Signals, input(watched.signals)),
            (Event::Stops, input(watched.stops)),
            (Event::Changed, input(self.changed.as_ref())),
            (Event::Leak, input(&self.timers.leak)),
            (Event::Kill, input(&self.timers.kill)),
        ];
        if let Some(exit) = self.exit.as_ref().filter(|_| self.ended.is_none()) {
            fds.push((Event::Exit, input(exit)));
        }
        if let Some(keyboard) = &self.keyboard {
            if keyboard.wants_keys() {
                fds.push((Event::Keys, PollFd::from_borrowed_fd(keys, PollFlags::IN)));
            }
            if keyboard.has_waiting() {
                let master = keyboard.master();
                fds.push((Event::Room, PollFd::from_borrowed_fd(master, PollFlags::OUT)));
            }
            timeout = keyboard.waits_for_foreground().then_some(&FOREGROUND_LOOK);
        }
        let (events, mut fds): (Vec<_>, Vec<_>) = fds.into_iter().unzip();
        wait_for(&mut fds, timeout);
        let ready = events.into_iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        ready.map(|(event, _)| event).collect()
    }

    /// Takes note of all that became of the child.
    pub(super) fn reap(&mut self, watched: &Watched<'_>) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let options = WaitIdOptions::EXITED
            | WaitIdOptions::STOPPED
            | WaitIdOptions::CONTINUED
            | WaitIdOptions::NOHANG;
        while self.ended.is_none() {
            match waitid(WaitId::Pid(pid), options) {
                Ok(Some(status)) => self.handle_child(&status, watched),
                Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return,
                // It is no longer ours to wait for.
                Err(_) => self.end(ProcessStatus::Unknown, watched),
            }
        }
    }

    fn handle_child(&mut self, status: &WaitIdStatus, watched: &Watched<'_>) {
        if let Some(code) = status.exit_status() {
            self.end(ProcessStatus::Exited { code }, watched);
        } else if let Some(signal) = status.terminating_signal() {
            let core_dumped = status.dumped();
            self.end(ProcessStatus::Signaled { signal, core_dumped }, watched);
        } else if let Some(signal) = status.stopping_signal() {
            self.child_stopped = true;
            self.tell_stopped(true);
            if std::mem::take(&mut self.is_to_end) {
                return self.send(libc::SIGCONT);
            }
            // Stopped for the terminal, in our group: without us our shell would see it and could
            // continue it.
            if self.layout == Layout::Shared && [libc::SIGTTIN, libc::SIGTTOU].contains(&signal) {
                self.suspend(watched, false);
            }
        } else if status.continued() {
            self.child_stopped = false;
            self.tell_stopped(false);
        }
    }

    fn end(&mut self, status: ProcessStatus, watched: &Watched<'_>) {
        self.tell_stopped(false);
        self.ended = Some(status);
        self.keyboard = None;
        terminal::restore_keys();
        self.slaves.clear();
        if let Some(keeper) = &watched.command.keeper {
            keeper.ended();
        }
        let seen = [
            watched.oom.as_ref().and_then(OomWatch::clue),
            clues::disk_full(),
            clues::slurm_job(&watched.command.extra_env),
        ];
        self.clues.extend(seen.into_iter().flatten());
        self.sink.put(Input::Ended(ProcessEnd { status, clues: self.clues.clone() }));
        self.timers.leak.start(watched.command.leak_timeout);
    }

    fn stop(&mut self, request: StopRequest) {
        let StopRequest { rule, stop } = request;
        if self.ended.is_some() {
            // It came too late, but it is not to be started again.
            return self.add_clue(Clue::StoppedByRule { rule, signal: stop.signal });
        }
        if stop.signal == libc::SIGKILL {
            self.send_to_group(stop.signal);
        } else {
            self.send(stop.signal);
        }
        if self.child_stopped {
            self.send(libc::SIGCONT);
        } else {
            self.is_to_end = true;
        }
        self.add_clue(Clue::StoppedByRule { rule, signal: stop.signal });
        if let Some(grace) = stop.grace.filter(|_| self.killing == Killing::No) {
            self.killing = Killing::Grace;
            self.timers.kill.start(grace);
        }
    }

    /// The time to end by itself is over; or, after SIGKILL, the time to be dead.
    fn kill(&mut self, watched: &Watched<'_>) {
        match self.killing {
            Killing::Grace if self.ended.is_none() => {
                self.send_to_group(libc::SIGKILL);
                self.killing = Killing::Sent;
                self.timers.kill.start(UNKILLABLE);
            }
            Killing::Sent if self.ended.is_none() => self.end(ProcessStatus::Unknown, watched),
            _ => {}
        }
    }

    /// Closes what the command left open, and says who holds it.
    pub(super) fn close(&mut self, watched: &Watched<'_>) {
        let held = |channel: &&Channel| channel.stream.close();
        let links: Vec<_> =
            self.channels.iter().filter(held).map(|channel| channel.link.clone()).collect();
        if links.is_empty() {
            return;
        }
        let keeper = watched.command.keeper.as_ref();
        let ours: Vec<_> =
            keeper.map(|it| it.id()).into_iter().chain([std::process::id()]).collect();
        if let Some(keeper) = keeper {
            keeper.leave();
        }
        let holders = clues::held_by(&links, &ours);
        if holders.is_empty() {
            return;
        }
        let named = |pid: &u32| match clues::program_name(*pid) {
            Some(name) => format!("{pid} ({name})"),
            None => pid.to_string(),
        };
        let names = holders.iter().map(named).collect::<Vec<_>>().join(", ");
        say(&format!("watch: the command left processes behind that hold its output: {names}"));
        self.clues.push(Clue::OutputHeldBy { pids: holders.into_iter().collect() });
    }

    /// Nobody reads our output any more: a pipe was closed by its stream, and a terminal hangs up
    /// when nobody on our side holds it.
    fn drop_unread(&mut self, watched: &Watched<'_>) {
        if self.channels.iter().any(|channel| channel.stream.has_broken_pipe()) {
            if let Some(keeper) = &watched.command.keeper {
                keeper.release();
            }
            self.keyboard = None;
            terminal::restore();
        }
    }
}
