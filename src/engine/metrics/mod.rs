//! Metrics that are found in lines without being told.
//!
//! Wrong numbers are worse than missing ones. One `Metrics` for one source, since tables and
//! headers span lines. Knows no rule and no time.

use crate::engine::splitter::Line;

/// A number with a name, found in a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found<'a> {
    /// `loss`, `train/loss`, `eval_acc`.
    pub name: &'a str,
    /// NaN and infinities as such; `95.2%` is 95.2.
    pub value: f64,
    /// As the program wrote it.
    pub text: &'a str,
}

#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    /// Gives every metric that the line holds, in order, at most once for each value shown.
    pub fn scan(&mut self, _line: &Line<'_>, _each: &mut dyn FnMut(Found<'_>)) {}
}
