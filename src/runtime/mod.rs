//! The wiring of a live run: the clock, the queue into the engine, the thread that drives it, and
//! the thread that reports. All that waits, and all that knows the time, is here.

pub mod ahead;
pub mod clock;
pub mod driver;
pub mod journal;
pub mod pace;
pub mod past;
pub mod queue;
pub mod record;
pub mod recording;
pub mod reporter;
pub mod state;
