//! Shapes of lines, and what is found in them.
//!
//! A script prints the same few lines again and again, with other numbers. No digit of a number
//! says whether it is a metric, and of which name: only that there is a digit says so. So what was
//! found in a line is found, at the same places, in each line that differs from it in the digits
//! of its numbers only; names, and words with digits in them, must be the same.
//!
//! Shared by all sources, bounded, and only a memory: [`Metrics`](super::Metrics) finds the same
//! without it.

use std::collections::BTreeMap;

use super::found::{Candidate, Candidates};
use super::number;

/// Longer lines are not remembered.
const LONGEST: usize = 1024;
/// So many shapes are: in sets, of which the text chooses one.
const SETS: usize = 256;
const IN_SET: usize = 4;
/// No word with digits that is known by itself is longer.
pub(super) const LONGEST_KNOWN: usize = 4;
/// So many names are.
const MOST_NAMES: usize = 2048;

#[derive(Debug, Default)]
pub(in crate::engine) struct Shapes {
    /// `SETS` of them, or none as long as nothing was learnt.
    sets: Vec<Set>,
    names: Vec<Box<str>>,
    numbers: BTreeMap<Box<str>, u32>,
    /// The text of the line that was looked up last, and its hash.
    text: Vec<u8>,
    hash: u64,
}

#[derive(Debug, Default)]
struct Set {
    shapes: [Option<Shape>; IN_SET],
    next: usize,
}

#[derive(Debug)]
struct Shape {
    hash: u64,
    /// The line with each digit as `0`.
    text: Box<[u8]>,
    /// The digits that must be the same, and their places.
    fixed: Box<[(u16, u8)]>,
    slots: Box<[Slot]>,
    /// It has columns: it is known only where no header of a table is.
    has_columns: bool,
}

/// Where a metric stands in a shape.
#[derive(Clone, Copy, Debug)]
struct Slot {
    name: u32,
    start: u16,
    /// Bytes of the number, without its unit; 0 for one that is not finite, which is `factor`.
    digits: u16,
    written: u16,
    factor: f64,
}

/// What stands in a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled<'a> {
    pub(super) name: &'a str,
    pub(super) number: u32,
    pub(super) value: f64,
    pub(super) text: &'a [u8],
}

impl Shapes {
    /// What is found in a line, if its shape is known. `header`: whether there is one of a table.
    pub(super) fn find<'a>(
        &'a mut self,
        line: &'a [u8],
        header: bool,
    ) -> Option<impl Iterator<Item = Filled<'a>>> {
        if line.len() > LONGEST {
            return None;
        }
        self.text.clear();
        self.text.extend(line.iter().map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte }));
        self.hash = hash(&self.text);
        let Self { sets, names, text, hash, .. } = self;
        let set = sets.get(*hash as usize % SETS)?;
        let shape = set.shapes.iter().flatten().find(|shape| {
            shape.hash == *hash
                && *shape.text == **text
                && !(header && shape.has_columns)
                && shape.fixed.iter().all(|(at, digit)| line[usize::from(*at)] == *digit)
        })?;
        let names: &[Box<str>] = names;
        Some(shape.slots.iter().map(move |slot| slot.fill(names, line)))
    }

    /// Remembers what was found in the line that was looked up last.
    pub(super) fn learn(&mut self, line: &[u8], found: &mut Candidates, has_columns: bool) {
        if line.len() > LONGEST || found.is_unsure() {
            return;
        }
        let mut slots = Vec::new();
        let mut all_named = true;
        found.each(&mut |name, candidate| match self.slot(name, candidate) {
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
        let shape = Shape {
            hash: self.hash,
            text: self.text.as_slice().into(),
            fixed: fixed.map(|((at, byte), _)| (at, *byte)).collect(),
            slots: slots.into(),
            has_columns,
        };
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Set::default);
        }
        if let Some(set) = self.sets.get_mut(self.hash as usize % SETS) {
            set.add(shape);
        }
    }

    fn slot(&mut self, name: &str, candidate: &Candidate) -> Option<Slot> {
        let name = match self.numbers.get(name) {
            Some(number) => *number,
            None if self.names.len() >= MOST_NAMES => return None,
            None => {
                let number = u32::try_from(self.names.len()).ok()?;
                self.names.push(name.into());
                self.numbers.insert(name.into(), number);
                number
            }
        };
        let number = &candidate.number;
        Some(Slot {
            name,
            start: u16::try_from(candidate.start).ok()?,
            digits: u16::try_from(number.digits).ok()?,
            written: u16::try_from(number.written).ok()?,
            factor: if number.digits == 0 { number.value } else { number.factor },
        })
    }
}

impl Slot {
    fn fill<'a>(&self, names: &'a [Box<str>], line: &'a [u8]) -> Filled<'a> {
        let start = usize::from(self.start);
        let digits = &line[start..start + usize::from(self.digits)];
        let value = if digits.is_empty() { 1.0 } else { number::parse(digits).unwrap_or(f64::NAN) };
        Filled {
            name: names.get(self.name as usize).map_or("", |name| name),
            number: self.name,
            value: value * self.factor,
            text: &line[start..start + usize::from(self.written)],
        }
    }
}

impl Set {
    /// In place of one that differs in fixed digits only, since there may be many of those.
    fn add(&mut self, shape: Shape) {
        let alike = |known: &Option<Shape>| known.as_ref().is_none_or(|s| s.hash == shape.hash);
        let full = self.shapes.iter().all(Option::is_some);
        let free = self.shapes.iter().position(|s| if full { alike(s) } else { s.is_none() });
        let place = free.unwrap_or(self.next);
        self.next = (self.next + 1) % IN_SET;
        if let Some(known) = self.shapes.get_mut(place) {
            *known = Some(shape);
        }
    }
}

/// Digits that say something outside of names: in short words, since some of these are known
/// (`top1`, `f1`), and behind `nan.`, which `0` alone belongs to.
fn fix_words(line: &[u8], is_fixed: &mut [bool]) {
    let mut from = 0;
    for word in line.split(|byte| !byte.is_ascii_alphanumeric()) {
        let end = from + word.len();
        if word.len() <= LONGEST_KNOWN && word.first().is_some_and(u8::is_ascii_alphabetic) {
            is_fixed[from..end].fill(true);
        }
        if line[..from].ends_with(b".")
            && line[..from - 1].last().is_some_and(u8::is_ascii_alphabetic)
        {
            is_fixed[from..end].fill(true);
        }
        from = end + 1;
    }
}

fn hash(text: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    let mut words = text.chunks_exact(8);
    let mut sum = text.len() as u64;
    for word in &mut words {
        sum = mix(sum, u64::from_le_bytes(<[u8; 8]>::try_from(word).unwrap_or_default()));
    }
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    sum = mix(sum, u64::from_le_bytes(last));
    sum ^ sum >> 32
}
