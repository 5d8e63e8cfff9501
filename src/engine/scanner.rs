//! The gate: which of all patterns match a line, at the price of one search for most lines; and
//! which lines of a whole block are worth that search.
//!
//! Knows patterns by number only; what they are for is the judge's business.

mod needles;

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{
    Capture, Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind,
    Look, Repetition,
};

use crate::engine::block;

/// Compiled sets larger than this are not built; the patterns are then searched one by one.
const SIZE_LIMIT: usize = 64 << 20;
/// What a search may remember of its automaton.
const CACHE: usize = 4 << 20;

#[derive(Debug, Default)]
pub(in crate::engine) struct Scanner {
    patterns: Vec<Regex>,
    /// All patterns as one. Made for the first line: a run that prints nothing starts sooner.
    any: OnceLock<Option<Regex>>,
    words: OnceLock<Option<Vec<Vec<u8>>>>,
    /// Made for the first line that has a hit.
    set: OnceLock<Option<RegexSet>>,
}

impl Scanner {
    pub(in crate::engine) fn new(patterns: Vec<Regex>) -> Self {
        Self { patterns, ..Self::default() }
    }

    fn any(&self) -> Option<&Regex> {
        self.any.get_or_init(|| any_of(&self.patterns)).as_ref()
    }

    /// Puts the numbers of the patterns that match into `hits`, in their order.
    pub(in crate::engine) fn scan(&self, line: &[u8], hits: &mut Vec<usize>) {
        hits.clear();
        if self.patterns.is_empty() || self.any().is_some_and(|any| !any.is_match(line)) {
            return;
        }
        match self.set.get_or_init(|| set_of(&self.patterns)) {
            Some(set) => hits.extend(set.matches(line).iter()),
            None => {
                let found = self.patterns.iter().enumerate().filter(|(_, p)| p.is_match(line));
                hits.extend(found.map(|(number, _)| number));
            }
        }
    }

    pub(in crate::engine) fn is_match(&self, line: &[u8]) -> bool {
        match self.any() {
            Some(any) => any.is_match(line),
            None => self.patterns.iter().any(|pattern| pattern.is_match(line)),
        }
    }

    /// Words, in small letters, of which a line that any pattern matches holds one; none if a
    /// pattern has no such words.
    pub(in crate::engine) fn words(&self) -> Option<&[Vec<u8>]> {
        let words = || needles::of_all(&within_lines(&self.patterns)?);
        self.words.get_or_init(words).as_deref()
    }

    /// Adds the lines of a block in which a pattern matches; perhaps others.
    pub(in crate::engine) fn lines(&self, block: &[u8], out: &mut Vec<Range<usize>>) {
        match self.any() {
            // Where a search ends is in the line too, since no match goes beyond a line.
            Some(any) => {
                let find = |text: &[u8], from| any.shortest_match_at(text, from);
                out.extend(block::lines_with(block, find));
            }
            None => out.extend(block::lines_with(block, |_, from| Some(from))),
        }
    }

    pub(in crate::engine) fn pattern(&self, number: usize) -> Option<&Regex> {
        self.patterns.get(number)
    }
}

fn set_of(patterns: &[Regex]) -> Option<RegexSet> {
    let set = RegexSetBuilder::new(patterns.iter().map(Regex::as_str))
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(CACHE)
        .build();
    set.ok()
}

/// One pattern that matches in a block where one of `patterns` matches in a line of it.
fn any_of(patterns: &[Regex]) -> Option<Regex> {
    let pattern = Hir::alternation(within_lines(patterns)?).to_string();
    RegexBuilder::new(&pattern).size_limit(SIZE_LIMIT).dfa_size_limit(CACHE).build().ok()
}

fn within_lines(patterns: &[Regex]) -> Option<Vec<Hir>> {
    let mut parser = ParserBuilder::new().utf8(false).build();
    let parsed = patterns.iter().map(|pattern| parser.parse(pattern.as_str()).ok());
    parsed.map(|pattern| Some(within_line(&pattern?))).collect()
}

