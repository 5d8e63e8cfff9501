//! Tables: names in a header line, values in the lines below; and boxed tables of two columns.
//!
//! Columns stand apart by a tab, by two blanks, by a border, or by a comma; by one blank where a
//! line is nothing but names of a run, or nothing but numbers.

use bstr::ByteSlice;

use super::cells::{blanks, is_blank_or_junk, value, values};
use super::columns::{self, Border, split, without_mark};
use super::found::{Candidates, Form};
use super::mapping::whole_number;
use super::names::{self, Class};
use super::number::{Number, Style};
use crate::engine::bar;

/// Longer lines are no table that is read here.
const LONGEST: usize = 2000;
/// So many lines without a row end a table.
const PATIENCE: u32 = 400;

/// The tables of one source.
#[derive(Debug, Default)]
pub(super) struct Tables {
    header: Option<Header>,
    /// The group of a boxed table: `train/`.
    group: String,
    cells: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct Header {
    border: Border,
    columns: Vec<String>,
    /// Where they stand in the header.
    places: Vec<(usize, usize)>,
    /// The names if each of them is one word: `# Epoch batch         loss` has three columns, though
    /// two of them touch.
    words: Vec<String>,
    /// One of the names is known. Other words in columns are a header only if rows of nothing but
    /// numbers follow at once.
    known: bool,
    /// One of the names counts where the run is.
    counts: bool,
    /// The columns that hold the names and the values of what was measured.
    listed: Option<(usize, usize)>,
    /// What the rows are of: told in the first cell, once for several of them.
    label: String,
    idle: u32,
    /// No row was there yet.
    fresh: bool,
    /// A line of dashes followed it.
    ruled: bool,
}

impl Header {
    /// `#  step  loss`: the mark of a comment is no column, which a row of `cells` shows.
    fn drop_mark(&mut self, cells: usize) {
        if self.columns[0] == "#" && cells + 1 == self.columns.len() {
            self.columns.remove(0);
            self.places.remove(0);
        }
    }

    /// Whether a row is nothing but a number for each word: then the words are the columns.
    fn touches(&mut self, text: &[u8], cells: &mut Vec<(usize, usize)>) -> bool {
        if cells.len() == self.columns.len() || self.words.is_empty() {
            return false;
        }
        let mut words = Vec::new();
        split(text, Border::Blank, &mut words);
        let is_number = |(a, b): &(usize, usize)| value(&text[*a..*b]).is_some();
        if words.len() != self.words.len() || !words.iter().all(is_number) {
            return false;
        }
        self.columns = std::mem::take(&mut self.words);
        self.border = Border::Blank;
        *cells = words;
        true
    }

    /// `loss     last      counter` below `average  since     example`.
    fn continues(&mut self, text: &[u8]) -> bool {
        let Ok(text) = text.to_str() else { return false };
        let words = || text.split_ascii_whitespace();
        if words().count() != self.columns.len() || !words().all(is_name) {
            return false;
        }
        columns::unnumber(&mut self.columns);
        for (column, word) in self.columns.iter_mut().zip(words()) {
            column.push(' ');
            column.push_str(word);
        }
        self.known = self.columns.iter().any(|name| names::class(name) == Class::Measured);
        self.idle = 0;
        self.known
    }
}

impl Tables {
    pub(super) fn have_header(&self) -> bool {
        self.header.is_some()
    }

    /// Takes a line if it belongs to a table.
    pub(super) fn take(&mut self, line: &[u8], out: &mut Candidates) -> bool {
        if line.len() > LONGEST {
            return false;
        }
        if is_rule(line) {
            self.group.clear();
            if let Some(header) = self.header.as_mut().filter(|header| header.idle == 0) {
                header.ruled = true;
            }
            return true;
        }
        let text = without_bar(line);
        let Some(border) = border(text) else { return false };
        self.split(text, border);
        if border == Border::Pipe && self.cells.len() == 2 && self.boxed(text, out) {
            return true;
        }
        if self.row(text, border, out) {
            return true;
        }
        // As a row it may have been cut in another way.
        self.split(text, border);
        self.extend(text, border) || self.learn(text, border)
    }

    fn split(&mut self, text: &[u8], border: Border) {
        split(text, border, &mut self.cells);
        if border == Border::Pipe && self.cells.len() == 1 {
            self.split_cell(text);
        }
    }

    /// `│ loss       36 │`: a box around two columns that stand apart by blanks.
    fn split_cell(&mut self, text: &[u8]) {
        let (start, end) = self.cells[0];
        split(&text[start..end], Border::Wide, &mut self.cells);
        for cell in &mut self.cells {
            *cell = (cell.0 + start, cell.1 + start);
        }
        if self.cells.len() != 2 {
            self.cells.clear();
        }
    }

