//! Bytes to lines, as a terminal would show them: `\n`, `\r\n`, lone `\r`, `\b`, ANSI sequences.
//!
//! Knows no metric and no rule. Memory is bounded: of a line over the limit the head and the tail
//! are kept. Any split of the same bytes gives the same whole lines and frames.
//!
//! A state of a line is given as a frame when something is drawn over it; blank states are not
//! given. When a program goes back to rows (cursor up: rich, nested tqdm), what stood there and is
//! drawn again, there or further down, is not given again. Anything else on such a row is a frame
//! if it is a bar or was drawn lately, and a whole line if it is new, since programs print log
//! lines above their bars in this way.

use crate::engine::bar;
use crate::engine::block;
use crate::engine::escape::{Effect, Escape, Fed};
use crate::engine::rows::Rows;
use crate::engine::screen::Screen;

#[cfg(test)]
mod tests;

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
    /// Newlines so far.
    lines: u64,
    screen: Screen,
    escape: Escape,
    /// Text was printed since the line was last given.
    fresh: bool,
    /// The cursor was moved back on this line.
    moved: bool,
    /// Text was printed after that.
    redrawn: bool,
    /// The unterminated line was offered as it stands.
    offered: bool,
    /// Rows between the cursor and the lowest row.
    above: u32,
    rows: Rows,
    scratch: Vec<u8>,
    left_out: u64,
}

