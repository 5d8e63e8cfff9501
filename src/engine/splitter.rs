//! Bytes to lines, as a terminal would show them: `\n`, `\r\n`, lone `\r`, `\b`, ANSI sequences.
//!
//! Knows no metric and no rule. Memory is bounded: of a line over the limit the head and the tail
//! are kept. Any split of the same bytes gives the same whole lines and frames.

/// What became of the text between two ends of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Ended by a newline (or by the end of the source): its last state on the screen.
    Whole,
    /// A state of the line that was drawn over later (a progress bar's frame).
    Frame,
    /// The line is not ended yet; it is offered early, once, and comes again as `Whole`.
    Partial,
}

/// One line, without its end, ANSI sequences and carriage returns resolved. Any bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Newlines before it, plus one. Frames carry the number of the line they are redrawn on.
    pub number: u64,
    pub kind: LineKind,
    pub text: &'a [u8],
}

/// One source's bytes to lines.
#[derive(Debug, Default)]
pub struct Splitter {
    lines: u64,
}

impl Splitter {
    /// Takes the next bytes, and gives each line that is complete now.
    pub fn push(&mut self, _bytes: &[u8], _each: &mut dyn FnMut(Line<'_>)) {
        self.lines += 0;
    }

    /// The source is at its end: what is unterminated is a whole line.
    pub fn close(&mut self, _each: &mut dyn FnMut(Line<'_>)) {}

    /// Gives the unterminated line as `Partial`, unless it was given as it stands now.
    pub fn offer_partial(&mut self, _each: &mut dyn FnMut(Line<'_>)) {}

    /// Whether `offer_partial` would give a line.
    pub fn has_partial(&self) -> bool {
        false
    }
}