    /// A header of several lines: `|  Mini-batch  |` above `|   Accuracy   |`.
    fn extend(&mut self, text: &[u8], border: Border) -> bool {
        let Some(header) = &mut self.header else { return false };
        if border == Border::Wide
            && header.border == border
            && header.idle == 1
            && header.fresh
            && !header.known
        {
            return header.continues(text);
        }
        let fits = border == Border::Pipe
            && header.border == border
            && header.idle == 1
            && header.fresh
            && self.cells.len() == header.columns.len();
        let cell = |(a, b): &(usize, usize)| text[*a..*b].trim_ascii().to_str().unwrap_or("?");
        let is_part = |name: &str| {
            let unit = name.starts_with('(') && name.ends_with(')');
            name.is_empty() || unit || is_name(name)
        };
        let cells = || self.cells.iter().map(cell);
        if !fits || !cells().all(is_part) || !cells().any(str::is_empty) {
            return false;
        }
        for (column, name) in header.columns.iter_mut().zip(cells()) {
            if !name.is_empty() {
                column.push(' ');
                column.push_str(name);
            }
        }
        header.idle = 0;
        true
    }

    /// `|    loss     | 36     |`
    fn boxed(&mut self, text: &[u8], out: &mut Candidates) -> bool {
        let [key, value] = [self.cells[0], self.cells[1]].map(|(a, b)| &text[a..b]);
        let Ok(name) = key.trim_ascii().to_str() else { return false };
        let value = value.trim_ascii();
        if !is_name(name) {
            return false;
        }
        if value.is_empty() && name.ends_with('/') {
            self.group.clear();
            self.group.push_str(name.trim_end_matches('/'));
            return true;
        }
        let Some(number) = whole_number(value) else { return false };
        let start = self.cells[1].0 + blanks(&text[self.cells[1].0..]);
        if self.group.is_empty() {
            out.offer(&[name], "/", Form::Cell, number, start);
        } else {
            out.offer(&[&self.group, name], "/", Form::Cell, number, start);
        }
        true
    }

    fn learn(&mut self, text: &[u8], border: Border) -> bool {
        if !(2..=columns::MOST).contains(&self.cells.len()) {
            return false;
        }
        let listed = self.listed(text, border);
        let (mut measured, mut counts, mut data) = (false, false, 0);
        for (start, end) in &self.cells {
            let Ok(name) = text[*start..*end].trim_ascii().to_str() else { return false };
            let name = without_mark(name);
            let unnamed = name.is_empty()
                && (listed.is_some() || border == Border::Pipe && *start == self.cells[0].0);
            if !is_name(name) && name != "#" && !unnamed {
                return false;
            }
            let last = name.rsplit([' ', '/']).next().unwrap_or(name);
            let place = [names::class(name), names::class(last)];
            counts |= place.iter().any(|c| matches!(c, Class::Epoch | Class::Step));
            // `n_gen  |  n_eval  |   igd`
            let first = border == Border::Pipe && *start == self.cells[0].0;
            counts |= first && self.cells.len() > 2 && place.contains(&Class::Counted);
            measured |= place.contains(&Class::Measured);
            data += u32::from(names::is_part_of_data(name));
        }
        // Two words that stand apart are a header only if they are of a run: `epoch    loss`.
        if self.cells.len() == 2 && !border.is_mark() && !(counts && measured) {
            return false;
        }
        // `metric   train   valid`
        let known = counts || measured || data > 1 || listed.is_some();
        // What looks like the rows of the header before would be taken for them.
        let alike =
            |h: &Header| h.border == border && h.columns.len().abs_diff(self.cells.len()) <= 1;
        let free = self.header.as_ref().is_none_or(|h| !h.known || alike(h));
        // It may be a sentence.
        if border == Border::Blank && !free {
            return false;
        }
        let boxed = border != Border::Pipe || columns::wall(text.trim_ascii()) > 0;
        if known || free && boxed && !border.is_mark() {
            let columns = columns::columns(text, &self.cells);
            let label = String::new();
            let places = self.cells.clone();
            let words =
                if border == Border::Wide { words(text, columns.len()) } else { Vec::new() };
            self.header = Some(Header {
                border,
                columns,
                places,
                words,
                known,
                counts,
                listed,
                label,
                idle: 0,
                fresh: true,
                ruled: false,
            });
        }
        known
    }

