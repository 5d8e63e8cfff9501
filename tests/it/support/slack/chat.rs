//! `chat.*`: messages.

use std::time::Duration;

use serde_json::{Value, json};

use super::content::{self, Refusal};
use super::request::Reply;
use super::state::{Posted, State};
use super::web_api::Args;

/// Slack advises not to edit one message more often.
const EDIT_PAUSE: Duration = Duration::from_secs(3);

/// A message's contents, checked.
struct Contents {
    text: String,
    blocks: Vec<Value>,
    attachments: Vec<Value>,
}

pub fn post(state: &mut State, args: &Args) -> Reply {
    post_checked(state, args).unwrap_or_else(|refusal| refusal)
}

fn post_checked(state: &mut State, args: &Args) -> Result<Reply, Reply> {
    let posted = message(state, args)?;
    let reply = Reply::ok(json!({
        "channel": posted.channel, "ts": posted.ts,
        "message": {"type": "message", "ts": posted.ts, "text": posted.text},
    }));
    state.messages.push(posted);
    Ok(reply)
}

/// A message of these arguments, posted now.
pub fn message(state: &mut State, args: &Args) -> Result<Posted, Reply> {
    let channel = reachable(state, args.need("channel")?)?;
    let contents = contents(state, args, 40_000)?;
    if args.text("unfurl_links") != Some("false") || args.text("unfurl_media") != Some("false") {
        state.violate("a message without unfurl_links=false and unfurl_media=false");
    }
    let (thread, broadcast) = thread(state, args, &channel)?;
    let Contents { text, blocks, attachments } = contents;
    let ts = state.next_ts();
    Ok(Posted {
        channel,
        ts,
        thread,
        broadcast,
        text,
        blocks,
        attachments,
        files: Vec::new(),
        edited: 0,
        last_edit: None,
    })
}

/// The parent that it replies to: a message of this channel that is no reply itself.
pub fn thread(
    state: &mut State,
    args: &Args,
    channel: &str,
) -> Result<(Option<String>, bool), Reply> {
    let broadcast = args.text("reply_broadcast") == Some("true");
    let Some(parent) = args.text("thread_ts") else {
        if args.has("reply_broadcast") {
            state.violate("reply_broadcast without thread_ts");
            return Err(Reply::invalid_arguments("reply_broadcast goes with thread_ts only"));
        }
        return Ok((None, false));
    };
    let known = |m: &&Posted| m.channel == channel && m.ts == parent;
    match state.messages.iter().find(known) {
        Some(message) if message.thread.is_none() => Ok((Some(parent.to_owned()), broadcast)),
        Some(_) => {
            state.violate("a reply to a reply");
            Err(Reply::error("cannot_reply_to_message"))
        }
        None => Err(Reply::error("cannot_reply_to_message")),
    }
}

/// The ID of a channel that the bot may post to.
pub fn reachable(state: &State, which: &str) -> Result<String, Reply> {
    let channel = state.channel(which).ok_or_else(|| Reply::error("channel_not_found"))?;
    if channel.archived {
        return Err(Reply::error("is_archived"));
    }
    let anywhere = state.scopes.iter().any(|s| s == "chat:write.public");
    match (channel.member, channel.private) {
        (true, _) => Ok(channel.id.clone()),
        (false, true) => Err(Reply::error("channel_not_found")),
        (false, false) if anywhere => Ok(channel.id.clone()),
        (false, false) => Err(Reply::error("not_in_channel")),
    }
}

fn contents(state: &mut State, args: &Args, longest: usize) -> Result<Contents, Reply> {
    let list = |name: &str| match args.structured(name) {
        None => Ok(Vec::new()),
        Some(Ok(Value::Array(list))) => Ok(list),
        Some(_) => Err(Reply::error(&format!("invalid_{name}_format"))),
    };
    let text = args.text("text").unwrap_or_default().to_owned();
    let (blocks, attachments) = (list("blocks")?, list("attachments")?);
    if args.text("link_names") == Some("true") || args.text("parse") == Some("full") {
        state.violate("link_names or parse=full turns words of the run into mentions");
    }
    if text.chars().count() > longest {
        state.violate(format!("a text of more than {longest} characters"));
        return Err(Reply::error("msg_too_long"));
    }
    let checked = content::check(state, &text, &blocks, &attachments);
    checked.map_err(|Refusal { code, messages }| Reply::detailed(&code, &messages))?;
    Ok(Contents { text, blocks, attachments })
}

