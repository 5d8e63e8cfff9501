//! The splitter against a plain reference implementation, and what terminals show.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::engine::screen::{HEAD, TAIL};

/// (number, kind, text) of everything that is given for bytes that arrive in these pieces.
fn lines(pieces: &[&[u8]]) -> Vec<(u64, LineKind, Vec<u8>)> {
    let mut splitter = Splitter::default();
    let mut got = Vec::new();
    let mut each = |line: Line<'_>| got.push((line.number, line.kind, line.text.to_vec()));
    for piece in pieces {
        splitter.push(piece, &mut each);
    }
    splitter.close(&mut each);
    got
}

/// As text: `1 whole`, `1~ frame`.
fn shown(text: &str) -> Vec<String> {
    let line = |(number, kind, text): (u64, LineKind, Vec<u8>)| {
        let mark = if kind == LineKind::Frame { "~" } else { "" };
        format!("{number}{mark} {}", String::from_utf8_lossy(&text))
    };
    lines(&[text.as_bytes()]).into_iter().map(line).collect()
}

#[test]
fn lines_and_frames() {
    let table: &[(&str, &[&str])] = &[
        ("a\nb\n", &["1 a", "2 b"]),
        ("a\r\nb\r\n\r\n", &["1 a", "2 b", "3 "]),
        ("a\n\nb", &["1 a", "2 ", "3 b"]),
        ("10%\r20%\r30%\n", &["1~ 10%", "1~ 20%", "1 30%"]),
        ("\r10%\r20%\r\n", &["1~ 10%", "1 20%"]),
        ("a\r\r\r\nb", &["1 a", "2 b"]),
        // What an older state leaves behind a shorter one was never printed as such.
        ("loss=0.25\rloss=0.5\n", &["1~ loss=0.25", "1 loss=0.5"]),
        ("bar\r      \rtext\n", &["1~ bar", "1 text"]),
        ("abc\x08\x08\x08abd\n", &["1~ abc", "1 abd"]),
        ("wait |\x08/\x08-\n", &["1~ wait |", "1~ wait /", "1 wait -"]),
        ("wärm█\x08\x08d\n", &["1~ wärm█", "1 wärd"]),
        ("\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b(B\n", &["1 red x"]),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", &["1 link"]),
        ("half\x1b[1Kx\x1b[Ky\n", &["1 halfxy"]),
        ("old\x1b[2Knew\n", &["1~ old", "1 new"]),
        ("old\r\x1b[Knew\n", &["1~ old", "1 new"]),
        ("a\x1b[3Cb\n", &["1 a   b"]),
        // A sequence that is cut off eats no text.
        ("\x1b]0;never ended\nnext\n", &["1 ", "2 next"]),
        ("\x1b[31\nnext\n", &["1 ", "2 next"]),
        ("a\x1b", &["1 a"]),
        ("nul\0 bell\x07\n", &["1 nul\0 bell\x07"]),
    ];
    for (text, expected) in table {
        assert_eq!(shown(text), *expected, "{text:?}");
    }
}

#[test]
fn text_behind_an_unfinished_bar_is_a_line_of_its_own() {
    let bar = "  6%|6  | 5/80 [00:00<00:01, 40.5it/s, loss=[9, 1], lr=0.05]";
    assert_eq!(
        shown(&format!("\r{bar}Traceback (most recent call last):\n")),
        [format!("1~ {bar}"), "1 Traceback (most recent call last):".to_owned()]
    );
    assert_eq!(
        shown("\r1/50 ━━━━ 2s - loss: 0.7135Batch 1: Invalid loss\n"),
        ["1~ 1/50 ━━━━ 2s - loss: 0.7135", "1 Batch 1: Invalid loss"]
    );
    // Without a redraw it is text like any other.
    assert_eq!(shown("[00:00<00:01]x\n"), ["1 [00:00<00:01]x"]);
}

#[test]
fn nested_bars_give_frames_only() {
    let text = "Epochs: 0%| | 0/4\n\rTrain: 1%| | 1\x1b[A\n\rTrain: 2%| | 2\x1b[A\r   \rdone\n";
    assert_eq!(
        shown(text),
        ["1 Epochs: 0%| | 0/4", "2~ Train: 1%| | 1", "3~ Train: 2%| | 2", "3 done"]
    );
}

