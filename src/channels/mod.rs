//! Where messages go. A channel turns a `Message` into its service's payload and sends it, and
//! says of each failure what is to be done. It knows no outbox, no rule and no run but the
//! message's.

pub mod http;
mod ping;
pub mod secret;
mod slack;
pub mod terminal;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::channels::secret::Secret;
use crate::render::Message;
use crate::time::Timestamp;

/// A channel of the rules file: its name there, its kind and settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelConfig {
    pub name: String,
    pub settings: Settings,
}

/// The closed list of kinds. A new kind is a file of its own, a variant here, and its settings in
/// `config::raw`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settings {
    /// Standard error of the supervisor; the only kind that is not delivered by the courier.
    Terminal,
    SlackWebhook {
        url: Secret,
    },
    /// A check at Healthchecks or the like.
    Ping {
        url: Secret,
    },
    /// `channel`: an ID or `#name`; `api_url` ends with a slash.
    SlackBot {
        token: Secret,
        channel: String,
        api_url: String,
        /// After so long without a sign of life Slack says so by itself; none: it does not.
        heartbeat: Option<Duration>,
    },
}

/// One delivery: the message, its pictures, and what earlier attempts have done already.
pub struct Delivery<'a> {
    pub message: &'a Message,
    pub images: &'a [Image],
    /// Kept on disk between attempts; saved by the courier whenever `progress_changed` is called.
    pub progress: &'a mut serde_json::Value,
    /// Called with the new progress whenever a step is done; when it returns, it is on disk.
    pub progress_changed: &'a mut (dyn FnMut(&serde_json::Value) + Send),
    /// Where the run's card is shown (see `show`); null: nowhere. A channel with threads replies to
    /// it. The end of a run that is shown nowhere takes its place and says where that is.
    pub place: &'a mut serde_json::Value,
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("message", self.message).finish_non_exhaustive()
    }
}

/// One message that the service is to hold back, and to send at `due` unless it is taken back.
pub struct Holding<'a> {
    pub message: &'a Message,
    pub due: Timestamp,
    /// Where the run's card is shown (see `show`).
    pub place: &'a serde_json::Value,
    /// By which it is taken back, also if the answer never comes. Kept on disk by the courier.
    pub handle: &'a mut serde_json::Value,
    /// Called with the handle before the service is asked, so that no crash leaves an alarm behind
    /// that nobody knows of.
    pub handle_changed: &'a mut (dyn FnMut(&serde_json::Value) + Send),
}

impl fmt::Debug for Holding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holding").field("due", &self.due).finish_non_exhaustive()
    }
}

/// A picture, read into memory (bounded by the outbox).
#[derive(Clone, Debug)]
pub struct Image {
    pub name: String,
    pub alt: String,
    pub bytes: Vec<u8>,
}

/// What is to be done about a failed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again, not before this long (none: the usual back-off).
    Retry { after: Option<Duration> },
    /// It will never work; the hint says what a person can do.
    Permanent,
    /// It may have arrived; a retry may send it twice.
    Ambiguous,
}

/// Why a delivery failed. Its text never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryError {
    pub verdict: Verdict,
    pub reason: String,
    pub hint: Option<String>,
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DeliveryError {}

pub type DeliveryFuture<'a> = Pin<Box<dyn Future<Output = Result<(), DeliveryError>> + Send + 'a>>;

/// A service that takes messages.
pub trait Channel: Send + Sync {
    fn deliver<'a>(&'a self, delivery: Delivery<'a>) -> DeliveryFuture<'a>;

    /// Whether it can show a card, and keep it up to date in place.
    fn can_show(&self) -> bool {
        false
    }

    /// Shows a run's card at this place, or at a new one if it is null. A place that is gone for
    /// good becomes null. Called only if `can_show`.
    fn show<'a>(&'a self, _: &'a Message, _: &'a mut serde_json::Value) -> DeliveryFuture<'a> {
        Box::pin(async { Ok(()) })
    }

    /// After how long without a sign of life of a run the service is to say so by itself; none: it
    /// cannot, or is not to.
    fn heartbeat(&self) -> Option<Duration> {
        None
    }

    /// Hands a message to the service that it sends later by itself. Called only with a heartbeat.
    fn hold<'a>(&'a self, _: Holding<'a>) -> DeliveryFuture<'a> {
        Box::pin(async { Ok(()) })
    }

    /// Takes such a message back; that there is none any more is as good.
    fn take_back<'a>(&'a self, _: &'a serde_json::Value) -> DeliveryFuture<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// How long a heartbeat may be: Slack gives back nothing in its last minute, and holds no message
/// for more than 120 days.
pub const HEARTBEATS: std::ops::RangeInclusive<Duration> =
    Duration::from_mins(3)..=Duration::from_hours(100 * 24);
/// Where nothing else is asked for.
pub const HEARTBEAT: Duration = Duration::from_mins(10);

/// Why there is no channel for these settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the terminal is written to by the supervisor itself")]
    Terminal,
    #[error("the token holds characters that no token has; it was perhaps pasted in part")]
    Token,
    #[error(transparent)]
    Http(#[from] http::SetUpError),
}

/// One thing that was looked at before anything depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `token`, `channel #training`.
    pub what: String,
    /// What was found, or what is wrong.
    pub outcome: Result<String, DeliveryError>,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(found) => write!(f, "{}: ok, {found}", self.what),
            Err(error) => write!(f, "{}: FAILED: {error}", self.what),
        }
    }
}

/// Looks at token, scopes, membership and so on; sends no message. `now`: by this machine's clock.
pub async fn examine(config: &ChannelConfig, now: Timestamp) -> Result<Vec<Check>, BuildError> {
    let timeouts = http::Timeouts::default();
    Ok(match &config.settings {
        Settings::Terminal => Vec::new(),
        Settings::Ping { url } => {
            vec![ping::Ping::new(http::client(&timeouts)?, url.clone()).examine().await]
        }
        Settings::SlackWebhook { url } => {
            vec![slack::Webhook::new(http::client(&timeouts)?, url.clone()).examine().await]
        }
        Settings::SlackBot { token, channel, api_url, heartbeat } => {
            let client = http::client(&timeouts)?;
            let api = slack::Api::new(client, api_url, token, timeouts).ok_or(BuildError::Token)?;
            slack::examine(&api, channel, *heartbeat, now).await
        }
    })
}

/// The description of a Slack app that can do all that a bot's channel does.
pub fn slack_manifest() -> String {
    slack::manifest()
}

/// The channel of these settings, with the usual timeouts. Sends nothing yet.
pub fn build(config: &ChannelConfig) -> Result<Box<dyn Channel>, BuildError> {
    build_with(config, http::Timeouts::default())
}

/// `build` with other timeouts.
pub fn build_with(
    config: &ChannelConfig,
    timeouts: http::Timeouts,
) -> Result<Box<dyn Channel>, BuildError> {
    let client = http::client(&timeouts)?;
    Ok(match &config.settings {
        Settings::Terminal => return Err(BuildError::Terminal),
        Settings::Ping { url } => Box::new(ping::Ping::new(client, url.clone())),
        Settings::SlackWebhook { url } => Box::new(slack::Webhook::new(client, url.clone())),
        Settings::SlackBot { token, channel, api_url, heartbeat } => {
            let api = slack::Api::new(client, api_url, token, timeouts).ok_or(BuildError::Token)?;
            Box::new(slack::Bot::new(api, channel, *heartbeat))
        }
    })
}
