//! What a condition consists of. Metrics are indices into the expression's list of names.

use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Compare(Comparison, Value, Value),
    IsNan(usize),
    IsFinite(usize),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Metric(usize),
    Negative(Box<Value>),
    Arithmetic(Operator, Box<Value>, Box<Value>),
    Over(Aggregate, usize, Window),
    Ema(usize, usize),
    Previous(usize),
    Delta(usize, usize),
    Slope(usize, usize),
    ZScore(usize, usize),
    SinceLowest(usize),
    SinceHighest(usize),
    Age(usize),
    Elapsed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

impl Comparison {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Min,
    Max,
    Mean,
    Median,
    Stddev,
    Count,
}

/// Which of the samples before the newest one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Window {
    All,
    Samples(usize),
    Time(Duration),
}
