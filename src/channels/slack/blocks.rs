//! A message as Slack's blocks, within Slack's limits. It sends nothing and knows no answer.
//!
//! Text of the run stands in `plain_text` objects and in `rich_text`, where Slack expands nothing;
//! only what must be bold or a date is markup, and escaped. Limits and shapes:
//! <https://docs.slack.dev/reference/block-kit>. All are counted in code points.

use serde_json::{Value, json};

use crate::channels::slack::chart;
use crate::channels::slack::escape::{cut, escape, escape_to, fenced, is_literal, line, visible};
use crate::engine::alert::{AlertState, Severity};
use crate::render::Message;
use crate::render::message::{Field, MessageKind};
use crate::time::{Timestamp, format_duration};

const HEADER: usize = 150;
const BODY: usize = 1500;
const FIELDS: usize = 10;
const FIELD_NAME: usize = 60;
const FIELD_VALUE: usize = 140;
const CONTEXT: usize = 300;
/// What the code block takes at most; all text of a message must stay below 11,000.
const LINES: usize = 3000;
const LONGEST_LINE: usize = 500;
/// The text beside the blocks: `chat.update` refuses more than 4,000.
const TEXT: usize = 2900;
const NOTIFICATION: usize = 600;
const FOOTER: usize = 600;
/// The colour of a run that goes on.
const RUNNING: &str = "#439fe0";

/// What is sent: the arguments of `chat.postMessage` and the body of a webhook alike.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Payload {
    /// What a phone shows in its notification, and screen readers read.
    pub(super) text: String,
    pub(super) blocks: Vec<Value>,
    pub(super) attachments: Vec<Value>,
}

/// What differs between the ways to send the same message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options<'a> {
    /// Whether Slack is asked to draw the curves.
    pub(super) native_chart: bool,
    /// Whether the chart's path is named, since its picture does not come along.
    pub(super) chart_path: bool,
    /// Whether it replies to the run's card, which names the command.
    pub(super) reply: bool,
    /// A word of ours about this delivery: why the picture is missing.
    pub(super) notice: Option<&'a str>,
}

/// Header, body and chart; beside the colour bar fields, lines and where it comes from.
pub(super) fn rich(message: &Message, options: Options<'_>) -> Payload {
    let (header, title) = header(message);
    let mut blocks = vec![json!({"type": "header", "text": plain(&header)})];
    let body = [title, visible(&message.body)].join("\n");
    if let Some(body) = shown(&body, BODY) {
        blocks.push(json!({"type": "section", "text": plain(&body)}));
    }
    if options.native_chart {
        blocks.extend(chart::blocks(&message.curves));
    }
    let mut beside = Vec::new();
    beside.extend(fields(&message.fields));
    beside.extend(lines(&message.lines));
    beside.push(context(message, options));
    let attachment = json!({
        "color": color(message),
        "fallback": cut(&header, HEADER),
        "blocks": beside,
    });
    Payload { text: notification(message), blocks, attachments: vec![attachment] }
}

/// The same in one text without a block: what is left to send when Slack refuses the blocks.
pub(super) fn simple(message: &Message, options: Options<'_>) -> Payload {
    let mut text = notification(message);
    let fields: Vec<String> = (message.fields.iter().take(FIELDS))
        .map(|f| [line(&f.name), line(&f.value)].join(" "))
        .collect();
    if !fields.is_empty() {
        text.push('\n');
        text.push_str(&escape_to(&fields.join(" · "), CONTEXT));
    }
    let footer = escape_to(&origin(message, options).join(" · "), FOOTER);
    let taken = text.chars().count() + footer.chars().count() + "\n```\n\n```\n".len();
    if let Some(tail) = tail(&message.lines, TEXT.saturating_sub(taken), fenced) {
        text.push_str(&format!("\n```\n{}\n```", fenced(&tail)));
    }
    text.push('\n');
    text.push_str(&footer);
    Payload { text, blocks: Vec::new(), attachments: Vec::new() }
}

/// `🔴 resnet50: loss is NaN`, and the whole title where it does not fit into the header.
fn header(message: &Message) -> (String, String) {
    let whole = headline(message);
    let header = cut(&whole, HEADER);
    let rest = if header == whole { String::new() } else { line(&message.title) };
    (header, rest)
}

fn headline(message: &Message) -> String {
    let (name, title) = (line(&message.run.name), line(&message.title));
    let named = name.is_empty() || title.starts_with(&name);
    let text = if named { title } else { format!("{}: {title}", cut(&name, 60)) };
    match icon(message) {
        "" if text.trim().is_empty() => "watch".to_owned(),
        "" => text,
        icon => format!("{icon} {text}"),
    }
}

/// So that it reads well on a locked phone: which run, what happened, then the cause.
fn notification(message: &Message) -> String {
    let mut text = escape_to(&headline(message), NOTIFICATION);
    if let Some(body) = shown(&visible(&message.body), NOTIFICATION) {
        text.push('\n');
        text.push_str(&escape_to(&body, NOTIFICATION));
    }
    text
}

