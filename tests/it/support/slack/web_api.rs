//! `POST /api/<method>`: encoding, token, scope and arguments, in Slack's order of checks.

use serde_json::{Map, Value, json};

use super::request::{Reply, Request, parse_form};
use super::state::State;
use super::{chat, conversations, files, schedule};

/// A method: its scope, its arguments, whether it takes JSON.
struct Method {
    name: &'static str,
    scope: Option<&'static str>,
    args: &'static [&'static str],
    json: bool,
    run: fn(&mut State, &Args) -> Reply,
}

/// The methods that are faked. `types` of the listing ones ask for scopes of their own.
const METHODS: &[Method] = &[
    Method { name: "auth.test", scope: None, args: &[], json: true, run: auth_test },
    Method {
        name: "chat.postMessage",
        scope: Some("chat:write"),
        args: &[
            "channel",
            "text",
            "blocks",
            "attachments",
            "thread_ts",
            "reply_broadcast",
            "unfurl_links",
            "unfurl_media",
            "metadata",
            "mrkdwn",
            "parse",
            "link_names",
        ],
        json: true,
        run: chat::post,
    },
    Method {
        name: "chat.update",
        scope: Some("chat:write"),
        args: &[
            "channel",
            "ts",
            "text",
            "blocks",
            "attachments",
            "metadata",
            "reply_broadcast",
            "link_names",
            "parse",
            "file_ids",
        ],
        json: true,
        run: chat::update,
    },
    Method {
        name: "chat.delete",
        scope: Some("chat:write"),
        args: &["channel", "ts"],
        json: true,
        run: chat::delete,
    },
    Method {
        name: "chat.scheduleMessage",
        scope: Some("chat:write"),
        args: &[
            "channel",
            "post_at",
            "text",
            "blocks",
            "attachments",
            "thread_ts",
            "reply_broadcast",
            "unfurl_links",
            "unfurl_media",
            "parse",
            "link_names",
        ],
        json: true,
        run: schedule::schedule,
    },
    Method {
        name: "chat.deleteScheduledMessage",
        scope: Some("chat:write"),
        args: &["channel", "scheduled_message_id"],
        json: true,
        run: schedule::delete,
    },
    Method {
        name: "chat.scheduledMessages.list",
        scope: None,
        args: &["channel", "oldest", "latest", "limit", "cursor"],
        json: true,
        run: schedule::list,
    },
    Method {
        name: "chat.getPermalink",
        scope: None,
        args: &["channel", "message_ts"],
        json: false,
        run: chat::permalink,
    },
    Method {
        name: "users.conversations",
        scope: None,
        args: &["types", "exclude_archived", "limit", "cursor"],
        json: false,
        run: conversations::joined,
    },
    Method {
        name: "conversations.list",
        scope: None,
        args: &["types", "exclude_archived", "limit", "cursor"],
        json: false,
        run: conversations::list,
    },
    Method {
        name: "conversations.info",
        scope: Some("channels:read"),
        args: &["channel", "include_num_members"],
        json: false,
        run: conversations::info,
    },
    Method {
        name: "conversations.join",
        scope: Some("channels:join"),
        args: &["channel"],
        json: true,
        run: conversations::join,
    },
    Method {
        name: "files.getUploadURLExternal",
        scope: Some("files:write"),
        args: &["filename", "length", "alt_txt"],
        json: false,
        run: files::get_url,
    },
    Method {
        name: "files.completeUploadExternal",
        scope: Some("files:write"),
        args: &["files", "channel_id", "thread_ts", "initial_comment"],
        json: true,
        run: files::complete,
    },
    Method {
        name: "files.delete",
        scope: Some("files:write"),
        args: &["file"],
        json: true,
        run: files::delete,
    },
    Method {
        name: "files.info",
        scope: Some("files:read"),
        args: &["file"],
        json: false,
        run: files::info,
    },
];

/// Arguments of a call; structured ones as they came, text or JSON.
pub struct Args(Map<String, Value>);

