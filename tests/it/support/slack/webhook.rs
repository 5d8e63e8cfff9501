//! The incoming webhook: a JSON body, an answer in one word.

use serde_json::Value;

use super::content;
use super::request::{Reply, Request};
use super::state::{Posted, State};

pub const PATH: &str = "/services/T0ACME00001/B0HOOK00001/FakeFakeFakeFakeFakeFake";

const KEYS: &[&str] = &[
    "text",
    "blocks",
    "attachments",
    "thread_ts",
    "reply_broadcast",
    "unfurl_links",
    "unfurl_media",
    "mrkdwn",
    "metadata",
];

pub fn answer(state: &mut State, request: &Request) -> Reply {
    check(state, request).unwrap_or_else(|refusal| refusal)
}

fn check(state: &mut State, request: &Request) -> Result<Reply, Reply> {
    if state.limited {
        let now = state.now();
        match state.rates.take("webhook", now) {
            Ok(None) => {}
            Ok(Some(seconds)) => return Err(too_many(seconds)),
            Err(violation) => {
                state.violate(violation);
                return Err(too_many(1));
            }
        }
    }
    if request.path != PATH {
        return Err(Reply::text(404, "no_service"));
    }
    let body = body(state, request)?;
    let list = |key: &str| body[key].as_array().cloned().unwrap_or_default();
    let (blocks, attachments) = (list("blocks"), list("attachments"));
    let text = body["text"].as_str().unwrap_or_default().to_owned();
    if let Err(refusal) = content::check(state, &text, &blocks, &attachments) {
        return Err(Reply::text(400, &refusal.code));
    }
    let posted = Posted {
        channel: "C0WEBHOOK01".to_owned(),
        ts: state.next_ts(),
        thread: None,
        broadcast: false,
        text,
        blocks,
        attachments,
        files: Vec::new(),
        edited: 0,
        last_edit: None,
    };
    state.messages.push(posted);
    Ok(Reply::text(200, "ok"))
}

fn body(state: &mut State, request: &Request) -> Result<Value, Reply> {
    let kind = request.header("content-type").unwrap_or_default();
    if request.http_method != "POST" || !kind.starts_with("application/json") {
        state.violate(format!("the webhook by {} with {kind:?}", request.http_method));
    }
    let body: Value =
        serde_json::from_slice(&request.body).map_err(|_| Reply::text(400, "invalid_payload"))?;
    let object = body.as_object().ok_or_else(|| Reply::text(400, "invalid_payload"))?;
    for key in object.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        state.violate(format!("a webhook does not honour {key}"));
    }
    Ok(body)
}

fn too_many(seconds: u64) -> Reply {
    Reply::text(429, "rate_limited").with("retry-after", &seconds.to_string())
}
