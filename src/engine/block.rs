//! Blocks of whole lines without control characters, and which of their lines need a look.
//!
//! Most of a run's output is such blocks, and most of their lines hold no news. To search a block
//! once for everything is many times faster than to search each line. Knows no pattern.

use std::ops::Range;

use crate::engine::screen::{HEAD, TAIL};

/// A block as it was printed, and in small letters of ASCII, in which any case is found at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    pub(super) text: &'a [u8],
    pub(super) small: &'a [u8],
}

impl<'a> Block<'a> {
    /// `memory`: for the small letters.
    pub(super) fn of(text: &'a [u8], memory: &'a mut Vec<u8>) -> Self {
        memory.clear();
        memory.extend_from_slice(text);
        memory.make_ascii_lowercase();
        Self { text, small: memory }
    }
}

/// The whole lines at the start of `bytes` that show nothing but their text: no control characters
/// besides the newlines, none longer than a line may be. Then the rest.
pub(super) fn split_plain(bytes: &[u8]) -> (&[u8], &[u8]) {
    let head = &bytes[..bytes.len().min(HEAD + TAIL)];
    bytes.split_at(whole_lines(&head[..plain(head)]))
}

/// How many bytes come before the first control character that is no newline.
pub(super) fn plain(bytes: &[u8]) -> usize {
    memchr::memchr3(0x1b, b'\r', 0x08, bytes).unwrap_or(bytes.len())
}

/// How many bytes whole lines take up, at most as many as a line may.
pub(super) fn whole_lines(plain: &[u8]) -> usize {
    let head = &plain[..plain.len().min(HEAD + TAIL)];
    memchr::memrchr(b'\n', head).map_or(0, |newline| newline + 1)
}

/// The first line with its newline, and the rest.
pub(super) fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(memchr::memchr(b'\n', bytes).map_or(bytes.len(), |newline| newline + 1))
}

/// The lines of a block, without their newlines.
pub(super) fn lines(mut block: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let newline = memchr::memchr(b'\n', block)?;
        let (line, rest) = (&block[..newline], &block[newline + 1..]);
        block = rest;
        Some(line)
    })
}

/// Where each of them stands, with its newline.
pub(super) fn ranges(block: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', block).map(move |newline| {
        let line = start..newline + 1;
        start = newline + 1;
        line
    })
}

pub(super) fn count(block: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', block).count() as u64
}

/// The last lines of a block of so many: as many that `most` of them are wanted, or all.
pub(super) fn last(
    block: &[u8],
    lines: u64,
    most: usize,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> &[u8] {
    if lines <= most as u64 {
        return block;
    }
    let (mut from, mut found) = (block.len(), 0);
    while found < most && from > 0 {
        let end = from - 1;
        from = memchr::memrchr(b'\n', &block[..end]).map_or(0, |newline| newline + 1);
        found += usize::from(is_wanted(&block[from..end]));
    }
    &block[from..]
}

/// Each line, with its newline, in which `find` finds something. It is given a place to begin at,
/// which is a line's start, and gives a place in the line, its newline included.
pub(super) fn lines_with(
    block: &[u8],
    find: impl Fn(&[u8], usize) -> Option<usize>,
) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = find(block, from).filter(|at| *at < block.len())?;
        let start = memchr::memrchr(b'\n', &block[from..at]).map_or(from, |n| from + n + 1);
        from = memchr::memchr(b'\n', &block[at..]).map_or(block.len(), |n| at + n + 1);
        Some(start..from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_block_ends_before_the_line_with_a_control_character() {
        assert_eq!(split_plain(b"a\nb\nc\rd\ne\n"), (&b"a\nb\n"[..], &b"c\rd\ne\n"[..]));
        assert_eq!(split_plain(b"a\nb"), (&b"a\n"[..], &b"b"[..]));
        assert_eq!(split_plain(b"\x1b\n"), (&b""[..], &b"\x1b\n"[..]));
        let long = [vec![b'x'; HEAD + TAIL], b"\n".to_vec()].concat();
        assert_eq!(split_plain(&long).0.len(), 0);
    }

    #[test]
    fn the_last_lines_are_as_many_as_wanted() {
        let block = b"one\n\ntwo\n\n\n";
        let full = |line: &[u8]| !line.is_empty();
        assert_eq!(last(block, 5, 1, full), b"two\n\n\n");
        assert_eq!(last(block, 5, 2, full), block);
        assert_eq!(last(block, 5, 9, full), block);
        assert_eq!(last(block, 5, 2, |_| true), b"\n\n");
        assert_eq!(lines(block).collect::<Vec<_>>(), [&b"one"[..], b"", b"two", b"", b""]);
        assert_eq!(count(block), 5);
    }

    #[test]
    fn lines_are_found_once_each() {
        let block = b"ax\nb\nxx\n\nx\n";
        let find = |block: &[u8], from: usize| Some(from + memchr::memchr(b'x', &block[from..])?);
        assert_eq!(lines_with(block, find).collect::<Vec<_>>(), [0..3, 5..8, 9..11]);
    }
}
