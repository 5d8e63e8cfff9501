//! What makes a rule fire: exactly one trigger, and the keys that belong to it.

use std::ops::Range;

use super::keys;
use super::pattern;
use super::place;
use super::problem::{Problem, alternatives, did_you_mean, quote};
use super::reader::{Reader, Section, Shortest, is_plain};
use super::yaml::{Entry, Node};
use crate::engine::expression::Expression;
use crate::engine::host;
use crate::engine::rules::{ExitFilter, Hold, Interval, Trigger};
use crate::time::parse_duration;

/// Which metrics a condition can name.
pub(super) struct Metrics {
    /// Named groups of the section `metrics`.
    pub(super) named: Vec<String>,
    /// Others are found in the output, and cannot be known before.
    pub(super) auto: bool,
}

impl Metrics {
    /// Reports a name that can never have a value. `own`: what the rule's own pattern captures.
    pub(super) fn check(
        &self,
        reader: &mut Reader<'_>,
        place: &Range<usize>,
        name: &str,
        own: &[&str],
    ) {
        let named = self.named.iter().map(String::as_str).chain(own.iter().copied());
        if host::is_host(name) || named.clone().any(|known| known == name) {
            return;
        }
        let space = name.split_once('.').map(|(space, _)| space);
        let mut host = host::names().filter_map(|host| host.split_once('.'));
        let is_host = space.is_some_and(|space| host.any(|(other, _)| other == space));
        if !is_host && self.auto {
            return;
        }
        let mut names: Vec<&str> = named.collect();
        if is_host || !self.named.is_empty() {
            host::names().for_each(|host| names.push(host));
        }
        let problem = Problem::new(place, format!("there is no metric {}", quote(name)));
        let problem = problem.hint(did_you_mean(name, &names));
        let auto = "with `auto_metrics: false` only the metrics named under `metrics:` exist";
        reader.report(problem.maybe_hint((!is_host).then(|| auto.to_owned())));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Match,
    MatchWhen,
    When,
    Silence,
    Exit,
    /// `exit: restart`: unlike an end it comes more than once.
    Restart,
    Every,
    Elapsed,
    NonFinite,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Match,
        Self::When,
        Self::Silence,
        Self::Exit,
        Self::Restart,
        Self::Every,
        Self::Elapsed,
        Self::NonFinite,
        Self::MatchWhen,
    ];

    /// Its own keys, and those of the common ones that have an effect.
    pub(super) fn allows(self, key: &str) -> bool {
        let own: &[&str] = match self {
            Self::Match => &["match", "except", "count", "within", "cooldown", "once", "stop"],
            Self::MatchWhen => {
                &["match", "when", "except", "count", "within", "cooldown", "once", "stop"]
            }
            Self::When => {
                &["when", "for", "until", "cooldown", "once", "repeat", "resolved", "stop"]
            }
            Self::Silence => {
                &["silence", "match", "patient", "cooldown", "once", "repeat", "resolved", "stop"]
            }
            Self::Exit => &["exit"],
            Self::Restart => &["exit", "cooldown", "once", "stop"],
            Self::Every => &["every"],
            Self::Elapsed => &["elapsed", "stop"],
            Self::NonFinite => &["non_finite", "cooldown", "once", "resolved", "stop"],
        };
        let always = ["name", "lines", "message", "severity", "to", "attach"];
        own.contains(&key) || always.contains(&key)
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Match => "`match`",
            Self::MatchWhen => "`match` with `when`",
            Self::When => "`when`",
            Self::Silence => "`silence`",
            Self::Exit => "`exit`",
            Self::Restart => "`exit: restart`",
            Self::Every => "`every`",
            Self::Elapsed => "`elapsed`",
            Self::NonFinite => "`non_finite`",
        }
    }

    /// What to do about a key that has no effect here.
    pub(super) fn advice(self, key: &str) -> String {
        match (self, key) {
            (Self::Exit, "stop") => "the run has ended already; remove it".to_owned(),
            (Self::Exit | Self::Elapsed, "once" | "cooldown" | "repeat") => {
                "such a rule fires once anyway; remove it".to_owned()
            }
            (Self::Every, "once") => "for one message after some time use `elapsed`".to_owned(),
            (Self::Every, "cooldown" | "repeat") => "make the interval longer instead".to_owned(),
            (Self::Match | Self::MatchWhen, "for") => {
                "for several matches in some time use `count` and `within`".to_owned()
            }
            (Self::Silence, "for") => "the time stands behind `silence:` itself".to_owned(),
            _ => {
                let kinds: Vec<&str> = Self::ALL
                    .iter()
                    .filter(|kind| kind.allows(key) && **kind != Self::MatchWhen)
                    .map(|kind| kind.words().trim_matches('`'))
                    .collect();
                format!("it belongs to {}; remove it here", alternatives(&kinds))
            }
        }
    }
}

