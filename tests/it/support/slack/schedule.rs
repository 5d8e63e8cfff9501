//! `chat.scheduleMessage` and the like: messages that Slack posts by itself.

use serde_json::{Value, json};

use super::chat;
use super::request::Reply;
use super::state::{Scheduled, State};
use super::web_api::Args;

const FURTHEST: i64 = 120 * 24 * 3600;
/// More than so many ...
const MOST: usize = 30;
/// ... within so long of one channel are refused.
const WINDOW: i64 = 5 * 60;
/// What is so near is not given back.
const LOCKED: i64 = 60;

/// Posts what is due by now.
pub fn post_due(state: &mut State) {
    let now = state.unix();
    let (mut due, later): (Vec<_>, Vec<_>) =
        std::mem::take(&mut state.scheduled).into_iter().partition(|s| s.post_at <= now);
    state.scheduled = later;
    due.sort_by_key(|s| s.post_at);
    for Scheduled { mut message, .. } in due {
        message.ts = state.next_ts();
        state.messages.push(message);
    }
}

pub fn schedule(state: &mut State, args: &Args) -> Reply {
    schedule_checked(state, args).unwrap_or_else(|refusal| refusal)
}

fn schedule_checked(state: &mut State, args: &Args) -> Result<Reply, Reply> {
    let post_at: i64 = args.need("post_at")?.parse().map_err(|_| Reply::error("invalid_time"))?;
    let message = chat::message(state, args)?;
    let now = state.unix();
    if post_at <= now {
        state.violate("a message scheduled in the past");
        return Err(Reply::error("time_in_past"));
    }
    if post_at > now + FURTHEST {
        state.violate("a message scheduled too far ahead");
        return Err(Reply::error("time_too_far"));
    }
    let beside = state.scheduled.iter().filter(|s| s.message.channel == message.channel);
    let mut times: Vec<i64> = beside.map(|s| s.post_at).chain([post_at]).collect();
    times.sort_unstable();
    if times.windows(MOST + 1).any(|some| some[MOST] - some[0] < WINDOW) {
        return Err(Reply::error("restricted_too_many"));
    }
    state.schedulings += 1;
    let id = format!("Q0SCHED{:05}", state.schedulings);
    let reply = Reply::ok(json!({
        "channel": message.channel, "scheduled_message_id": id, "post_at": post_at,
        "message": {"type": "delayed_message", "text": message.text},
    }));
    state.scheduled.push(Scheduled { id, post_at, message });
    Ok(reply)
}

pub fn delete(state: &mut State, args: &Args) -> Reply {
    let (Some(channel), Some(id)) = (args.text("channel"), args.text("scheduled_message_id"))
    else {
        return Reply::invalid_arguments("missing required field: scheduled_message_id");
    };
    let (channel, id) = (channel.to_owned(), id.to_owned());
    if let Err(refusal) = chat::need_id(&channel) {
        return refusal;
    }
    let now = state.unix();
    let found = state.scheduled.iter().position(|s| s.id == id && s.message.channel == channel);
    match found {
        Some(index) if state.scheduled[index].post_at - now > LOCKED => {
            state.scheduled.remove(index);
            Reply::ok(json!({}))
        }
        Some(_) => {
            state.violate("a scheduled message was asked back in its last minute");
            Reply::error("invalid_scheduled_message_id")
        }
        None => Reply::error("invalid_scheduled_message_id"),
    }
}

pub fn list(state: &mut State, args: &Args) -> Reply {
    let limit = |name: &str| args.text(name).and_then(|text| text.parse::<i64>().ok());
    let (oldest, latest) = (limit("oldest").unwrap_or(0), limit("latest").unwrap_or(i64::MAX));
    let messages: Vec<Value> = state
        .scheduled
        .iter()
        .filter(|s| args.text("channel").is_none_or(|channel| channel == s.message.channel))
        .filter(|s| (oldest..=latest).contains(&s.post_at))
        .map(|s| {
            json!({
                "id": s.id, "channel_id": s.message.channel, "post_at": s.post_at,
                "date_created": state.unix(), "text": s.message.text,
            })
        })
        .collect();
    let metadata = json!({"next_cursor": ""});
    Reply::ok(json!({"scheduled_messages": messages, "response_metadata": metadata}))
}
