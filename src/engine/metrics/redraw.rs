//! What a redrawn line has shown already: a bar that draws the same number again gives no sample.

use bstr::ByteSlice;

/// So many numbers on bars are remembered at once.
const MOST: usize = 256;

/// What is redrawn: a fingerprint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar(u64);

impl Bar {
    /// By what stands before it, without what changes there: values, and what it has done.
    pub(super) fn labelled(label: &[u8]) -> Self {
        let label = label.trim_end_with(|c| c.is_ascii_digit() || "/ %:|[]".contains(c));
        let is_number = |byte: &u8| byte.is_ascii_digit() || b".+-".contains(byte);
        let same = |a: &u8, b: &u8| is_number(a) == is_number(b);
        let words = label
            .chunk_by(same)
            .filter(|part| !part.iter().all(is_number) || !part.contains(&b'.'));
        Self(words.fold(SEED, hash))
    }

    /// By the number of its line.
    pub(super) fn line(number: u64) -> Self {
        Self(hash(SEED, &number.to_le_bytes()))
    }
}

#[derive(Debug, Default)]
pub(super) struct Shown {
    /// (bar and name, text), fingerprints.
    list: Vec<(u64, u64)>,
    next: usize,
}

impl Shown {
    /// Remembers what is shown under a name; whether it is new.
    pub(super) fn is_new(&mut self, bar: Bar, name: &str, text: &[u8]) -> bool {
        let key = hash(bar.0, name.as_bytes());
        let text = hash(SEED, text);
        match self.list.iter_mut().find(|(k, _)| *k == key) {
            Some((_, shown)) => std::mem::replace(shown, text) != text,
            None => {
                if self.list.len() < MOST {
                    self.list.push((key, text));
                } else {
                    self.list[self.next] = (key, text);
                    self.next = (self.next + 1) % MOST;
                }
                true
            }
        }
    }

    /// The line is complete: what is drawn next is a new one.
    pub(super) fn forget(&mut self) {
        self.list.clear();
        self.next = 0;
    }
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

fn hash(mut hash: u64, bytes: &[u8]) -> u64 {
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash.rotate_left(7)
}