#[test]
fn a_row_that_is_drawn_again_is_not_given_again() {
    let panel = "│ ERROR │\n│ b │\n";
    let text = format!("{panel}\x1b[2A{panel}\x1b[2A│ new │\n│ ERROR │\n");
    assert_eq!(shown(&text), ["1 │ ERROR │", "2 │ b │", "5 │ new │"]);
}

#[test]
fn a_log_line_that_comes_twice_above_bars_is_given_twice() {
    // As rich does it: up over the table, the log line, the table again, a row further down.
    let text = "table\n\x1b[1Awarning\ntable\n\x1b[1Awarning\ntable\n";
    assert_eq!(shown(text), ["1 table", "2 warning", "4~ warning"]);
}

#[test]
fn a_partial_line_is_offered_once_and_comes_again() {
    let mut splitter = Splitter::default();
    let mut got = Vec::new();
    let mut each = |line: Line<'_>| got.push((line.kind, line.text.to_vec()));
    splitter.push(b"a\nhal", &mut each);
    assert!(splitter.has_partial());
    splitter.offer_partial(&mut each);
    splitter.offer_partial(&mut each);
    assert!(!splitter.has_partial());
    splitter.push(b"f", &mut each);
    assert!(splitter.has_partial());
    splitter.push(b"\n", &mut each);
    assert!(!splitter.has_partial());
    let kinds = [LineKind::Whole, LineKind::Partial, LineKind::Whole];
    let texts = [&b"a"[..], b"hal", b"half"];
    let expected: Vec<_> = kinds.into_iter().zip(texts.map(<[u8]>::to_vec)).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_line_over_the_limit_keeps_head_and_tail() {
    let mut text = b"begin ".to_vec();
    text.resize(3 * 1024 * 1024, b'x');
    text.extend_from_slice(b" end\nnext\n");
    for size in [text.len(), 65_536, 1000] {
        let mut splitter = Splitter::default();
        let mut got = Vec::new();
        for piece in text.chunks(size) {
            splitter.push(piece, &mut |line| got.push(line.text.to_vec()));
        }
        let left_out = 2 * 1024 * 1024 + 4;
        assert_eq!(splitter.left_out(), left_out);
        assert_eq!(got.len(), 2);
        assert!(got[0].starts_with(b"begin xx") && got[0].ends_with(b"xx end"));
        let mark = format!(" [... {left_out} bytes left out ...] ");
        assert_eq!(got[0].len(), HEAD + TAIL + mark.len());
        assert!(memchr::memmem::find(&got[0], mark.as_bytes()).is_some());
        assert_eq!(got[1], b"next");
    }
}

#[test]
fn endless_input_without_a_newline_takes_bounded_memory() {
    let mut splitter = Splitter::default();
    let mut frames = 0;
    for piece in [&b"\r 10% loss=0.5"[..], b"\x1b]0;title without an end ", b"\x1b[1;2;3;4;"] {
        for _ in 0..20_000 {
            splitter.push(piece, &mut |_| frames += 1);
        }
    }
    assert!(frames >= 19_999);
    assert!(splitter.screen.capacity() < 2 * (HEAD + TAIL));
}

/// What a splitter does, written as plainly as possible: characters in cells, one byte at a time.
#[derive(Default)]
struct Plain {
    cells: Vec<Vec<u8>>,
    at: usize,
    number: u64,
    fresh: bool,
    moved: bool,
    redrawn: bool,
    above: i64,
    /// All rows that were drawn, by time; what stands in each, by place; what may come again.
    rows: Vec<Vec<u8>>,
    shown: BTreeMap<i64, Vec<u8>>,
    lowest: i64,
    again: Vec<Vec<u8>>,
    out: Vec<(u64, LineKind, Vec<u8>)>,
}

impl Plain {
    fn give(&mut self, kind: LineKind) {
        let text = self.cells.concat();
        if kind == LineKind::Frame && text.trim_ascii().is_empty() {
            return;
        }
        let end = if self.redrawn { bar::end(&text).unwrap_or(0) } else { 0 };
        if end > 0 {
            self.out.push((self.number + 1, LineKind::Frame, text[..end].to_vec()));
        }
        self.out.push((self.number + 1, kind, text[end..].to_vec()));
    }

    fn frame(&mut self) {
        if std::mem::take(&mut self.fresh) {
            self.give(LineKind::Frame);
        }
    }

    fn print(&mut self, byte: u8) {
        if self.at < self.cells.len() {
            self.frame();
            self.cells.truncate(self.at);
        }
        self.redrawn |= self.moved;
        self.fresh = true;
        match self.cells.last_mut() {
            Some(cell) if byte & 0xc0 == 0x80 => cell.push(byte),
            _ => self.cells.push(vec![byte]),
        }
        self.at = self.cells.len();
    }

    fn end_line(&mut self) {
        let text = self.cells.concat();
        if self.above > 0 && text.trim_ascii().is_empty() {
            return;
        }
        if let Some(at) = self.again.iter().position(|again| *again == text) {
            self.again.remove(at);
        } else {
            let known = self.rows.contains(&text) || bar::is_bar(&text);
            self.give(if self.above > 0 && known { LineKind::Frame } else { LineKind::Whole });
            if self.above == 0 {
                self.again.clear();
            }
        }
        self.rows.push(text.clone());
        self.shown.insert(self.lowest - self.above, text);
        self.lowest += i64::from(self.above == 0);
    }

    fn leave(&mut self) {
        self.moved = true;
        self.frame();
        self.cells.clear();
        self.at = 0;
    }

    fn take(&mut self, piece: &[u8]) {
        match piece {
            b"\n" => {
                self.end_line();
                self.leave_line();
            }
            b"\r" => (self.at, self.moved) = (0, true),
            b"\x08" => (self.at, self.moved) = (self.at.saturating_sub(1), true),
            b"\x1b[K" => {
                self.moved = true;
                if self.at < self.cells.len() {
                    self.frame();
                }
                self.cells.truncate(self.at);
            }
            b"\x1b[2K" => self.leave(),
            b"\x1b[2A" => {
                self.leave();
                self.above += 2;
                let region = self.shown.range(self.lowest - self.above..self.lowest);
                self.again = region.map(|(_, text)| text.clone()).collect();
            }
            [0x1b, ..] => {}
            text => text.iter().for_each(|byte| self.print(*byte)),
        }
    }

    fn leave_line(&mut self) {
        self.cells.clear();
        self.at = 0;
        (self.fresh, self.moved, self.redrawn) = (false, false, false);
        self.number += 1;
        self.above = (self.above - 1).max(0);
    }
}

fn piece() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        &b"a"[..],
        b"b7",
        b" ",
        b"Error: x",
        "é".as_bytes(),
        "━━━".as_bytes(),
        b"[00:01<00:02]",
        b"0.25",
        b"\xff",
        b"\0",
        b"\n",
        b"\n",
        b"\r",
        b"\r",
        b"\x08",
        b"\x1b[K",
        b"\x1b[2K",
        b"\x1b[2A",
        b"\x1b[1;32m",
        b"\x1b]0;t\x07",
        b"\x1b(B",
    ])
}

