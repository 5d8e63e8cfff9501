//! Messages as people see them, in text: for tests, for docs, and for our own eyes.

use serde_json::Value;

use super::files::File;
use super::markup::shown;
use super::state::Posted;

pub fn message(message: &Posted, files: &[File]) -> String {
    let edited = if message.edited > 0 { " (edited)" } else { "" };
    let place = match (&message.thread, message.broadcast) {
        (None, _) => "",
        (Some(_), false) => "↳ ",
        (Some(_), true) => "↳ also in the channel: ",
    };
    let mut out = vec![format!("{place}── trainbot{edited} ──")];
    if message.blocks.is_empty() {
        out.push(shown(&message.text));
    }
    out.extend(message.blocks.iter().map(block));
    for attachment in &message.attachments {
        let color = attachment["color"].as_str().unwrap_or_default();
        out.push(format!("┃ [{color}]"));
        for item in attachment["blocks"].as_array().into_iter().flatten() {
            out.extend(block(item).lines().map(|line| format!("┃ {line}")));
        }
    }
    let attached = files.iter().filter(|f| message.files.contains(&f.id));
    out.extend(attached.map(|f| format!("[picture {}, {} bytes: {}]", f.name, f.length, f.alt)));
    if !message.blocks.is_empty() {
        let notification = shown(&message.text);
        out.push("on the phone:".to_owned());
        out.extend(notification.lines().map(|line| format!("  {line}")));
    }
    out.join("\n") + "\n"
}

fn block(block: &Value) -> String {
    match block["type"].as_str().unwrap_or_default() {
        "header" => format!("# {}", text(&block["text"])),
        "section" => {
            let mut parts = Vec::new();
            parts.extend(block.get("text").map(text));
            parts.extend(items(block, "fields").map(|f| text(f).replace('\n', ": ")));
            parts.join("\n")
        }
        "context" => items(block, "elements").map(text).collect::<Vec<_>>().join(" | "),
        "rich_text" => items(block, "elements").map(rich).collect::<Vec<_>>().join("\n"),
        "data_visualization" => chart(block),
        other => format!("[{other}]"),
    }
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text(object: &Value) -> String {
    let text = object["text"].as_str().unwrap_or_default();
    // Bold is all that is ever marked up.
    if object["type"] == "mrkdwn" { shown(&text.replace('*', "")) } else { text.to_owned() }
}

fn rich(part: &Value) -> String {
    let text: String = items(part, "elements").filter_map(|e| e["text"].as_str()).collect();
    match part["type"].as_str() {
        Some("rich_text_preformatted") => format!("```\n{text}\n```"),
        _ => text,
    }
}

fn chart(block: &Value) -> String {
    let series: Vec<String> = items(&block["chart"], "series")
        .map(|s| {
            let values: Vec<String> =
                items(s, "data").map(|point| point["value"].to_string()).collect();
            let (first, last) = (values.first(), values.last());
            let [first, last] = [first, last].map(|v| v.cloned().unwrap_or_default());
            format!(
                "{} {first} → {last}, {} points",
                s["name"].as_str().unwrap_or("?"),
                values.len()
            )
        })
        .collect();
    format!("[chart {}: {}]", block["title"], series.join("; "))
}
