//! Shapes of lines, and what is found in them.
//!
//! A script prints the same few lines again and again, with other numbers. No digit of a number
//! says whether it is a metric, and of which name: only that there is a digit says so. So what was
//! found in a line is found, at the same places, in each line that differs from it in the digits
//! of its numbers only; names, and words with digits in them, must be the same.
//!
//! Shared by all sources and by whoever searches ahead, bounded, and only a memory:
//! [`Metrics`](super::Metrics) finds the same without it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use super::found::{Candidate, Candidates};
use super::number::{self, Layout};
use crate::engine::block;
use crate::engine::progress::Counters;

/// Longer lines are not remembered.
const LONGEST: usize = 1024;
/// So many shapes are: in sets, of which the text chooses one.
const SETS: usize = 256;
const IN_SET: usize = 4;
/// No word with digits that is known by itself is longer.
pub(super) const LONGEST_KNOWN: usize = 4;
/// So many names are.
const MOST_NAMES: usize = 2048;

#[derive(Debug)]
pub(in crate::engine) struct Shapes {
    known: RwLock<Known>,
    /// By their numbers. A name stays, so that who has its number needs no lock.
    names: Box<[OnceLock<Box<str>>]>,
}

#[derive(Debug, Default)]
struct Known {
    /// `SETS` of them, or none as long as nothing was learnt.
    sets: Vec<Set>,
    numbers: BTreeMap<Box<str>, u16>,
}

#[derive(Debug, Default)]
struct Set {
    shapes: [Option<Shape>; IN_SET],
    next: usize,
}

#[derive(Debug)]
struct Shape {
    key: Key,
    /// The digits that must be the same, and their places.
    fixed: Box<[(u16, u8)]>,
    slots: Box<[Slot]>,
    /// It has columns: it is known only where no header of a table is.
    has_columns: bool,
    /// It holds a metric twice.
    repeats: bool,
    /// It may tell how far the run is.
    counts: bool,
    /// Who asked last whether such a line is to be searched (his version, doubled), and the answer.
    asked: AtomicU64,
}

/// Whether a line, or one of other digits, must be searched for more than metrics. The answer is
/// remembered by its shape for those who ask the same, which `version` says, from 1 on.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Asked<'a> {
    pub(in crate::engine) version: u64,
    pub(in crate::engine) of: &'a dyn Fn(&[u8]) -> bool,
}

/// Where a metric stands in a shape.
#[derive(Clone, Copy, Debug)]
struct Slot {
    name: u16,
    start: u16,
    /// Bytes of the number, without its unit; 0 for one that is not finite, which is `factor`.
    digits: u16,
    written: u16,
    layout: Option<Layout>,
    factor: f64,
}

/// What stands in a slot.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Filled {
    pub(in crate::engine) value: f64,
    /// The number of its name.
    pub(in crate::engine) name: u16,
    start: u16,
    written: u16,
}

/// What was found in lines whose shape is known. Kept for its memory.
#[derive(Debug, Default)]
pub(in crate::engine) struct Readings {
    lines: Vec<ReadLine>,
    filled: Vec<Filled>,
    key: Key,
}

#[derive(Debug)]
struct ReadLine {
    start: u32,
    length: u16,
    /// Where its slots end in `filled`.
    end: u32,
    has_columns: bool,
    repeats: bool,
}

/// What was found in one of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Reading<'a> {
    /// Where the line starts, as it was said, and its length.
    pub(in crate::engine) start: usize,
    pub(in crate::engine) length: usize,
    pub(in crate::engine) filled: &'a [Filled],
    /// It holds only where no header of a table is.
    pub(super) has_columns: bool,
    /// A metric was found twice.
    pub(in crate::engine) repeats: bool,
}

impl Filled {
    /// Where it stands in the line, as it was written.
    pub(in crate::engine) fn place(&self) -> Range<usize> {
        let start = usize::from(self.start);
        start..start + usize::from(self.written)
    }
}

