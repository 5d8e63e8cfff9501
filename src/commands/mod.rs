//! One file a verb: the only place that builds a whole program out of the rooms.

pub mod check;
pub mod init;
pub mod outbox;
pub mod send;
