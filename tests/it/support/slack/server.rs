//! HTTP/1.1 on loopback: a thread a connection, requests one after another.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use super::fault::{self, What};
use super::request::{LogEntry, Reply, Request};
use super::state::State;
use super::{Shared, files, web_api, webhook};

/// Listens in threads of its own; returns `http://127.0.0.1:PORT`.
pub fn start(shared: Arc<Shared>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream, &shared));
        }
    });
    format!("http://{address}")
}

/// Serves until the connection ends, from whichever side.
fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer) {
        let name = request.name();
        let fault = fault::take(&mut shared.lock().faults, &name);
        let reply = match &fault {
            Some(What::DropBefore) => return log(shared, &request, None),
            Some(What::HangBefore) => {
                log(shared, &request, None);
                return wait_for_close(stream);
            }
            Some(What::Answer(reply)) => {
                note_pause(&mut shared.lock(), &request, reply);
                reply.clone()
            }
            Some(What::Delay(time)) => {
                std::thread::sleep(*time);
                answer(&mut shared.lock(), &request)
            }
            Some(What::DropAfter | What::HangAfter) | None => answer(&mut shared.lock(), &request),
        };
        log(shared, &request, Some(&reply));
        let unheard = matches!(fault, Some(What::DropAfter | What::HangAfter));
        shared.lock().unheard += usize::from(unheard);
        match fault {
            Some(What::DropAfter) => return,
            Some(What::HangAfter) => return wait_for_close(stream),
            _ => {}
        }
        if write_reply(&mut stream, &reply).is_err() {
            return;
        }
    }
}

fn answer(state: &mut State, request: &Request) -> Reply {
    match request.name().as_str() {
        "webhook" => webhook::answer(state, request),
        "upload" => files::receive(state, request),
        _ if request.path.starts_with("/api/") => web_api::answer(state, request),
        _ => Reply::text(404, "not found"),
    }
}

/// An injected 429 counts like a real one: the next call must wait for it.
fn note_pause(state: &mut State, request: &Request, reply: &Reply) {
    let after = reply.headers.iter().find(|(name, _)| name == "retry-after");
    if let Some(seconds) = after.and_then(|(_, value)| value.parse().ok()) {
        let now = state.now();
        state.rates.pause(&request.name(), now, seconds);
    }
}

fn log(shared: &Shared, request: &Request, reply: Option<&Reply>) {
    let entry = LogEntry {
        name: request.name(),
        args: web_api::logged_args(request),
        status: reply.map_or(0, |r| r.status),
        answer: reply.map_or(String::new(), |r| String::from_utf8_lossy(&r.body).into_owned()),
    };
    shared.lock().log.push(entry);
    shared.answered.notify_all();
}

/// Until the client gives up.
fn wait_for_close(mut stream: TcpStream) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).is_ok_and(|n| n > 0) {}
}

fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let (mut request, head, length) = loop {
        match parse_head(buffer) {
            Ok(Some(parsed)) => break parsed,
            Ok(None) => fill(stream, buffer)?,
            // Not HTTP: TLS, say.
            Err(_) => return None,
        }
    };
    while buffer.len() < head + length {
        fill(stream, buffer)?;
    }
    request.body = buffer[head..head + length].to_vec();
    buffer.drain(..head + length);
    Some(request)
}

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 16 * 1024];
    let n = stream.read(&mut chunk).ok().filter(|n| *n > 0)?;
    buffer.extend_from_slice(&chunk[..n]);
    Some(())
}

/// The request without its body, the length of its head, the length of its body.
fn parse_head(buffer: &[u8]) -> Result<Option<(Request, usize, usize)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(buffer)? else {
        return Ok(None);
    };
    let headers: Vec<(String, String)> = (parsed.headers.iter())
        .map(|h| (h.name.to_lowercase(), String::from_utf8_lossy(h.value).into_owned()))
        .collect();
    let target = parsed.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request {
        http_method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: Vec::new(),
    };
    let length = request.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    Ok(Some((request, head, length)))
}

fn write_reply(stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
    let mut head =
        format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("x-slack-req-id: 0123456789abcdef0123456789abcdef\r\n\r\n");
    // In one piece: a second small packet would wait for the first one's acknowledgement.
    stream.write_all(&[head.as_bytes(), &reply.body].concat())
}