impl Readings {
    /// Those of lines that start at `start` or later, in their order.
    pub(in crate::engine) fn since(&self, start: usize) -> impl Iterator<Item = Reading<'_>> {
        let from = self.lines.partition_point(|line| (line.start as usize) < start);
        (from..self.lines.len()).filter_map(|number| self.nth(number))
    }

    fn nth(&self, number: usize) -> Option<Reading<'_>> {
        let line = self.lines.get(number)?;
        let before = number.checked_sub(1).and_then(|before| self.lines.get(before));
        let from = before.map_or(0, |before| before.end);
        let filled = self.filled.get(from as usize..line.end as usize)?;
        let ReadLine { start, length, has_columns, repeats, .. } = *line;
        let (start, length) = (start as usize, usize::from(length));
        Some(Reading { start, length, filled, has_columns, repeats })
    }

    /// Of a line of that shape, which `text` begins with. Where a place does not fit, it stays
    /// unknown.
    fn add(&mut self, shape: &Shape, start: usize, (text, length): (&[u8], usize)) {
        let end = u32::try_from(self.filled.len() + shape.slots.len());
        let places = (u32::try_from(start), end, u16::try_from(length));
        if let (Ok(start), Ok(end), Ok(length)) = places {
            let Shape { has_columns, repeats, .. } = *shape;
            self.filled.extend(shape.slots.iter().map(|slot| slot.fill(text)));
            self.lines.push(ReadLine { start, length, end, has_columns, repeats });
        }
    }

    /// Bytes of memory, roughly.
    pub(in crate::engine) fn kept(&self) -> usize {
        self.lines.capacity() * size_of::<ReadLine>() + self.filled.capacity() * size_of::<Filled>()
    }

    pub(in crate::engine) fn clear(&mut self) {
        self.lines.clear();
        self.filled.clear();
    }
}

/// What a shape is found by: the line with each digit as `0`.
#[derive(Debug, Default)]
struct Key {
    hash: u64,
    length: usize,
    /// Sixteen bytes each, and the last sixteen: as many as are handled at once.
    blocks: Vec<[u8; BLOCK]>,
}

const BLOCK: usize = 16;

impl Key {
    fn set(&mut self, line: &[u8]) {
        let (blocks, rest) = line.as_chunks();
        let last = line.last_chunk().copied().unwrap_or_else(|| {
            let mut last = [0; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            last
        });
        self.length = line.len();
        self.blocks.clear();
        self.blocks.extend(blocks.iter().chain([&last]).map(|block| without_digits(*block)));
        self.hash = hash(self.length, &self.blocks);
    }
}

impl Default for Shapes {
    fn default() -> Self {
        let names = std::iter::repeat_with(OnceLock::new).take(MOST_NAMES).collect();
        Self { known: RwLock::default(), names }
    }
}

impl Shapes {
    /// Looks up the lines of a block, and adds what is found in those of a known shape to `out`;
    /// to `counts` those that may tell how far the run is, and to `unsure` runs of lines that are
    /// unknown or of a shape that must be searched.
    pub(in crate::engine) fn read(
        &self,
        block: &[u8],
        asked: Asked<'_>,
        out: &mut Readings,
        (counts, unsure): (&mut Vec<Range<usize>>, &mut Vec<Range<usize>>),
    ) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        for range in block::ranges(block) {
            let line = &block[range.start..range.end - 1];
            let shape = known.find_line(line, &mut out.key);
            if shape.map_or_else(|| Counters::may_tell(line), |shape| shape.counts) {
                counts.push(range.clone());
            }
            if shape.is_none_or(|shape| shape.is_to_be_searched(line, asked)) {
                match unsure.last_mut() {
                    Some(run) if run.end == range.start => run.end = range.end,
                    _ => unsure.push(range.clone()),
                }
            }
            if let Some(shape) = shape {
                out.add(shape, range.start, (&block[range.start..], line.len()));
            }
        }
    }

