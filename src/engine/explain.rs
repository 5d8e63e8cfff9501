//! Why a rule did not fire at a line: the state that it is in after the line, as facts. What was
//! fired or held back is an effect, and not told here.

use std::time::Duration;

use crate::time::Timestamp;

/// What a rule makes of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    pub rule: String,
    /// The line matches the rule's pattern: its named groups. None: no match, or no pattern.
    pub captures: Option<Vec<(String, String)>>,
    pub why: Why,
}

/// Why nothing was said, if nothing was.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// Its pattern does not match the line.
    NoMatch {
        pattern: String,
    },
    /// `except` matches the line.
    Excepted {
        except: String,
    },
    /// It waits for more matches; with a count of 1, the line has counted before it was complete.
    Counting {
        count: usize,
        of: u32,
        within: Option<Duration>,
    },
    Condition(ConditionState),
    /// A metric is broken, and not told yet; or none is.
    NonFinite {
        doubted: Vec<String>,
    },
    /// Time decides, on the wall clock: it is due then. None: not any more, or not by time.
    Waiting {
        until: Option<Timestamp>,
    },
    /// It speaks when the run has ended.
    AtTheEnd,
}

/// Where a condition stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionState {
    pub condition: String,
    /// None: unknown.
    pub holds: Option<bool>,
    /// Its comparisons with their values: `7.3 > 8.2`; `?` where a value is missing.
    pub comparisons: Vec<String>,
    /// Metrics that it names and that have no value.
    pub missing: Vec<String>,
    pub phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phase {
    Idle,
    /// True, but not for so many samples yet.
    Samples {
        so_far: u32,
        of: u32,
    },
    /// True, and it fires then if it stays so.
    Until {
        at: Timestamp,
    },
    /// It was said, and holds on.
    Firing,
    /// Ended by `until`; it must become false first.
    Spent,
}
