//! Tokens to a condition, and the checks: kinds, units, arguments. Bounded in depth.

mod functions;

use crate::engine::expression::ExpressionError;
use crate::engine::expression::lexer::{Lexeme, Token, tokens};
use crate::engine::expression::syntax::{Comparison, Condition, Operator, Value};

/// How deep operations may stand within each other; the stack must hold it.
const MAX_DEPTH: usize = 64;

/// The condition, and the metrics that it names.
pub(super) fn parse(text: &str) -> Result<(Condition, Vec<String>), ExpressionError> {
    let mut parser = Parser { lexemes: tokens(text)?, next: 0, depth: 0, metrics: Vec::new() };
    let parsed = parser.or()?;
    if parser.peek().token != Token::End {
        return Err(parser.unexpected("`and`, `or` or the end"));
    }
    let condition = parsed.condition()?;
    Ok((condition, parser.metrics))
}

/// What a value counts. `Any` is a metric, of which nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Any,
    Plain,
    Time,
    Bytes,
}

#[derive(Debug)]
enum Node {
    Value(Value, Unit),
    Condition(Condition),
}

/// A part of the condition, and where it stands.
#[derive(Debug)]
struct Parsed {
    node: Node,
    start: usize,
    end: usize,
    depth: usize,
}

impl Parsed {
    fn error(&self, message: &str, hint: &str) -> ExpressionError {
        ExpressionError {
            offset: self.start,
            len: self.end - self.start,
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
        }
    }

    fn condition(self) -> Result<Condition, ExpressionError> {
        match self.node {
            Node::Condition(condition) => Ok(condition),
            Node::Value(..) => {
                Err(self.error("this is a value, not a condition", "compare it: `loss > 5`"))
            }
        }
    }

    fn value(self) -> Result<(Value, Unit), ExpressionError> {
        match self.node {
            Node::Value(value, unit) => Ok((value, unit)),
            Node::Condition(_) => Err(self.error(
                "this is a condition, not a value",
                "`and` and `or` join comparisons: `1 < loss and loss < 5`",
            )),
        }
    }
}

struct Parser {
    lexemes: Vec<Lexeme>,
    next: usize,
    /// Parentheses, calls, `not` and signs that are open.
    depth: usize,
    metrics: Vec<String>,
}

impl Parser {
    fn peek(&self) -> &Lexeme {
        // The last lexeme is `End`, and `advance` never goes beyond it.
        &self.lexemes[self.next]
    }

    fn advance(&mut self) -> Lexeme {
        let lexeme = self.peek().clone();
        if lexeme.token != Token::End {
            self.next += 1;
        }
        lexeme
    }

    fn at_operator(&self, operators: &[&str]) -> bool {
        matches!(self.peek().token, Token::Operator(found) if operators.contains(&found))
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(&self.peek().token, Token::Name(name) if name == word)
    }

    fn expect(&mut self, operator: &'static str) -> Result<Lexeme, ExpressionError> {
        if self.at_operator(&[operator]) {
            Ok(self.advance())
        } else {
            Err(self.unexpected(&format!("`{operator}`")))
        }
    }

    fn unexpected(&self, wanted: &str) -> ExpressionError {
        let lexeme = self.peek();
        let (message, hint) = match &lexeme.token {
            Token::End => (format!("{wanted} is missing at the end"), None),
            Token::Name(name) if ["AND", "OR", "NOT"].contains(&name.as_str()) => (
                format!("`{name}` is unexpected"),
                Some(format!("write `{}`", name.to_lowercase())),
            ),
            _ => (format!("{wanted} is expected here"), None),
        };
        ExpressionError { offset: lexeme.offset, len: lexeme.length, message, hint }
    }

