//! Calls of Slack's Web API: how arguments go out and how answers are read. It knows no message.
//!
//! Every method takes form-encoded arguments, few take JSON, so all calls are forms; structured
//! arguments are JSON text in one field: <https://docs.slack.dev/apis/web-api/>.

use std::fmt;

use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

use crate::channels::http::{self, Failure, Timeouts};
use crate::channels::secret::Secret;
use crate::channels::slack::refusal::Refusal;
use crate::time::Timestamp;

/// A token's view of the API at one base URL.
pub(in crate::channels) struct Api {
    http: Client,
    /// Ends with a slash.
    base: String,
    authorization: HeaderValue,
    timeouts: Timeouts,
}

/// What `auth.test` says, in its answer and around it.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) answer: Value,
    pub(super) scopes: Vec<String>,
    pub(super) date: Option<Timestamp>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Api {
    /// None if the token cannot be sent in a header: it holds a newline or the like.
    pub(in crate::channels) fn new(
        http: Client,
        base: &str,
        token: &Secret,
        timeouts: Timeouts,
    ) -> Option<Self> {
        let value = format!("Bearer {}", token.expose().trim());
        let mut authorization = HeaderValue::from_str(&value).ok()?;
        authorization.set_sensitive(true);
        let base = format!("{}/", base.trim().trim_end_matches('/'));
        Some(Self { http, base, authorization, timeouts })
    }

    /// Calls a method; the answer is an object with `"ok": true`.
    pub(super) async fn call(&self, method: &str, args: &[(&str, &str)]) -> Result<Value, Refusal> {
        read(method, &self.send(method, args).await?)
    }

    /// Who the token belongs to; its scopes, which stand in a header only; Slack's clock.
    pub(super) async fn identity(&self) -> Result<Identity, Refusal> {
        let answer = self.send("auth.test", &[]).await?;
        let header = |name: &str| answer.headers.get(name).and_then(|v| v.to_str().ok());
        let scopes = header("x-oauth-scopes").unwrap_or_default();
        let scopes = scopes.split(',').map(|s| s.trim().to_owned()).collect();
        let date = header("date").and_then(Timestamp::from_http_date);
        Ok(Identity { answer: read("auth.test", &answer)?, scopes, date })
    }

    async fn send(&self, method: &str, args: &[(&str, &str)]) -> Result<http::Answer, Refusal> {
        let request = self
            .http
            .post(format!("{}{method}", self.base))
            .header(AUTHORIZATION, self.authorization.clone())
            .form(args);
        http::send(request).await.map_err(|failure| Refusal::failed(method, &failure))
    }

    /// Sends a file's bytes to where `files.getUploadURLExternal` said. The token stays here: the
    /// URL is of another host, and is itself the permission.
    pub(super) async fn upload(&self, url: &str, bytes: &[u8]) -> Result<(), Refusal> {
        const STEP: &str = "the upload of the picture";
        if !url.starts_with("https://") && self.base.starts_with("https://") {
            let failure = Failure::Impossible("Slack named no https address for it".to_owned());
            return Err(Refusal::failed(STEP, &failure));
        }
        let request = self.http.post(url).timeout(self.timeouts.upload).body(bytes.to_vec());
        let answer =
            http::send(request).await.map_err(|failure| Refusal::failed(STEP, &failure))?;
        match answer.status {
            200 => Ok(()),
            status => Err(Refusal::status(STEP, status, answer.retry_after)),
        }
    }
}

/// An answer is JSON, with status 200 also for a refusal; 429 and 5xx say nothing in their body.
fn read(method: &str, answer: &http::Answer) -> Result<Value, Refusal> {
    if answer.status == 429 || answer.status >= 500 {
        return Err(Refusal::status(method, answer.status, answer.retry_after));
    }
    let Ok(value) = serde_json::from_slice::<Value>(&answer.body) else {
        return Err(Refusal::status(method, answer.status, None));
    };
    if value["ok"] == Value::Bool(true) {
        return Ok(value);
    }
    match value["error"].as_str() {
        None => Err(Refusal::status(method, answer.status, None)),
        Some("missing_scope") => {
            Err(Refusal::missing_scope(method, value["needed"].as_str().unwrap_or("(unnamed)")))
        }
        Some(code) => Err(Refusal::coded(method, code, &messages(&value))),
    }
}

/// What Slack says about an argument: `[ERROR] … [json-pointer:/blocks/0]`.
fn messages(value: &Value) -> String {
    let messages = value["response_metadata"]["messages"].as_array();
    let texts = messages.into_iter().flatten().filter_map(Value::as_str).take(3);
    texts.collect::<Vec<_>>().join("; ")
}
