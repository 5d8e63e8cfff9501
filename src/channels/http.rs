//! The one HTTP client of all channels: TLS, proxies, timeouts, bounded answers, and what a failure
//! means for the request (not sent, or perhaps arrived). It knows no service and keeps URLs and
//! tokens out of every error.

use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{Client, RequestBuilder};

use crate::channels::{DeliveryError, Verdict};

/// More of an answer is not read: no service says more that we need.
const LARGEST_ANSWER: usize = 4 << 20;
/// A `Retry-After` beyond this is taken for a mistake.
const LONGEST_RETRY_AFTER: u64 = 86_400;

/// How long a request may take before it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, connection and TLS together. Less than `answer`, so that a connection that
    /// never came about is known as such.
    pub connect: Duration,
    /// From the start to the last byte of the answer.
    pub answer: Duration,
    /// The same for a request that carries a picture.
    pub upload: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            upload: Duration::from_secs(120),
        }
    }
}

/// The client could not be made: the system's certificates or its TLS are unusable.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct SetUpError(String);

/// A client for one channel. Proxies are taken from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
pub fn client(timeouts: &Timeouts) -> Result<Client, SetUpError> {
    // Fails only if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("trainwatch/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.answer)
        // A redirect could carry a token or a message to another host; no service needs one.
        .redirect(reqwest::redirect::Policy::none())
        // Deliveries are minutes apart: an old connection is likely dead, and to die on it
        // would leave open whether the message arrived.
        .pool_idle_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| SetUpError(innermost(error)))
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// A request without an answer. The text names the host at most.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No byte of the request left: no connection came about.
    #[error("{0}")]
    NotSent(String),
    /// The request was sent, at least in part; its answer is missing.
    #[error("{0}")]
    Unanswered(String),
    /// The request itself is impossible: a URL or header that is none.
    #[error("{0}")]
    Impossible(String),
}

impl From<Failure> for DeliveryError {
    fn from(failure: Failure) -> Self {
        let verdict = match failure {
            Failure::NotSent(_) => Verdict::Retry { after: None },
            Failure::Unanswered(_) => Verdict::Ambiguous,
            Failure::Impossible(_) => Verdict::Permanent,
        };
        Self { verdict, reason: failure.to_string(), hint: None }
    }
}

/// Sends a request and reads its answer.
pub async fn send(request: RequestBuilder) -> Result<Answer, Failure> {
    let mut response = request.send().await.map_err(failure)?;
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let retry_after = retry_after(&headers);
    let mut body = Vec::new();
    while body.len() < LARGEST_ANSWER
        && let Some(chunk) = response.chunk().await.map_err(failure)?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(LARGEST_ANSWER);
    Ok(Answer { status, headers, retry_after, body })
}

/// `Retry-After` in whole seconds; the form with a date is not used by any service of ours.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)))
}

fn failure(error: reqwest::Error) -> Failure {
    let host = error.url().and_then(|url| url.host_str()).unwrap_or("the server").to_owned();
    // The order counts: a connection that took too long is both, and nothing was sent on it.
    if error.is_builder() {
        return Failure::Impossible("the URL or the token is not a valid one".to_owned());
    }
    if error.is_connect() {
        let why = if error.is_dns() {
            "its name cannot be resolved".to_owned()
        } else if error.is_timeout() {
            "it took too long".to_owned()
        } else {
            innermost(error)
        };
        return Failure::NotSent(format!("no connection to {host}: {why}"));
    }
    if error.is_timeout() {
        return Failure::Unanswered(format!("{host} did not answer in time"));
    }
    Failure::Unanswered(format!("the connection to {host} broke: {}", innermost(error)))
}

/// The first cause in words: without the URL, which may be a secret.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    if text.contains("://") { "unknown cause".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        headers
    }

    #[test]
    fn retry_after_is_read_in_whole_seconds() {
        for (value, seconds) in [
            ("30", Some(30)),
            (" 1 ", Some(1)),
            ("0", Some(0)),
            ("99999999999", Some(86_400)),
            ("-1", None),
            ("1.5", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ] {
            assert_eq!(retry_after(&header(value)), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_failure_says_what_is_to_be_done() {
        for (failure, verdict) in [
            (Failure::NotSent(String::new()), Verdict::Retry { after: None }),
            (Failure::Unanswered(String::new()), Verdict::Ambiguous),
            (Failure::Impossible(String::new()), Verdict::Permanent),
        ] {
            assert_eq!(DeliveryError::from(failure).verdict, verdict);
        }
    }
}
