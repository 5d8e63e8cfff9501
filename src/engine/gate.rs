//! The gate: which lines of a block may be news, at the price of one search for words.
//!
//! Whoever waits for news says of which words a line with news must hold one. Knows neither them
//! nor what their news is.

use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use crate::engine::block::{self, Block};

/// So many words are searched at once with vectors (aho-corasick's Teddy), by as many first bytes.
const MOST: usize = 64;
const PREFIX: usize = 4;
/// Words with the same first bytes are best put into the same of so many buckets, of which the
/// first `MOST / 2` words have half. The search gives them to words in turn.
const BUCKETS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Each for words of about the same length: a short one among long ones makes all slow.
    searches: Vec<AhoCorasick>,
}

impl Gate {
    /// None: the words are more than a search can bear.
    pub(super) fn new(mut all: Vec<Vec<u8>>) -> Option<Self> {
        all.sort_unstable();
        all.dedup();
        let holds = |word: &[u8], other: &[u8]| memchr::memmem::find(word, other).is_some();
        let is_needed = |word: &&[u8]| !all.iter().any(|other| other != word && holds(word, other));
        let words = all.iter().map(Vec::as_slice).filter(is_needed);
        let (long, short): (Vec<_>, Vec<_>) = words.partition(|word| word.len() >= PREFIX);
        let searches = parts(&long).chain(parts(&short)).map(search);
        Some(Self { searches: searches.collect::<Option<_>>()? })
    }

    pub(super) fn is_open(&self, text: &[u8]) -> bool {
        self.searches.iter().any(|search| search.is_match(text))
    }

    /// The lines of a block that hold a word. The words are in small letters.
    pub(super) fn lines(&self, block: Block<'_>) -> impl Iterator<Item = Range<usize>> {
        self.searches.iter().flat_map(move |search| {
            let find = move |small: &[u8], from: usize| {
                let input = Input::new(small).range(from..).earliest(true);
                search.find(input).map(|word| word.start())
            };
            block::lines_with(block.small, find)
        })
    }
}

/// As few parts as may be, of about the same size.
fn parts<T>(words: &[T]) -> impl Iterator<Item = &[T]> {
    let parts = words.len().div_ceil(MOST).max(1);
    words.chunks(words.len().div_ceil(parts).max(1))
}

/// `words`: sorted.
fn search(words: &[&[u8]]) -> Option<AhoCorasick> {
    let buckets = if words.len() > MOST / 2 { BUCKETS } else { BUCKETS / 2 };
    let each = words.len().div_ceil(buckets).max(1);
    let nth = |nth: usize| words.chunks(each).filter_map(move |bucket| bucket.get(nth));
    let words = (0..each).flat_map(nth);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(words).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Also of more words than one search takes, of one letter, and of words in words.
        #[test]
        fn a_line_passes_that_holds_a_word(
            words in prop::collection::vec("[a-d]{1,6}", 0..200),
            text in prop::collection::vec("[a-g]{0,12}\n", 0..20),
        ) {
            let gate = Gate::new(words.iter().map(|word| word.clone().into_bytes()).collect()).unwrap();
            let whole = text.concat();
            let block = Block { text: whole.as_bytes(), small: whole.as_bytes() };
            let mut lines: Vec<_> = gate.lines(block).collect();
            lines.sort_unstable_by_key(|line| line.start);
            lines.dedup();
            let mut start = 0;
            for line in &text {
                let range = start..start + line.len();
                start = range.end;
                let holds = words.iter().any(|word| line.contains(word.as_str()));
                prop_assert_eq!(gate.is_open(line.as_bytes()), holds);
                prop_assert_eq!(lines.contains(&range), holds);
            }
        }
    }
}
