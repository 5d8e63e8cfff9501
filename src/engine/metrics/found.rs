//! What was found in one line, before it is decided what of it counts.
//!
//! A weak candidate (a bare count under an unknown name, `key 1.5` without a sign between) counts
//! only on a line that also holds something certain: a step, an epoch, a measured quantity.

use super::names::{self, Class};
use super::number::{Number, Style, Unit};

/// More pairs than this on one line, and no step among them, are a configuration.
const MOST: usize = 40;

/// So many settings on one line, and nothing that was measured, are a configuration; more than
/// `MOST_SETTINGS` are one if no step or epoch is among them.
const SETTINGS: u32 = 2;
const MOST_SETTINGS: u32 = 4;

/// How name and number stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `key=value`, `key: value`
    Sign,
    /// `key:value`
    Tight,
    /// `key value`
    Blank,
    /// An entry of a dict.
    Entry,
    /// A cell of a table.
    Cell,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Its name, in [`Candidates::names`].
    name: (usize, usize),
    pub(super) number: Number,
    /// Where the number stands in the line.
    pub(super) start: usize,
    weak: bool,
    certain: bool,
    /// It tells where the run is.
    place: bool,
    /// It does, or stands in a dict or a table.
    placed: bool,
}

/// The candidates of one line. Kept from line to line for its memory.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// What the names of measured quantities on this line are prefixed with.
    scope: String,
    /// It stood before a name as a part of it: it belongs to what is alike, and as there.
    shared: bool,
    names: String,
    list: Vec<Candidate>,
    /// Where digits are looked at, not only whether there is one.
    fixed: Vec<(usize, usize)>,
    /// The size of a number was looked at.
    unsure: bool,
    /// How many names on this line are of settings.
    settings: u32,
    /// The line is a bar, which has no room for sentences: `L 0.51 A 91.2%:  8%|▊   |`.
    pub(super) on_bar: bool,
}

impl Candidates {
    pub(super) fn clear(&mut self) {
        self.scope.clear();
        self.names.clear();
        self.list.clear();
        self.fixed.clear();
        self.unsure = false;
        self.settings = 0;
        self.on_bar = false;
    }

    /// The text from `start` to `end` is looked at as it stands, whatever its digits.
    pub(super) fn fix(&mut self, start: usize, end: usize) {
        self.fixed.push((start, end));
    }

    pub(super) fn fixed(&self) -> &[(usize, usize)] {
        &self.fixed
    }

    /// Whether other digits might have been judged in another way.
    pub(super) fn is_unsure(&self) -> bool {
        self.unsure
    }

    /// The line speaks of this data: `loss` on it is `val/loss`.
    pub(super) fn set_scope(&mut self, scope: &str) {
        self.scope.clear();
        self.scope.push_str(scope);
        self.shared = false;
    }

    /// The line's first name begins with this data: `val Loss: 0.6 Acc: 0.7`.
    pub(super) fn share(&mut self, data: &str) {
        self.set_scope(data);
        self.shared = true;
    }

    /// Takes the name of something that need not be a number.
    pub(super) fn see_key(&mut self, key: &str) {
        self.settings += u32::from(names::is_setting(key));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the number at `start` has a name already.
    pub(super) fn holds(&self, start: usize) -> bool {
        self.list.iter().any(|candidate| candidate.start == start)
    }

    /// Judges a name and a number, and keeps them if they can be a metric. `raw` are the parts
    /// of the name, joined by `join`. Whether they were kept.
    pub(super) fn offer(
        &mut self,
        raw: &[&str],
        join: &str,
        form: Form,
        number: Number,
        start: usize,
    ) -> bool {
        let from = self.names.len();
        for part in raw {
            if self.names.len() > from {
                self.names.push_str(join);
            }
            names::append(part, &mut self.names);
        }
        let last = raw.last().copied().unwrap_or_default();
        self.settings += u32::from(names::is_setting(&self.names[from..]));
        self.unsure |= number.may_be_large && is_named_clock(&self.names[from..], &number);
        self.unsure |= number.style != Style::Integer && is_step(&self.names[from..]);
        if number.comma {
            self.fix(start, start + 2);
        }
        let Some((weak, certain)) = verdict(&self.names[from..], last, form, &number) else {
            self.names.truncate(from);
            return false;
        };
        let short = place(&self.names[from..]);
        let place = short.is_some();
        let placed = place || matches!(form, Form::Entry | Form::Cell);
        if let Some(short) = short {
            self.names.truncate(from);
            self.names.push_str(short);
        } else if !self.scope.is_empty()
            && has_scope(&self.names[from..])
            && (!self.shared || names::is_of_data(&self.names[from..]))
            && (names::is_held_out(&self.scope) || !names::is_of_run(&self.names[from..]))
        {
            self.names.insert(from, if self.shared { '_' } else { '/' });
            self.names.insert_str(from, &self.scope);
        }
        let name = (from, self.names.len());
        self.list.push(Candidate { name, number, start, weak, certain, place, placed });
        true
    }

    /// The number that a row begins with: a step, if anything certain follows it.
    pub(super) fn offer_row(&mut self, number: Number, start: usize) {
        let from = self.names.len();
        self.names.push_str("step");
        let name = (from, self.names.len());
        self.list.push(Candidate {
            name,
            number,
            start,
            weak: true,
            certain: false,
            place: false,
            placed: false,
        });
    }

    /// What counts, in the order of the line.
    pub(super) fn each(&mut self, give: &mut dyn FnMut(&str, &Candidate)) {
        if self.list.len() > MOST && !self.list.iter().any(|c| c.placed) || self.are_settings() {
            return;
        }
        // Many pairs side by side are a report, even if no name is known; not if no sign tells
        // that they are pairs, as in `took 1.2 (kernels 0.15, alloc 0.83, rest 0.02)`.
        let decimals = || self.list.iter().filter(|c| c.number.style != Style::Integer);
        let many = decimals().count() >= 4 && decimals().any(|c| !c.weak);
        let of_data = |c: &&Candidate| {
            names::is_part_of_data(&self.names[c.name.0..c.name.1])
                && c.number.style != Style::Integer
        };
        let compared = self.list.iter().filter(of_data).count() >= 2;
        let bare = |c: &&Candidate| matches!(c.number.unit, Unit::None | Unit::Percent);
        let told = self.on_bar && decimals().filter(bare).count() >= 2;
        let certain = many || compared || told || self.list.iter().any(|c| c.certain);
        self.list.sort_by_key(|c| c.start);
        for candidate in &self.list {
            if certain || !candidate.weak {
                give(&self.names[candidate.name.0..candidate.name.1], candidate);
            }
        }
    }

    /// Whether the line says how the run is set up: `lr=0.1, momentum=0.9, weight_decay=1e-4`.
    fn are_settings(&self) -> bool {
        let measured = |c: &Candidate| {
            let name = &self.names[c.name.0..c.name.1];
            c.certain && !names::is_of_run(name) && !names::is_setting(name)
        };
        self.settings >= SETTINGS
            && !self.list.iter().any(|c| c.place)
            && (self.settings > MOST_SETTINGS || !self.list.iter().any(measured))
    }
}

/// Epochs and steps have one name each, however a program calls them.
fn place(name: &str) -> Option<&'static str> {
    match names::class(name) {
        Class::Epoch => Some("epoch"),
        Class::Step if !name.eq_ignore_ascii_case("global_step") => Some("step"),
        _ => None,
    }
}