/// The pattern as it matches in a line that stands in a block: the ends of the text are the ends of
/// the line, and nothing matches a newline.
fn within_line(pattern: &Hir) -> Hir {
    let all = |parts: &[Hir]| parts.iter().map(within_line).collect();
    match pattern.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0.clone()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(class)) => {
            let mut class = class.clone();
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Look(Look::Start | Look::StartCRLF) => Hir::look(Look::StartLF),
        HirKind::Look(Look::End | Look::EndCRLF) => Hir::look(Look::EndLF),
        HirKind::Look(look) => Hir::look(*look),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            sub: Box::new(within_line(&repetition.sub)),
            ..repetition.clone()
        }),
        HirKind::Capture(Capture { sub, .. }) => within_line(sub),
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::block::Block;
    use crate::engine::gate::Gate;

    /// Patterns of all kinds, and lines that they match or nearly match.
    const PATTERNS: [&str; 16] = [
        "loss",
        r"^ERR\d+",
        "(?i)cuda",
        r"(?-u:\xff)",
        r"error[^)]*\)",
        r"\bnan\b$",
        r"\A\z",
        "(?m)^b$",
        "(?s)x.y",
        "a\\nb",
        r"\s{2}$",
        "^.?$",
        r"(?:e|é)+x",
        r"(?R)^c$",
        r"(?<n>\w+)=(?<v>[^ ]*)",
        r"\Bq\B|q\b",
    ];
    const PIECES: [&[u8]; 22] = [
        b"loss",
        b"ERR7",
        b"CUDA",
        b"\xff",
        b"error",
        b")",
        b"nan",
        b"b",
        b"x",
        b"y",
        b"a",
        b" ",
        "é".as_bytes(),
        b"c",
        b"=",
        b"q",
        b"\n",
        b"\n",
        b"\n",
        b"\t",
        b"\x00",
        b"7",
    ];

    fn patterns(numbers: &[usize]) -> Vec<Regex> {
        numbers.iter().map(|number| Regex::new(PATTERNS[*number]).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn a_line_and_a_block_are_searched_as_by_each_pattern_alone(
            numbers in prop::collection::vec(0..PATTERNS.len(), 0..6),
            pieces in prop::collection::vec(0..PIECES.len(), 0..40),
        ) {
            let patterns = patterns(&numbers);
            let scanner = Scanner::new(patterns.clone());
            prop_assert!(scanner.any().is_some() && set_of(&patterns).is_some());
            let without_set = Scanner::new(patterns.clone());
            without_set.any.set(None).unwrap();
            without_set.set.set(None).unwrap();
            let mut text: Vec<u8> = pieces.iter().flat_map(|piece| PIECES[*piece]).copied().collect();
            text.push(b'\n');
            let (mut found, mut all) = (Vec::new(), Vec::new());
            scanner.lines(&text, &mut found);
            without_set.lines(&text, &mut all);
            let small = text.to_ascii_lowercase();
            let words = scanner.words().map(|words| Gate::new(words.to_vec()).unwrap());
            let block = Block { text: &text, small: &small };
            let held: Option<Vec<_>> = words.map(|gate| gate.lines(block).collect());
            let mut start = 0;
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                let range = start..start + line.len();
                start = range.end;
                let line = &line[..line.len() - 1];
                let hits: Vec<_> = (0..patterns.len()).filter(|n| patterns[*n].is_match(line)).collect();
                for scanner in [&scanner, &without_set] {
                    let mut found = vec![7];
                    scanner.scan(line, &mut found);
                    prop_assert_eq!(&found, &hits);
                }
                prop_assert!(hits.is_empty() || found.contains(&range), "{:?} in {:?}", line, found);
                prop_assert_eq!(scanner.is_match(line), !hits.is_empty());
                prop_assert_eq!(without_set.is_match(line), !hits.is_empty());
                let is_held = held.as_ref().is_none_or(|held| held.contains(&range));
                prop_assert!(hits.is_empty() || is_held, "{:?} in {:?}", line, held);
                prop_assert!(patterns.is_empty() || all.contains(&range));
            }
        }
    }

    #[test]
    fn a_search_does_not_go_beyond_the_line() {
        let scanner = Scanner::new(vec![Regex::new(r"error[^)]*\)|(?s:begin.*end)").unwrap()]);
        let text = b"error (1\n)\nbegin\nend\nerror ()\n";
        let mut found = Vec::new();
        scanner.lines(text, &mut found);
        assert!(matches!(&found[..], [line] if *line == (21..30)));
    }
}
