//! Messages on disk until they are delivered: all that stands between supervisor and courier.
//!
//! It knows no channel: neither how a message is sent nor what a delivery's progress means.

pub mod backoff;
pub mod entry;

mod alarm;
mod card;
mod claim;
mod disk;
mod evict;
mod failed;
mod names;
mod room;
mod spool;

#[cfg(test)]
mod crash;

pub use alarm::Alarm;
pub use card::{Cards, Seat};
pub use claim::Claim;
pub(crate) use claim::{claim, is_unsupported};
pub use entry::{Entry, Picture};
pub use failed::Failed;
pub use spool::{Committed, EntryId, Listing, Loaded, Outbox, OutboxError};
