//! One rule: its trigger (see `trigger`), and all that is the same for every trigger.

use std::collections::HashMap;
use std::ops::Range;

use rustix::process::Signal;

use super::keys;
use super::problem::{Problem, alternatives, did_you_mean, quote};
use super::reader::{self, Reader, Section, Shortest};
use super::trigger::{self, Kind};
use super::yaml::{Node, Value};
use crate::engine::alert::Severity;
use crate::engine::rules::{Attach, Rule, Stop, Trigger};

/// What rules are checked against.
pub(super) struct Known<'a> {
    /// Names of the channels of this file; none where it defines none, and so all are unknown.
    pub(super) channels: &'a [String],
    pub(super) metrics: &'a trigger::Metrics,
}

/// All rules that are right; the others are reported.
pub(super) fn read_all(reader: &mut Reader<'_>, node: &Node, known: &Known<'_>) -> Vec<Rule> {
    let items = reader.list("rules", node);
    let mut names: HashMap<String, Range<usize>> = HashMap::new();
    items.iter().filter_map(|item| read(reader, item, known, &mut names)).collect()
}

fn read(
    reader: &mut Reader<'_>,
    node: &Node,
    known: &Known<'_>,
    names: &mut HashMap<String, Range<usize>>,
) -> Option<Rule> {
    if reader::is_empty(node) {
        let problem = Problem::new(&node.span, "this rule is empty");
        reader.report(problem.hint("write `- name: …` and a trigger below it, or remove the `-`"));
        return None;
    }
    let section = reader.section("a rule", node, keys::RULE)?;
    let name = name(reader, section, names);
    let trigger = trigger::read(reader, section, known.metrics);
    if let Some((kind, _)) = &trigger {
        effectless(reader, section, *kind);
    }
    let trigger = trigger.and_then(|(_, trigger)| trigger);
    assemble(reader, section, known, name, trigger)
}

/// Present and unique.
fn name(
    reader: &mut Reader<'_>,
    section: Section<'_>,
    names: &mut HashMap<String, Range<usize>>,
) -> Option<String> {
    let Some(node) = section.get("name") else {
        if section.has_unknown_keys {
            return None;
        }
        let problem = Problem::new(&section.node.span, "this rule has no name");
        reader.report(problem.hint("add `name: …`; messages and `watch replay` call it by that"));
        return None;
    };
    let name = reader.title("name", node)?;
    if let Some(first) = names.get(&name) {
        reader.report(
            Problem::new(&node.span, "a second rule has this name")
                .also(first, "the first one")
                .hint("give each rule a name of its own"),
        );
        return None;
    }
    names.insert(name.clone(), node.span.clone());
    Some(name)
}

/// Keys that do nothing beside this trigger: somebody relies on them in vain.
fn effectless(reader: &mut Reader<'_>, section: Section<'_>, kind: Kind) {
    for entry in section.entries() {
        let key = entry.key.as_str();
        if kind.allows(key) || !keys::RULE.iter().any(|known| known.name == key) {
            continue;
        }
        let message = format!("`{key}` has no effect beside {}", kind.words());
        let problem = Problem::new(&entry.key_span, message);
        reader.report(problem.hint(kind.advice(key)));
    }
    let once = section.get("once").filter(|node| reader_true(node));
    if let Some(once) = once
        && let Some(other) = ["cooldown", "repeat"]
            .iter()
            .filter(|key| kind.allows(key) && kind.allows("once"))
            .find_map(|key| section.entry(key))
    {
        reader.report(
            Problem::new(&other.key_span, format!("`{}` has no effect beside `once`", other.key))
                .also(&once.span, "it fires only once")
                .hint("remove one of them"),
        );
    }
}

fn reader_true(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, .. } if text == "true")
}