    /// What is found in a line, if its shape is known.
    pub(super) fn read_line<'a>(
        &self,
        line: &[u8],
        readings: &'a mut Readings,
    ) -> Option<Reading<'a>> {
        readings.clear();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let shape = known.find_line(line, &mut readings.key)?;
        readings.add(shape, 0, (line, line.len()));
        readings.nth(0)
    }

    /// A metric's name.
    pub(in crate::engine) fn name(&self, number: u16) -> &str {
        let name = self.names.get(usize::from(number)).and_then(OnceLock::get);
        name.map_or("", |name| name)
    }

    /// Remembers what was found in a line.
    pub(super) fn learn(&self, line: &[u8], found: &mut Candidates, has_columns: bool) {
        if line.len() > LONGEST || found.is_unsure() {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut slots = Vec::new();
        let mut all_named = true;
        found.each(&mut |name, candidate| match known
            .number(name, &self.names)
            .and_then(|name| Slot::of(name, candidate, line))
        {
            Some(slot) => slots.push(slot),
            None => all_named = false,
        });
        if !all_named {
            return;
        }
        let mut is_fixed = vec![false; line.len()];
        fix_words(line, &mut is_fixed);
        found.fixed().iter().for_each(|(start, end)| is_fixed[*start..*end].fill(true));
        let fixed = (0_u16..)
            .zip(line)
            .zip(is_fixed)
            .filter(|((_, byte), fixed)| *fixed && byte.is_ascii_digit());
        let mut key = Key::default();
        key.set(line);
        let shape = Shape {
            key,
            fixed: fixed.map(|((at, byte), _)| (at, *byte)).collect(),
            repeats: slots.iter().zip(1..).any(|(slot, next)| {
                slots.iter().skip(next).any(|later: &Slot| later.name == slot.name)
            }),
            slots: slots.into(),
            has_columns,
            counts: Counters::may_tell(line),
            asked: AtomicU64::new(0),
        };
        known.add(shape);
    }
}

impl Known {
    /// `key`: scratch.
    fn find_line(&self, line: &[u8], key: &mut Key) -> Option<&Shape> {
        if self.sets.is_empty() || line.len() > LONGEST {
            return None;
        }
        key.set(line);
        self.find(key, line)
    }

    fn find(&self, key: &Key, line: &[u8]) -> Option<&Shape> {
        let set = self.sets.get(key.hash as usize % SETS)?;
        set.shapes.iter().flatten().find(|shape| {
            shape.key.hash == key.hash
                && shape.key.length == key.length
                && shape.key.blocks == key.blocks
                && shape.fixed.iter().all(|(at, digit)| line[usize::from(*at)] == *digit)
        })
    }

    fn add(&mut self, shape: Shape) {
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Set::default);
        }
        if let Some(set) = self.sets.get_mut(shape.key.hash as usize % SETS) {
            set.add(shape);
        }
    }

    /// The number of a name; none if there are too many.
    fn number(&mut self, name: &str, names: &[OnceLock<Box<str>>]) -> Option<u16> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let number = self.numbers.len();
        names.get(number)?.set(name.into()).ok()?;
        let number = u16::try_from(number).ok()?;
        self.numbers.insert(name.into(), number);
        Some(number)
    }
}

impl Shape {
    fn is_to_be_searched(&self, line: &[u8], asked: Asked<'_>) -> bool {
        let known = self.asked.load(Ordering::Relaxed);
        if known >> 1 == asked.version {
            return known & 1 == 1;
        }
        let answer = (asked.of)(line);
        self.asked.store(asked.version << 1 | u64::from(answer), Ordering::Relaxed);
        answer
    }
}

impl Slot {
    fn of(name: u16, candidate: &Candidate, line: &[u8]) -> Option<Self> {
        let number = &candidate.number;
        Some(Self {
            name,
            start: u16::try_from(candidate.start).ok()?,
            digits: u16::try_from(number.digits).ok()?,
            written: u16::try_from(number.written).ok()?,
            layout: line
                .get(candidate.start..)
                .and_then(|text| Layout::of(text.get(..number.digits)?)),
            factor: if number.digits == 0 { number.value } else { number.factor },
        })
    }

