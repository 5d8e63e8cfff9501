//! The supervisor's side: starts the courier, wakes it, and waits for it at the end. Nothing here
//! blocks but `wait`, and nothing that happens to the courier is an error of the run.

use std::collections::VecDeque;
use std::io::{self, BufReader, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::courier::process::{is_ours, read_line, set_nonblocking};
use crate::courier::protocol::{END, NEW, Notice, Settings};
use crate::outbox::{Outbox, OutboxError};

/// A courier that keeps dying is a bug, or a machine out of memory.
const MOST_STARTS: u32 = 5;
/// In characters. The settings must fit into a pipe; a command line may be megabytes long.
const LONGEST_COMMAND: usize = 1000;
const MOST_NOTICES: usize = 64;

/// The courier of this run. Dropped without `finish` it takes the supervisor for dead.
#[derive(Debug)]
pub struct CourierHandle {
    settings: Settings,
    program: PathBuf,
    /// None: it is another process's child, see `adopt`.
    child: Option<Child>,
    /// None once the run ended.
    input: Option<ChildStdin>,
    heard: Arc<Heard>,
    starts: u32,
}

/// How things stand when the supervisor stops waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Messages of this run that wait in the outbox; the courier goes on trying.
    pub waiting: usize,
    /// Messages of this run that were refused for good.
    pub failed: usize,
}

impl Outcome {
    pub fn all_delivered(&self) -> bool {
        self.waiting == 0 && self.failed == 0
    }
}

/// What the courier said, collected by a thread that reads its standard output.
#[derive(Debug, Default)]
struct Heard {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    notices: VecDeque<Notice>,
    /// The run ended, and all of it is delivered or set aside.
    idle: bool,
    /// Its output is at its end: it is gone.
    gone: bool,
}

/// Starts `program courier`. None if no channel needs one (the terminal does not).
///
/// Its descriptors are close-on-exec, so that the supervised command never holds them.
pub fn start(settings: Settings, program: &Path) -> io::Result<Option<CourierHandle>> {
    if !settings.channels.iter().any(|config| is_ours(&config)) {
        return Ok(None);
    }
    let settings = bounded(settings)?;
    let heard = Arc::default();
    let (child, input) = spawn(&settings, program, &heard)?;
    let program = program.to_owned();
    let (child, input) = (Some(child), Some(input));
    Ok(Some(CourierHandle { settings, program, child, input, heard, starts: 1 }))
}

/// The courier of a supervisor that is gone, of which only its standard input was left. Its
/// notices are lost; `wait` waits in vain.
pub fn adopt(settings: Settings, program: &Path, input: OwnedFd) -> io::Result<CourierHandle> {
    let (settings, program) = (bounded(settings)?, program.to_owned());
    let (heard, input) = (Arc::default(), Some(ChildStdin::from(input)));
    Ok(CourierHandle { settings, program, child: None, input, heard, starts: 1 })
}

fn bounded(settings: Settings) -> io::Result<Settings> {
    let state_dir = std::path::absolute(&settings.state_dir)?;
    let mut settings = Settings { state_dir, ..settings };
    settings.run.command = settings.run.command.chars().take(LONGEST_COMMAND).collect();
    Ok(settings)
}

impl CourierHandle {
    /// The courier's process; 0 if it is another process's child.
    pub fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Its standard input, for another process that is to speak to it once we are gone.
    pub fn input(&self) -> Option<BorrowedFd<'_>> {
        self.input.as_ref().map(AsFd::as_fd)
    }

    /// There is something new in the outbox. Starts the courier again if it died.
    pub fn wake(&mut self) {
        self.say(NEW);
    }

    /// The run ended, and everything about it is in the outbox.
    pub fn end(&mut self) {
        self.say(END);
        self.input = None;
    }

    /// Waits until all is delivered or set aside, but not longer than `linger`. Call `end` before.
    /// True: all is done. It returns early when the courier dies.
    pub fn wait(&self, linger: Duration) -> bool {
        let state = self.heard.lock();
        let waited = self
            .heard
            .changed
            .wait_timeout_while(state, linger, |state| !state.idle && !state.gone);
        waited.unwrap_or_else(PoisonError::into_inner).0.idle
    }

    /// What the courier said since the last call, oldest first; the oldest of too many are lost.
    pub fn notices(&self) -> Vec<Notice> {
        self.heard.lock().notices.drain(..).collect()
    }

    /// How many messages of this run are not delivered.
    pub fn outcome(&self) -> Result<Outcome, OutboxError> {
        let outbox = Outbox::open(&self.settings.state_dir)?;
        let run = &self.settings.run.id;
        let waiting = outbox.list()?.entries.iter().filter(|entry| entry.run == *run).count();
        let failed = outbox.list_failed()?.entries;
        let failed = failed.iter().filter(|entry| entry.run == *run).count();
        Ok(Outcome { waiting, failed })
    }

    /// `end`, `wait`, `outcome`. The courier goes on by itself if there is something left.
    pub fn finish(&mut self, linger: Duration) -> Result<Outcome, OutboxError> {
        self.end();
        if !self.wait(linger) && self.heard.lock().gone {
            self.restart(END);
            self.input = None;
        }
        self.outcome()
    }

    /// Starts the courier again if it died: without it the run would be missed.
    pub fn revive(&mut self) {
        if self.input.is_some() && self.heard.lock().gone {
            self.restart(NEW);
        }
    }

    /// Drops the line if the courier does not read; it looks into the outbox anyway.
    fn say(&mut self, line: &str) {
        let Some(input) = &mut self.input else { return };
        // The end of its output may be seen before its input is closed.
        if self.heard.lock().gone {
            return self.restart(line);
        }
        match input.write_all(format!("{line}\n").as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.restart(line),
            _ => {}
        }
    }

    fn restart(&mut self, line: &str) {
        // Whether it could be reaped or not (others may wait for all children): it is dead.
        let _ = self.child.as_mut().map(Child::try_wait);
        if self.starts >= MOST_STARTS {
            return;
        }
        self.starts += 1;
        let heard: Arc<Heard> = Arc::default();
        heard.lock().notices = std::mem::take(&mut self.heard.lock().notices);
        if let Ok((child, mut input)) = spawn(&self.settings, &self.program, &heard) {
            let _ = input.write_all(format!("{line}\n").as_bytes());
            (self.child, self.input, self.heard) = (Some(child), Some(input), heard);
        }
    }
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, output: ChildStdout) {
        let mut output = BufReader::new(output);
        while let Ok(Some(line)) = read_line(&mut output) {
            // A line that is no notice is of another version.
            let Ok(notice) = serde_json::from_str::<Notice>(&line) else { continue };
            let mut state = self.lock();
            state.idle |= notice == Notice::Idle(true);
            state.notices.push_back(notice);
            if state.notices.len() > MOST_NOTICES {
                state.notices.pop_front();
            }
            self.changed.notify_all();
        }
        self.lock().gone = true;
        self.changed.notify_all();
    }
}

fn spawn(
    settings: &Settings,
    program: &Path,
    heard: &Arc<Heard>,
) -> io::Result<(Child, ChildStdin)> {
    let mut line = serde_json::to_vec(settings)?;
    line.push(b'\n');
    let mut child = Command::new(program)
        .arg("courier")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the courier has no pipes"));
    };
    set_nonblocking(&input)?;
    // A pipe holds at least a page; settings that do not fit are an error rather than a wait.
    input.write_all(&line)?;
    let heard = Arc::clone(heard);
    std::thread::Builder::new()
        .name("courier notices".to_owned())
        .spawn(move || heard.listen(output))?;
    Ok((child, input))
}