/// Reads all keys that are the same for every trigger, so that each problem is found, also where
/// the name or the trigger is wrong already.
fn assemble(
    reader: &mut Reader<'_>,
    section: Section<'_>,
    known: &Known<'_>,
    name: Option<String>,
    trigger: Option<Trigger>,
) -> Option<Rule> {
    let flag = |reader: &mut Reader<'_>, key: &str| {
        section.get(key).and_then(|node| reader.flag(key, node)).unwrap_or(false)
    };
    let duration = |reader: &mut Reader<'_>, key: &str, least| {
        section.get(key).and_then(|node| reader.duration(key, node, least))
    };
    let severity = severity(reader, section);
    let cooldown = duration(reader, "cooldown", Shortest::Zero);
    let once = flag(reader, "once");
    let repeat = duration(reader, "repeat", Shortest::Second);
    let resolved = flag(reader, "resolved");
    let lines =
        section.get("lines").and_then(|n| reader.count("lines", n, 0..keys::MOST_LINES + 1));
    let message = section.get("message").and_then(|node| message(reader, node));
    let to = section.get("to").map(|node| to(reader, node, known.channels)).unwrap_or_default();
    let attach = section.get("attach").map(|node| attach(reader, node)).unwrap_or_default();
    let stop = section.get("stop").and_then(|node| stop(reader, node));
    Some(Rule {
        name: name?,
        severity,
        trigger: trigger?,
        cooldown,
        once,
        repeat,
        resolved,
        lines: lines.and_then(|lines| usize::try_from(lines).ok()).unwrap_or(0),
        message,
        to,
        attach,
        stop,
        builtin: false,
    })
}

fn severity(reader: &mut Reader<'_>, section: Section<'_>) -> Severity {
    let node = section.get("severity");
    match node.and_then(|node| reader.one_of("severity", node, keys::SEVERITIES)) {
        Some("critical") => Severity::Critical,
        Some("warning") => Severity::Warning,
        _ => Severity::Info,
    }
}

/// A template; only its syntax can be checked before there is anything to fill in.
fn message(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text("message", node)?;
    let environment = minijinja::Environment::new();
    let Err(error) = environment.template_from_str(&text) else {
        return Some(text);
    };
    let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let message = format!("`message` is no valid template: {reason}");
    let mut problem = Problem::new(&node.span, message);
    if let Some(line) = error.line().filter(|_| text.trim_end().contains('\n')) {
        problem = problem.label(format!("in line {line} of this text"));
    }
    reader.report(problem.hint("values are written like {{ loss }} or {{ run.name }}"));
    None
}

fn to(reader: &mut Reader<'_>, node: &Node, channels: &[String]) -> Vec<String> {
    let names: Vec<&str> = channels.iter().map(String::as_str).collect();
    let mut to = Vec::new();
    for item in reader.one_or_list("to", node) {
        let Some(name) = reader.plain("to", item).map(str::to_owned) else { continue };
        if !names.contains(&name.as_str()) {
            let hint = match names.as_slice() {
                [] => "this file defines no channels; add it under `channels:`".to_owned(),
                names => did_you_mean(&name, names),
            };
            let message = format!("there is no channel {}", quote(&name));
            reader.report(Problem::new(&item.span, message).hint(hint));
        } else if !to.contains(&name) {
            to.push(name);
        }
    }
    to
}

fn attach(reader: &mut Reader<'_>, node: &Node) -> Attach {
    let mut attach = Attach::default();
    for item in reader.one_or_list("attach", node) {
        if reader.one_of("attach", item, keys::ATTACHMENTS) == Some("charts") {
            attach.charts = true;
        }
    }
    attach
}

/// `true`, `false`, or `{ signal: USR1, grace: 30s }`.
fn stop(reader: &mut Reader<'_>, node: &Node) -> Option<Stop> {
    let default = Stop { signal: Signal::TERM.as_raw(), grace: None };
    if matches!(node.value, Value::Scalar { .. }) {
        return reader.flag("stop", node)?.then_some(default);
    }
    let section = reader.section("stop", node, keys::STOP)?;
    let signal = match section.get("signal") {
        Some(node) => signal(reader, node)?,
        None => default.signal,
    };
    let grace = match section.entry("grace") {
        Some(entry) if signal == Signal::KILL.as_raw() => {
            reader.report(Problem::new(&entry.key_span, "`grace` has no effect after KILL"));
            None
        }
        Some(entry) => reader.duration("grace", &entry.value, Shortest::AboveZero),
        None => None,
    };
    Some(Stop { signal, grace })
}

fn signal(reader: &mut Reader<'_>, node: &Node) -> Option<i32> {
    let text = reader.plain("signal", node)?;
    let upper = text.to_uppercase();
    let signal = match upper.strip_prefix("SIG").unwrap_or(&upper) {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "HUP" => Signal::HUP,
        "QUIT" => Signal::QUIT,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "KILL" => Signal::KILL,
        _ => {
            let names = alternatives(keys::SIGNALS);
            let message =
                format!("`signal` wants the name of a signal, but this is {}", quote(text));
            reader
                .report(Problem::new(&node.span, message).hint(format!("possible here: {names}")));
            return None;
        }
    };
    Some(signal.as_raw())
}
