//! A condition's truth on the series, and when time alone may change it.
//!
//! A value has a rate: what it changes by in each second without any new sample. Only `age` and
//! `elapsed` have one. So the instant at which a comparison turns is computed, not polled for;
//! and at that instant the comparison is judged as it is right after it: `age(x) > 5m` becomes
//! true at five minutes sharp.

use std::cmp::Ordering;
use std::collections::vec_deque;
use std::time::Duration;

use crate::engine::alert::MetricValue;
use crate::engine::explain::{ConditionState, Phase};
use crate::engine::expression::Expression;
use crate::engine::expression::syntax::{
    Aggregate, Comparison, Condition, Operator, Value, Window,
};
use crate::engine::scene::Scene;
use crate::engine::series::{Point, Series, SeriesId, SeriesStore};
use crate::time::Timestamp;

/// Seconds within which two times are the same; f64 holds the seconds of years to this.
const SAME_TIME: f64 = 1e-6;

/// An expression whose metrics are found in the store.
#[derive(Debug)]
pub(in crate::engine) struct Bound {
    expression: Expression,
    series: Vec<SeriesId>,
}

/// A value now, and its change in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moving {
    value: f64,
    rate: f64,
}

impl Moving {
    fn still(value: f64) -> Self {
        Self { value, rate: 0.0 }
    }

    /// How it compares with another right after now; none if either is NaN.
    fn compare(self, other: Self) -> Option<Ordering> {
        let rate = self.rate - other.rate;
        let difference = self.value - other.value;
        if rate == 0.0 {
            self.value.partial_cmp(&other.value)
        } else if difference.abs() <= rate.abs() * SAME_TIME {
            rate.partial_cmp(&0.0)
        } else {
            difference.partial_cmp(&0.0)
        }
    }

    /// In how many seconds both are equal; none if never.
    fn meets(self, other: Self) -> Option<f64> {
        let seconds = (other.value - self.value) / (self.rate - other.rate);
        (seconds.is_finite() && seconds > SAME_TIME).then_some(seconds)
    }
}

impl Expression {
    /// Finds its metrics in the store, which looks back at them from now on.
    pub(in crate::engine) fn bind(self, store: &mut SeriesStore) -> Bound {
        let series = self.metrics.iter().map(|name| store.look_back_at(name)).collect();
        Bound { expression: self, series }
    }
}

impl Bound {
    pub(in crate::engine) fn expression(&self) -> &Expression {
        &self.expression
    }

    pub(in crate::engine) fn series(&self) -> &[SeriesId] {
        &self.series
    }

    /// Whether it holds; none: unknown.
    pub(in crate::engine) fn holds(&self, scene: &Scene<'_>) -> Option<bool> {
        self.holds_without(scene, &[])
    }

    /// Whether it holds if the metrics `missing` have no value.
    pub(in crate::engine) fn holds_without(
        &self,
        scene: &Scene<'_>,
        missing: &[SeriesId],
    ) -> Option<bool> {
        Evaluation { scene, series: &self.series, missing }.condition(&self.expression.condition)
    }

    /// When it may change although no sample comes; none: never. Later than `scene.at`.
    pub(in crate::engine) fn next_change(&self, scene: &Scene<'_>) -> Option<Timestamp> {
        let mut next = None;
        let evaluation = Evaluation { scene, series: &self.series, missing: &[] };
        evaluation.changes(&self.expression.condition, &mut |at| {
            next = Some(next.map_or(at, |next: Timestamp| next.min(at)));
        });
        next.filter(|next| *next > scene.at)
    }

    /// Where it stands, with its values.
    pub(in crate::engine) fn explain(&self, scene: &Scene<'_>, phase: Phase) -> ConditionState {
        let evaluation = Evaluation { scene, series: &self.series, missing: &[] };
        let mut comparisons = Vec::new();
        evaluation.comparisons(&self.expression.condition, &mut comparisons);
        let names = self.series.iter().zip(&self.expression.metrics);
        let missing = names.filter(|(id, _)| {
            scene.series.get(**id).is_none_or(|series| series.newest().is_none())
        });
        ConditionState {
            condition: self.expression.to_string(),
            holds: self.holds(scene),
            comparisons,
            missing: missing.map(|(_, name)| name.clone()).collect(),
            phase,
        }
    }

    /// The newest values of the metrics that it names.
    pub(in crate::engine) fn values(&self, scene: &Scene<'_>) -> Vec<MetricValue> {
        let known = self.series.iter().filter_map(|&id| scene.series.get(id));
        known.filter_map(Series::metric_value).collect()
    }
}

struct Evaluation<'a> {
    scene: &'a Scene<'a>,
    series: &'a [SeriesId],
    missing: &'a [SeriesId],
}