impl Splitter {
    /// Takes the next bytes, and gives each line that is complete now.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(Line<'_>)) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if self.escape.is_open() {
                match self.escape.feed(byte) {
                    Fed::More => {}
                    Fed::Done(effect) => self.apply(effect, each),
                    Fed::Refused => continue,
                }
                rest = &rest[1..];
                continue;
            }
            let run = rest.iter().position(|b| is_control(*b)).unwrap_or(rest.len());
            let (text, after) = rest.split_at(run);
            if !text.is_empty() {
                self.print(text, each);
            }
            rest = match after.split_first() {
                Some((control, rest)) => {
                    self.control(*control, each);
                    rest
                }
                None => after,
            };
        }
    }

    /// The source is at its end: what is unterminated is a whole line.
    pub fn close(&mut self, each: &mut dyn FnMut(Line<'_>)) {
        self.escape = Escape::default();
        if !self.screen.is_empty() {
            self.end_line(each);
        }
        self.above = 0;
        self.rows.settle();
        self.reset_line();
    }

    /// Gives the unterminated line as `Partial`, unless it was given as it stands now.
    pub fn offer_partial(&mut self, each: &mut dyn FnMut(Line<'_>)) {
        if !self.has_partial() {
            return;
        }
        self.offered = true;
        let (text, _) = self.screen.show(&mut self.scratch);
        let start = if self.redrawn { bar::end(text).unwrap_or(0) } else { 0 };
        let text = &text[start..];
        each(Line { number: self.lines + 1, kind: LineKind::Partial, text });
    }

    /// Whether `offer_partial` would give a line.
    pub fn has_partial(&self) -> bool {
        self.fresh && !self.offered
    }

    /// How many bytes were left out of lines over the limit.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether a line begins here, and nothing of it was printed.
    pub(in crate::engine) fn is_at_line_start(&self) -> bool {
        self.screen.is_empty()
            && !self.moved
            && self.above == 0
            && !self.escape.is_open()
            && self.rows.are_settled()
    }

    /// Newlines so far.
    pub(in crate::engine) fn lines(&self) -> u64 {
        self.lines
    }

    /// Takes a line of a plain block. Only where a line begins.
    pub(in crate::engine) fn whole<'a>(&mut self, text: &'a [u8]) -> Line<'a> {
        self.lines += 1;
        self.rows.add(text, 0);
        Line { number: self.lines, kind: LineKind::Whole, text }
    }

    /// Takes a plain block of so many lines, of which none is wanted. Only where a line begins.
    pub(in crate::engine) fn pass(&mut self, block: &[u8], lines: u64) {
        self.lines += lines;
        block::lines(block::last(block, lines, Rows::KEPT as usize, |_| true))
            .for_each(|text| self.rows.add(text, 0));
    }

    fn print(&mut self, text: &[u8], each: &mut dyn FnMut(Line<'_>)) {
        if self.screen.draws_over() {
            self.give_frame(each);
        }
        self.redrawn |= self.moved;
        self.fresh = true;
        self.offered = false;
        self.screen.print(text);
    }

    fn control(&mut self, control: u8, each: &mut dyn FnMut(Line<'_>)) {
        match control {
            b'\n' => {
                self.end_line(each);
                self.reset_line();
                self.lines += 1;
                self.above = self.above.saturating_sub(1);
            }
            b'\r' => {
                self.screen.column(0);
                self.moved = true;
            }
            0x08 => {
                self.screen.back(1);
                self.moved = true;
            }
            _ => self.escape.begin(),
        }
    }

    fn apply(&mut self, effect: Effect, each: &mut dyn FnMut(Line<'_>)) {
        self.moved |= effect != Effect::Nothing;
        match effect {
            Effect::Nothing => {}
            Effect::Forward(count) => self.screen.forward(count),
            Effect::Back(count) => self.screen.back(count),
            Effect::Column(column) => self.screen.column(column),
            Effect::EraseRight => {
                if self.screen.draws_over() {
                    self.give_frame(each);
                }
                self.screen.erase_right();
            }
            Effect::EraseLine => self.leave_line(each),
            Effect::Up(count) => {
                self.leave_line(each);
                self.above = self.above.saturating_add(u32::from(count)).min(Rows::KEPT);
                self.rows.go_up(self.above);
            }
            Effect::Down(count) => {
                self.leave_line(each);
                self.above = self.above.saturating_sub(u32::from(count));
            }
            Effect::Elsewhere => self.leave_line(each),
        }
    }

    /// The text here is a frame, and nothing is known of what stands where the cursor is now.
    fn leave_line(&mut self, each: &mut dyn FnMut(Line<'_>)) {
        self.give_frame(each);
        self.screen.clear();
    }

    fn give_frame(&mut self, each: &mut dyn FnMut(Line<'_>)) {
        if std::mem::take(&mut self.fresh) {
            self.give(LineKind::Frame, each);
        }
    }

    fn end_line(&mut self, each: &mut dyn FnMut(Line<'_>)) {
        let (text, _) = self.screen.show(&mut self.scratch);
        // Only the cursor went down, over a row that is drawn already.
        if self.above > 0 && text.trim_ascii().is_empty() {
            return;
        }
        if self.rows.take_again(text) {
            self.rows.add(text, self.above);
            return;
        }
        let kind = match self.above > 0 {
            true if self.rows.contains(text) || bar::is_bar(text) => LineKind::Frame,
            _ => LineKind::Whole,
        };
        self.rows.add(text, self.above);
        if self.above == 0 {
            self.rows.settle();
        }
        self.give(kind, each);
    }

    /// Gives the line as it stands; a bar that other text follows is a frame of its own.
    fn give(&mut self, kind: LineKind, each: &mut dyn FnMut(Line<'_>)) {
        let number = self.lines + 1;
        let (text, left_out) = self.screen.show(&mut self.scratch);
        self.left_out += left_out;
        if kind == LineKind::Frame && text.trim_ascii().is_empty() {
            return;
        }
        let end = if self.redrawn { bar::end(text).unwrap_or(0) } else { 0 };
        if end > 0 {
            each(Line { number, kind: LineKind::Frame, text: &text[..end] });
        }
        each(Line { number, kind, text: &text[end..] });
    }

    fn reset_line(&mut self) {
        self.screen.clear();
        self.fresh = false;
        self.moved = false;
        self.redrawn = false;
        self.offered = false;
    }
}

fn is_control(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0x08 | 0x1b)
}