/// The kind as soon as it is clear, and the trigger if all of it is right.
pub(super) fn read(
    reader: &mut Reader<'_>,
    section: Section<'_>,
    metrics: &Metrics,
) -> Option<(Kind, Option<Trigger>)> {
    let kind = kind(reader, section)?;
    let trigger = match kind {
        Kind::Match | Kind::MatchWhen => matching(reader, section, metrics),
        Kind::When => when(reader, section, metrics),
        Kind::Silence => silence(reader, section),
        Kind::Exit => section.get("exit").and_then(|n| exit(reader, n)).map(Trigger::Exit),
        Kind::Restart => Some(Trigger::Restart),
        Kind::Every => {
            section.get("every").and_then(|n| every(reader, n, metrics)).map(Trigger::Every)
        }
        Kind::Elapsed => section
            .get("elapsed")
            .and_then(|node| reader.duration("elapsed", node, Shortest::AboveZero))
            .map(Trigger::Elapsed),
        Kind::NonFinite => section.get("non_finite").and_then(|node| non_finite(reader, node)),
    };
    Some((kind, trigger))
}

fn kind(reader: &mut Reader<'_>, section: Section<'_>) -> Option<Kind> {
    let triggers: Vec<&Entry> = section
        .entries()
        .iter()
        .filter(|e| keys::RULE[..keys::TRIGGERS].iter().any(|key| key.name == e.key))
        .collect();
    let mut names: Vec<&str> = triggers.iter().map(|entry| entry.key.as_str()).collect();
    names.sort_unstable();
    Some(match names.as_slice() {
        ["match"] => Kind::Match,
        ["match", "when"] => Kind::MatchWhen,
        ["when"] => Kind::When,
        ["silence"] | ["match", "silence"] => Kind::Silence,
        ["exit"] if is_restart(section) => Kind::Restart,
        ["exit"] => Kind::Exit,
        ["every"] => Kind::Every,
        ["elapsed"] => Kind::Elapsed,
        ["non_finite"] => Kind::NonFinite,
        [] if section.has_unknown_keys => return None,
        [] => {
            let problem =
                Problem::new(&section.node.span, "this rule has no trigger: it never fires");
            let possible = alternatives(&keys::names(keys::RULE)[..keys::TRIGGERS]);
            reader.report(problem.hint(format!("say when it fires, by one of {possible}")));
            return None;
        }
        _ => {
            too_many(reader, &triggers);
            return None;
        }
    })
}

fn is_restart(section: Section<'_>) -> bool {
    let value = section.get("exit").map(|node| &node.value);
    matches!(value, Some(super::yaml::Value::Scalar { text, .. }) if text == "restart")
}

fn too_many(reader: &mut Reader<'_>, triggers: &[&Entry]) {
    let [first, .., last] = triggers else { return };
    let message =
        format!("a rule has one trigger, but here are `{}` and `{}`", first.key, last.key);
    reader.report(
        Problem::new(&last.key_span, message)
            .also(&first.key_span, "the other one")
            .hint("make two rules of it; only `match` can stand beside `when` or `silence`"),
    );
}

fn matching(reader: &mut Reader<'_>, section: Section<'_>, metrics: &Metrics) -> Option<Trigger> {
    let pattern = section.get("match").and_then(|node| pattern::line(reader, "match", node));
    let except = optional(section.get("except"), |node| pattern::line(reader, "except", node));
    let own = pattern.as_ref().map(|p| p.capture_names().flatten().collect::<Vec<_>>());
    let own = own.as_deref();
    let when = optional(section.get("when"), |node| condition(reader, "when", node, metrics, own));
    let counted = counted(reader, section);
    let (count, within) = counted?;
    Some(Trigger::Match { pattern: pattern?, except: except?, when: when?, count, within })
}