impl Evaluation<'_> {
    fn condition(&self, condition: &Condition) -> Option<bool> {
        match condition {
            Condition::Compare(comparison, left, right) => {
                let order = self.value(left)?.compare(self.value(right)?)?;
                Some(match comparison {
                    Comparison::Less => order.is_lt(),
                    Comparison::LessEqual => order.is_le(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::GreaterEqual => order.is_ge(),
                    Comparison::Equal => order.is_eq(),
                    Comparison::NotEqual => order.is_ne(),
                })
            }
            Condition::IsNan(metric) => Some(self.newest(*metric)?.value.is_nan()),
            Condition::IsFinite(metric) => Some(self.newest(*metric)?.value.is_finite()),
            Condition::Not(inner) => self.condition(inner).map(|holds| !holds),
            Condition::And(left, right) => match (self.condition(left), self.condition(right)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Condition::Or(left, right) => match (self.condition(left), self.condition(right)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }
    }

    /// The values on both sides of each comparison.
    fn comparisons(&self, condition: &Condition, shown: &mut Vec<String>) {
        match condition {
            Condition::Compare(comparison, left, right) => {
                let side = |value: &Value| {
                    let value = self.value(value).map(|moving| moving.value);
                    value.map_or_else(|| "?".to_owned(), |value| value.to_string())
                };
                let (left, right) = (side(left), side(right));
                shown.push(format!("{left} {} {right}", comparison.symbol()));
            }
            Condition::IsNan(_) | Condition::IsFinite(_) => {}
            Condition::Not(inner) => self.comparisons(inner, shown),
            Condition::And(left, right) | Condition::Or(left, right) => {
                self.comparisons(left, shown);
                self.comparisons(right, shown);
            }
        }
    }

    fn metric(&self, metric: usize) -> Option<&Series> {
        let id = self.series.get(metric)?;
        if self.missing.contains(id) {
            return None;
        }
        self.scene.series.get(*id)
    }

    fn newest(&self, metric: usize) -> Option<Point> {
        self.metric(metric)?.newest()
    }

    /// A value; none if it is missing.
    fn value(&self, value: &Value) -> Option<Moving> {
        let still = match value {
            Value::Number(number) => *number,
            Value::Negative(inner) => {
                let inner = self.value(inner)?;
                return Some(Moving { value: -inner.value, rate: -inner.rate });
            }
            Value::Arithmetic(operator, left, right) => {
                return Some(arithmetic(*operator, self.value(left)?, self.value(right)?));
            }
            Value::Age(metric) => {
                let age = self.scene.at.since(self.newest(*metric)?.at);
                return Some(Moving { value: age.as_secs_f64(), rate: 1.0 });
            }
            Value::Elapsed => {
                let elapsed = self.scene.at.since(self.scene.started);
                return Some(Moving { value: elapsed.as_secs_f64(), rate: 1.0 });
            }
            Value::Metric(metric) => self.newest(*metric)?.value,
            Value::Previous(metric) => self.metric(*metric)?.previous()?,
            Value::Over(aggregate, metric, window) => self.over(*aggregate, *metric, *window)?,
            Value::Ema(metric, span) => moving_average(self.metric(*metric)?, *span)?,
            Value::Delta(metric, samples) => {
                let series = self.metric(*metric)?;
                series.newest()?.value - series.earlier(usize::MAX).nth_back(samples - 1)?.value
            }
            Value::Slope(metric, samples) => slope(self.metric(*metric)?, *samples)?,
            Value::ZScore(metric, samples) => zscore(self.metric(*metric)?, *samples)?,
            Value::SinceLowest(metric) => self.metric(*metric)?.since_lowest()? as f64,
            Value::SinceHighest(metric) => self.metric(*metric)?.since_highest()? as f64,
        };
        Some(Moving::still(still))
    }

    fn over(&self, aggregate: Aggregate, metric: usize, window: Window) -> Option<f64> {
        let series = self.metric(metric)?;
        let before = series.before();
        match (aggregate, window) {
            (Aggregate::Min, Window::All) => before.min(),
            (Aggregate::Max, Window::All) => before.max(),
            (Aggregate::Mean, Window::All) => before.mean(),
            (Aggregate::Stddev, Window::All) => before.stddev(),
            (Aggregate::Count, Window::All) => Some(before.count() as f64),
            (Aggregate::Count, _) => Some(self.window(series, window).len() as f64),
            (Aggregate::Min, _) => finite(self.window(series, window)).reduce(f64::min),
            (Aggregate::Max, _) => finite(self.window(series, window)).reduce(f64::max),
            (Aggregate::Mean, _) => mean(finite(self.window(series, window))),
            (Aggregate::Stddev, _) => stddev(finite(self.window(series, window))),
            (Aggregate::Median, _) => median(finite(self.window(series, window))),
        }
    }

    /// The samples of a window, oldest first. A sample leaves it `time` after it came.
    fn window<'s>(&self, series: &'s Series, window: Window) -> vec_deque::Iter<'s, Point> {
        let now = self.scene.at;
        match window {
            Window::All => series.earlier(usize::MAX),
            Window::Samples(samples) => series.earlier(samples),
            Window::Time(time) => series.earlier_from(|point| point.at.after(time) > now),
        }
    }

    fn changes(&self, condition: &Condition, each: &mut dyn FnMut(Timestamp)) {
        match condition {
            Condition::Compare(_, left, right) => {
                self.leaves_window(left, each);
                self.leaves_window(right, each);
                let seconds = self.value(left).zip(self.value(right)).and_then(|(l, r)| l.meets(r));
                // Rounded to a nanosecond, which is well within `SAME_TIME`.
                if let Some(wait) = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()) {
                    each(self.scene.at.after(wait));
                }
            }
            Condition::IsNan(_) | Condition::IsFinite(_) => {}
            Condition::Not(inner) => self.changes(inner, each),
            Condition::And(left, right) | Condition::Or(left, right) => {
                self.changes(left, each);
                self.changes(right, each);
            }
        }
    }

    fn leaves_window(&self, value: &Value, each: &mut dyn FnMut(Timestamp)) {
        match value {
            Value::Over(_, metric, window @ Window::Time(time)) => {
                let oldest = self.metric(*metric).and_then(|s| self.window(s, *window).next());
                if let Some(point) = oldest {
                    each(point.at.after(*time));
                }
            }
            Value::Negative(inner) => self.leaves_window(inner, each),
            Value::Arithmetic(_, left, right) => {
                self.leaves_window(left, each);
                self.leaves_window(right, each);
            }
            _ => {}
        }
    }
}

