//! Slack's incoming webhook: one POST a message, no picture, no edit, no thread.
//!
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use reqwest::Client;
use serde_json::{Map, Value, json};

use crate::channels::http;
use crate::channels::secret::Secret;
use crate::channels::slack::blocks::{self, Options, Payload};
use crate::channels::slack::progress::{Form, Progress};
use crate::channels::slack::refusal::{Class, Refusal};
use crate::channels::{Channel, Check, Delivery, DeliveryError, DeliveryFuture};
use crate::render::Message;

const STEP: &str = "the webhook";

/// A webhook's URL is its permission, and stays out of every text.
#[derive(Debug)]
pub(in crate::channels) struct Webhook {
    http: Client,
    url: Secret,
}

impl Webhook {
    pub(in crate::channels) fn new(http: Client, url: Secret) -> Self {
        Self { http, url }
    }

    async fn run(&self, delivery: Delivery<'_>) -> Result<(), DeliveryError> {
        let mut done = Progress::load(delivery.progress);
        loop {
            let (payload, charted) = payload(delivery.message, done.form);
            let refusal = match self.post(&payload).await {
                Ok(()) => return Ok(()),
                Err(refusal) => refusal,
            };
            match done.form.next(charted) {
                Some(form) if refusal.class == Class::Payload => done.form = form,
                _ => return Err(refusal.into()),
            }
            done.store(delivery.progress);
            (delivery.progress_changed)(delivery.progress);
        }
    }

    /// An empty message is refused by a webhook that works, and by one that is gone otherwise.
    pub(in crate::channels) async fn examine(&self) -> Check {
        let request = self.http.post(self.url.expose().trim()).json(&json!({}));
        let outcome = match http::send(request).await {
            Err(failure) => Err(Refusal::failed(STEP, &failure)),
            Ok(answer) => match read(&answer) {
                Err(refusal) if refusal.class != Class::Payload => Err(refusal),
                _ => Ok("it answers, and an empty message was refused as it should be".to_owned()),
            },
        };
        Check { what: "webhook".to_owned(), outcome: outcome.map_err(Into::into) }
    }

    async fn post(&self, payload: &Payload) -> Result<(), Refusal> {
        let request = self.http.post(self.url.expose().trim()).json(&body(payload));
        let answer =
            http::send(request).await.map_err(|failure| Refusal::failed(STEP, &failure))?;
        read(&answer)
    }
}

impl Channel for Webhook {
    fn deliver<'a>(&'a self, delivery: Delivery<'a>) -> DeliveryFuture<'a> {
        Box::pin(self.run(delivery))
    }
}

/// The message in this form, and whether Slack is asked to draw a chart in it.
fn payload(message: &Message, form: Form) -> (Payload, bool) {
    let options =
        Options { native_chart: form == Form::Rich, chart_path: true, reply: false, notice: None };
    match form {
        Form::Simple => (blocks::simple(message, options), false),
        Form::Rich | Form::NoChart => {
            let payload = blocks::rich(message, options);
            let charted = payload.blocks.iter().any(|b| b["type"] == "data_visualization");
            (payload, charted)
        }
    }
}

fn body(payload: &Payload) -> Value {
    let mut body = Map::new();
    body.insert("text".to_owned(), json!(payload.text));
    if !payload.blocks.is_empty() {
        body.insert("blocks".to_owned(), json!(payload.blocks));
        body.insert("attachments".to_owned(), json!(payload.attachments));
    }
    body.insert("unfurl_links".to_owned(), json!(false));
    body.insert("unfurl_media".to_owned(), json!(false));
    Value::Object(body)
}

/// An answer is a word: `ok`, or why not.
fn read(answer: &http::Answer) -> Result<(), Refusal> {
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim();
    let is_code = !text.is_empty()
        && text.len() <= 80
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    match answer.status {
        200 if text == "ok" => Ok(()),
        400..=499 if answer.status != 429 && is_code => Err(Refusal::coded(STEP, text, "")),
        status => Err(Refusal::status(STEP, status, answer.retry_after)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::HeaderMap;

    use super::*;

    #[test]
    fn answers_have_classes() {
        for (status, body, class) in [
            (400, "invalid_payload", Class::Payload),
            (400, "invalid_blocks", Class::Payload),
            (400, "no_text", Class::Payload),
            (403, "action_prohibited", Class::Auth),
            (403, "invalid_token", Class::Auth),
            (404, "no_service", Class::Auth),
            (404, "channel_not_found", Class::Target),
            (410, "channel_is_archived", Class::Target),
            (429, "rate_limited", Class::Passing),
            (500, "rollup_error", Class::Passing),
            (200, "<html>Sign in to the airport</html>", Class::Passing),
            (403, "<html>Forbidden by proxy</html>", Class::Passing),
            (302, "", Class::Passing),
        ] {
            let retry_after = (status == 429).then_some(Duration::from_secs(7));
            let headers = HeaderMap::new();
            let body_bytes = body.as_bytes().to_vec();
            let answer = http::Answer { status, headers, retry_after, body: body_bytes };
            assert_eq!(read(&answer).unwrap_err().class, class, "{status} {body}");
        }
    }

    #[test]
    fn nothing_shows_the_url() {
        let http = http::client(&http::Timeouts::default()).unwrap();
        let url = Secret::new("https://hooks.slack.com/services/T0/B0/very-secret".to_owned());
        assert!(!format!("{:?}", Webhook::new(http, url)).contains("secret"));
    }
}
