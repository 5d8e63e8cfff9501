//! The section `channels`: names of the user's own, each with one kind and its settings.
//!
//! A new kind is an entry in `keys::CHANNELS` and an arm in `settings`.

use std::time::Duration;

use super::keys;
use super::problem::{Problem, alternatives, quote};
use super::reader::{Reader, Section, Shortest};
use super::yaml::{Entry, Node, Value};

use crate::channels::secret::Secret;
use crate::channels::{ChannelConfig, HEARTBEAT, HEARTBEATS, Settings};
use crate::time::format_duration;

/// Keys that need a token, and why.
const NOT_OF_A_WEBHOOK: [(&str, &str); 2] = [
    ("channel", "a webhook belongs to one channel; remove `channel`, or use a token"),
    ("heartbeat", "a webhook cannot take back what it sent; remove `heartbeat`, or use a token"),
];

const SLACK_API: &str = "https://slack.com/api/";

/// All channels that are right; the others are reported.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<ChannelConfig> {
    let entries = reader.entries("channels", node).unwrap_or_default();
    entries.iter().filter_map(|entry| channel(reader, entry)).collect()
}

fn channel(reader: &mut Reader<'_>, entry: &Entry) -> Option<ChannelConfig> {
    let name = name(reader, entry)?;
    if let Value::Scalar { text, .. } = &entry.value.value
        && text == "terminal"
    {
        return Some(ChannelConfig { name, settings: Settings::Terminal });
    }
    if !matches!(entry.value.value, Value::Map(_)) {
        let message = format!("the channel {} has no kind", quote(&name));
        let place = if entry.value.is_null() { &entry.key_span } else { &entry.value.span };
        reader.report(
            Problem::new(place, message)
                .hint(format!(
                    "write {name}: {{ slack: {{ webhook: \"${{SLACK_WEBHOOK_URL}}\" }} }}"
                ))
                .hint(format!("kinds: {}", alternatives(&keys::names(keys::CHANNELS)))),
        );
        return None;
    }
    let section = reader.section(&name, &entry.value, keys::CHANNELS)?;
    let kinds = section.entries();
    if section.has_unknown_keys && kinds.len() == 1 {
        return None;
    }
    let [kind] = kinds else {
        let message = format!("the channel {} must have exactly one kind", quote(&name));
        let place = kinds.get(1).map_or(&entry.key_span, |second| &second.key_span);
        reader.report(Problem::new(place, message).hint("give each channel a name of its own"));
        return None;
    };
    let settings = settings(reader, kind)?;
    Some(ChannelConfig { name, settings })
}

/// Names end up in options and in file names, so they are simple words.
fn name(reader: &mut Reader<'_>, entry: &Entry) -> Option<String> {
    const LONGEST: usize = 64;
    let name = entry.key.as_str();
    let simple = name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    if simple && !name.is_empty() && !name.starts_with(['.', '-']) && name.len() <= LONGEST {
        return Some(name.to_owned());
    }
    let message = format!("{} cannot be the name of a channel", quote(name));
    let hint = "use letters, digits, `_`, `-` and `.`, and begin with a letter";
    reader.report(Problem::new(&entry.key_span, message).hint(hint));
    None
}

fn settings(reader: &mut Reader<'_>, kind: &Entry) -> Option<Settings> {
    match kind.key.as_str() {
        "terminal" => {
            reader.section("terminal", &kind.value, &[])?;
            Some(Settings::Terminal)
        }
        "slack" => {
            let section = reader.section("slack", &kind.value, keys::SLACK)?;
            slack(reader, kind, section)
        }
        "ping" => {
            let section = reader.section("ping", &kind.value, keys::PING)?;
            ping(reader, kind, section)
        }
        _ => None,
    }
}

fn ping(reader: &mut Reader<'_>, kind: &Entry, section: Section<'_>) -> Option<Settings> {
    let Some(url) = section.get("url") else {
        if !section.has_unknown_keys {
            let problem = Problem::new(&kind.key_span, "a ping needs the `url` of its check");
            reader.report(problem.hint("ping: { url: \"${HEALTHCHECKS_URL}\" }"));
        }
        return None;
    };
    let secret = secret(reader, "url", url)?;
    check_url(reader, url, &secret, "copy the ping URL from the check's page")?;
    Some(Settings::Ping { url: secret })
}

