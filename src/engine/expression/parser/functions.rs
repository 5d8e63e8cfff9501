//! Calls of functions: which there are, and what they take.

use std::time::Duration;

use super::{Node, Parsed, Parser, Unit};
use crate::engine::expression::ExpressionError;
use crate::engine::expression::lexer::{Lexeme, Token};
use crate::engine::expression::syntax::{Aggregate, Condition, Value, Window};
use crate::engine::series::WINDOW;

/// All functions, and how each is called.
const FUNCTIONS: [(&str, &str); 16] = [
    ("is_nan", "is_nan(loss)"),
    ("is_finite", "is_finite(loss)"),
    ("min", "min(loss), min(loss, 100) or min(loss, 10m)"),
    ("max", "max(loss), max(loss, 100) or max(loss, 10m)"),
    ("mean", "mean(loss), mean(loss, 100) or mean(loss, 10m)"),
    ("median", "median(loss), median(loss, 100) or median(loss, 10m)"),
    ("stddev", "stddev(loss), stddev(loss, 100) or stddev(loss, 10m)"),
    ("count", "count(loss), count(loss, 100) or count(loss, 10m)"),
    ("ema", "ema(loss, 20)"),
    ("prev", "prev(loss)"),
    ("delta", "delta(loss, 10)"),
    ("slope", "slope(loss, 100)"),
    ("zscore", "zscore(loss, 100)"),
    ("since_best", "since_best(loss) or since_best(acc, max)"),
    ("age", "age(loss)"),
    ("elapsed", "elapsed()"),
];

/// Beyond this span the samples that are kept no longer decide an average to a thousandth.
const MAX_SPAN: usize = 1_000;

/// An argument after the metric.
enum Argument {
    Samples(usize),
    Time(Duration),
    Word(String),
}

impl Parser {
    pub(super) fn call(&mut self, name: &str) -> Result<Parsed, ExpressionError> {
        let at = self.advance();
        let Some((_, usage)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            return Err(unknown(name, &at));
        };
        self.expect("(")?;
        let wrong = |at: &Lexeme, message: String| ExpressionError {
            offset: at.offset,
            len: at.length,
            message,
            hint: Some(format!("write it like {usage}")),
        };
        let mut metric = None;
        let mut argument = None;
        if name != "elapsed" {
            metric = Some(self.named().ok_or_else(|| {
                wrong(self.peek(), format!("`{name}` takes the name of a metric"))
            })?);
            if self.at_operator(&[","]) {
                self.advance();
                let at = self.peek().clone();
                argument = Some((self.argument().map_err(|message| wrong(&at, message))?, at));
            }
        }
        if !self.at_operator(&[")"]) {
            return Err(wrong(self.peek(), format!("the call of `{name}` should end here")));
        }
        let close = self.advance();
        let node = node(name, metric.unwrap_or_default(), argument.as_ref().map(|(a, _)| a))
            .map_err(|message| wrong(argument.as_ref().map_or(&at, |(_, at)| at), message))?;
        Ok(Parsed { node, start: at.offset, end: close.offset + close.length, depth: 1 })
    }

    /// The first argument: a metric's name.
    fn named(&mut self) -> Option<usize> {
        let (Token::Name(name) | Token::Quoted(name)) = self.peek().token.clone() else {
            return None;
        };
        self.advance();
        Some(self.metric(&name))
    }

    fn argument(&mut self) -> Result<Argument, String> {
        let argument = match &self.peek().token {
            Token::Number(number) if number.fract() == 0.0 && *number >= 1.0 => {
                if *number > WINDOW as f64 {
                    return Err(format!("at most {WINDOW} samples are looked back at"));
                }
                Argument::Samples(*number as usize)
            }
            Token::Duration(duration) if !duration.is_zero() => Argument::Time(*duration),
            Token::Name(word) => Argument::Word(word.clone()),
            _ => return Err("a number of samples or a time is expected here".to_owned()),
        };
        self.advance();
        Ok(argument)
    }
}

/// The call as a node; the error says what is wrong with the argument.
fn node(name: &str, metric: usize, argument: Option<&Argument>) -> Result<Node, String> {
    let aggregate = |aggregate, unit| {
        let window = match argument {
            None => Window::All,
            Some(Argument::Samples(samples)) => Window::Samples(*samples),
            Some(Argument::Time(time)) => Window::Time(*time),
            Some(Argument::Word(_)) => return Err(format!("`{name}` takes one metric")),
        };
        Ok(Node::Value(Value::Over(aggregate, metric, window), unit))
    };
    let samples = |least: usize, most: usize| match argument {
        Some(Argument::Samples(samples)) if (least..=most).contains(samples) => Ok(*samples),
        Some(Argument::Samples(_)) => Err(format!("`{name}` takes {least} to {most} samples")),
        _ => Err(format!("`{name}` takes a number of samples")),
    };
    let alone = |node| match argument {
        None => Ok(node),
        Some(_) => Err(format!("`{name}` takes nothing else")),
    };
    let any = |value| Node::Value(value, Unit::Any);
    let plain = |value| Node::Value(value, Unit::Plain);
    match name {
        "is_nan" => alone(Node::Condition(Condition::IsNan(metric))),
        "is_finite" => alone(Node::Condition(Condition::IsFinite(metric))),
        "min" => aggregate(Aggregate::Min, Unit::Any),
        "max" => aggregate(Aggregate::Max, Unit::Any),
        "mean" => aggregate(Aggregate::Mean, Unit::Any),
        "median" => aggregate(Aggregate::Median, Unit::Any),
        "stddev" => aggregate(Aggregate::Stddev, Unit::Any),
        "count" => aggregate(Aggregate::Count, Unit::Plain),
        "ema" => Ok(any(Value::Ema(metric, samples(1, MAX_SPAN)?))),
        "prev" => alone(any(Value::Previous(metric))),
        "delta" => Ok(any(Value::Delta(metric, samples(1, WINDOW)?))),
        "slope" => Ok(any(Value::Slope(metric, samples(2, WINDOW)?))),
        "zscore" => Ok(plain(Value::ZScore(metric, samples(2, WINDOW)?))),
        "age" => alone(Node::Value(Value::Age(metric), Unit::Time)),
        "elapsed" => alone(Node::Value(Value::Elapsed, Unit::Time)),
        _ => match argument {
            None => Ok(plain(Value::SinceLowest(metric))),
            Some(Argument::Word(word)) if word == "min" => Ok(plain(Value::SinceLowest(metric))),
            Some(Argument::Word(word)) if word == "max" => Ok(plain(Value::SinceHighest(metric))),
            Some(_) => Err("`since_best` takes `min` or `max`".to_owned()),
        },
    }
}

fn unknown(name: &str, at: &Lexeme) -> ExpressionError {
    let nearest = FUNCTIONS
        .iter()
        .map(|(known, _)| (strsim::damerau_levenshtein(&name.to_lowercase(), known), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4);
    let hint = match nearest {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => {
            let names: Vec<&str> = FUNCTIONS.iter().map(|(known, _)| *known).collect();
            format!("there are {}", names.join(", "))
        }
    };
    ExpressionError {
        offset: at.offset,
        len: at.length,
        message: format!("there is no function `{name}`"),
        hint: Some(hint),
    }
}
