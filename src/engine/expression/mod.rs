//! The conditions of `when`: parsed and checked once, evaluated on the series.
//!
//! Knows no rule and no line. A condition has three values: true, false and unknown. Where a
//! metric is missing or NaN the comparison is unknown, which never makes a rule fire and never
//! ends one that fires; `not` of unknown is unknown. So `not (loss > 5)` is not true before the
//! first loss, and a metric that turns NaN does not resolve an alert.
//!
//! Windows look back at 4,096 samples at most, and so does `median` without a window; the other
//! figures without a window are over all samples. Values that are not finite are left out of all
//! figures, except of `count`. `delta`, `slope` and `zscore` are missing until there are as many
//! samples as they look back at; `stddev` needs two, everything else one.

mod evaluate;
mod lexer;
mod parser;
mod syntax;

use std::fmt;

pub(in crate::engine) use evaluate::Bound;
use syntax::Condition;

/// The longest condition, in bytes.
const MAX_LENGTH: usize = 4_096;

/// A condition, parsed: `is_nan(loss) or loss > 3 * min(loss)`.
#[derive(Clone, Debug)]
pub struct Expression {
    source: String,
    condition: Condition,
    metrics: Vec<String>,
}

/// Why a text is no condition, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// Byte offset in the text.
    pub offset: usize,
    /// In bytes; 0 at the end of the text.
    pub len: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Expression {
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > MAX_LENGTH {
            return Err(ExpressionError {
                offset: text.floor_char_boundary(MAX_LENGTH),
                len: 0,
                message: format!("the condition is longer than {MAX_LENGTH} bytes"),
                hint: None,
            });
        }
        let (condition, metrics) = parser::parse(text)?;
        Ok(Self { source: text.to_owned(), condition, metrics })
    }

    /// The metrics that it names, in the order of their first appearance.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(String::as_str)
    }
}

/// As it was written.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
