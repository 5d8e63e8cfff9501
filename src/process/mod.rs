//! The command: started, supervised, signalled, and seen to its end.
//!
//! Knows nothing of rules, of messages and of the network. Nothing after the start is fatal here:
//! what cannot be had is done without, and the echo goes on.
//!
//! ```text
//!  main     Signals::block()  ── first of all, before any thread
//!           supervise(..)     ── one thread per output (sources::pipe), this thread does the rest
//!           Supervised::flush ── what a slow terminal has not yet taken
//!           die_like(status)
//! ```

use std::ffi::OsString;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

pub mod carry_on;
pub mod exit;
pub mod keep;
pub mod outsider;
pub mod signals;
pub mod spawn;
pub mod stop;
pub mod supervise;
pub mod terminal;

mod clues;
mod job;
mod keyboard;
mod restart;
mod run;
mod stand_in;
mod unix;

pub use exit::die_like;
pub use keep::Keeper;
pub use outsider::{AttachError, Outsider};
pub use restart::supervise;
pub use signals::Signals;
pub use spawn::StartError;
pub use stop::{StopQueue, StopRequest};
pub use supervise::Supervised;

/// What to run, and how.
#[derive(Debug)]
pub struct Command {
    /// The program, looked up in PATH, and its arguments.
    pub argv: Vec<OsString>,
    /// On top of our own environment.
    pub extra_env: Vec<(OsString, OsString)>,
    pub pty: PtyMode,
    /// Echo nothing.
    pub quiet: bool,
    /// After the command's end: how long a process that it left behind may still write.
    pub leak_timeout: Duration,
    /// Appended to: the raw output, both streams as they come.
    pub log: Option<File>,
    /// How often it is started again at most, each time that it fails.
    pub restarts: u32,
    /// Who holds the outputs if we die.
    pub keeper: Option<Arc<Keeper>>,
}

/// Whether the command runs on a pseudo-terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PtyMode {
    /// As our own streams are: see `spawn`.
    #[default]
    Auto,
    /// Also where our output is none.
    Always,
    /// Pipes.
    Never,
}
