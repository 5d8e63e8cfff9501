//! Sees a command from its start to its end: one thread, one poll(2) over all that can happen.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitIdStatus, getpid, waitid};
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::tcsetwinsize;

use crate::engine::Input;
use crate::engine::input::{Clue, ProcessEnd, ProcessStatus};
use crate::process::clues::{self, OomWatch};
use crate::process::keyboard::{Key, Keyboard};
use crate::process::signals::{Signals, ends_us};
use crate::process::spawn::{Layout, Output, Spawned, StartError, spawn, wire};
use crate::process::stop::{StopQueue, StopRequest};
use crate::process::unix::SignalInfo;
use crate::process::{Command, terminal, unix};
use crate::sources::Sink;
use crate::sources::echo::Echo;
use crate::sources::guard::Guarded;
use crate::sources::pipe::Stream;
use crate::sources::pty::window_size;
use crate::sources::wake::{Timer, Wake};

/// How often is looked whether our job came to the foreground.
const FOREGROUND_LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
/// After SIGKILL: a process that hangs inside the system is given up.
const UNKILLABLE: Duration = Duration::from_secs(30);
/// Signals kept as clues at most.
const CLUES: usize = 32;

/// A run that has ended. What the sink got is complete; the echo may not be.
#[derive(Debug)]
#[must_use = "flush it, or a slow terminal loses the end of the output"]
pub struct Supervised {
    pub end: ProcessEnd,
    streams: Vec<Arc<Stream>>,
    changed: Arc<Wake>,
}

