//! CSV files with a header, as Lightning and others write their metrics: rows to samples.
//!
//! Knows no rule, no time and no file. A row's cells are named by the header above it; empty ones
//! and those that are no numbers say nothing. Cells are separated by commas, and may be quoted.
//! A header may come again, with other columns.
//!
//! Loggers write the whole file anew when there is a column more: rows that were in the file
//! before are then no news.

use crate::engine::metrics::Found;

/// Rows of a file that are known again when it is written anew.
const MOST_ROWS: usize = 1 << 17;
const MOST_COLUMNS: usize = 1_000;
const LONGEST_NAME: usize = 256;

/// Whether a file of that name is a CSV file.
pub fn is_csv(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".csv")
}

/// The rows of one file.
#[derive(Debug, Default)]
pub(super) struct Csv {
    columns: Vec<String>,
    /// What was in each row, as a hash, so that it is known again.
    rows: Vec<u64>,
    /// The same of the file that was there before; `known` of them were found again.
    before: Vec<u64>,
    known: usize,
}

impl Csv {
    /// A file in the place of `before`, perhaps the same one, written anew.
    pub(super) fn in_place_of(before: &mut Self) -> Self {
        Self { before: std::mem::take(&mut before.rows), ..Self::default() }
    }

    /// Takes a whole line, and gives the numbers of the row.
    pub(super) fn line(&mut self, line: &[u8], each: &mut dyn FnMut(Found<'_>)) {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let Some(line) = str::from_utf8(line).ok().filter(|line| !line.trim().is_empty()) else {
            return;
        };
        let cells: Vec<String> = cells(line).take(MOST_COLUMNS).collect();
        if self.is_header(&cells) {
            self.columns = cells;
            return;
        }
        // A row of another length was cut off, or belongs to something else.
        if cells.len() != self.columns.len() || self.was_known(&cells) {
            return;
        }
        for (name, text) in self.columns.iter().zip(&cells) {
            let Some(value) = number(text) else { continue };
            if !name.is_empty() && name.len() <= LONGEST_NAME {
                each(Found { name, value, text: text.as_str().into(), known: None });
            }
        }
    }

    /// Words only. Once there were rows a header has a word in common with the one before it: a
    /// row of words must not give numbers a wrong name.
    fn is_header(&self, cells: &[String]) -> bool {
        let mut filled = cells.iter().filter(|cell| !cell.is_empty());
        let words = cells.iter().all(|cell| number(cell).is_none()) && filled.next().is_some();
        words && (self.rows.is_empty() || cells.iter().any(|cell| self.columns.contains(cell)))
    }

    /// Whether the row stood at this place in the file before.
    fn was_known(&mut self, cells: &[String]) -> bool {
        let row = hash(&self.columns, cells);
        if self.rows.len() < MOST_ROWS {
            self.rows.push(row);
        }
        if self.before.get(self.known) == Some(&row) {
            self.known += 1;
            return true;
        }
        // From the first new row on all is new.
        self.before = Vec::new();
        false
    }
}

fn number(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

/// The cells of a line, without their quotes and the spaces around them; see RFC 4180. A cell with
/// an end of line in it is not known.
fn cells(line: &str) -> impl Iterator<Item = String> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let end = text.find(|c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        let (cell, after) = match end {
            Some(end) => (&text[..end], Some(&text[end + 1..])),
            None => (text, None),
        };
        rest = after;
        let cell = cell.trim();
        let inner = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"'));
        Some(inner.map_or_else(|| cell.to_owned(), |inner| inner.replace("\"\"", "\"")))
    })
}

/// The same for the same cells in other places, and with empty columns more (FNV-1a of each).
fn hash(columns: &[String], cells: &[String]) -> u64 {
    let filled = columns.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
    filled.fold(0, |sum, (column, cell)| {
        let bytes = column.bytes().chain([0]).chain(cell.bytes());
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        bytes.fold(0xcbf2_9ce4_8422_2325, step).wrapping_add(sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All samples of the lines as `name=text`.
    fn samples(csv: &mut Csv, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for line in text.lines() {
            csv.line(line.as_bytes(), &mut |f| found.push(format!("{}={}", f.name, f.text)));
        }
        found
    }

    #[test]
    fn cells_are_named_by_the_header() {
        for (text, expected) in [
            ("step,loss\n1,0.5\n", "step=1 loss=0.5"),
            ("step,loss,acc\n1,,0.9\n2,nan,\n", "step=1 acc=0.9 step=2 loss=nan"),
            ("step,note,loss\n1,best,0.5\n", "step=1 loss=0.5"),
            (",step,loss\n0,1,0.5\n", "step=1 loss=0.5"),
            ("\u{feff}step,\"train \"\"x\"\", y\"\n1,\"0.5\"\n", "step=1 train \"x\", y=0.5"),
            (" step , loss \r\n 1 , 1e-3 \r\n", "step=1 loss=1e-3"),
            // Followed from its middle on: without a header nothing has a name.
            ("1,0.5\n2,0.4\n", ""),
            // A title above the header.
            ("results of today\nstep,loss\n1,0.5\n", "step=1 loss=0.5"),
            // The header comes again, with a column more.
            ("step,loss\n1,0.5\nstep,loss,acc\n2,,0.9\n", "step=1 loss=0.5 step=2 acc=0.9"),
            // Words are no header, and a row that was cut off is no row.
            ("step,loss\n1,0.5\nrun,done\n2,0.4\n3\n", "step=1 loss=0.5 step=2 loss=0.4"),
            ("\n\n,,\n", ""),
        ] {
            assert_eq!(samples(&mut Csv::default(), text).join(" "), expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_that_is_written_anew_with_a_column_more_tells_no_row_twice() {
        let mut first = Csv::default();
        samples(&mut first, "step,loss\n1,8.0\n2,2.0\n");
        let mut second = Csv::in_place_of(&mut first);
        let anew = "acc,step,loss\n,1,8.0\n,2,2.0\n0.9,3,\n,4,1.0\n";
        assert_eq!(samples(&mut second, anew).join(" "), "acc=0.9 step=3 step=4 loss=1.0");
        let mut third = Csv::in_place_of(&mut second);
        let again = format!("{anew},5,0.9\n");
        assert_eq!(samples(&mut third, &again).join(" "), "step=5 loss=0.9");
    }

    #[test]
    fn a_new_run_in_the_same_file_is_told() {
        let mut first = Csv::default();
        samples(&mut first, "step,loss\n1,8.0\n2,2.0\n");
        let mut second = Csv::in_place_of(&mut first);
        let other = samples(&mut second, "step,loss\n1,8.1\n2,2.0\n");
        assert_eq!(other.join(" "), "step=1 loss=8.1 step=2 loss=2.0");
    }

    #[test]
    fn any_bytes_are_taken() {
        let mut csv = Csv::default();
        for line in [&b"\xff,\xfe"[..], b"\0,\0", b"\"", b"\",", b",\"\"\"", &[b','; 100_000]] {
            csv.line(line, &mut |found| panic!("{found:?}"));
        }
    }
}