    fn too_deep(&self, offset: usize) -> ExpressionError {
        ExpressionError {
            offset,
            len: self.peek().offset.saturating_sub(offset),
            message: format!("the condition is nested deeper than {MAX_DEPTH}"),
            hint: Some("split it into several rules".to_owned()),
        }
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, ExpressionError>,
    ) -> Result<T, ExpressionError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep(self.peek().offset));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// A node made of two, which stand at `start` to `end`.
    fn joined(
        &self,
        span: (usize, usize),
        depths: (usize, usize),
        node: Node,
    ) -> Result<Parsed, ExpressionError> {
        let depth = depths.0.max(depths.1) + 1;
        if depth > MAX_DEPTH {
            return Err(self.too_deep(span.0));
        }
        Ok(Parsed { node, start: span.0, end: span.1, depth })
    }

    fn or(&mut self) -> Result<Parsed, ExpressionError> {
        let mut left = self.and()?;
        while self.at_word("or") {
            self.advance();
            let right = self.and()?;
            let (span, depths) = ((left.start, right.end), (left.depth, right.depth));
            let both = (Box::new(left.condition()?), Box::new(right.condition()?));
            left = self.joined(span, depths, Node::Condition(Condition::Or(both.0, both.1)))?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Parsed, ExpressionError> {
        let mut left = self.not()?;
        while self.at_word("and") {
            self.advance();
            let right = self.not()?;
            let (span, depths) = ((left.start, right.end), (left.depth, right.depth));
            let both = (Box::new(left.condition()?), Box::new(right.condition()?));
            left = self.joined(span, depths, Node::Condition(Condition::And(both.0, both.1)))?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Parsed, ExpressionError> {
        if !self.at_word("not") {
            return self.comparison();
        }
        let start = self.advance().offset;
        let inner = self.nested(Self::not)?;
        let (end, depth) = (inner.end, inner.depth);
        let node = Node::Condition(Condition::Not(Box::new(inner.condition()?)));
        self.joined((start, end), (depth, 0), node)
    }

    fn comparison(&mut self) -> Result<Parsed, ExpressionError> {
        let left = self.sum()?;
        let Token::Operator(operator) = self.peek().token else { return Ok(left) };
        let Some(comparison) = comparison(operator) else { return Ok(left) };
        let at = self.advance();
        let right = self.sum()?;
        if self.at_operator(&["<", "<=", ">", ">=", "==", "!="]) {
            let mut error = self.unexpected("`and`");
            error.message = "a comparison cannot be compared again".to_owned();
            error.hint = Some("write `1 < loss and loss < 5`".to_owned());
            return Err(error);
        }
        let (span, depths) = ((left.start, right.end), (left.depth, right.depth));
        let (left, left_unit) = left.value()?;
        let (right, right_unit) = right.value()?;
        if let Some(hint) = clash(left_unit, right_unit) {
            return Err(ExpressionError {
                offset: span.0,
                len: span.1 - span.0,
                message: format!("the units on both sides of `{operator}` differ"),
                hint: Some(hint.to_owned()),
            });
        }
        self.no_literal_nan(&at, &right)?;
        self.joined(span, depths, Node::Condition(Condition::Compare(comparison, left, right)))
    }

    /// `loss == nan` reads `nan` as a metric, and would be silently false for ever.
    fn no_literal_nan(&self, at: &Lexeme, right: &Value) -> Result<(), ExpressionError> {
        let Value::Metric(index) = right else { return Ok(()) };
        let name = self.metrics.get(*index).map(String::as_str).unwrap_or_default();
        let hint = match name.to_ascii_lowercase().as_str() {
            "nan" => "write `is_nan(loss)`",
            "inf" | "infinity" => "write `not is_finite(loss)`",
            _ => return Ok(()),
        };
        Err(ExpressionError {
            offset: at.offset,
            len: at.length,
            message: format!("nothing can be compared with `{name}`"),
            hint: Some(hint.to_owned()),
        })
    }

    fn sum(&mut self) -> Result<Parsed, ExpressionError> {
        let mut left = self.product()?;
        while self.at_operator(&["+", "-"]) {
            let plus = self.advance().token == Token::Operator("+");
            let operator = if plus { Operator::Add } else { Operator::Subtract };
            let right = self.product()?;
            left = self.arithmetic(operator, left, right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Parsed, ExpressionError> {
        let mut left = self.signed()?;
        while self.at_operator(&["*", "/"]) {
            let times = self.advance().token == Token::Operator("*");
            let operator = if times { Operator::Multiply } else { Operator::Divide };
            let right = self.signed()?;
            left = self.arithmetic(operator, left, right)?;
        }
        Ok(left)
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        left: Parsed,
        right: Parsed,
    ) -> Result<Parsed, ExpressionError> {
        let (span, depths) = ((left.start, right.end), (left.depth, right.depth));
        let (left, left_unit) = left.value()?;
        let (right, right_unit) = right.value()?;
        if operator == Operator::Multiply && (left_unit, right_unit) == (Unit::Time, Unit::Time) {
            // Nobody means it, and the instant at which it changes would be found too late.
            return Err(ExpressionError {
                offset: span.0,
                len: span.1 - span.0,
                message: "a time cannot be multiplied by a time".to_owned(),
                hint: None,
            });
        }
        let unit = match operator {
            Operator::Add | Operator::Subtract if left_unit == right_unit => left_unit,
            Operator::Multiply if left_unit == Unit::Plain => right_unit,
            Operator::Multiply if right_unit == Unit::Plain => left_unit,
            _ => Unit::Any,
        };
        let value = Value::Arithmetic(operator, Box::new(left), Box::new(right));
        self.joined(span, depths, Node::Value(value, unit))
    }

    fn signed(&mut self) -> Result<Parsed, ExpressionError> {
        if !self.at_operator(&["-", "+"]) {
            return self.primary();
        }
        let sign = self.advance();
        let inner = self.nested(Self::signed)?;
        if sign.token == Token::Operator("+") {
            return Ok(inner);
        }
        let (end, depth) = (inner.end, inner.depth);
        let (value, unit) = inner.value()?;
        let node = Node::Value(Value::Negative(Box::new(value)), unit);
        self.joined((sign.offset, end), (depth, 0), node)
    }

    fn primary(&mut self) -> Result<Parsed, ExpressionError> {
        let (value, unit) = match &self.peek().token {
            Token::Number(number) => (Value::Number(*number), Unit::Plain),
            Token::Bytes(bytes) => (Value::Number(*bytes), Unit::Bytes),
            Token::Duration(duration) => (Value::Number(duration.as_secs_f64()), Unit::Time),
            Token::Operator("(") => {
                let start = self.advance().offset;
                let inner = self.nested(Self::or)?;
                let close = self.expect(")")?;
                return Ok(Parsed { start, end: close.offset + close.length, ..inner });
            }
            Token::Name(name) if ["and", "or", "not", "AND", "OR", "NOT"].contains(&&**name) => {
                return Err(self.unexpected("a value"));
            }
            Token::Name(name) => {
                let name = name.clone();
                if matches!(self.lexemes.get(self.next + 1), Some(l) if l.token == Token::Operator("("))
                {
                    return self.nested(|parser| parser.call(&name));
                }
                (Value::Metric(self.metric(&name)), Unit::Any)
            }
            Token::Quoted(name) => {
                let name = name.clone();
                (Value::Metric(self.metric(&name)), Unit::Any)
            }
            Token::Operator(_) | Token::End => return Err(self.unexpected("a value")),
        };
        let Lexeme { offset, length, .. } = self.advance();
        let node = Node::Value(value, unit);
        Ok(Parsed { node, start: offset, end: offset + length, depth: 1 })
    }

    /// The index of a metric in the list of names.
    fn metric(&mut self, name: &str) -> usize {
        match self.metrics.iter().position(|known| known == name) {
            Some(index) => index,
            None => {
                self.metrics.push(name.to_owned());
                self.metrics.len() - 1
            }
        }
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        _ => return None,
    })
}

/// What to do about two units that cannot be compared.
fn clash(left: Unit, right: Unit) -> Option<&'static str> {
    match (left, right) {
        (Unit::Time, Unit::Plain) | (Unit::Plain, Unit::Time) => {
            Some("write the time with its unit: `30s`, `5m`, `2h`")
        }
        (Unit::Time, Unit::Bytes) | (Unit::Bytes, Unit::Time) => {
            Some("a time and a size cannot be compared")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