/// `count` and `within`, which make sense only together.
fn counted(
    reader: &mut Reader<'_>,
    section: Section<'_>,
) -> Option<(u32, Option<std::time::Duration>)> {
    match (section.entry("count"), section.entry("within")) {
        (Some(count), Some(within)) => {
            let range = 1..keys::MOST_COUNT + 1;
            let count = reader.count("count", &count.value, range);
            let within = reader.duration("within", &within.value, Shortest::AboveZero);
            Some((u32::try_from(count?).ok()?, Some(within?)))
        }
        (Some(count), None) => {
            let problem =
                Problem::new(&count.key_span, "`count` needs `within`: so many in which time?");
            reader.report(problem.hint("add a line like `within: 10m`"));
            None
        }
        (None, Some(within)) => {
            let problem =
                Problem::new(&within.key_span, "`within` needs `count`: how many in that time?");
            reader.report(problem.hint("add a line like `count: 5`"));
            None
        }
        (None, None) => Some((1, None)),
    }
}

/// Absent is right (`Some(None)`); wrong is `None`.
fn optional<'n, T>(
    node: Option<&'n Node>,
    read: impl FnOnce(&'n Node) -> Option<T>,
) -> Option<Option<T>> {
    match node {
        Some(node) => read(node).map(Some),
        None => Some(None),
    }
}

fn when(reader: &mut Reader<'_>, section: Section<'_>, metrics: &Metrics) -> Option<Trigger> {
    let node = section.get("when")?;
    let expression = condition(reader, "when", node, metrics, Some(&[]));
    let hold = optional(section.get("for"), |node| hold(reader, node));
    let until = section.get("until");
    let until = optional(until, |node| condition(reader, "until", node, metrics, Some(&[])));
    Some(Trigger::When { condition: expression?, hold: hold?.unwrap_or_default(), until: until? })
}

/// `own`: what the rule's pattern captures; none if it is broken, and so nobody knows.
fn condition(
    reader: &mut Reader<'_>,
    name: &str,
    node: &Node,
    metrics: &Metrics,
    own: Option<&[&str]>,
) -> Option<Expression> {
    let text = reader.plain(name, node)?;
    match Expression::parse(text) {
        Ok(expression) => {
            for metric in expression.metrics() {
                let Some(own) = own else { break };
                let found = find_word(text, metric).unwrap_or(0..text.len());
                let place = place::of_part(reader.text, node, found);
                metrics.check(reader, &place, metric, own);
            }
            Some(expression)
        }
        Err(error) => {
            let part = error.offset..error.offset.saturating_add(error.len);
            let place = place::of_part(reader.text, node, part);
            let message = format!("`{name}` is no valid condition: {}", error.message);
            reader.report(Problem::new(&place, message).maybe_hint(error.hint));
            None
        }
    }
}

/// Where a name stands in a condition: not within a longer one.
fn find_word(text: &str, word: &str) -> Option<Range<usize>> {
    let inside = |c: char| c.is_alphanumeric() || "_./@".contains(c);
    text.match_indices(word).map(|(start, _)| start..start + word.len()).find(|found| {
        !text[..found.start].ends_with(inside) && !text[found.end..].starts_with(inside)
    })
}

/// `5 samples` or `5m`.
fn hold(reader: &mut Reader<'_>, node: &Node) -> Option<Hold> {
    let text = reader.plain("for", node)?;
    let samples = text.strip_suffix("samples").or(text.strip_suffix("sample"));
    let problem = match (samples.map(|number| number.trim().parse::<u32>()), parse_duration(text)) {
        (Some(Ok(number)), _) if (1..=100_000).contains(&number) => {
            return Some(Hold::Samples(number));
        }
        (Some(Ok(_)), _) => Problem::new(&node.span, "`for` wants 1 to 100000 samples"),
        (_, Ok(duration)) if !duration.is_zero() => return Some(Hold::Time(duration)),
        (_, Ok(_)) => Problem::new(&node.span, "`for` must be longer than nothing"),
        _ => {
            let message = format!(
                "`for` wants a duration or a number of samples, but this is {}",
                quote(text)
            );
            Problem::new(&node.span, message).hint("write it like 5m or 5 samples")
        }
    };
    reader.report(problem);
    None
}

