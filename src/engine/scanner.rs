//! The gate: which of all patterns match a line, at the price of one search for most lines.
//!
//! Knows patterns by number only; what they are for is the judge's business. Owns its scratch.

use regex::bytes::{Regex, RegexSet, RegexSetBuilder};

/// Compiled sets larger than this are not built; the patterns are then searched one by one.
const SIZE_LIMIT: usize = 64 << 20;

#[derive(Debug, Default)]
pub(in crate::engine) struct Scanner {
    patterns: Vec<Regex>,
    set: Option<RegexSet>,
    hits: Vec<usize>,
}

impl Scanner {
    pub(in crate::engine) fn new(patterns: Vec<Regex>) -> Self {
        let set = RegexSetBuilder::new(patterns.iter().map(Regex::as_str))
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(SIZE_LIMIT)
            .build()
            .ok();
        let hits = Vec::with_capacity(patterns.len());
        Self { patterns, set, hits }
    }

    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The numbers of the patterns that match, in their order.
    ///
    /// `is_match` first: it stops at the first hit and allocates nothing, and most lines have none.
    pub(in crate::engine) fn scan(&mut self, line: &[u8]) -> &[usize] {
        self.hits.clear();
        match &self.set {
            Some(set) if set.is_match(line) => self.hits.extend(set.matches(line).iter()),
            Some(_) => {}
            None => {
                let found = self.patterns.iter().enumerate().filter(|(_, p)| p.is_match(line));
                self.hits.extend(found.map(|(number, _)| number));
            }
        }
        &self.hits
    }

    pub(in crate::engine) fn pattern(&self, number: usize) -> Option<&Regex> {
        self.patterns.get(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_the_same_with_and_without_the_set() {
        let patterns: Vec<Regex> = ["loss", r"^ERR\d+", "(?i)cuda", r"(?-u:\xff)"]
            .iter()
            .map(|pattern| Regex::new(pattern).unwrap())
            .collect();
        let mut gated = Scanner::new(patterns.clone());
        let mut plain = Scanner { set: None, ..Scanner::new(patterns) };
        assert!(gated.set.is_some());
        for (line, hits) in [
            (&b"nothing"[..], &[][..]),
            (b"ERR7: CUDA loss", &[0, 1, 2]),
            (b"\xfe\xff", &[3]),
            (b"", &[]),
        ] {
            assert_eq!(gated.scan(line), hits, "{line:?}");
            assert_eq!(plain.scan(line), hits, "{line:?}");
        }
    }
}
