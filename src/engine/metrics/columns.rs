//! Where the columns of a table stand: the cells of a line, and which column a cell is of. It knows
//! no name and no metric.

use bstr::ByteSlice;

use super::cells::value;

/// More columns are no table that is read here.
pub(super) const MOST: usize = 40;

/// What stands between columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    Tab,
    Pipe,
    Wide,
    /// One blank, which stands between the words of other lines too.
    Blank,
    Comma,
    Semicolon,
}

impl Border {
    /// It is a byte of a file of values.
    pub(super) fn is_mark(self) -> bool {
        matches!(self, Self::Comma | Self::Semicolon)
    }
}

pub(super) fn border(text: &[u8]) -> Option<Border> {
    let trimmed = text.trim_ascii();
    if wall(trimmed) > 0 {
        return Some(Border::Pipe);
    }
    // ` Epoch | Train Loss | Val Loss `
    if trimmed.find_iter(b" | ").nth(1).is_some() {
        return Some(Border::Pipe);
    }
    if memchr::memchr(b'\t', trimmed).is_some() {
        return Some(Border::Tab);
    }
    if trimmed.windows(2).any(|pair| pair == b"  ") {
        return Some(Border::Wide);
    }
    if memchr::memchr(b' ', trimmed).is_some() {
        return None;
    }
    // In `0;0,51;0,62` the comma is a point.
    let mark = [(b';', Border::Semicolon), (b',', Border::Comma)];
    mark.into_iter().find_map(|(byte, mark)| memchr::memchr(byte, trimmed).map(|_| mark))
}

/// The cells of a line.
pub(super) fn split(text: &[u8], border: Border, cells: &mut Vec<(usize, usize)>) {
    cells.clear();
    let end = text.trim_ascii_end().len();
    let mut start = text.len() - text.trim_ascii_start().len();
    if border == Border::Pipe {
        start += wall(&text[start..end]);
    }
    let mut at = start;
    while at < end && cells.len() <= MOST {
        let skip = match border {
            Border::Tab => usize::from(text[at] == b'\t'),
            Border::Comma => usize::from(text[at] == b','),
            Border::Semicolon => usize::from(text[at] == b';'),
            Border::Pipe => wall(&text[at..end]),
            Border::Blank => text[at..end].iter().take_while(|b| **b == b' ').count(),
            Border::Wide => match text[at..end].iter().take_while(|b| **b == b' ').count() {
                1 => 0,
                blanks => blanks,
            },
        };
        if skip > 0 {
            cells.push((start, at));
            at += skip;
            start = at;
        } else {
            at += 1;
        }
    }
    // The last cell of `1,0.5,` is empty.
    if start < end || border.is_mark() {
        cells.push((start, end));
    }
    if let Some(first) = cells.first_mut() {
        first.0 += prefix(&text[first.0..first.1]);
    }
}

/// The length of `Chain [1] `, which of several writers this is.
fn prefix(cell: &[u8]) -> usize {
    let Some(end) = cell.find(b"] ") else { return 0 };
    let Some(open) = cell[..end].find(b" [") else { return 0 };
    let number = &cell[open + 2..end];
    let is_writer = cell[..open].iter().all(u8::is_ascii_alphabetic)
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit);
    if is_writer && open > 0 { end + 2 } else { 0 }
}

/// The length of the border here, 0 if there is none.
pub(super) fn wall(text: &[u8]) -> usize {
    match text {
        [b'|', ..] => 1,
        [0xe2, 0x94, 0x82 | 0x83, ..] | [0xe2, 0x95, 0x91, ..] => 3,
        _ => 0,
    }
}

/// The names in a header. One that comes again is another column: `Fitness`, `Fitness_2`; unless the
/// header repeats as a whole.
pub(super) fn columns(text: &[u8], cells: &[(usize, usize)]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for (start, end) in cells {
        let name = text[*start..*end].trim_ascii().to_str_lossy();
        columns.push(without_mark(&name).to_owned());
    }
    if !columns[1..].contains(&columns[0]) {
        for at in (1..columns.len()).rev() {
            let before = columns[..at].iter().filter(|name| **name == columns[at]).count();
            if before > 0 && !columns[at].is_empty() {
                columns[at].push_str(&format!("_{}", before + 1));
            }
        }
    }
    columns
}

/// Takes away what `columns` told the same names apart by: the next line of the header does.
pub(super) fn unnumber(columns: &mut [String]) {
    for at in 1..columns.len() {
        let (before, rest) = columns.split_at_mut(at);
        let name = rest[0].rsplit_once('_').map(|(name, _)| name);
        if let Some(length) = name.filter(|name| before.iter().any(|n| n == name)).map(str::len) {
            rest[0].truncate(length);
        }
    }
}

/// `# step` or `#STEP` without the mark, which makes a header a comment to others.
pub(super) fn without_mark(name: &str) -> &str {
    match name.strip_prefix('#').map(str::trim_start) {
        Some(rest) if rest.starts_with(|c: char| c.is_alphabetic()) => rest,
        _ => name,
    }
}

/// Parts cells that hold several values: padded columns touch where the numbers are long.
pub(super) fn part(text: &[u8], columns: usize, cells: &mut Vec<(usize, usize)>) {
    let parts = |(start, end): &(usize, usize)| {
        let mut at = *start;
        let place = move |part: &[u8]| {
            let from = at;
            at += part.len() + 1;
            (from, from + part.len())
        };
        text[*start..*end].split(|byte| *byte == b' ').map(place).filter(|(a, b)| a < b)
    };
    let is_value = |(a, b): (usize, usize)| value(&text[a..b]).is_some();
    let touch = |cell: &(usize, usize)| parts(cell).count() > 1 && parts(cell).all(is_value);
    if !cells.iter().any(touch) {
        return;
    }
    let mut all: Vec<_> = cells.iter().flat_map(parts).collect();
    // A mark behind the last column: `0.072 0.072  5000  21 h`.
    if all.len() == columns + 1 && all.first().is_some_and(|first| is_value(*first)) {
        all.pop_if(|last| !is_value(*last));
    }
    cells.clear();
    if all.len() == columns || all.len() == columns + 1 {
        cells.extend(all);
    }
}

/// Puts the cells of a row with holes below the columns that they stand under; false if one stands
/// under none, or under several.
pub(super) fn align(columns: &[(usize, usize)], cells: &mut Vec<(usize, usize)>) -> bool {
    let mut places = vec![(0, 0); columns.len()];
    let mut free = 0;
    for cell in cells.iter() {
        let below = |column: &(usize, usize)| cell.0 < column.1 && column.0 < cell.1;
        let mut under = (0..columns.len()).filter(|at| below(&columns[*at]));
        match (under.next(), under.next()) {
            (Some(at), None) if at >= free => {
                places[at] = *cell;
                free = at + 1;
            }
            _ => return false,
        }
    }
    *cells = places;
    true
}
