//! Rich's traceback: drawn in a box, paths and code broken at its width, perhaps in a log's column.

use bstr::ByteSlice;

use super::frame::{Frame, Stack};
use super::text::{MAX_LINE, append};

/// A box that is being read.
#[derive(Clone, Debug)]
pub(super) struct Box {
    /// Its right edge as a column, which is also where its writer breaks lines.
    width: usize,
    open: bool,
    /// Text of the paragraph so far: a path may be broken over lines.
    paragraph: Vec<u8>,
    /// Whether the last line reached the right edge, so that it may go on without a blank.
    full: bool,
}

impl Box {
    /// If the header at `at` stands in the upper edge of a box.
    pub(super) fn open(text: &[u8], at: usize) -> Option<Self> {
        let before = &text[..at];
        let drawn = before.contains_str("╭") || before.contains_str("┌");
        // Rich draws with ASCII where the terminal has nothing else.
        let ascii =
            before.trim_ascii().starts_with(b"+-") && text.trim_ascii_end().ends_with(b"-+");
        (drawn || ascii).then(|| Self {
            width: text.trim_ascii_end().chars().count(),
            open: true,
            paragraph: Vec::new(),
            full: false,
        })
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn push(&mut self, text: &[u8], stack: &mut Stack) {
        let edge = text.trim_ascii();
        if ["╰", "└─", "+-"].iter().any(|corner| edge.starts_with(corner.as_bytes())) {
            self.open = false;
            return;
        }
        let Some(inner) = inside(text) else { return };
        let trimmed = inner.trim_ascii();
        if trimmed.is_empty() {
            return self.end_paragraph();
        }
        if let Some(marked) = trimmed.strip_prefix("❱".as_bytes()) {
            let code = marked.trim_ascii().trim_start_with(|c| c.is_ascii_digit());
            let code = code.trim_start_with(|c| c == '│' || c == '|' || c == ' ');
            return stack.code(code);
        }
        if self.paragraph.len() < 2 * MAX_LINE {
            let space = !self.paragraph.is_empty() && !self.full;
            append(&mut self.paragraph, trimmed, space);
        }
        self.full = inner.len() == trimmed.len() + 2;
        if let Some(frame) = Frame::boxed(&self.paragraph).filter(|frame| !frame.file.contains('│'))
        {
            stack.push(frame);
            self.paragraph.clear();
        }
    }

    fn end_paragraph(&mut self) {
        self.paragraph.clear();
        self.full = false;
    }
}

/// The text between the left and the right edge.
fn inside(text: &[u8]) -> Option<&[u8]> {
    let edge: &[u8] = if text.contains_str("│") { "│".as_bytes() } else { b"|" };
    let start = text.find(edge)? + edge.len();
    let end = text.rfind(edge)?;
    text.get(start..end)
}