    /// Where names and values stand below `| Task | n-shot | Metric |   | Value |`.
    fn listed(&self, text: &[u8], border: Border) -> Option<(usize, usize)> {
        let place = |name: &[u8]| {
            let is = |(a, b): &(usize, usize)| text[*a..*b].trim_ascii().eq_ignore_ascii_case(name);
            self.cells.iter().position(is)
        };
        let both = place(b"metric").zip(place(b"value"));
        both.filter(|(metric, value)| border == Border::Pipe && (1..*value).contains(metric))
    }

    /// Cuts a line into as many cells as the header has columns; whether it has one more in front,
    /// a label under no name. None if it does not fit.
    fn fit(&mut self, text: &[u8], border: Border) -> Option<bool> {
        let header = self.header.as_mut()?;
        header.idle += 1;
        if header.idle > PATIENCE {
            self.header = None;
            return None;
        }
        let cells = &mut self.cells;
        let is_loose = |border| matches!(border, Border::Wide | Border::Blank);
        let alike = border == header.border || is_loose(border) && is_loose(header.border);
        let by_blanks = [border, header.border].contains(&Border::Blank);
        if alike && by_blanks {
            split(text, Border::Blank, cells);
            header.drop_mark(cells.len());
            let number = |(a, b): &(usize, usize)| value(&text[*a..*b]);
            // `0.1 0.2 0.3` below `step  loss  lr` is some other list.
            let whole = |cell| number(cell).is_some_and(|n| n.style == Style::Integer);
            let fits = cells.len() == header.columns.len()
                && cells.iter().all(|cell| number(cell).is_some())
                && (!is_count(&header.columns[0]) || whole(&cells[0]));
            return fits.then_some(false);
        }
        if border == Border::Wide {
            columns::part(text, header.columns.len(), cells);
            header.drop_mark(cells.len());
            let holes = header.known && (2..header.columns.len()).contains(&cells.len());
            if holes && !columns::align(&header.places, cells) {
                return None;
            }
        }
        let unnamed = cells.len() == header.columns.len() + 1 && border == Border::Wide;
        if border == Border::Wide && header.touches(text, cells) {
            return Some(false);
        }
        let fits = alike && (unnamed || cells.len() == header.columns.len());
        fits.then_some(unnamed)
    }

