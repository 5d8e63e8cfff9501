//! Messages on disk until they are delivered: all that stands between supervisor and courier.

pub mod entry;
