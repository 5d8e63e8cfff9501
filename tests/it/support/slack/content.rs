//! What Slack takes in a message: block kinds, keys, lengths (in code points).
//!
//! What is refused here is refused by Slack, and is a violation besides. Each message is also
//! judged by the crate `slackblocks`, as a second opinion.

use serde_json::{Value, json};

use super::files;
use super::markup;
use super::state::State;

/// Slack's answer to a message it does not take.
#[derive(Debug)]
pub struct Refusal {
    pub code: String,
    pub messages: Vec<String>,
}

type Checked = Result<(), String>;

pub fn check(
    state: &mut State,
    text: &str,
    blocks: &[Value],
    attachments: &[Value],
) -> Result<(), Refusal> {
    let charts = json!([blocks, attachments]).to_string().contains("\"data_visualization\"");
    if charts && state.charts_refused {
        // This workspace's fault, not the client's.
        return Err(refusal("invalid_blocks", "unsupported type: data_visualization"));
    }
    let checked = check_all(state, text, blocks, attachments);
    if let Err(refusal) = &checked {
        let words = format!("{}: {}", refusal.code, refusal.messages.join("; "));
        state.violate(words);
    }
    checked
}

fn refusal(code: &str, message: &str) -> Refusal {
    Refusal { code: code.to_owned(), messages: vec![format!("[ERROR] {message}")] }
}

fn check_all(
    state: &State,
    text: &str,
    blocks: &[Value],
    attachments: &[Value],
) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(refusal("no_text", "a text beside the blocks is needed for notifications"));
    }
    if text.chars().count() >= 3000 {
        return Err(refusal("msg_too_long", "3000 characters and more beside the blocks"));
    }
    if let Some(problem) = markup::problem(text) {
        return Err(refusal("invalid_arguments", &problem));
    }
    if attachments.len() > 100 {
        return Err(refusal("too_many_attachments", "more than 100"));
    }
    let total: usize = blocks.iter().chain(attachments).map(text_length).sum();
    if total >= 11_000 {
        return Err(refusal("msg_blocks_too_long", &format!("{total} characters in all")));
    }
    let bad = |message: String| refusal("invalid_blocks", &message);
    all_blocks(state, blocks, "/blocks").map_err(bad)?;
    for (i, item) in attachments.iter().enumerate() {
        attachment(state, item, &format!("/attachments/{i}"))
            .map_err(|message| refusal("invalid_attachments", &message))?;
    }
    second_opinion(text, blocks, attachments).map_err(bad)
}

fn second_opinion(text: &str, blocks: &[Value], attachments: &[Value]) -> Checked {
    let mut message = json!({"channel": "C0TRAINING1", "text": text});
    if !blocks.is_empty() {
        message["blocks"] = json!(blocks);
    }
    if !attachments.is_empty() {
        message["attachments"] = json!(attachments);
    }
    match slackblocks::MessagePayload::try_from(message) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("slackblocks: {error}")),
    }
}

/// All text in it, keys and kinds left out.
fn text_length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(text_length).sum(),
        Value::Object(map) => (map.iter())
            .filter(|(key, _)| !matches!(key.as_str(), "type" | "color" | "fallback" | "block_id"))
            .map(|(_, value)| text_length(value))
            .sum(),
        _ => 0,
    }
}

fn attachment(state: &State, item: &Value, at: &str) -> Checked {
    keys(item, &["color", "fallback", "blocks"], at)?;
    let color = item["color"].as_str().unwrap_or_default();
    if !(["good", "warning", "danger"].contains(&color) || color.starts_with('#')) {
        return Err(format!("no color: {color:?} [json-pointer:{at}/color]"));
    }
    all_blocks(state, list(item, "blocks", at)?, &format!("{at}/blocks"))
}

fn all_blocks(state: &State, blocks: &[Value], at: &str) -> Checked {
    between(blocks.len(), 0, 50, at)?;
    let mut ids: Vec<&str> = blocks.iter().filter_map(|b| b["block_id"].as_str()).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(format!("a block_id twice [json-pointer:{at}]"));
    }
    let charts = blocks.iter().filter(|b| b["type"] == "data_visualization").count();
    between(charts, 0, 2, at)?;
    for (i, item) in blocks.iter().enumerate() {
        block(state, item, &format!("{at}/{i}"))?;
    }
    Ok(())
}

fn block(state: &State, block: &Value, at: &str) -> Checked {
    match block["type"].as_str().unwrap_or_default() {
        "header" => {
            keys(block, &["type", "text", "block_id"], at)?;
            text(&block["text"], &["plain_text"], 150, &format!("{at}/text"))
        }
        "section" => section(block, at),
        "context" => {
            keys(block, &["type", "elements", "block_id"], at)?;
            let elements = list(block, "elements", at)?;
            between(elements.len(), 1, 10, at)?;
            elements.iter().try_for_each(|e| text(e, &["plain_text", "mrkdwn"], 3000, at))
        }
        "divider" => keys(block, &["type", "block_id"], at),
        "rich_text" => rich_text(block, at),
        "image" => image(state, block, at),
        "data_visualization" => chart(block, at),
        other => Err(format!("unsupported type: {other} [json-pointer:{at}/type]")),
    }
}

