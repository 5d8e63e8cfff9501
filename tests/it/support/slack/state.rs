//! What the fake workspace holds.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::fault::Fault;
use super::files::File;
use super::rate::Rates;
use super::request::LogEntry;

#[derive(Clone, Debug)]
pub struct Channel {
    pub id: String,
    pub name: String,
    pub private: bool,
    pub archived: bool,
    /// Whether the bot is in it.
    pub member: bool,
}

impl Channel {
    pub fn public(id: &str, name: &str) -> Self {
        let (id, name) = (id.to_owned(), name.to_owned());
        Self { id, name, private: false, archived: false, member: false }
    }
}

/// A message in a channel.
#[derive(Clone, Debug)]
pub struct Posted {
    pub channel: String,
    pub ts: String,
    /// The parent's timestamp, if it is a reply.
    pub thread: Option<String>,
    /// A reply that is shown in the channel too.
    pub broadcast: bool,
    pub text: String,
    pub blocks: Vec<Value>,
    pub attachments: Vec<Value>,
    /// IDs.
    pub files: Vec<String>,
    pub edited: u32,
    /// By the fake's clock.
    pub last_edit: Option<Duration>,
}

/// A message that is to be posted by itself.
#[derive(Clone, Debug)]
pub struct Scheduled {
    pub id: String,
    /// Seconds since 1970.
    pub post_at: i64,
    /// Its `ts` is given when it is posted.
    pub message: Posted,
}

pub struct State {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    pub token: String,
    pub scopes: Vec<String>,
    pub revoked: bool,
    pub charts_refused: bool,
    pub limited: bool,
    /// The header `Date` of answers.
    pub date: Option<String>,
    pub processing: Duration,
    pub channels: Vec<Channel>,
    pub messages: Vec<Posted>,
    pub scheduled: Vec<Scheduled>,
    /// How many were ever scheduled.
    pub schedulings: usize,
    /// How many messages were deleted.
    pub deleted: usize,
    pub files: Vec<File>,
    pub faults: Vec<Fault>,
    /// Answers that were withheld although all was done.
    pub unheard: usize,
    pub rates: Rates,
    pub log: Vec<LogEntry>,
    pub violations: Vec<String>,
    pub offset: Duration,
    started: Instant,
    /// Seconds since 1970 at the start.
    began: i64,
}

impl State {
    #[expect(clippy::disallowed_methods, reason = "the fake has real limits and so a real clock")]
    pub fn new(token: &str) -> Self {
        let training = Channel { member: true, ..Channel::public("C0TRAINING1", "training") };
        let general = Channel::public("C0GENERAL01", "general");
        let secret =
            Channel { private: true, member: true, ..Channel::public("C0SECRET001", "secret") };
        let hook = Channel { private: true, ..Channel::public("C0WEBHOOK01", "webhook") };
        let scopes = ["chat:write", "files:write", "channels:read", "groups:read", "channels:join"];
        Self {
            address: String::new(),
            token: token.to_owned(),
            scopes: scopes.map(str::to_owned).to_vec(),
            revoked: false,
            charts_refused: false,
            limited: true,
            date: None,
            processing: Duration::from_millis(1500),
            channels: vec![training, general, secret, hook],
            messages: Vec::new(),
            scheduled: Vec::new(),
            schedulings: 0,
            deleted: 0,
            files: Vec::new(),
            faults: Vec::new(),
            unheard: 0,
            rates: Rates::default(),
            log: Vec::new(),
            violations: Vec::new(),
            offset: Duration::ZERO,
            started: Instant::now(),
            began: SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
                as i64,
        }
    }

    pub fn now(&self) -> Duration {
        self.started.elapsed() + self.offset
    }

    /// Seconds since 1970 by Slack's clock.
    pub fn unix(&self) -> i64 {
        self.began + self.now().as_secs() as i64
    }

    pub fn set_unix(&mut self, seconds: i64) {
        self.began = seconds - self.now().as_secs() as i64;
    }

    /// By ID or name.
    pub fn channel(&self, which: &str) -> Option<&Channel> {
        let name = which.strip_prefix('#').unwrap_or(which);
        self.channels.iter().find(|c| c.id == which || (c.name == name && !c.archived))
    }

    pub fn violate(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// A timestamp of its own for each message.
    pub fn next_ts(&self) -> String {
        format!("1795401203.{:06}", self.messages.len() + self.deleted + 100)
    }
}