fn arithmetic(operator: Operator, left: Moving, right: Moving) -> Moving {
    let (l, r) = (left.value, right.value);
    let (value, rate) = match operator {
        Operator::Add => (l + r, left.rate + right.rate),
        Operator::Subtract => (l - r, left.rate - right.rate),
        Operator::Multiply => (l * r, left.rate * r + l * right.rate),
        Operator::Divide => (l / r, (left.rate * r - l * right.rate) / (r * r)),
    };
    // 0 * inf and 0 / 0: a rate that is unknown is none.
    Moving { value, rate: if rate.is_finite() { rate } else { 0.0 } }
}

fn finite<'a>(points: vec_deque::Iter<'a, Point>) -> impl Iterator<Item = f64> + Clone + use<'a> {
    points.map(|point| point.value).filter(|value| value.is_finite())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    (count > 0.0).then(|| sum / count)
}

/// The sample standard deviation (divided by n - 1); from two values on.
fn stddev(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let count = values.clone().count();
    let mean = mean(values.clone()).filter(|_| count > 1)?;
    let squares: f64 = values.map(|value| (value - mean) * (value - mean)).sum();
    Some((squares / (count - 1) as f64).sqrt())
}

/// Of an even number of values the mean of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (lower, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let below = lower.iter().copied().max_by(f64::total_cmp).filter(|_| even);
    Some(below.map_or(upper, |below| below + (upper - below) / 2.0))
}

/// Starts with the oldest value that is kept; weight of a new one: 2 / (span + 1).
fn moving_average(series: &Series, span: usize) -> Option<f64> {
    let weight = 2.0 / (span as f64 + 1.0);
    let values = finite(series.recent(usize::MAX));
    values.reduce(|average, value| average + weight * (value - average))
}

/// The newest value's distance from the mean of the `samples` before it, in their standard
/// deviations. Missing while there are fewer, or if they are all the same.
fn zscore(series: &Series, samples: usize) -> Option<f64> {
    let before = series.earlier(samples);
    if before.len() < samples {
        return None;
    }
    let deviation = stddev(finite(before.clone())).filter(|deviation| *deviation > 0.0)?;
    Some((series.newest()?.value - mean(finite(before))?) / deviation)
}

/// The least-squares slope of the newest `samples` values, for each sample. Missing while there
/// are fewer, or if one of them is not finite.
fn slope(series: &Series, samples: usize) -> Option<f64> {
    let values = series.recent(samples);
    let count = samples as f64;
    if values.len() < samples {
        return None;
    }
    // Positions are counted from the middle one, so that their mean is zero.
    let middle = (count - 1.0) / 2.0;
    let positions = (0..samples).map(|position| position as f64 - middle);
    let covariance: f64 = positions.zip(values).map(|(x, point)| x * point.value).sum();
    let variance = count * (count * count - 1.0) / 12.0;
    Some(covariance / variance).filter(|slope| slope.is_finite())
}

#[cfg(test)]
mod tests;