/// (weak, certain), or none if it is no metric.
fn verdict(name: &str, last: &str, form: Form, number: &Number) -> Option<(bool, bool)> {
    // `81C 95%`: a value names none.
    let value = name.starts_with(|c: char| c.is_ascii_digit()) && form == Form::Blank;
    if !(1..=80).contains(&name.len()) || !name.chars().any(char::is_alphabetic) || value {
        return None;
    }
    let class = match names::class(name) {
        // `train/epoch` is no place, `train/loss` is measured as `loss` is.
        Class::Unknown => match names::class(last) {
            Class::Measured => Class::Measured,
            Class::Never => Class::Never,
            _ => Class::Unknown,
        },
        class => class,
    };
    let whole = number.style == Style::Integer && number.unit != Unit::Percent;
    if number.unit == Unit::Time || number.unit == Unit::Rate {
        let timed = matches!(class, Class::Unknown) || is_speed(name);
        // `speed: 0.05s/iter; left time: 22s` is a line of its own.
        let told = SPEEDS.iter().any(|speed| name.eq_ignore_ascii_case(speed));
        return timed.then_some((!told, false));
    }
    match class {
        Class::Never => None,
        _ if whole && names::is_setting(name) => None,
        Class::Epoch | Class::Step | Class::Counted => {
            // `step: 1.7` is how long one took.
            let part = is_step(name) && number.value.fract() != 0.0;
            let counts = number.style != Style::NonFinite && number.unit != Unit::Percent && !part;
            counts.then_some((false, true))
        }
        Class::Measured if names::is_part_of_data(name) && whole => None,
        Class::Measured => Some((false, true)),
        Class::Unknown if is_clock(name, number) => None,
        Class::Unknown if number.maybe_list && number.unit != Unit::Percent => None,
        Class::Unknown if whole && form == Form::Tight => None,
        Class::Unknown if whole && names::is_part_of_data(name) => None,
        Class::Unknown if whole && form == Form::Blank => None,
        Class::Unknown if form == Form::Cell => Some((false, false)),
        Class::Unknown => Some((whole || form == Form::Blank, false)),
    }
}

fn is_step(name: &str) -> bool {
    names::class(name) == Class::Step
}

/// Whether the data that the line speaks of belongs to the name: `loss` of `valid`, but not
/// `num_updates`, of which there is one count.
fn has_scope(name: &str) -> bool {
    let global = names::class(name) == Class::Counted && !name.eq_ignore_ascii_case("batch");
    !global && !names::says_data(name)
}

const SPEEDS: [&str; 3] = ["speed", "throughput", "fps"];

/// A measured quantity that has a unit of time.
fn is_speed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SPEEDS.iter().chain(&["cost"]).any(|word| name.contains(word))
}

/// Seconds (or a fraction of them) since 1970, under a name that says so.
fn is_clock(name: &str, number: &Number) -> bool {
    number.value > 1e9 && is_named_clock(name, number)
}

fn is_named_clock(name: &str, number: &Number) -> bool {
    let named = ["time", "date", "stamp", "created", "clock"].iter().any(|w| name.contains(w));
    named && number.unit == Unit::None
}