    /// In a line that `text` begins with.
    fn fill(&self, text: &[u8]) -> Filled {
        let start = usize::from(self.start);
        let (text, digits) = (&text[start..], usize::from(self.digits));
        let value = match self.layout.and_then(|layout| layout.value(text)) {
            Some(value) => value,
            None if digits == 0 => 1.0,
            None => number::parse(&text[..digits]).unwrap_or(f64::NAN),
        };
        let Self { name, start, written, .. } = *self;
        Filled { value: value * self.factor, name, start, written }
    }
}

impl Set {
    /// In place of one that differs in fixed digits only, since there may be many of those.
    fn add(&mut self, shape: Shape) {
        let alike =
            |known: &Option<Shape>| known.as_ref().is_none_or(|s| s.key.hash == shape.key.hash);
        let full = self.shapes.iter().all(Option::is_some);
        let free = self.shapes.iter().position(|s| if full { alike(s) } else { s.is_none() });
        let place = free.unwrap_or(self.next);
        self.next = (self.next + 1) % IN_SET;
        if let Some(known) = self.shapes.get_mut(place) {
            *known = Some(shape);
        }
    }
}

/// Digits that say something outside of names: in short words, and such ends of longer ones, since
/// some of these are known (`top1`, `f1`, `valTop1`); and behind `nan.`, which `0` alone belongs to.
fn fix_words(line: &[u8], is_fixed: &mut [bool]) {
    let mut from = 0;
    for word in line.split(|byte| !byte.is_ascii_alphanumeric()) {
        let end = from + word.len();
        let begins = |at: &usize| match at.checked_sub(1) {
            None => word[*at].is_ascii_alphabetic(),
            Some(before) => word[before].is_ascii_lowercase() && word[*at].is_ascii_uppercase(),
        };
        if let Some(at) = (word.len().saturating_sub(LONGEST_KNOWN)..word.len()).find(begins) {
            is_fixed[from + at..end].fill(true);
        }
        if line[..from].ends_with(b".")
            && line[..from - 1].last().is_some_and(u8::is_ascii_alphabetic)
        {
            is_fixed[from..end].fill(true);
        }
        from = end + 1;
    }
}

/// Each digit as `0`.
fn without_digits(block: [u8; BLOCK]) -> [u8; BLOCK] {
    block.map(|byte| if byte.is_ascii_digit() { b'0' } else { byte })
}

/// The product of each block's halves, folded: no multiplication waits for another one.
fn hash(length: usize, blocks: &[[u8; BLOCK]]) -> u64 {
    const MASKS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];
    blocks.iter().fold(length as u64, |hash, block| {
        let both = u128::from_le_bytes(*block);
        let (one, other) = (both as u64 ^ MASKS[0], (both >> 64) as u64 ^ MASKS[1]);
        let product = u128::from(one) * u128::from(other);
        hash.rotate_left(23) ^ product as u64 ^ (product >> 64) as u64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_any_byte_at_any_place_only_digits_become_zeros() {
        for byte in 0..=255_u8 {
            for place in 0..BLOCK {
                let mut block = *b"a9/:0\xff\x00Zloss=1e5";
                block[place] = byte;
                let plain: Vec<u8> = block.iter().copied().map(digitless).collect();
                assert_eq!(without_digits(block).as_slice(), plain, "{block:?}");
            }
        }
        fn digitless(byte: u8) -> u8 {
            match byte {
                b'0'..=b'9' => b'0',
                other => other,
            }
        }
    }

    #[test]
    fn lines_of_any_length_differ_by_any_byte_that_is_no_digit() {
        let line = b"epoch 3 loss=2.75 lr=0.0001 acc=99.5 grad_norm=1.234";
        let key = |line: &[u8]| {
            let mut key = Key::default();
            key.set(line);
            (key.hash, key.length, key.blocks)
        };
        for length in 0..line.len() {
            let (line, mut other) = (&line[..length], line[..length].to_vec());
            for place in 0..length {
                let was = std::mem::replace(&mut other[place], b'7');
                assert_eq!(key(line) == key(&other), was.is_ascii_digit(), "{length} {place}");
                other[place] = was;
            }
            assert_ne!(key(line), key(&[line, b"0"].concat()));
        }
    }
}
