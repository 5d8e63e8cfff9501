//! One line of a terminal: text, cursor, and what was drawn over.
//!
//! Text that is printed inside a line replaces everything from there on. A terminal would leave
//! the rest of the older text standing, and a reader would take the mixture for a number that was
//! never printed (`loss=0.5` over `loss=0.25` shows `loss=0.55`); programs that redraw blank it
//! themselves. A character is one column wide.
//!
//! Memory is bounded by [`HEAD`], [`TAIL`] and [`SLACK`]. Knows no line ends and no sequences.

/// Of a longer line the first and the last bytes are kept.
pub(crate) const HEAD: usize = 512 * 1024;
pub(crate) const TAIL: usize = 512 * 1024;
/// The middle is cut out in pieces of this size.
const SLACK: usize = 256 * 1024;
/// No line is padded further than this by a cursor movement.
const WIDEST: usize = 1024;

#[derive(Clone, Debug, Default)]
pub(crate) struct Screen {
    text: Vec<u8>,
    /// Where the next text is printed: a byte in `text`, or its length.
    at: usize,
    /// Bytes cut out of the middle, behind `HEAD`.
    cut: u64,
}

impl Screen {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether text that is printed now draws over older text.
    pub(crate) fn draws_over(&self) -> bool {
        self.at < self.text.len()
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        // A line of a megabyte must not hold its memory for ever.
        self.text.shrink_to(64 * 1024);
        self.at = 0;
        self.cut = 0;
    }

    pub(crate) fn print(&mut self, mut run: &[u8]) {
        self.erase_right();
        while !run.is_empty() {
            // In pieces, so that the cut falls at the same byte however the text arrives.
            let room = (HEAD + TAIL + SLACK).saturating_sub(self.text.len()).min(run.len());
            let (piece, rest) = run.split_at(room);
            self.text.extend_from_slice(piece);
            if self.text.len() >= HEAD + TAIL + SLACK {
                self.text.drain(HEAD..HEAD + SLACK);
                self.cut += SLACK as u64;
            }
            run = rest;
        }
        self.at = self.text.len();
    }

    pub(crate) fn erase_right(&mut self) {
        self.text.truncate(self.at);
        if self.text.len() <= HEAD {
            self.cut = 0;
        }
    }

    pub(crate) fn column(&mut self, column: u16) {
        self.at = 0;
        self.forward(column);
    }

    pub(crate) fn back(&mut self, count: u16) {
        for _ in 0..count {
            if self.at == 0 {
                return;
            }
            self.at -= 1;
            while self.at > 0 && is_continuation(self.text[self.at]) {
                self.at -= 1;
            }
        }
    }

    /// Moves over text that stands there, and leaves blanks behind its end.
    pub(crate) fn forward(&mut self, count: u16) {
        for _ in 0..count {
            if self.at < self.text.len() {
                self.at += 1;
                while self.at < self.text.len() && is_continuation(self.text[self.at]) {
                    self.at += 1;
                }
            } else if self.text.len() < WIDEST {
                self.text.push(b' ');
                self.at += 1;
            } else {
                // Each of 65,535 steps would be counted, for a few bytes of input.
                return;
            }
        }
    }

    /// The line as it stands, and how many bytes of it are left out. `scratch` is used for a line
    /// over the limit.
    pub(crate) fn show<'a>(&'a self, scratch: &'a mut Vec<u8>) -> (&'a [u8], u64) {
        let excess = self.text.len().saturating_sub(HEAD + TAIL);
        if self.cut == 0 && excess == 0 {
            return (&self.text, 0);
        }
        let tail = self.text.len().saturating_sub(TAIL).max(HEAD.min(self.text.len()));
        let out = self.cut + (tail.saturating_sub(HEAD)) as u64;
        scratch.clear();
        scratch.extend_from_slice(&self.text[..HEAD.min(self.text.len())]);
        scratch.extend_from_slice(format!(" [... {out} bytes left out ...] ").as_bytes());
        scratch.extend_from_slice(&self.text[tail..]);
        (scratch, out)
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}
