//! Programs that draw: sequences of control sequences, bars and texts. However they are cut, and
//! whenever an unterminated line is offered, the whole lines are the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trainwatch::engine::splitter::{Line, LineKind, Splitter};

/// What one byte of the input draws.
const DRAWN: &[&[u8]] = &[
    b"\n", b"\r", b"\r\n", b"\x08", b"\t", b"\x07", b"\x1b[K", b"\x1b[1K", b"\x1b[2K", b"\x1b[A",
    b"\x1b[3A", b"\x1b[B", b"\x1b[C", b"\x1b[9C", b"\x1b[D", b"\x1b[G", b"\x1b[7G", b"\x1b[J",
    b"\x1b[2J", b"\x1b[H", b"\x1b[31m", b"\x1b[0m", b"\x1b[?25l", b"\x1b[99999999999C", b"\x1bM",
    b"\x1b]0;title\x07", b"\x1b]8;;http://x\x1b\\", b"\x1bP", b"\x1b\\", b"\x1b", b"\x9b", b"\x18",
    b"\xc2\x9b", b"\xe2\x96\x88", b"\xe2", b"\x96", b"\xff", b"\0", b" ", b"50%|", b"100%|##| 7/7",
    b"it/s, loss=0.25]", b"loss: 1.5", b"a", b"text", b"\x0b", b"\x0c", b"\x1b[5;", b"\x1b[",
];

/// Offering the line after each byte draws it each time: longer inputs only take longer.
const LONGEST: usize = 96;

fn whole_lines(drawn: &[u8], step: usize, offer: bool) -> Vec<(u64, Vec<u8>)> {
    let mut lines = Vec::new();
    let mut splitter = Splitter::default();
    let mut each = |line: Line<'_>| {
        if line.kind == LineKind::Whole {
            lines.push((line.number, line.text.to_vec()));
        }
    };
    for chunk in drawn.chunks(step) {
        splitter.push(chunk, &mut each);
        if offer {
            splitter.offer_partial(&mut each);
        }
    }
    splitter.close(&mut each);
    lines
}

fuzz_target!(|input: &[u8]| {
    let each = input.iter().take(LONGEST).map(|byte| DRAWN[usize::from(*byte) % DRAWN.len()]);
    let drawn = each.collect::<Vec<_>>().concat();
    let expected = whole_lines(&drawn, usize::MAX, false);
    for step in [1, 3, 16] {
        assert_eq!(whole_lines(&drawn, step, false), expected);
        assert_eq!(whole_lines(&drawn, step, true), expected);
    }
});
