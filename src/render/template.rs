//! The user's `message:` of a rule, filled in with the alert's values by minijinja.
//!
//! What is filled in is data: it is never a template itself. Time is bounded by fuel.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, Value, context, escape_formatter, filters};

use crate::engine::alert::{Alert, Happening};
use crate::render::message::RunLabel;
use crate::time::format_duration;

/// Steps of the template engine; a template of some lines takes some hundred.
const FUEL: u64 = 50_000;

/// Whether the template can be parsed: the error is a sentence for the rules file's check.
pub fn check(source: &str) -> Result<(), String> {
    environment().template_from_str(source).map(drop).map_err(|error| reason(&error))
}

/// The template with the alert's values, or why that is not possible.
pub fn fill_in(source: &str, alert: &Alert, run: &RunLabel) -> Result<String, String> {
    let environment = environment();
    let template = environment.template_from_str(source).map_err(|error| reason(&error))?;
    template.render(values(alert, run)).map_err(|error| reason(&error))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.add_filter("round", filters::round);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("default", filters::default);
    environment.set_fuel(Some(FUEL));
    // A metric may have no value yet; that must not cost the user the whole sentence.
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_formatter(|out, state, value| {
        let unknown = Value::from("?");
        escape_formatter(out, state, if value.is_undefined() { &unknown } else { value })
    });
    environment
}

fn reason(error: &minijinja::Error) -> String {
    match (error.detail(), error.line()) {
        (Some(detail), Some(line)) if line > 1 => format!("{detail}, line {line} of the template"),
        (Some(detail), _) => detail.to_owned(),
        (None, _) => error.kind().to_string(),
    }
}

fn values(alert: &Alert, run: &RunLabel) -> Value {
    let mut values: BTreeMap<String, Value> = BTreeMap::new();
    let mut metrics: BTreeMap<String, Value> = BTreeMap::new();
    for metric in &alert.metrics {
        let value = number(metric.value, &metric.text);
        metrics.insert(metric.name.clone(), value.clone());
        values.insert(metric.name.clone(), value);
    }
    if let Happening::Matched { captures, text, .. } = &alert.happening {
        for (name, capture) in captures {
            values.entry(name.clone()).or_insert_with(|| Value::from(capture.clone()));
        }
        values.insert("line".to_owned(), Value::from(text.clone()));
    }
    values.insert("metrics".to_owned(), Value::from(metrics));
    values.insert("rule".to_owned(), Value::from(alert.rule.clone()));
    let severity = format!("{:?}", alert.severity).to_lowercase();
    values.insert("severity".to_owned(), Value::from(severity));
    values.insert("elapsed".to_owned(), Value::from(format_duration(alert.elapsed)));
    let run =
        context! { name => &run.name, id => &run.id, host => &run.host, command => &run.command };
    values.insert("run".to_owned(), run);
    Value::from(values)
}

/// A whole number prints as the program wrote it; any other as a number that can be rounded.
fn number(value: f64, text: &str) -> Value {
    if !value.is_finite() {
        return Value::from(text.to_owned());
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Value::from(value as i64);
    }
    Value::from(value)
}
