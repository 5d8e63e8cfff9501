//! A value that is a row below its name: what is beside a bar is wrapped at the width of the
//! terminal, `loss: 0.53 acc:` and below it `0.93 lr: 0.01`. It knows no rows but the last two.

use bstr::ByteSlice;

use super::number::{self, Lexed, Number};

/// Rows that go on stand below what they continue, not at the start of the line.
const INDENT: usize = 8;
const LONGEST: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Wrapped {
    /// What the last row ended with; empty: no name.
    name: String,
}

impl Wrapped {
    pub(super) fn waits(&self) -> bool {
        !self.name.is_empty()
    }

    /// The value that the row begins with, where it stands, and its name.
    pub(super) fn value(&self, row: &[u8]) -> Option<(&str, Number, usize)> {
        let start = row.iter().position(|byte| *byte != b' ')?;
        if !self.waits() || start < INDENT {
            return None;
        }
        let text = row[start..].fields_with(char::is_whitespace).next()?;
        match number::lex(text)? {
            Lexed::Number(number) if number.written == text.len() => {
                Some((&self.name, number, start))
            }
            _ => None,
        }
    }

    /// Behind a row: whether there were metrics in it.
    pub(super) fn passed(&mut self, row: &[u8], found: bool) {
        self.name.clear();
        if !found {
            return;
        }
        let row = row.trim_ascii_end();
        let tail = &row[row.len().saturating_sub(LONGEST)..];
        let name = tail.strip_suffix(b":").and_then(|tail| tail.to_str().ok());
        let name = name.and_then(|tail| tail.rsplit_once(' ')).map(|(_, name)| name);
        if let Some(name) = name {
            self.name.push_str(name);
        }
    }
}