pub fn update(state: &mut State, args: &Args) -> Reply {
    update_checked(state, args).unwrap_or_else(|refusal| refusal)
}

fn update_checked(state: &mut State, args: &Args) -> Result<Reply, Reply> {
    let (channel, ts) = (args.need("channel")?.to_owned(), args.need("ts")?.to_owned());
    need_id(&channel)?;
    let Contents { text, blocks, attachments } = contents(state, args, 4000)?;
    let files = files(state, args, &channel)?;
    let now = state.now();
    let index = state.messages.iter().position(|m| m.channel == channel && m.ts == ts);
    let index = index.ok_or_else(|| Reply::error("message_not_found"))?;
    if args.text("reply_broadcast") == Some("true") {
        let is_reply = state.messages[index].thread.is_some();
        return Err(Reply::error(match is_reply {
            true => "no_dual_broadcast_content_update",
            false => "cant_broadcast_message",
        }));
    }
    let last = state.messages[index].last_edit;
    if files.is_none() && last.is_some_and(|last| now < last + EDIT_PAUSE) {
        state.violate(format!("{ts} was edited twice within {EDIT_PAUSE:?}"));
    }
    let message = &mut state.messages[index];
    message.last_edit = Some(now);
    message.text = text;
    message.blocks = blocks;
    message.attachments = attachments;
    message.edited += 1;
    if let Some(files) = files {
        message.files = files;
    }
    Ok(Reply::ok(json!({"channel": channel, "ts": ts, "text": message.text})))
}

/// `file_ids`: completed files; the bot must be a member to share them.
fn files(state: &State, args: &Args, channel: &str) -> Result<Option<Vec<String>>, Reply> {
    if !args.has("file_ids") {
        return Ok(None);
    }
    let ids: Vec<String> =
        args.text("file_ids").unwrap_or_default().split(',').map(str::to_owned).collect();
    for id in &ids {
        let completed =
            state.files.iter().any(|f| f.id == *id && f.completed.is_some() && !f.deleted);
        if !completed {
            return Err(Reply::error("file_not_found"));
        }
    }
    match state.channel(channel) {
        Some(channel) if channel.member => Ok(Some(ids)),
        Some(_) => Err(Reply::error("not_in_channel")),
        None => Err(Reply::error("channel_not_found")),
    }
}

/// A channel's ID where no name is taken (W8).
pub fn need_id(id: &str) -> Result<(), Reply> {
    let good = id.len() >= 9
        && id.starts_with(['C', 'G', 'D', 'Z'])
        && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if good {
        return Ok(());
    }
    Err(Reply::invalid_arguments(
        "input must match regex pattern: ^[CGDZ][A-Z0-9]{8,}$ [json-pointer:/channel]",
    ))
}

/// Only the bot's own messages, which all of the fake's are.
pub fn delete(state: &mut State, args: &Args) -> Reply {
    let (Some(channel), Some(ts)) = (args.text("channel"), args.text("ts")) else {
        return Reply::invalid_arguments("missing required field: ts");
    };
    let (channel, ts) = (channel.to_owned(), ts.to_owned());
    if let Err(refusal) = need_id(&channel) {
        return refusal;
    }
    let before = state.messages.len();
    state.messages.retain(|m| !(m.channel == channel && m.ts == ts));
    state.deleted += before - state.messages.len();
    match state.messages.len() < before {
        true => Reply::ok(json!({"channel": channel, "ts": ts})),
        false => Reply::error("message_not_found"),
    }
}

pub fn permalink(state: &mut State, args: &Args) -> Reply {
    let (Some(channel), Some(ts)) = (args.text("channel"), args.text("message_ts")) else {
        return Reply::invalid_arguments("missing required field: channel");
    };
    if !state.messages.iter().any(|m| m.channel == channel && m.ts == ts) {
        return Reply::error("message_not_found");
    }
    let link = format!("https://acme.slack.com/archives/{channel}/p{}", ts.replace('.', ""));
    Reply::ok(json!({"channel": channel, "permalink": link}))
}