fn slack(reader: &mut Reader<'_>, kind: &Entry, section: Section<'_>) -> Option<Settings> {
    match (section.entry("webhook"), section.entry("token")) {
        (Some(webhook), Some(token)) => {
            reader.report(
                Problem::new(&token.key_span, "a Slack channel has a webhook or a token, not both")
                    .also(&webhook.key_span, "the webhook")
                    .hint("a token can do more (threads, pictures); remove the webhook"),
            );
            None
        }
        (Some(webhook), None) => {
            for (name, hint) in NOT_OF_A_WEBHOOK {
                let Some(entry) = section.entry(name) else { continue };
                let message = format!("`{name}` has no effect beside `webhook`");
                reader.report(Problem::new(&entry.key_span, message).hint(hint));
            }
            let url = secret(reader, "webhook", &webhook.value)?;
            let hint = "copy it from the app's page \"Incoming Webhooks\"";
            check_url(reader, &webhook.value, &url, hint)?;
            Some(Settings::SlackWebhook { url })
        }
        (None, Some(token)) => slack_bot(reader, kind, token, section),
        (None, None) if section.has_unknown_keys => None,
        (None, None) => {
            let message = "a Slack channel needs a webhook, or a token and a channel";
            reader.report(
                Problem::new(&kind.key_span, message)
                    .hint("slack: { webhook: \"${SLACK_WEBHOOK_URL}\" }")
                    .hint("slack: { token: \"${SLACK_BOT_TOKEN}\", channel: \"#training\" }"),
            );
            None
        }
    }
}

fn slack_bot(
    reader: &mut Reader<'_>,
    kind: &Entry,
    token: &Entry,
    section: Section<'_>,
) -> Option<Settings> {
    let secret = secret(reader, "token", &token.value);
    if secret.as_ref().is_some_and(|secret| secret.expose().starts_with("xapp-")) {
        let problem = Problem::new(&token.value.span, "this is an app-level token");
        reader.report(
            problem.hint("messages are sent with the bot's token, which begins with xoxb-"),
        );
    }
    let Some(channel) = section.get("channel") else {
        if section.has_unknown_keys {
            return None;
        }
        let problem = Problem::new(&kind.key_span, "a token needs a `channel` to post to");
        reader.report(problem.hint("channel: \"#training\", or its ID, like C0123456789"));
        return None;
    };
    let channel = reader.title("channel", channel)?;
    let api_url = (reader.outside.env)("SLACK_API_URL").filter(|url| !url.is_empty());
    let mut api_url = api_url.unwrap_or_else(|| SLACK_API.to_owned());
    if !api_url.ends_with('/') {
        api_url.push('/');
    }
    let heartbeat = match section.get("heartbeat") {
        None => Some(HEARTBEAT),
        Some(node) => heartbeat(reader, node)?,
    };
    Some(Settings::SlackBot { token: secret?, channel, api_url, heartbeat })
}

/// `off` is none.
fn heartbeat(reader: &mut Reader<'_>, node: &Node) -> Option<Option<Duration>> {
    if matches!(&node.value, Value::Scalar { text, .. } if text == "off" || text == "false") {
        return Some(None);
    }
    let duration = reader.duration("heartbeat", node, Shortest::Second)?;
    if HEARTBEATS.contains(&duration) {
        return Some(Some(duration));
    }
    let (least, most) = (format_duration(*HEARTBEATS.start()), format_duration(*HEARTBEATS.end()));
    let message = format!("`heartbeat` must be from {least} to {most}, or `off`");
    let hint = "Slack takes back nothing in the last minute before it is sent";
    reader.report(Problem::new(&node.span, message).hint(hint));
    None
}

/// A value that is masked from now on, also when it is written into the file itself.
fn secret(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<Secret> {
    let text = reader.text(name, node)?.trim().to_owned();
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let problem = Problem::new(&node.span, format!("`{name}` must be one word without spaces"));
        reader.report(problem.hint("copy it again, all of it and nothing else"));
        return None;
    }
    if !reader.secrets.contains(&text) {
        reader.secrets.push(text.clone());
    }
    Some(Secret::new(text))
}

/// Without saying the URL, which is a secret.
fn check_url(reader: &mut Reader<'_>, node: &Node, url: &Secret, hint: &str) -> Option<()> {
    let url = url.expose();
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    if url.starts_with("https://") || local.iter().any(|start| url.starts_with(start)) {
        return Some(());
    }
    let problem = Problem::new(&node.span, "this is no address that begins with https://");
    reader.report(problem.hint(hint));
    None
}