impl Supervised {
    /// Waits until our stdout and stderr have taken everything, as long as it takes; less only if
    /// somebody asks us to end.
    pub fn flush(self, signals: &Signals) {
        loop {
            self.changed.clear();
            if self.streams.iter().all(|stream| stream.is_echoed()) {
                return;
            }
            wait_for(&mut [input(signals), input(self.changed.as_ref())], None);
            while let Some(info) = signals.next() {
                if ends_us(info.signal) {
                    return;
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
pub fn supervise(
    command: Command,
    signals: &Signals,
    sink: Arc<dyn Sink>,
    stops: StopQueue,
) -> Result<Supervised, StartError> {
    // All that may fail is had before the start.
    let failed = |error: io::Error| StartError::Failed(error.to_string());
    let wiring = wire(command.pty).map_err(failed)?;
    let changed = Arc::new(Wake::new().map_err(|error| failed(error.into()))?);
    let sink = Guarded::new(sink);
    let log = command.log.as_ref().and_then(|log| log.try_clone().ok()).map(Arc::new);
    let mut readers = Vec::new();
    for output in &wiring.outputs {
        let ours = if output.is_stderr { stderr() } else { stdout() };
        let echo = Echo { output: (!command.quiet).then_some(ours), log: log.clone() };
        readers.push(Reader::start(echo).map_err(failed)?);
    }
    let timers = Timers::new().map_err(|error| failed(error.into()))?;
    let oom = OomWatch::start();

    let spawned = spawn(&command, wiring, signals)?;
    let run = Run::new(spawned, readers, sink, changed, timers);
    let watched = Watched { signals, stops, oom, command };
    Ok(run.to_end(&watched))
}

/// A thread that waits for its stream, so that it is there before the command is.
struct Reader {
    begin: SyncSender<Arc<Stream>>,
    cancel: Wake,
}

impl Reader {
    fn start(echo: Echo) -> io::Result<Self> {
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

struct Timers {
    /// From the end of the command to the end of our patience with its outputs.
    leak: Timer,
    /// From a rule's signal to SIGKILL, and from there to giving up.
    kill: Timer,
}

impl Timers {
    fn new() -> rustix::io::Result<Self> {
        Ok(Self { leak: Timer::new()?, kill: Timer::new()? })
    }
}

/// What stays the same during a run.
struct Watched<'a> {
    signals: &'a Signals,
    stops: StopQueue,
    oom: Option<OomWatch>,
    command: Command,
}

/// One output during the run.
struct Channel {
    stream: Arc<Stream>,
    /// The terminal, for its size. The stream holds it, as long as it reads.
    pty: Weak<OwnedFd>,
    link: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killing {
    No,
    /// SIGKILL when the timer ends.
    Grace,
    /// It was sent.
    Sent,
}

struct Run {
    pid: i32,
    layout: Layout,
    sink: Guarded,
    channels: Vec<Channel>,
    keyboard: Option<Keyboard>,
    slaves: Vec<OwnedFd>,
    changed: Arc<Wake>,
    timers: Timers,
    killing: Killing,
    clues: Vec<Clue>,
    /// The command is stopped, as wait(2) says.
    child_stopped: bool,
    /// `Stopped` was put last, not `Continued`.
    told_stopped: bool,
    ended: Option<ProcessStatus>,
    _restore: terminal::RestoreOnDrop,
}

impl Run {
    fn new(
        spawned: Spawned,
        readers: Vec<Reader>,
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
        let begin = |(output, reader): (Output, Reader)| {
            let source = sink.open(output.name);
            let pty = if output.is_pty { Arc::downgrade(&output.input) } else { Weak::new() };
            let (sink, changed) = (sink.clone(), Arc::clone(&changed));
            let stream = Stream::new(output.input, source, sink, reader.cancel, changed);
            let stream = Arc::new(stream);
            let _ = reader.begin.send(Arc::clone(&stream));
            Channel { stream, pty, link: output.link }
        };
        let channels = spawned.outputs.into_iter().zip(readers).map(begin).collect();
        Self {
            pid: spawned.pid,
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
            ended: None,
            _restore: terminal::RestoreOnDrop,
        }
    }

    fn to_end(mut self, watched: &Watched<'_>) -> Supervised {
        self.reap(watched);
        while self.ended.is_none() || self.channels.iter().any(|channel| channel.stream.is_open()) {
            self.step(watched);
        }
        let status = self.ended.unwrap_or(ProcessStatus::Unknown);
        let streams = self.channels.iter().map(|channel| Arc::clone(&channel.stream)).collect();
        let clues = std::mem::take(&mut self.clues);
        let changed = Arc::clone(&self.changed);
        Supervised { end: ProcessEnd { status, clues }, streams, changed }
    }

    /// Waits until something happens, and handles it.
    fn step(&mut self, watched: &Watched<'_>) {
        let [signals, stops, changed, leak, kill, keys, room] = self.wait(watched);
        if changed {
            self.changed.clear();
            self.drop_unread();
        }
        if signals {
            self.handle_signals(watched, None);
        }
        if stops && let Some(request) = watched.stops.take() {
            self.stop(request);
        }
        if kill {
            self.timers.kill.clear();
            self.kill(watched);
        }
        if leak {
            self.timers.leak.clear();
            self.close();
        }
        if let Some(keyboard) = &mut self.keyboard {
            if room {
                keyboard.write();
            }
            if keyboard.waits_for_foreground() {
                keyboard.attach();
            }
            if keys {
                for key in keyboard.read() {
                    self.handle_key(key, watched);
                }
            }
        }
    }

    fn wait(&self, watched: &Watched<'_>) -> [bool; 7] {
        let mut fds = vec![
            input(watched.signals),
            input(&watched.stops),
            input(self.changed.as_ref()),
            input(&self.timers.leak),
            input(&self.timers.kill),
        ];
        let (ours, mut timeout) = (stdin(), None);
        if let Some(keyboard) = &self.keyboard {
            let events = |wanted, events| if wanted { events } else { PollFlags::empty() };
            let keys = events(keyboard.wants_keys(), PollFlags::IN);
            let room = events(keyboard.has_waiting(), PollFlags::OUT);
            timeout = keyboard.waits_for_foreground().then_some(&FOREGROUND_LOOK);
            // A descriptor that hung up is ready whatever is asked for.
            if !keys.is_empty() {
                fds.push(PollFd::from_borrowed_fd(ours, keys));
            }
            if !room.is_empty() {
                fds.push(PollFd::from_borrowed_fd(keyboard.master(), room));
            }
        }
        wait_for(&mut fds, timeout);
        let ready = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
        let wants_keys = self.keyboard.as_ref().is_some_and(Keyboard::wants_keys);
        let (keys, room) = if wants_keys { (ready(5), ready(6)) } else { (false, ready(5)) };
        [ready(0), ready(1), ready(2), ready(3), ready(4), keys, room]
    }

    /// `except`: one signal of this number is dropped; it was seen already.
    fn handle_signals(&mut self, watched: &Watched<'_>, mut except: Option<i32>) {
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
            libc::SIGWINCH => self.resize(),
            // Our own: for the others of our job, see `handle_key`.
            _ if !info.from_kernel && info.pid == std::process::id() => {}
            _ if self.ended.is_some() => {
                if ends_us(info.signal) {
                    self.close();
                }
            }
            libc::SIGTSTP => self.suspend_by_signal(info, watched),
            libc::SIGCONT => self.resume_by_signal(info),
            _ => self.forward(info),
        }
    }

    fn forward(&mut self, info: SignalInfo) {
        if info.from_kernel && info.signal == libc::SIGINT {
            self.add_clue(Clue::InterruptedAtTerminal);
        }
        // The kernel has sent it to the command already: to all of the terminal's foreground.
        if info.from_kernel && self.layout == Layout::Shared {
            return;
        }
        self.send(info.signal);
        if !(info.from_kernel && info.signal == libc::SIGINT) {
            let sender = (!info.from_kernel && info.pid != 0).then_some(info);
            self.add_clue(Clue::Forwarded {
                signal: info.signal,
                pid: sender.map(|info| info.pid),
                uid: sender.map(|info| info.uid),
            });
        }
    }

    fn add_clue(&mut self, clue: Clue) {
        if self.clues.len() < CLUES && !self.clues.contains(&clue) {
            self.clues.push(clue);
        }
    }

    /// To the main child only. Never after it was reaped: its pid may be another's then.
    fn send(&self, signal: i32) {
        if self.ended.is_none() {
            let _ = unix::kill(self.pid, signal);
        }
    }

    fn send_to_group(&self, signal: i32) {
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
    fn suspend(&mut self, watched: &Watched<'_>, all: bool) {
        let with_group = self.layout != Layout::Shared;
        if with_group {
            self.send_to_group(libc::SIGSTOP);
        }
        self.tell_stopped(true);
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

    fn tell_stopped(&mut self, stopped: bool) {
        if std::mem::replace(&mut self.told_stopped, stopped) != stopped {
            self.sink.put(if stopped { Input::Stopped } else { Input::Continued });
        }
    }

    fn handle_key(&mut self, key: Key, watched: &Watched<'_>) {
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

    /// Takes note of all that became of the child.
    fn reap(&mut self, watched: &Watched<'_>) {
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
        if self.ended.is_some() {
            return;
        }
        let StopRequest { rule, stop } = request;
        if stop.signal == libc::SIGKILL {
            self.send_to_group(stop.signal);
        } else {
            self.send(stop.signal);
        }
        if self.child_stopped {
            self.send(libc::SIGCONT);
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
    fn close(&mut self) {
        let held = |channel: &&Channel| channel.stream.close();
        let links: Vec<_> =
            self.channels.iter().filter(held).map(|channel| channel.link.clone()).collect();
        if !links.is_empty() {
            self.clues.extend(clues::held_by(&links));
        }
    }

    /// Nobody reads our output any more: a pipe was closed by its stream, and a terminal hangs up
    /// when nobody on our side holds it.
    fn drop_unread(&mut self) {
        if self.channels.iter().any(|channel| channel.stream.has_broken_pipe()) {
            self.keyboard = None;
            terminal::restore();
        }
    }
}

fn input(fd: &impl AsFd) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::IN)
}

/// Interrupted or out of memory, it returns with nothing ready, and is called again.
fn wait_for(fds: &mut [PollFd<'_>], timeout: Option<&Timespec>) {
    let _ = poll(fds, timeout);
}
