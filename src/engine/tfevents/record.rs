//! TFRecord framing: length (u64), its masked CRC-32C (u32), data, its masked CRC-32C (u32), all
//! little-endian.
//!
//! Where a header is broken (a damaged file, or one that is read from its middle on) the next byte
//! at which a header stands whose CRC is right is a record's beginning.

use crate::engine::tfevents::crc32c;

const HEADER: usize = 12;
const FOOTER: usize = 4;
/// A longer record (pictures, a graph) is passed over.
const LONGEST: usize = 16 << 20;

#[derive(Debug, Default)]
pub(super) struct Records {
    /// From the beginning of a record on; at most one record and one chunk.
    buffer: Vec<u8>,
    /// Bytes of a record that is too long.
    skip: u64,
}

impl Records {
    /// Takes the next bytes, and gives the data of each record that is complete and sound.
    pub(super) fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(rest) = self.buffer.get(at..).filter(|rest| !rest.is_empty()) {
            if self.skip > 0 {
                let skipped = rest.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                self.skip -= skipped as u64;
                at += skipped;
                continue;
            }
            at += match parse(rest) {
                Parsed::Incomplete => break,
                Parsed::NoHeader => 1,
                Parsed::TooLong(length) => {
                    self.skip = length.saturating_add(FOOTER as u64);
                    HEADER
                }
                Parsed::Broken(length) => length,
                Parsed::Record(length, data) => {
                    each(data);
                    length
                }
            };
        }
        self.buffer.drain(..at);
        // One long record must not hold its memory for ever.
        if self.buffer.is_empty() && self.buffer.capacity() > 1 << 20 {
            self.buffer = Vec::new();
        }
    }

    pub(super) fn unfinished(&self) -> usize {
        self.buffer.len()
    }

    /// What comes next does not continue what came before.
    pub(super) fn gap(&mut self) {
        *self = Self::default();
    }
}

/// The length and the data of the record at the beginning, or the length of what is none; none if
/// it is not complete.
pub(super) fn first_piece(bytes: &[u8]) -> Option<(usize, Option<&[u8]>)> {
    let mut at = 0;
    loop {
        at += match parse(bytes.get(at..).unwrap_or_default()) {
            Parsed::Record(length, data) if at == 0 => return Some((length, Some(data))),
            Parsed::Incomplete if at == 0 => return None,
            Parsed::Record(..) | Parsed::Incomplete => return Some((at, None)),
            Parsed::NoHeader => 1,
            Parsed::TooLong(_) => HEADER,
            Parsed::Broken(length) => length,
        }
    }
}

/// What stands at the beginning of some bytes. Lengths are those of the whole record.
enum Parsed<'a> {
    Incomplete,
    NoHeader,
    /// The length of its data.
    TooLong(u64),
    /// The CRC of its data is wrong.
    Broken(usize),
    Record(usize, &'a [u8]),
}

fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Parsed::Incomplete;
    };
    let [length @ .., a, b, c, d] = header;
    if crc32c::masked(length) != u32::from_le_bytes([*a, *b, *c, *d]) {
        return Parsed::NoHeader;
    }
    let length = u64::from_le_bytes(*length);
    let Some(data) = usize::try_from(length).ok().filter(|length| *length <= LONGEST) else {
        return Parsed::TooLong(length);
    };
    let Some((data, rest)) = rest.split_at_checked(data) else { return Parsed::Incomplete };
    let Some(crc) = rest.first_chunk::<FOOTER>() else { return Parsed::Incomplete };
    let whole = HEADER + data.len() + FOOTER;
    if crc32c::masked(data) == u32::from_le_bytes(*crc) {
        Parsed::Record(whole, data)
    } else {
        Parsed::Broken(whole)
    }
}
