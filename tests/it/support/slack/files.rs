//! The upload in three steps: a URL, the bytes, the completion; then processing.

use std::time::Duration;

use serde_json::{Value, json};

use super::chat;
use super::request::{Reply, Request};
use super::state::{Posted, State};
use super::web_api::Args;

#[derive(Clone, Debug)]
pub struct File {
    pub id: String,
    pub name: String,
    pub alt: String,
    pub length: usize,
    /// None until they were sent.
    pub bytes: Option<Vec<u8>>,
    /// When it was completed, by the fake's clock.
    pub completed: Option<Duration>,
    pub deleted: bool,
    asked: Duration,
}

/// An upload URL is good for so long.
const TICKET: Duration = Duration::from_secs(600);

pub fn get_url(state: &mut State, args: &Args) -> Reply {
    get_url_checked(state, args).unwrap_or_else(|refusal| refusal)
}

fn get_url_checked(state: &mut State, args: &Args) -> Result<Reply, Reply> {
    let name = args.need("filename")?.to_owned();
    let length = args.need("length")?.parse().unwrap_or(0);
    if length == 0 {
        return Err(Reply::error("missing_argument"));
    }
    let alt = args.text("alt_txt").unwrap_or_default().to_owned();
    if alt.chars().count() > 1000 {
        state.violate("alt_txt of more than 1000 characters");
        return Err(Reply::error("alt_txt_too_large"));
    }
    let id = format!("F0FILE{:05}", state.files.len());
    let url = format!("{}/upload/v1/{id}", state.address);
    let asked = state.now();
    let (bytes, completed, deleted) = (None, None, false);
    let file = File { id: id.clone(), name, alt, length, bytes, completed, deleted, asked };
    state.files.push(file);
    Ok(Reply::ok(json!({"upload_url": url, "file_id": id})))
}

/// The bytes, at the host for files: no token belongs here.
pub fn receive(state: &mut State, request: &Request) -> Reply {
    if request.header("authorization").is_some() {
        state.violate("the token was sent to the host for uploads");
    }
    let now = state.now();
    let id = request.path.rsplit('/').next().unwrap_or_default();
    let file = state.files.iter_mut().find(|f| f.id == id && f.bytes.is_none());
    let Some(file) = file.filter(|f| now < f.asked + TICKET) else {
        return Reply::text(404, "not found");
    };
    if request.body.len() != file.length {
        let text = format!("{} bytes came, {} were announced", request.body.len(), file.length);
        state.violate(text);
        return Reply::text(400, "length_mismatch");
    }
    file.bytes = Some(request.body.clone());
    Reply::text(200, &format!("OK - {}", request.body.len()))
}

pub fn complete(state: &mut State, args: &Args) -> Reply {
    complete_checked(state, args).unwrap_or_else(|refusal| refusal)
}

fn complete_checked(state: &mut State, args: &Args) -> Result<Reply, Reply> {
    let Some(Ok(Value::Array(list))) = args.structured("files") else {
        return Err(Reply::invalid_arguments("missing required field: files"));
    };
    if list.len() > 14 {
        state.violate("more than 14 files at once");
        return Err(Reply::error("internal_error"));
    }
    let channel = match args.text("channel_id") {
        Some(id) => Some(shareable(state, id)?),
        None => None,
    };
    let ids: Vec<String> =
        list.iter().filter_map(|f| f["id"].as_str()).map(str::to_owned).collect();
    let now = state.now();
    for id in &ids {
        // What happens to one that was completed before is not documented: take the worst.
        let open = |f: &&mut File| f.id == *id && f.bytes.is_some() && f.completed.is_none();
        let file = state.files.iter_mut().find(open);
        file.ok_or_else(|| Reply::error("file_not_found"))?.completed = Some(now);
    }
    if let Some(channel) = channel {
        let (thread, _) = chat::thread(state, args, &channel)?;
        share(state, channel, ids, thread, args);
    }
    let files: Vec<Value> = (list.iter())
        .map(|f| json!({"id": f["id"], "title": f["title"], "mimetype": "", "shares": {}}))
        .collect();
    Ok(Reply::ok(json!({"files": files})))
}

fn shareable(state: &State, id: &str) -> Result<String, Reply> {
    chat::need_id(id)?;
    match state.channel(id) {
        None => Err(Reply::error("channel_not_found")),
        Some(channel) if !channel.member => Err(Reply::error("not_in_channel")),
        Some(channel) => Ok(channel.id.clone()),
    }
}

/// A message of its own, with the files.
fn share(
    state: &mut State,
    channel: String,
    files: Vec<String>,
    thread: Option<String>,
    args: &Args,
) {
    let posted = Posted {
        channel,
        ts: state.next_ts(),
        thread,
        broadcast: false,
        text: args.text("initial_comment").unwrap_or_default().to_owned(),
        blocks: Vec::new(),
        attachments: Vec::new(),
        files,
        edited: 0,
        last_edit: None,
    };
    state.messages.push(posted);
}

/// A file that was never completed is nobody's, and cannot be deleted.
pub fn delete(state: &mut State, args: &Args) -> Reply {
    let id = match args.need("file") {
        Ok(id) => id.to_owned(),
        Err(refusal) => return refusal,
    };
    let index = state.files.iter().position(|f| f.id == id && f.completed.is_some());
    let Some(index) = index else { return Reply::error("file_not_found") };
    if std::mem::replace(&mut state.files[index].deleted, true) {
        return Reply::error("file_deleted");
    }
    for message in &mut state.messages {
        message.files.retain(|file| *file != id);
    }
    Reply::ok(json!({}))
}

pub fn info(state: &mut State, args: &Args) -> Reply {
    let id = args.text("file").unwrap_or_default();
    let ready = is_ready(state, id);
    match state.files.iter().find(|f| f.id == id && f.completed.is_some()) {
        None => Reply::error("file_not_found"),
        Some(file) => {
            let kind = if ready { "image/png" } else { "" };
            Reply::ok(json!({"file": {"id": id, "name": file.name, "mimetype": kind}}))
        }
    }
}

/// Whether a block may refer to it: processed, some time after its completion.
pub fn is_ready(state: &State, id: &str) -> bool {
    let file = state.files.iter().find(|f| f.id == id);
    let completed = file.and_then(|f| f.completed);
    completed.is_some_and(|at| state.now() >= at + state.processing)
}