impl Args {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A required one.
    pub fn need(&self, name: &str) -> Result<&str, Reply> {
        self.text(name)
            .ok_or_else(|| Reply::invalid_arguments(&format!("missing required field: {name}")))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// JSON in a form's field, or in a JSON body.
    pub fn structured(&self, name: &str) -> Option<Result<Value, ()>> {
        Some(match self.0.get(name)? {
            Value::String(text) => serde_json::from_str(text).map_err(|_| ()),
            value => Ok(value.clone()),
        })
    }
}

pub fn answer(state: &mut State, request: &Request) -> Reply {
    schedule::post_due(state);
    let name = request.name();
    if name == "files.upload" {
        state.violate("files.upload is dead since 2025-11-12");
        return Reply::error("method_deprecated");
    }
    let Some(method) = METHODS.iter().find(|m| m.name == name) else {
        state.violate(format!("unknown method {name}"));
        return Reply::json(&json!({"ok": false, "error": "unknown_method", "req_method": name}));
    };
    let reply = check(state, request, method).unwrap_or_else(|refusal| refusal);
    let scopes = state.scopes.join(",");
    let reply = reply.with("x-oauth-scopes", &scopes);
    match &state.date {
        Some(date) => reply.with("date", date),
        None => reply,
    }
}

/// W9: encoding, limits, token, scope, arguments, then the method's own.
fn check(state: &mut State, request: &Request, method: &Method) -> Result<Reply, Reply> {
    let args = arguments(state, request, method)?;
    limit(state, method.name, &args)?;
    authorize(state, request)?;
    if let Some(scope) = method.scope {
        need_scope(state, scope)?;
    }
    for key in args.0.keys() {
        if !method.args.contains(&key.as_str()) {
            state.violate(format!("{} has no argument {key}", method.name));
        }
    }
    Ok((method.run)(state, &args))
}

fn arguments(state: &mut State, request: &Request, method: &Method) -> Result<Args, Reply> {
    if request.http_method != "POST" {
        state.violate(format!("{} by {}", method.name, request.http_method));
        return Err(Reply::error("invalid_post_type"));
    }
    if request.query.contains("token=") {
        state.violate("a token in the URL");
    }
    let kind = request.header("content-type").unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        return Ok(Args(parse_form(&String::from_utf8_lossy(&request.body))));
    }
    if kind.starts_with("application/json") && method.json {
        return match serde_json::from_slice(&request.body) {
            Ok(Value::Object(args)) => Ok(Args(args)),
            Ok(_) => Err(Reply::error("json_not_object")),
            Err(_) => Err(Reply::error("invalid_json")),
        };
    }
    state.violate(format!("{} with the content type {kind:?}", method.name));
    Err(Reply::invalid_arguments("the arguments cannot be read"))
}

fn limit(state: &mut State, method: &str, args: &Args) -> Result<(), Reply> {
    if !state.limited {
        return Ok(());
    }
    let now = state.now();
    let mut keys = vec![method.to_owned()];
    if method == "chat.postMessage" {
        keys.push(format!("{method} {}", args.text("channel").unwrap_or_default()));
    }
    for key in keys {
        match state.rates.take(&key, now) {
            Ok(None) => {}
            Ok(Some(seconds)) => return Err(Reply::too_many(seconds)),
            Err(violation) => {
                state.violate(violation);
                return Err(Reply::too_many(1));
            }
        }
    }
    Ok(())
}

fn authorize(state: &State, request: &Request) -> Result<(), Reply> {
    let header = request.header("authorization").unwrap_or_default();
    match header.strip_prefix("Bearer ") {
        None => Err(Reply::error("not_authed")),
        Some(token) if token != state.token => Err(Reply::error("invalid_auth")),
        Some(_) if state.revoked => Err(Reply::error("token_revoked")),
        Some(_) => Ok(()),
    }
}

pub fn need_scope(state: &State, scope: &str) -> Result<(), Reply> {
    if state.scopes.iter().any(|s| s == scope) {
        return Ok(());
    }
    let provided = state.scopes.join(",");
    let refusal =
        json!({"ok": false, "error": "missing_scope", "needed": scope, "provided": provided});
    Err(Reply::json(&refusal).with("x-accepted-oauth-scopes", scope))
}

fn auth_test(_: &mut State, _: &Args) -> Reply {
    Reply::ok(json!({
        "url": "https://acme.slack.com/", "team": "Acme", "user": "trainbot",
        "team_id": "T0ACME00001", "user_id": "U0BOT000001", "bot_id": "B0BOT000001",
        "is_enterprise_install": false,
    }))
}

/// For the log: arguments in the open, the token never.
pub fn logged_args(request: &Request) -> Value {
    let is_json = request.header("content-type").is_some_and(|k| k.starts_with("application/json"));
    if is_json {
        return serde_json::from_slice(&request.body).unwrap_or_default();
    }
    if request.name() == "upload" {
        return json!({"bytes": request.body.len()});
    }
    let mut args = parse_form(&String::from_utf8_lossy(&request.body));
    args.remove("token");
    for value in args.values_mut() {
        let parsed = value.as_str().filter(|t| t.starts_with(['[', '{'])).map(serde_json::from_str);
        if let Some(Ok(parsed)) = parsed {
            *value = parsed;
        }
    }
    Value::Object(args)
}
