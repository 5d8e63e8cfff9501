//! One file a verb; the only place that builds a whole program.

pub mod check;
pub mod init;
