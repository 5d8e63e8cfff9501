//! TensorBoard event files: bytes to scalars.
//!
//! Knows no rule and no time. An event file (`events.out.tfevents.*`) is a sequence of records
//! (TFRecord), each an `Event` in the protobuf wire format, as TensorFlow's `record_writer.cc`,
//! `event.proto` and `summary.proto` define them. Any split of the same bytes gives the same
//! scalars, and damage costs no more than the records that it touches.

mod crc32c;
mod event;
mod record;
mod wire;

use std::time::Duration;

use crate::engine::tfevents::record::Records;
use crate::time::Timestamp;

/// One value of one tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalar<'a> {
    /// The number of its record in what was read, from 1.
    pub record: u64,
    /// `train/loss`
    pub tag: &'a str,
    pub step: i64,
    pub value: f64,
    /// The value as a person would write it: a float's shortest digits.
    pub text: &'a str,
}

/// Whether a file of that name is an event file, as TensorBoard sees it.
pub fn is_event_file(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|name| name.contains("tfevents"))
}

/// One event file's bytes to scalars.
#[derive(Debug, Default)]
pub struct Events {
    records: Records,
    read: u64,
}

impl Events {
    /// Takes the next bytes, and gives each scalar that is complete now.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(Scalar<'_>)) {
        let read = &mut self.read;
        self.records.push(bytes, &mut |record| {
            *read = read.saturating_add(1);
            event::scalars(record, *read, each);
        });
    }

    /// Bytes are missing here, or the file ends.
    pub fn gap(&mut self) {
        self.records.gap();
    }

    /// Bytes of a record that is not complete yet.
    pub fn unfinished(&self) -> usize {
        self.records.unfinished()
    }

    /// Records until now.
    pub fn count(&self) -> u64 {
        self.read
    }
}

/// The length of the first piece of some bytes: a whole record, with the time at which it was
/// written, or what is no record. None if the record is not complete.
pub fn first_piece(bytes: &[u8]) -> Option<(usize, Option<Timestamp>)> {
    let (length, record) = record::first_piece(bytes)?;
    let seconds = record.map(event::wall_time).filter(|seconds| *seconds > 0.0);
    // Digits beyond milliseconds are noise of the floating point number.
    let since = seconds.map(|seconds| Duration::from_millis((seconds * 1e3) as u64));
    Some((length, since.map(|since| Timestamp::from_secs(0).after(since))))
}

#[cfg(test)]
mod tests;
