//! Copies what is followed to the terminal, as `tail -F` does. Knows no file.

use std::fmt;
use std::fmt::Write as _;
use std::io::Write;

use crate::engine::tfevents::Events;

/// Where the bytes go. With `headers`, each change of the file is announced by `==> name <==`.
pub struct Echo {
    out: Option<Box<dyn Write + Send>>,
    headers: bool,
    last: Option<String>,
}

impl Echo {
    pub fn new(out: Box<dyn Write + Send>, headers: bool) -> Self {
        Self { out: Some(out), headers, last: None }
    }

    /// Copies bytes as they are. A reader that is gone (`| head`) ends the echo, nothing else.
    pub(super) fn copy(&mut self, name: &str, bytes: &[u8]) {
        let header = self.header(name);
        let Some(out) = &mut self.out else { return };
        let written = out.write_all(header.as_bytes()).and_then(|()| out.write_all(bytes));
        if written.and_then(|()| out.flush()).is_err() {
            self.out = None;
        }
    }

    /// Of an event file, which is no text, a line for each value.
    pub(super) fn scalars(&mut self, name: &str, events: &mut Events, bytes: &[u8]) {
        let mut lines = String::new();
        events.push(bytes, &mut |scalar| {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "step {}: {} {}", scalar.step, scalar.tag, scalar.text);
        });
        if !lines.is_empty() {
            self.copy(name, lines.as_bytes());
        }
    }

    fn header(&mut self, name: &str) -> String {
        if !self.headers || self.last.as_deref() == Some(name) {
            return String::new();
        }
        let before = if self.last.is_some() { "\n" } else { "" };
        self.last = Some(name.to_owned());
        format!("{before}==> {name} <==\n")
    }
}

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Echo").field("headers", &self.headers).finish_non_exhaustive()
    }
}