    fn row(&mut self, text: &[u8], border: Border, out: &mut Candidates) -> bool {
        let Some(unnamed) = self.fit(text, border) else { return false };
        let Some(header) = &mut self.header else { return false };
        if let Some((metric, number)) = header.listed {
            return entry(text, &self.cells, (metric, number), &mut header.label, out);
        }
        let holds = |(a, b): &&(usize, usize)| values(&text[*a..*b]).next().is_some();
        let numbers = self.cells.iter().filter(holds).count();
        let junk = self.cells.iter().filter(|(a, b)| is_blank_or_junk(&text[*a..*b])).count();
        let strict = border == Border::Wide && numbers + junk + 1 < self.cells.len();
        // A label may stand in front below `| Arch | Head |` and `|------|------|`.
        let labelled = usize::from(border == Border::Pipe && header.ruled);
        let next = header.idle == 1 && numbers + labelled >= self.cells.len();
        let sure = header.known || next;
        if numbers < 2 || strict || !sure {
            return false;
        }
        header.idle = 0;
        header.fresh = false;
        let (start, end) = self.cells[0];
        let first = text[start..end].trim_ascii().to_str().unwrap_or_default();
        let numbered = value(first.as_bytes()).is_some();
        if unnamed && (!header.known || numbered && !header.counts) {
            // Rows of each class, or of data.
            return true;
        }
        let mut label = label_of(first.as_bytes());
        for ((start, end), column) in self.cells[usize::from(unnamed)..].iter().zip(&header.columns)
        {
            let cell = &text[*start..*end];
            // `| class | AP | class | AP |`: the label of what follows.
            if *column == header.columns[0] && values(cell).next().is_none() {
                label = label_of(cell);
            }
            for (at, place, number) in values(cell) {
                offer((label, column, place), number, start + at, out);
            }
        }
        true
    }
}

/// What a cell says its row is of. A bar, a number or a time labels no row.
fn label_of(cell: &[u8]) -> &str {
    let is_label = |text: &&str| text.contains(char::is_alphanumeric);
    let says = value(cell).is_none() && !is_blank_or_junk(cell);
    cell.trim_ascii().to_str().ok().filter(|_| says).filter(is_label).unwrap_or_default()
}

/// Offers a value under the name of its column, with what its row is of.
fn offer(
    (label, column, place): (&str, &str, &str),
    number: Number,
    start: usize,
    out: &mut Candidates,
) {
    let whole = ["", "all", "total", "overall", "mean", "average", "avg"].contains(&label);
    if !place.is_empty() {
        // Lists of other kinds are settings, shapes and numbers of things.
        let measured = names::class(column) == Class::Measured || names::says_data(column);
        if measured && number.style != Style::Integer {
            out.offer(&[column, place], "/", Form::Cell, number, start);
        }
    } else if whole {
        out.offer(&[column], "/", Form::Cell, number, start);
    } else if !names::is_part_of_data(column) {
        out.offer(&[label, column], "/", Form::Cell, number, start);
    } else if names::class(label) == Class::Measured {
        // `loss   0.51   0.62` under `metric   train   valid`
        out.offer(&[column, label], "_", Form::Cell, number, start);
    }
}

/// A row of names and values: `|hellaswag|  0|acc_norm|↑  |0.5122|`.
fn entry(
    text: &[u8],
    cells: &[(usize, usize)],
    (metric, number): (usize, usize),
    label: &mut String,
    out: &mut Candidates,
) -> bool {
    let cell = |at: usize| text[cells[at].0..cells[at].1].trim_ascii().to_str().unwrap_or_default();
    let Some(number) = value(cell(number).as_bytes()).map(|found| (found, cells[number].0)) else {
        return false;
    };
    if is_name(cell(0)) {
        label.clear();
        label.push_str(cell(0));
    }
    if is_name(cell(metric)) {
        let start = number.1 + blanks(&text[number.1..]);
        out.offer(&[label.as_str(), cell(metric)], "/", Form::Cell, number.0, start);
    }
    true
}

/// The words of a header, if there are more of them than `columns`.
fn words(text: &[u8], columns: usize) -> Vec<String> {
    let text = text.to_str_lossy();
    let words = text.split_ascii_whitespace().filter(|word| *word != "#").map(without_mark);
    let words: Vec<_> = words.map(str::to_owned).collect();
    if words.len() > columns && words.len() <= columns::MOST { words } else { Vec::new() }
}

/// A name in a header or a boxed row.
fn is_name(text: &str) -> bool {
    // `||grad||`
    let norm = text.strip_prefix('|').and_then(|text| text.strip_suffix('|'));
    let text = norm.map_or(text, |norm| norm.trim_matches('|'));
    text.len() <= 40
        && text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.split(' ').count() <= 4
        && !text.contains(['=', ':', '"', '\'', '|', ';', '\\', '`', '!', '?'])
        && !text
            .split(' ')
            .any(|word| names::is_prose(word) && text.contains(' ') || is_value(word))
}

/// `0.51`, `1e-3`, `#7`: names hold none.
fn is_value(word: &str) -> bool {
    let count =
        word.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    count || value(word.as_bytes()).is_some_and(|number| matches!(number.style, Style::Decimal(_)))
}

/// A line of dashes.
fn is_rule(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    text.len() >= 3 && text.iter().all(|b| matches!(b, b'-' | b'=' | b'+' | b'|'))
}

/// The line up to the bar that is drawn behind its cells.
fn without_bar(line: &[u8]) -> &[u8] {
    let Some(bar) = bar::start(line) else { return line };
    let text = line[..bar].trim_end_with(|c| c == ' ' || c == '%' || c.is_ascii_digit());
    match text.strip_suffix(b":") {
        Some(text) => text,
        None => line,
    }
}

/// What stands between the columns of a line, if it may have any.
fn border(text: &[u8]) -> Option<Border> {
    columns::border(text).or_else(|| is_plain(text.trim_ascii()).then_some(Border::Blank))
}

/// Whether a line is nothing but three names and more that are a header and no sentence, or nothing
/// but three numbers and more.
fn is_plain(text: &[u8]) -> bool {
    let Ok(text) = text.to_str() else { return false };
    let words = || text.split(' ').filter(|word| *word != "#");
    let is_row = || words().all(|word| value(word.as_bytes()).is_some());
    let is_header = || {
        let counts = words().next().is_some_and(|word| is_count(without_mark(word)));
        let is_measured = |word: &&str| names::class(without_mark(word)) == Class::Measured;
        let measured = words().filter(is_measured).count();
        // `# iter energy gap`, `# loss acc lr`, `Epoch Loss Time`; not `# Loss function settings`,
        // `Step completed successfully`.
        let told =
            if text.starts_with('#') { counts || measured > 1 } else { counts && measured > 0 };
        told && words().all(|word| is_name(without_mark(word)) && !names::is_prose(word))
    };
    (3..=columns::MOST).contains(&words().count()) && (is_row() || is_header())
}

/// Whether a column of this name tells where the run is.
fn is_count(name: &str) -> bool {
    matches!(names::class(name), Class::Epoch | Class::Step)
}

/// Whether a line would be a row below a header that fits.
pub(super) fn has_columns(line: &[u8]) -> bool {
    border(without_bar(line)).is_some()
}
