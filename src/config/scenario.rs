//! Tests of rules in YAML: which rules, what happens when, and what is to be said. See
//! `docs/testing-rules.md`.
//!
//! Reads them with the place of everything; knows neither the engine's answers nor how they are
//! compared.

use std::path::Path;
use std::time::Duration;

use super::keys::{self, Key, Shape, key};
use super::problem::{Problem, alternatives, did_you_mean, quote};
use super::reader::{Reader, Section, Shortest};
use super::yaml::{self, Entry, Node, Value};
use super::{Config, ConfigError, Env, Outside, source};
use crate::engine::alert::AlertState;
use crate::engine::input::ProcessStatus;
use crate::engine::rules::RuleSet;
use crate::engine::signals;
use crate::render::Language;
use crate::time::{Timestamp, parse_duration};

/// Of one test, after all repetitions.
const MOST_STEPS: usize = 200_000;
/// Repeated lines without `every` come so far apart.
const APART: Duration = Duration::from_secs(1);
/// Where lines come from if nothing else is said.
const STDOUT: &str = "stdout";
/// Stands in for a variable that is not set, as a token or as an address.
const UNSET: &str = "https://unset.invalid/";

/// One test. Times are since the start of its run.
#[derive(Debug)]
pub struct Scenario {
    pub name: String,
    /// Where it begins in the file, from 1.
    pub line: usize,
    pub rules: RuleSet,
    pub language: Language,
    /// Samples that are found are expected too.
    pub samples: bool,
    /// In the order of their times.
    pub steps: Vec<Step>,
    pub expect: Vec<Expectation>,
    /// Names of the rules that never match; not looked at if it is left out.
    pub unmatched: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub at: Timestamp,
    /// Name of the source.
    pub source: String,
    pub event: StepEvent,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StepEvent {
    /// Only time goes by.
    Nothing,
    Bytes(Vec<u8>),
    Sample {
        metric: String,
        value: f64,
    },
    Ended(ProcessStatus),
    /// After an end: the command is started again in a second ...
    Restarting,
    /// ... and now it is.
    Started,
    Stopped,
    Continued,
    Gap,
    Closed,
    Finished,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Where it stands in the file, from 1.
    pub line: usize,
    pub what: Expected,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// The whole line, as a failed test prints it.
    Line(String),
    /// `title`: a part of the message's title.
    Alert {
        at: Option<Timestamp>,
        rule: String,
        state: AlertState,
        title: Option<String>,
    },
    HeldBack {
        at: Option<Timestamp>,
        rule: String,
        reason: Option<String>,
    },
}

static FILE: &[Key] = &[
    key("tests", Shape::List(&Shape::Text), "The tests."),
    key("rules", Shape::Text, "The rules of all tests that have none of their own."),
    key("run", Shape::Text, "As in a rules file."),
    key("channels", Shape::Text, "As in a rules file."),
    key("metrics", Shape::Text, "As in a rules file."),
    key("charts", Shape::Text, "As in a rules file."),
    key("builtin", Shape::Flag, "As in a rules file."),
    key("auto_metrics", Shape::Flag, "As in a rules file."),
];

static TEST: &[Key] = &[
    key("name", Shape::Text, "What it shows."),
    key("input", Shape::List(&Shape::Text), "What happens when."),
    key("expect", Shape::List(&Shape::Text), "What is said, and nothing else."),
    key("unmatched", Shape::Names, "The rules that never match."),
    key("samples", Shape::Flag, "Samples are expected too."),
    key("rules", Shape::Text, "A path, or rules as in a rules file."),
    key("run", Shape::Text, "As in a rules file."),
    key("channels", Shape::Text, "As in a rules file."),
    key("metrics", Shape::Text, "As in a rules file."),
    key("charts", Shape::Text, "As in a rules file."),
    key("builtin", Shape::Flag, "As in a rules file."),
    key("auto_metrics", Shape::Flag, "As in a rules file."),
];

static STEP: &[Key] = &[
    key("line", Shape::Text, "A line of output."),
    key("bytes", Shape::Text, "Output as it stands, without a newline behind it."),
    key("frames", Shape::List(&Shape::Text), "States of a progress bar."),
    key("sample", Shape::Text, "Metric and value that stand in no line."),
    key("exit", Shape::Count(0, 255), "The run ends with this status."),
    key("signal", Shape::Text, "The run is killed by this signal."),
    key("event", Shape::OneOf(EVENTS), "Something else."),
    key("at", Shape::Duration, "When: seconds, or a duration."),
    key("source", Shape::Text, "Where it comes from."),
    key("with", Shape::List(&Shape::Text), "One line for each, in place of {}."),
    key("times", Shape::Count(1, MOST_TIMES), "So often."),
    key("every", Shape::Duration, "So far apart."),
];
/// How many of `STEP` say what happens.
const HAPPENINGS: usize = 7;
const MOST_TIMES: u64 = 100_000;
const EVENTS: &[&str] =
    &["stopped", "continued", "gap", "closed", "restarting", "started", "finished"];

static EXPECT: &[Key] = &[
    key("fires", Shape::Text, "The rule that fires."),
    key("resolved", Shape::Text, "The rule that is resolved."),
    key("held_back", Shape::Text, "The rule that would have fired."),
    key("at", Shape::Duration, "When."),
    key("title", Shape::Text, "A part of the message's title."),
    key("reason", Shape::OneOf(REASONS), "Why it is held back."),
];
const REASONS: &[&str] = &["cooldown", "once", "already told", "too many"];

/// Reads a file of tests.
pub fn load(path: &Path, env: Env<'_>) -> Result<Vec<Scenario>, ConfigError> {
    let name = path.display().to_string();
    let text = source::read(path, &name)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    // Whoever tests rules need not have the tokens of their channels.
    let env = |name: &str| Some(env(name).unwrap_or_else(|| UNSET.to_owned()));
    let outside = Outside { env: &env, folder };
    let mut problems = Vec::new();
    let root = yaml::parse(&text, &mut problems);
    let mut reader = Reader { text: &text, outside: &outside, problems, secrets: Vec::new() };
    let mut scenarios = Vec::new();
    if let Some(root) = &root
        && let Some(top) = reader.section("the file", root, FILE)
    {
        match top.get("tests") {
            Some(tests) => {
                let tests = reader.list("tests", tests);
                scenarios = tests.iter().filter_map(|test| read(&mut reader, top, test)).collect();
            }
            None => {
                let problem = Problem::new(&root.span, "this file holds no tests");
                reader.report(problem.hint("write `tests:` and below it `- name: …`"));
            }
        }
    }
    if !reader.problems.is_empty() {
        return Err(ConfigError::new(name, &text, reader.problems));
    }
    if scenarios.is_empty() {
        return Err(ConfigError::whole_file(
            name,
            "this file holds no tests".to_owned(),
            "write `tests:` and below it `- name: …`",
        ));
    }
    Ok(scenarios)
}

fn read(reader: &mut Reader<'_>, top: Section<'_>, node: &Node) -> Option<Scenario> {
    let section = reader.section("a test", node, TEST)?;
    let name = section.get("name").and_then(|node| reader.plain("name", node)).map(str::to_owned);
    if name.is_none() && !section.has_unknown_keys {
        reader.report(Problem::new(&node.span, "this test has no name").hint("add `name: …`"));
    }
    let config = rules(reader, top, section)?;
    let mut steps = Vec::new();
    for item in section.get("input").map(|n| reader.list("input", n)).unwrap_or_default() {
        read_step(reader, item, &mut steps);
    }
    if steps.len() > MOST_STEPS {
        let message = format!("this test has more than {MOST_STEPS} lines of input");
        reader.report(Problem::new(&node.span, message));
    }
    steps.sort_by_key(|step| step.at);
    let known: Vec<&str> = config.rules.rules.iter().map(|rule| rule.name.as_str()).collect();
    let expect = section.get("expect").map(|n| reader.list("expect", n)).unwrap_or_default();
    let expect = expect.iter().filter_map(|item| expectation(reader, item, &known)).collect();
    let unmatched = section.get("unmatched").map(|node| {
        let items = reader.list("unmatched", node);
        items.iter().filter_map(|item| rule_name(reader, "unmatched", item, &known)).collect()
    });
    let samples = section.get("samples").and_then(|node| reader.flag("samples", node));
    let (line, samples) = (line_of(reader, node), samples.unwrap_or(false));
    let (rules, language) = (config.rules, config.language);
    Some(Scenario { name: name?, line, rules, language, samples, steps, expect, unmatched })
}

/// The rules of a test: its own, and for each section that it leaves out the file's.
fn rules(reader: &mut Reader<'_>, top: Section<'_>, test: Section<'_>) -> Option<Config> {
    let entries = keys::TOP.iter();
    let entries = entries.filter_map(|key| test.entry(key.name).or(top.entry(key.name)));
    let entries: Vec<Entry> = entries.cloned().collect();
    let rules = entries.iter().find(|entry| entry.key == "rules");
    if let Some(Entry { value: node @ Node { value: Value::Scalar { .. }, .. }, .. }) = rules {
        return rules_file(reader, node);
    }
    let root = Node { span: test.node.span.clone(), value: Value::Map(entries) };
    let before = reader.problems.len();
    let (config, with_builtin) = super::read_tree(reader, &root);
    if reader.problems.len() > before {
        return None;
    }
    match with_builtin {
        true => super::add_builtin(config, reader.outside).ok(),
        false => Some(config),
    }
}

fn rules_file(reader: &mut Reader<'_>, node: &Node) -> Option<Config> {
    let path = reader.plain("rules", node)?;
    match super::load(Some(&reader.outside.folder.join(path)), reader.outside.env) {
        Ok(config) => Some(config),
        Err(error) => {
            let message = format!("{} is wrong in {}", plural(error.count()), quote(path));
            let hint = "`watch check` shows what is wrong with a rules file";
            reader.report(Problem::new(&node.span, message).hint(hint));
            None
        }
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "something".to_owned() } else { format!("{count} things") }
}

fn line_of(reader: &Reader<'_>, node: &Node) -> usize {
    let before = reader.text.get(..node.span.start).unwrap_or_default();
    1 + before.bytes().filter(|byte| *byte == b'\n').count()
}

/// Seconds since the start, or a duration: `90`, `1m30s`.
fn time(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<Timestamp> {
    const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;
    let text = reader.plain(name, node)?;
    let seconds = text.parse().ok().filter(|seconds| (0.0..=LONGEST).contains(seconds));
    match (seconds.map(Duration::from_secs_f64), parse_duration(text)) {
        (Some(time), _) | (_, Ok(time)) => Some(Timestamp::default().after(time)),
        _ => {
            let message =
                format!("`{name}` wants a time since the start, but this is {}", quote(text));
            reader.report(Problem::new(&node.span, message).hint("write it like 90 or 1m30s"));
            None
        }
    }
}

/// Adds what a step says to the steps; nothing if it is wrong.
fn read_step(reader: &mut Reader<'_>, node: &Node, steps: &mut Vec<Step>) {
    let Some(section) = reader.section("a step", node, STEP) else { return };
    let Some(at) = section.get("at") else {
        let problem = Problem::new(&node.span, "this step has no time");
        return reader.report(problem.hint("add `at: …`, in seconds since the start"));
    };
    let at = time(reader, "at", at);
    let is_happening = |entry: &&Entry| STEP[..HAPPENINGS].iter().any(|key| key.name == entry.key);
    let happenings: Vec<&Entry> = section.entries().iter().filter(is_happening).collect();
    if let [_, second, ..] = happenings.as_slice() {
        let names = alternatives(&keys::names(STEP)[..HAPPENINGS]);
        let message = format!("a step is only one of {names}");
        return reader.report(Problem::new(&second.key_span, message).hint("make two steps of it"));
    }
    let source = section.get("source").and_then(|node| reader.plain("source", node));
    let source = source.unwrap_or(STDOUT).to_owned();
    let events = match happenings.first() {
        None => Some(vec![StepEvent::Nothing]),
        Some(entry) => events(reader, section, entry),
    };
    let times = section.get("times").and_then(|n| reader.count("times", n, 1..MOST_TIMES + 1));
    let every = section.get("every").and_then(|n| reader.duration("every", n, Shortest::Zero));
    let (Some(at), Some(events)) = (at, events) else { return };
    let times = usize::try_from(times.unwrap_or(1)).unwrap_or(1);
    let count = events.len().saturating_mul(times).min(MOST_STEPS + 1);
    for (number, event) in events.iter().cycle().take(count).enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let at = at.after(every.unwrap_or(APART).saturating_mul(number));
        let event = match event {
            StepEvent::Bytes(bytes) if count > 1 => StepEvent::Bytes(numbered(bytes, number)),
            event => event.clone(),
        };
        steps.push(Step { at, source: source.clone(), event });
    }
}

/// `{n}` becomes the number of the repetition, from 1.
fn numbered(bytes: &[u8], number: u32) -> Vec<u8> {
    let number = (u64::from(number) + 1).to_string();
    bstr::ByteSlice::replace(bytes, "{n}", number)
}

/// What happens at a step, once or one after the other.
fn events(reader: &mut Reader<'_>, section: Section<'_>, entry: &Entry) -> Option<Vec<StepEvent>> {
    let (name, node) = (entry.key.as_str(), &entry.value);
    let bytes = |text: String| StepEvent::Bytes(text.into_bytes());
    Some(match name {
        "line" => {
            let line = format!("{}\n", reader.plain(name, node)?);
            let Some(with) = section.get("with") else { return Some(vec![bytes(line)]) };
            let values = texts(reader, "with", with)?;
            values.iter().map(|value| bytes(line.replace("{}", value))).collect()
        }
        "bytes" => vec![bytes(reader.plain(name, node)?.to_owned())],
        "frames" => texts(reader, name, node)?.iter().map(|f| bytes(format!("\r{f}"))).collect(),
        "sample" => sample(reader, node)?,
        "exit" => {
            let code = reader.count(name, node, 0..256)?;
            let code = i32::try_from(code).ok()?;
            vec![StepEvent::Ended(ProcessStatus::Exited { code })]
        }
        "signal" => {
            let text = reader.plain(name, node)?;
            let Some(signal) = signals::number(text) else {
                let message = format!("{} is no signal", quote(text));
                reader.report(Problem::new(&node.span, message).hint("write it like KILL or 9"));
                return None;
            };
            vec![StepEvent::Ended(ProcessStatus::Signaled { signal, core_dumped: false })]
        }
        _ => vec![match reader.one_of(name, node, EVENTS)? {
            "stopped" => StepEvent::Stopped,
            "continued" => StepEvent::Continued,
            "gap" => StepEvent::Gap,
            "closed" => StepEvent::Closed,
            "restarting" => StepEvent::Restarting,
            "started" => StepEvent::Started,
            _ => StepEvent::Finished,
        }],
    })
}

fn texts(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<Vec<String>> {
    let items = reader.one_or_list(name, node);
    let texts = items.iter().map(|item| reader.plain(name, item).map(str::to_owned));
    texts.collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty())
}

/// `{ disk.free: 9e9 }`
fn sample(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<StepEvent>> {
    let entries = reader.entries("sample", node)?;
    let mut samples = Vec::new();
    for entry in entries {
        let text = reader.plain(&entry.key, &entry.value)?;
        let Ok(value) = text.trim_start_matches('.').parse() else {
            let message = format!("{} is no number", quote(text));
            reader.report(Problem::new(&entry.value.span, message));
            return None;
        };
        samples.push(StepEvent::Sample { metric: entry.key.clone(), value });
    }
    Some(samples)
}

fn expectation(reader: &mut Reader<'_>, node: &Node, known: &[&str]) -> Option<Expectation> {
    let line = line_of(reader, node);
    if let Value::Scalar { .. } = &node.value {
        let text = reader.plain("expect", node)?.to_owned();
        return Some(Expectation { line, what: Expected::Line(text) });
    }
    let section = reader.section("an expectation", node, EXPECT)?;
    let at = section.get("at").and_then(|node| time(reader, "at", node));
    let text = |reader: &mut Reader<'_>, key: &str| {
        section.get(key).and_then(|node| reader.plain(key, node)).map(str::to_owned)
    };
    let title = text(reader, "title");
    let reason = section.get("reason").and_then(|n| reader.one_of("reason", n, REASONS));
    let kinds = ["fires", "resolved", "held_back"];
    let mut said = kinds.iter().filter_map(|kind| section.entry(kind));
    let (Some(entry), None) = (said.next(), said.next()) else {
        let message = format!("an expectation is one of {}", alternatives(&kinds));
        let hint = "write it like `{ at: 10, fires: diverged }`";
        reader.report(Problem::new(&node.span, message).hint(hint));
        return None;
    };
    let rule = rule_name(reader, &entry.key, &entry.value, known)?;
    let alert = |state| Expected::Alert { at, rule: rule.clone(), state, title: title.clone() };
    let what = match entry.key.as_str() {
        "fires" => alert(AlertState::Firing),
        "resolved" => alert(AlertState::Resolved),
        _ => Expected::HeldBack { at, rule, reason: reason.map(str::to_owned) },
    };
    Some(Expectation { line, what })
}

fn rule_name(reader: &mut Reader<'_>, key: &str, node: &Node, known: &[&str]) -> Option<String> {
    let name = reader.plain(key, node)?;
    if known.contains(&name) {
        return Some(name.to_owned());
    }
    let problem = Problem::new(&node.span, format!("there is no rule {}", quote(name)));
    reader.report(problem.hint(did_you_mean(name, known)));
    None
}
