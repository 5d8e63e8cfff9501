//! Which data a summary is of: ` * Acc@1 71.2 Acc@5 90.3` below `Test: [90/98] Acc@1 70.3`. It does
//! not know how metrics are written.

use super::names;
use super::shapes::Shapes;

/// What the last metric was of.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Its number, if its line's shape was known.
    known: Option<u16>,
    /// Its data; empty: of no data that is held out.
    data: String,
}

impl Summary {
    /// The data that a summary below it is of.
    pub(super) fn data(&self) -> &str {
        &self.data
    }

    /// Takes a metric.
    pub(super) fn found(&mut self, name: &str) {
        self.known = None;
        self.data.clear();
        let data = name.split_once('/').map(|(data, _)| data);
        if let Some(data) = data.filter(|data| names::is_held_out(data)) {
            self.data.push_str(data);
        }
    }

    /// The same, by its number.
    pub(super) fn known(&mut self, name: u16) {
        self.known = Some(name);
    }

    /// Looks the number up.
    pub(super) fn resolve(&mut self, shapes: &Shapes) {
        if let Some(number) = self.known {
            self.found(shapes.name(number));
        }
    }
}

/// Whether a line sums up what was measured.
pub(super) fn is_summary(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"* ")
}
