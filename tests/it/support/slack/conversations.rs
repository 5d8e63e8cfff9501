//! `conversations.*` and `users.conversations`: channels.

use serde_json::{Value, json};

use super::chat::need_id;
use super::request::Reply;
use super::state::{Channel, State};
use super::web_api::{Args, need_scope};

/// Channels that the bot is in.
pub fn joined(state: &mut State, args: &Args) -> Reply {
    page(state, args, |channel| channel.member).unwrap_or_else(|refusal| refusal)
}

/// All public ones, and the private ones that the bot is in.
pub fn list(state: &mut State, args: &Args) -> Reply {
    page(state, args, |channel| channel.member || !channel.private)
        .unwrap_or_else(|refusal| refusal)
}

fn page(
    state: &mut State,
    args: &Args,
    visible: impl Fn(&Channel) -> bool,
) -> Result<Reply, Reply> {
    let types = args.text("types").unwrap_or("public_channel");
    for kind in types.split(',') {
        match kind {
            "public_channel" => need_scope(state, "channels:read")?,
            "private_channel" => need_scope(state, "groups:read")?,
            _ => return Err(Reply::error("invalid_types")),
        }
    }
    let limit: usize = args.text("limit").unwrap_or("100").parse().unwrap_or(0);
    if !(1..1000).contains(&limit) {
        return Err(Reply::error("invalid_limit"));
    }
    if limit > 200 {
        state.violate("pages of more than 200 channels");
    }
    let start = cursor(args)?;
    let archived = args.text("exclude_archived") != Some("true");
    let asked = |c: &&Channel| types.contains(if c.private { "private" } else { "public" });
    let all: Vec<&Channel> = (state.channels.iter())
        .filter(|c| visible(c) && (archived || !c.archived))
        .filter(asked)
        .collect();
    let shown: Vec<Value> = all.iter().skip(start).take(limit).map(|c| object(c)).collect();
    let end = start + limit;
    let next = if end < all.len() { format!("dGVhbTpD{end}") } else { String::new() };
    Ok(Reply::ok(json!({"channels": shown, "response_metadata": {"next_cursor": next}})))
}

fn cursor(args: &Args) -> Result<usize, Reply> {
    let Some(cursor) = args.text("cursor") else { return Ok(0) };
    let position = cursor.strip_prefix("dGVhbTpD").and_then(|n| n.parse().ok());
    position.ok_or_else(|| Reply::error("invalid_cursor"))
}

fn object(channel: &Channel) -> Value {
    json!({
        "id": channel.id, "name": channel.name, "is_channel": true, "is_private": channel.private,
        "is_archived": channel.archived, "is_member": channel.member,
    })
}

pub fn info(state: &mut State, args: &Args) -> Reply {
    match args.text("channel").and_then(|id| state.channel(id)) {
        Some(channel) => Reply::ok(json!({"channel": object(channel)})),
        None => Reply::error("channel_not_found"),
    }
}

pub fn join(state: &mut State, args: &Args) -> Reply {
    let id = args.text("channel").unwrap_or_default();
    if let Err(refusal) = need_id(id) {
        return refusal;
    }
    match state.channels.iter_mut().find(|c| c.id == id) {
        None => Reply::error("channel_not_found"),
        Some(channel) if channel.archived => Reply::error("is_archived"),
        Some(channel) if channel.private => Reply::error("method_not_supported_for_channel_type"),
        Some(channel) => {
            channel.member = true;
            Reply::ok(json!({"channel": object(channel)}))
        }
    }
}