proptest! {
    #[test]
    fn any_split_gives_what_a_plain_reading_gives(
        pieces in prop::collection::vec(piece(), 0..60),
        cuts in prop::collection::vec(1_usize..9, 1..40),
    ) {
        let mut plain = Plain::default();
        pieces.iter().for_each(|piece| plain.take(piece));
        if !plain.cells.is_empty() {
            plain.end_line();
        }
        let bytes = pieces.concat();
        prop_assert_eq!(&lines(&[&bytes]), &plain.out);
        let mut rest = &bytes[..];
        let mut chunks = Vec::new();
        for cut in cuts.iter().cycle().take(bytes.len()) {
            let (chunk, more) = rest.split_at((*cut).min(rest.len()));
            chunks.push(chunk);
            rest = more;
        }
        prop_assert_eq!(&lines(&chunks), &plain.out);
    }

    #[test]
    fn any_bytes_split_anywhere_give_the_same_lines(
        bytes in prop::collection::vec(prop::sample::select(
            b"\x1b\x1b[]PA0;2K\r\r\n\x08\x07\\ax\xc3\xa9\xff\x00".to_vec()), 0..80),
        size in 1_usize..7,
    ) {
        let chunks: Vec<_> = bytes.chunks(size).collect();
        prop_assert_eq!(lines(&chunks), lines(&[&bytes]));
    }
}