fn section(block: &Value, at: &str) -> Checked {
    keys(block, &["type", "text", "fields", "block_id"], at)?;
    let kinds = ["plain_text", "mrkdwn"];
    if block.get("text").is_none() && block.get("fields").is_none() {
        return Err(format!("a section needs text or fields [json-pointer:{at}]"));
    }
    if let Some(object) = block.get("text") {
        text(object, &kinds, 3000, &format!("{at}/text"))?;
    }
    if block.get("fields").is_some() {
        let fields = list(block, "fields", at)?;
        between(fields.len(), 1, 10, at)?;
        fields.iter().try_for_each(|f| text(f, &kinds, 2000, &format!("{at}/fields")))?;
    }
    Ok(())
}

/// Only literal text: a mention or a link in `rich_text` is an element of its own.
fn rich_text(block: &Value, at: &str) -> Checked {
    keys(block, &["type", "elements", "block_id"], at)?;
    for part in list(block, "elements", at)? {
        let kind = part["type"].as_str().unwrap_or_default();
        if !["rich_text_section", "rich_text_preformatted", "rich_text_quote"].contains(&kind) {
            return Err(format!("unsupported type: {kind} [json-pointer:{at}/elements]"));
        }
        for leaf in list(part, "elements", at)? {
            keys(leaf, &["type", "text", "style"], at)?;
            let text = leaf["text"].as_str().unwrap_or_default();
            if leaf["type"] != "text" || text.is_empty() {
                return Err(format!("no text: {leaf} [json-pointer:{at}/elements]"));
            }
            between(text.chars().count(), 1, 4000, at)?;
            printable(text, at)?;
        }
    }
    Ok(())
}

fn image(state: &State, block: &Value, at: &str) -> Checked {
    keys(block, &["type", "slack_file", "image_url", "alt_text", "title", "block_id"], at)?;
    between(block["alt_text"].as_str().unwrap_or_default().chars().count(), 1, 2000, at)?;
    if block.get("slack_file").is_some() == block.get("image_url").is_some() {
        return Err(format!("either slack_file or image_url [json-pointer:{at}]"));
    }
    match block["slack_file"]["id"].as_str() {
        Some(id) if !files::is_ready(state, id) => {
            Err(format!("invalid slack file [json-pointer:{at}/slack_file]"))
        }
        _ => Ok(()),
    }
}

/// A line chart: unique names and labels, every series with all categories in order.
fn chart(block: &Value, at: &str) -> Checked {
    keys(block, &["type", "title", "chart", "block_id"], at)?;
    length(&block["title"], 50, &format!("{at}/title"))?;
    let chart = &block["chart"];
    keys(chart, &["type", "series", "axis_config"], at)?;
    keys(&chart["axis_config"], &["categories", "x_label", "y_label"], at)?;
    let categories = list(&chart["axis_config"], "categories", at)?;
    between(categories.len(), 1, 20, at)?;
    unique(categories.iter(), at)?;
    categories.iter().try_for_each(|label| length(label, 20, at))?;
    let series = list(chart, "series", at)?;
    // Six is what the page said in June 2026; later there were twelve.
    between(series.len(), 1, 6, at)?;
    unique(series.iter().map(|s| &s["name"]), at)?;
    for one in series {
        length(&one["name"], 20, &format!("{at}/chart/series"))?;
        let data = list(one, "data", at)?;
        let labels: Vec<&Value> = data.iter().map(|point| &point["label"]).collect();
        let equal = labels.len() == categories.len()
            && labels.iter().eq(categories.iter().collect::<Vec<_>>().iter());
        if !equal || data.iter().any(|point| !point["value"].is_number()) {
            return Err(format!("points must have the categories' labels [json-pointer:{at}]"));
        }
    }
    Ok(())
}

fn text(object: &Value, kinds: &[&str], limit: usize, at: &str) -> Checked {
    keys(object, &["type", "text", "emoji", "verbatim"], at)?;
    let kind = object["type"].as_str().unwrap_or_default();
    if !kinds.contains(&kind) {
        return Err(format!("{kind} does not go here [json-pointer:{at}]"));
    }
    length(&object["text"], limit, at)?;
    match markup::object_problem(object) {
        Some(problem) => Err(format!("{problem} [json-pointer:{at}]")),
        None => Ok(()),
    }
}

fn length(text: &Value, limit: usize, at: &str) -> Checked {
    let text = text.as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err(format!("must be more than 0 characters [json-pointer:{at}]"));
    }
    between(text.chars().count(), 1, limit, at)?;
    printable(text, at)
}

fn printable(text: &str, at: &str) -> Checked {
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some(c) => Err(format!("the control character {c:?} [json-pointer:{at}]")),
        None => Ok(()),
    }
}

fn between(n: usize, least: usize, most: usize, at: &str) -> Checked {
    if (least..=most).contains(&n) {
        return Ok(());
    }
    Err(format!("{n} is not within {least} to {most} [json-pointer:{at}]"))
}

fn unique<'a>(values: impl Iterator<Item = &'a Value>, at: &str) -> Checked {
    let mut seen: Vec<&Value> = Vec::new();
    for value in values {
        if seen.contains(&value) {
            return Err(format!("{value} twice [json-pointer:{at}]"));
        }
        seen.push(value);
    }
    Ok(())
}

fn list<'a>(value: &'a Value, key: &str, at: &str) -> Result<&'a [Value], String> {
    let list = value[key].as_array();
    list.map(Vec::as_slice).ok_or_else(|| format!("{key} is missing [json-pointer:{at}]"))
}

/// Slack often ignores unknown keys; here they are refused, since they do nothing.
fn keys(value: &Value, known: &[&str], at: &str) -> Checked {
    let object = value.as_object().ok_or_else(|| format!("no object [json-pointer:{at}]"))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("unknown key {key} [json-pointer:{at}]")),
        None => Ok(()),
    }
}
