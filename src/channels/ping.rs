//! Pings of a check at Healthchecks or anything that speaks like it: the run's start, signs of life,
//! what is told of it, and how it ended. The check raises the alarm when they stay away, so also
//! when this machine has died: <https://healthchecks.io/docs/http_api/>.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use reqwest::Client;
use serde_json::{Value, json};

use crate::channels::http::{self, Failure};
use crate::channels::secret::Secret;
use crate::channels::{Channel, Check, Delivery, DeliveryError, DeliveryFuture, Verdict};
use crate::engine::alert::Severity;
use crate::render::Message;
use crate::render::message::MessageKind;

/// More of a ping's body is not kept by Healthchecks.
const LONGEST_BODY: usize = 10_000;

/// The URL is its permission, and stays out of every text.
pub(super) struct Ping {
    http: Client,
    url: Secret,
}

impl fmt::Debug for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ping")
    }
}

impl Ping {
    pub(super) fn new(http: Client, url: Secret) -> Self {
        Self { http, url }
    }

    /// A log entry changes nothing of the check's state.
    pub(super) async fn examine(&self) -> Check {
        let request = self.http.post(address(self.url.expose(), "/log", None));
        let outcome = sent(request.body("watch doctor")).await;
        let found = "it answers, and keeps a log entry of this".to_owned();
        Check { what: "ping".to_owned(), outcome: outcome.map(|()| found) }
    }

    async fn send(&self, what: &str, message: &Message) -> Result<(), DeliveryError> {
        let url = address(self.url.expose(), what, Some(&run_id(&message.run.id)));
        sent(self.http.post(url).body(body(message))).await
    }
}

impl Channel for Ping {
    fn deliver<'a>(&'a self, delivery: Delivery<'a>) -> DeliveryFuture<'a> {
        let message = delivery.message;
        Box::pin(async move { self.send(&happened(message), message).await })
    }

    fn can_show(&self) -> bool {
        true
    }

    /// The first card is the start, each later one a sign of life; the last is told by the end.
    fn show<'a>(&'a self, card: &'a Message, place: &'a mut Value) -> DeliveryFuture<'a> {
        Box::pin(async move {
            if card.kind != MessageKind::Card {
                return Ok(());
            }
            self.send(if place.is_null() { "/start" } else { "" }, card).await?;
            *place = json!("started");
            Ok(())
        })
    }
}

/// A failure is told by its exit status, which the check then shows; 0 would be none.
fn happened(message: &Message) -> String {
    match (message.kind, message.severity, message.exit) {
        (MessageKind::End, Severity::Info, _) => String::new(),
        (MessageKind::End, _, Some(code)) if code > 0 => format!("/{code}"),
        (MessageKind::End, ..) => "/fail".to_owned(),
        _ => "/log".to_owned(),
    }
}

/// The check's URL may end in a query (`?create=1`).
fn address(url: &str, what: &str, run: Option<&str>) -> String {
    let (path, query) = url.trim().split_once('?').unwrap_or((url.trim(), ""));
    let run = run.map(|run| format!("rid={run}"));
    let query: Vec<&str> =
        [Some(query), run.as_deref()].into_iter().flatten().filter(|q| !q.is_empty()).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{what}{mark}{}", path.trim_end_matches('/'), query.join("&"))
}

/// Start and end of a run belong together by a UUID.
fn run_id(run: &str) -> String {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, run).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    let bits = (hash(0) << 64) | hash(1);
    // Version 8, "of one's own making": RFC 9562, section 5.8.
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x8 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn body(message: &Message) -> String {
    let mut text = message.title.clone();
    let fields = message.fields.iter().map(|field| format!("{}: {}", field.name, field.value));
    let parts = std::iter::once(message.body.clone()).chain(fields).chain(message.lines.clone());
    for part in parts.filter(|part| !part.is_empty()) {
        text.push('\n');
        text.push_str(&part);
    }
    text.truncate(text.floor_char_boundary(LONGEST_BODY));
    text
}

/// To be pinged twice harms nobody, so nothing is ambiguous.
async fn sent(request: reqwest::RequestBuilder) -> Result<(), DeliveryError> {
    let error = |verdict, reason: String, hint: Option<&str>| DeliveryError {
        verdict,
        reason,
        hint: hint.map(str::to_owned),
    };
    let answer = match http::send(request).await {
        Ok(answer) => answer,
        Err(Failure::Unanswered(reason)) => {
            return Err(error(Verdict::Retry { after: None }, reason, None));
        }
        Err(failure) => return Err(failure.into()),
    };
    let reason = format!("the check answered with HTTP {}", answer.status);
    match answer.status {
        200..300 => Ok(()),
        429 | 500.. => Err(error(Verdict::Retry { after: answer.retry_after }, reason, None)),
        _ => {
            let hint = "copy the ping URL again from the check's page";
            Err(error(Verdict::Permanent, reason, Some(hint)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_stands_in_the_path_and_the_run_in_the_query() {
        for (url, what, run, expected) in [
            ("https://hc-ping.com/u", "/start", Some("r"), "https://hc-ping.com/u/start?rid=r"),
            ("https://hc-ping.com/u/", "", None, "https://hc-ping.com/u"),
            ("https://x/k/s?create=1", "/fail", Some("r"), "https://x/k/s/fail?create=1&rid=r"),
        ] {
            assert_eq!(address(url, what, run), expected);
        }
    }

    #[test]
    fn a_run_has_one_uuid() {
        let id = run_id("20261123-023323-045-77");
        assert_eq!(id, run_id("20261123-023323-045-77"));
        assert_ne!(id, run_id("20261123-023323-045-78"));
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes().get(14), Some(&b'8'), "{id}");
    }
}
