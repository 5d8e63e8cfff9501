//! A request and its reply, apart from HTTP.

use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub struct Request {
    pub http_method: String,
    /// Without the query.
    pub path: String,
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The API method, `webhook`, `upload`, or the path.
    pub fn name(&self) -> String {
        if let Some(method) = self.path.strip_prefix("/api/") {
            return method.to_owned();
        }
        match &self.path {
            path if path.starts_with("/services/") => "webhook".to_owned(),
            path if path.starts_with("/upload/") => "upload".to_owned(),
            path => path.clone(),
        }
    }
}

/// What the log keeps of a request.
#[derive(Clone, Debug)]
pub struct LogEntry {
    pub name: String,
    /// Arguments of a method, or the webhook's body. Structured ones are parsed.
    pub args: Value,
    pub status: u16,
    pub answer: String,
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(status: u16, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec() }
    }

    pub fn json(value: &Value) -> Self {
        let kind = "application/json; charset=utf-8".to_owned();
        let headers = vec![("content-type".to_owned(), kind)];
        Self { status: 200, headers, body: value.to_string().into_bytes() }
    }

    pub fn ok(fields: Value) -> Self {
        let mut answer = json!({"ok": true});
        if let (Value::Object(answer), Value::Object(fields)) = (&mut answer, fields) {
            answer.extend(fields);
        }
        Self::json(&answer)
    }

    /// A refusal by the Web API: HTTP 200 (W5).
    pub fn error(code: &str) -> Self {
        Self::json(&json!({"ok": false, "error": code})).with("x-slack-failure", code)
    }

    pub fn detailed(code: &str, messages: &[String]) -> Self {
        let metadata = json!({"messages": messages});
        let answer = json!({"ok": false, "error": code, "response_metadata": metadata});
        Self::json(&answer).with("x-slack-failure", code)
    }

    pub fn invalid_arguments(message: &str) -> Self {
        Self::detailed("invalid_arguments", &[format!("[ERROR] {message}")])
    }

    pub fn too_many(seconds: u64) -> Self {
        Self { status: 429, ..Self::json(&json!({"ok": false, "error": "ratelimited"})) }
            .with("retry-after", &seconds.to_string())
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Arguments from a form or a query, in one flat object.
pub fn parse_form(text: &str) -> Map<String, Value> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), Value::String(decode(value)))
    });
    decoded.collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = text.get(i + 1..i + 3).and_then(|h| u8::from_str_radix(h, 16).ok());
        match (bytes[i], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
