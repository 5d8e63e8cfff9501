//! Any bytes in any chunks give the same lines as in one chunk, and no line is longer than what is
//! kept of one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trainwatch::engine::splitter::{LineKind, Splitter};

/// Head, tail, and the words between them.
const LONGEST: usize = 2 * 512 * 1024 + 256 * 1024;

type Lines = Vec<(u64, LineKind, Vec<u8>)>;

fn lines<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Lines {
    let mut lines = Lines::new();
    let mut splitter = Splitter::default();
    let mut each = |line: trainwatch::engine::splitter::Line<'_>| {
        assert!(line.text.len() <= LONGEST);
        lines.push((line.number, line.kind, line.text.to_vec()));
    };
    for chunk in chunks {
        splitter.push(chunk, &mut each);
    }
    splitter.close(&mut each);
    lines
}

fuzz_target!(|input: (Vec<u8>, Vec<u8>)| {
    let (bytes, sizes) = input;
    let mut rest = bytes.as_slice();
    let mut sizes = sizes.iter().cycle();
    let chunks = std::iter::from_fn(|| {
        let size = sizes.next().map_or(1, |size| usize::from(*size) % 17 + 1);
        let (chunk, after) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        rest = after;
        (!chunk.is_empty()).then_some(chunk)
    });
    assert_eq!(lines(chunks), lines(std::iter::once(bytes.as_slice())));
});
