//! Rules as compiled: what `config` makes of the rules file and the engine runs; and how each kind
//! follows what happens. A new kind is a file, a line in `trackers!`, and a `Trigger`.

mod elapsed;
mod every;
mod exit;
mod non_finite;
mod pattern;
mod restart;
mod silence;
mod tracker;
mod when;

use std::time::Duration;

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use crate::engine::alert::Severity;
use crate::engine::expression::Expression;

pub(in crate::engine) use tracker::{Change, Hit, LinePlace, Track, Tracker};

/// Everything the engine judges by. Rules are kept in the order of the file. All patterns are
/// compiled again into one set from their texts: flags stand in the pattern itself (`(?i)`).
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    pub rules: Vec<Rule>,
    /// Patterns with named groups that are numbers: `eval: (?<eval_loss>{num})`, `{num}` expanded.
    pub metrics: Vec<Regex>,
    /// Find metrics without being told (default).
    pub auto_metrics: bool,
}

impl RuleSet {
    /// The metrics that conditions name, in the order of the file.
    pub fn named_metrics(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for rule in &self.rules {
            let conditions = match &rule.trigger {
                Trigger::When { condition, until, .. } => [Some(condition), until.as_ref()],
                Trigger::Match { when, .. } => [when.as_ref(), None],
                _ => [None, None],
            };
            for name in conditions.into_iter().flatten().flat_map(Expression::metrics) {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub severity: Severity,
    pub trigger: Trigger,
    /// After it fired it stays silent this long; what would have fired is counted.
    pub cooldown: Option<Duration>,
    pub once: bool,
    /// While the condition holds it is said again after this long; none: once.
    pub repeat: Option<Duration>,
    /// Its end is told too.
    pub resolved: bool,
    /// How many lines of output go along.
    pub lines: usize,
    /// A template for the one sentence; none: the built-in text.
    pub message: Option<String>,
    pub to: Vec<String>,
    pub attach: Attach,
    pub stop: Option<Stop>,
    pub builtin: bool,
}

impl Rule {
    /// Whether it is defined in the same way. By the text of its patterns and conditions, which
    /// know no equality themselves.
    pub(in crate::engine) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && format!("{self:?}") == format!("{other:?}")
    }
}

/// What makes a rule fire: one of these.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// A line matches `pattern` and not `except`, and then `when` holds; `count` times `within`.
    Match {
        pattern: Regex,
        except: Option<Regex>,
        when: Option<Expression>,
        count: u32,
        within: Option<Duration>,
    },
    /// The condition becomes true and stays so for `hold`; with `until` it stays firing until that
    /// second condition is true.
    When {
        condition: Expression,
        hold: Hold,
        until: Option<Expression>,
    },
    /// Any metric of the run that is a loss, a gradient norm or named in a condition turns NaN or
    /// infinite. Only built in; the rules file writes it as the rule `non-finite`.
    NonFinite,
    /// Nothing was printed (or no line that matches `pattern`) for `quiet`.
    Silence {
        quiet: Duration,
        pattern: Option<Regex>,
        /// After a silence that ended by itself, only one twice as long is told.
        patient: bool,
    },
    Exit(ExitFilter),
    /// The command failed and is started again: `exit: restart`.
    Restart,
    /// A report in intervals.
    Every(Interval),
    /// The run has lasted this long.
    Elapsed(Duration),
}

/// `for: 5 samples` or `for: 5m`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Hold {
    #[default]
    None,
    Samples(u32),
    Time(Duration),
}

/// `every: 1h` or `every: 10 epoch`: each time the metric has grown by that much.
#[derive(Clone, Debug, PartialEq)]
pub enum Interval {
    Time(Duration),
    Metric { amount: f64, metric: String },
}

/// `exit: success | failure | any | signal | oom | unknown | [1, 137]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitFilter {
    Success,
    Failure,
    Any,
    Signal,
    Oom,
    /// The system does not tell how it ended, and its output does not either.
    Unknown,
    /// Exit codes; 128+n also means signal n, as a shell writes it.
    Codes(Vec<i32>),
}

/// What goes along with the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    pub charts: bool,
}

/// What a rule does to the run when it fires. A signal goes to the main child only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Number of the signal, see signal(7).
    pub signal: i32,
    /// SIGKILL to the group after this long; none: never.
    pub grace: Option<Duration>,
}
