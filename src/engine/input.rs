//! Everything that the engine ever sees, as one closed enum.
//!
//! Bytes come as they were read. Who read them, and how, is not known here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which source a chunk came from: an index in the order in which sources were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u32);

/// One thing that happened outside.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The command was started, or started again.
    Started {
        pid: u32,
    },
    /// A source begins; its id is the number of sources opened before it.
    Opened {
        source: SourceId,
        name: &'a str,
    },
    /// Bytes as they were read. Any split of the same bytes gives the same alerts.
    Chunk {
        source: SourceId,
        bytes: &'a [u8],
    },
    /// `bytes` bytes of the source could not be read; the line before the gap is ended by it.
    Gap {
        source: SourceId,
        bytes: u64,
    },
    /// Nothing more comes from this source: an unterminated line is complete as it stands.
    Closed {
        source: SourceId,
    },
    /// A value that is not taken from a line (a host metric, a TensorBoard event).
    Sample {
        source: SourceId,
        metric: &'a str,
        step: Option<f64>,
        value: f64,
    },
    /// Comes back, with its number, once all alerts of what came before are stored or shown.
    Mark {
        number: u64,
    },
    /// From here on lines may have been told already, by a watcher that crashed; or no longer.
    Repeats {
        on: bool,
    },
    /// The run was stopped by job control (Ctrl-Z): the run's time stands still until `Continued`.
    Stopped,
    Continued,
    /// The main child was reaped. Sources may still deliver until they are closed.
    Ended(ProcessEnd),
    /// After `Ended` and all `Closed`: the same run goes on with a new process `after` this time.
    Restarting {
        /// Which restart it is, from 1.
        attempt: u32,
        /// How many there may be.
        most: u32,
        after: Duration,
    },
    /// Nothing more comes at all: every source is closed, or the leak timeout has passed.
    /// The end is reported here, with all that was read until now.
    Finished,
}

/// How the main child ended, and what the supervisor saw of the reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessEnd {
    pub status: ProcessStatus,
    pub clues: Vec<Clue>,
}

/// The wait status of a process, see wait(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessStatus {
    Exited {
        code: i32,
    },
    /// `signal` is the number, see signal(7).
    Signaled {
        signal: i32,
        core_dumped: bool,
    },
    /// It ended, but the system does not tell how (a process that is not our child).
    Unknown,
}

impl ProcessStatus {
    pub fn is_success(self) -> bool {
        self == Self::Exited { code: 0 }
    }
}

/// The process that sent a signal, as signalfd(2) tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    pub pid: u32,
    pub uid: u32,
    /// Of its program, as /proc/PID/comm has it; none: it was gone already.
    pub name: Option<String>,
}

/// Something seen outside of the output that may explain an end. Facts only, no guesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clue {
    /// The cgroup's count of `oom_kill` rose by `count` during the run.
    OomKills { count: u64 },
    /// The supervisor received this signal from outside and passed it on to the child.
    Forwarded { signal: i32, sender: Option<Sender> },
    /// Ctrl-C was typed at the terminal.
    InterruptedAtTerminal,
    /// A rule's `stop` sent this signal.
    StoppedByRule { rule: String, signal: i32 },
    /// A process other than the child still holds its output open.
    OutputHeldBy { pids: Vec<u32> },
    /// No space is left on the file system of `path`.
    DiskFull { path: String },
    /// The run executes under this batch job.
    SlurmJob { id: String },
}
