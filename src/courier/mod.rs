//! The delivery process: the same program, started by the supervisor, one for each run.
//!
//! ```text
//!  supervisor                         courier
//!    start ── settings, one line ──▶  one worker a channel, in the order of the outbox
//!    wake  ── "new" ───────────────▶  (it looks into the outbox every second anyway)
//!    end   ── "end" ───────────────▶  ends when all of this run is delivered or set aside
//!    (dies: EOF without "end") ────▶  says itself that the watcher is gone
//!          ◀── notices, one a line ─
//! ```
//!
//! Between the two there is only the outbox and this pair of pipes, so that either may die at any
//! instant. Secrets go through the pipe only. The courier knows no rule and no engine.

mod attempt;
mod card;
mod flush;
mod gone;
mod handle;
mod heartbeat;
mod mailbox;
mod process;
mod protocol;
mod worker;

pub use flush::{Flushed, flush};
pub use gone::watcher_replaced;
pub use handle::{CourierHandle, Outcome, adopt, start};
pub use process::{Build, Ports, Stage, deliver, run_from_stdin};
pub use protocol::{Notice, Settings};