fn icon(message: &Message) -> &'static str {
    match (message.state, message.severity) {
        (AlertState::Resolved, _) => "✅",
        (_, Severity::Critical) => "🔴",
        (_, Severity::Warning) => "🟠",
        (_, Severity::Info) if message.kind == MessageKind::Note => "",
        (_, Severity::Info) if message.kind == MessageKind::End => "✅",
        (_, Severity::Info) if message.kind == MessageKind::Card => "▶️",
        (_, Severity::Info) => "🟢",
    }
}

fn color(message: &Message) -> &'static str {
    match (message.state, message.severity) {
        (_, Severity::Info) if message.kind == MessageKind::Card => RUNNING,
        (AlertState::Resolved, _) | (_, Severity::Info) => "good",
        (_, Severity::Warning) => "warning",
        (_, Severity::Critical) => "danger",
    }
}

/// A text object in which nothing is expanded, emoji names neither.
fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

/// Slack refuses empty text, and blank text says nothing.
fn shown(text: &str, limit: usize) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| cut(text, limit))
}

fn fields(fields: &[Field]) -> Option<Value> {
    let fields: Vec<Value> = fields.iter().take(FIELDS).filter_map(field).collect();
    (!fields.is_empty()).then(|| json!({"type": "section", "fields": fields}))
}

/// The name in bold above its value, where both survive Slack's formatting; else both plain.
fn field(field: &Field) -> Option<Value> {
    let (name, value) = (line(&field.name), line(&field.value));
    let (name, value) = (cut(&name, FIELD_NAME), cut(&value, FIELD_VALUE));
    if name.is_empty() || value.is_empty() {
        return None;
    }
    if !(is_literal(&name) && is_literal(&value)) {
        return Some(plain(&format!("{name}\n{value}")));
    }
    let text = format!("*{}*\n{}", escape(&name), escape(&value));
    Some(json!({"type": "mrkdwn", "text": text, "verbatim": true}))
}

/// The run's lines as they are; `rich_text` is literal.
fn lines(lines: &[String]) -> Option<Value> {
    let text = tail(lines, LINES, str::to_owned)?;
    let code = json!({
        "type": "rich_text_preformatted",
        "elements": [{"type": "text", "text": text}],
    });
    Some(json!({"type": "rich_text", "elements": [code]}))
}

/// The last lines that fit into `limit` as `written`, and how many are missing before them.
fn tail(lines: &[String], limit: usize, written: impl Fn(&str) -> String) -> Option<String> {
    const NOTE: usize = 40;
    let mut kept = Vec::new();
    let mut left = limit.checked_sub(NOTE)?;
    for text in lines.iter().rev() {
        let text = cut(visible(text).trim_end(), LONGEST_LINE);
        let length = written(&text).chars().count() + 1;
        if length > left {
            break;
        }
        left -= length;
        kept.push(text);
    }
    kept.reverse();
    let missing = lines.len() - kept.len();
    if kept.iter().all(|text| text.trim().is_empty()) {
        return None;
    }
    if missing > 0 {
        let s = if missing == 1 { "" } else { "s" };
        kept.insert(0, format!("… {missing} earlier line{s} left out"));
    }
    Some(kept.join("\n"))
}

fn context(message: &Message, options: Options<'_>) -> Value {
    let mut elements: Vec<Value> =
        origin(message, options).iter().map(|text| plain(text)).collect();
    elements.insert(1.min(elements.len()), date(message.at));
    json!({"type": "context", "elements": elements})
}

/// Where the message comes from: run, host, time, rule; command; chart; our word. At most 4.
fn origin(message: &Message, options: Options<'_>) -> Vec<String> {
    let run = &message.run;
    let mut first = vec![line(&run.name), line(&run.host)];
    // Where a field says it already it would stand there twice.
    let elapsed = run.elapsed.map(format_duration);
    first.extend(elapsed.filter(|time| !message.fields.iter().any(|field| field.value == *time)));
    first.push(line(&message.rule));
    first.retain(|part| !part.is_empty());
    let mut all = vec![first.join(" · ")];
    if !options.reply {
        all.push(format!("$ {}", line(&run.command)));
    }
    all.retain(|text| !text.is_empty() && text != "$ ");
    if options.chart_path {
        all.extend(message.chart_path.as_deref().map(|path| format!("chart: {}", line(path))));
    }
    all.extend(options.notice.map(line));
    all.iter().filter_map(|text| shown(text, CONTEXT)).collect()
}

/// A time that Slack shows in each reader's own zone.
fn date(at: Timestamp) -> Value {
    let seconds = at.as_nanos().div_euclid(1_000_000_000).max(0);
    let whole = Timestamp::from_secs(seconds);
    let text = format!("<!date^{seconds}^{{date_short_pretty}} {{time}}|{whole}>");
    json!({"type": "mrkdwn", "text": text})
}