fn silence(reader: &mut Reader<'_>, section: Section<'_>) -> Option<Trigger> {
    let quiet = reader.duration("silence", section.get("silence")?, Shortest::Second);
    let pattern = optional(section.get("match"), |node| pattern::line(reader, "match", node));
    let patient =
        section.get("patient").is_some_and(|node| reader.flag("patient", node).unwrap_or(false));
    Some(Trigger::Silence { quiet: quiet?, pattern: pattern?, patient })
}

fn exit(reader: &mut Reader<'_>, node: &Node) -> Option<ExitFilter> {
    if let super::yaml::Value::Scalar { text, .. } = &node.value {
        match text.as_str() {
            "success" => return Some(ExitFilter::Success),
            "failure" => return Some(ExitFilter::Failure),
            "any" => return Some(ExitFilter::Any),
            "signal" => return Some(ExitFilter::Signal),
            "oom" => return Some(ExitFilter::Oom),
            "unknown" => return Some(ExitFilter::Unknown),
            word if word.parse::<i64>().is_err() => {
                return reader.one_of("exit", node, keys::EXITS).and(None);
            }
            _ => {}
        }
    }
    let items = reader.one_or_list("exit", node);
    let codes: Vec<Option<i32>> = items.iter().map(|item| exit_code(reader, item)).collect();
    let codes: Option<Vec<i32>> = codes.into_iter().collect();
    codes.filter(|codes| !codes.is_empty()).map(ExitFilter::Codes)
}

fn exit_code(reader: &mut Reader<'_>, node: &Node) -> Option<i32> {
    let text = reader.plain("exit", node)?;
    let code = text.parse::<i32>().ok();
    if let Some(code) = code.filter(|code| (0..=255).contains(code)) {
        return Some(code);
    }
    let message = format!("an exit code is a number from 0 to 255, but this is {}", quote(text));
    let hint = match code {
        Some(code @ -64..0) => format!("signal {} is written as {}", -code, 128 - code),
        _ if keys::EXITS.contains(&text) => format!("write `exit: {text}`, without a list"),
        _ => "words stand alone: `exit: failure`; codes in a list: `exit: [1, 137]`".to_owned(),
    };
    reader.report(Problem::new(&node.span, message).hint(hint));
    None
}

/// `1h` or `10 epoch`.
fn every(reader: &mut Reader<'_>, node: &Node, metrics: &Metrics) -> Option<Interval> {
    let text = reader.plain("every", node)?.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim());
    let is_name = unit.chars().all(|c| c.is_alphanumeric() || "_./@-".contains(c))
        && unit.chars().next().is_some_and(char::is_alphabetic);
    let amount = number.parse::<f64>().ok().filter(|amount| *amount > 0.0 && amount.is_finite());
    if number.parse() == Ok(0.0) {
        reader.report(Problem::new(&node.span, "`every` must be more than nothing"));
        return None;
    }
    if let (Some(amount), true, Err(_)) = (amount, is_name, parse_duration(text)) {
        let metric = singular(unit).to_owned();
        metrics.check(reader, &node.span, &metric, &[]);
        return Some(Interval::Metric { amount, metric });
    }
    if is_plain(node) && unit.is_empty() && amount.is_some() {
        let message = format!("`every` wants a unit, but this is {}", quote(text));
        reader.report(Problem::new(&node.span, message).hint("write it like 1h, 30m or 10 epoch"));
        return None;
    }
    reader.duration("every", node, Shortest::Second).map(Interval::Time)
}

/// People write `10 epochs`; programs print `epoch`.
fn singular(unit: &str) -> &str {
    match unit {
        "epochs" => "epoch",
        "steps" => "step",
        "iterations" => "iteration",
        "batches" => "batch",
        other => other,
    }
}

fn non_finite(reader: &mut Reader<'_>, node: &Node) -> Option<Trigger> {
    if reader.flag("non_finite", node)? {
        return Some(Trigger::NonFinite);
    }
    let problem = Problem::new(&node.span, "`non_finite: false` makes a rule that never fires");
    reader.report(problem.hint("remove the rule"));
    None
}
