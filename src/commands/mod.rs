//! TODO(commands)

pub mod outbox;
pub mod send;
