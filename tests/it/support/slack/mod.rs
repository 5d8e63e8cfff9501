//! A strict Slack on loopback: it refuses what Slack refuses, and writes down as a violation what
//! a well-made client never does (raw markup, too fast a repeat, a token sent to another host).
//!
//! ```ignore
//! let slack = FakeSlack::start();
//! // … the client works with `slack.api_url`, `slack.token` or `slack.webhook_url` …
//! println!("{}", slack.view("training"));
//! slack.assert_no_violations();
//! ```
//!
//! `server` speaks HTTP; `web_api`, `chat`, `conversations`, `files`, `schedule` and `webhook` are Slack's
//! methods; `content` and `markup` check messages; `rate` limits; `fault` breaks things on
//! purpose; `view` shows messages as people see them.

#![allow(clippy::expect_used, reason = "a test may panic")]

mod chat;
mod content;
mod conversations;
mod fault;
mod files;
mod markup;
mod rate;
mod request;
mod schedule;
mod server;
mod state;
mod view;
mod web_api;
mod webhook;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

pub use fault::{Fault, What};
pub use request::{LogEntry, Reply};
use state::State;
pub use state::{Channel, Posted};

/// A running fake. It stops listening when the test process ends.
pub struct FakeSlack {
    /// Ends with a slash, as `SLACK_API_URL` does.
    pub api_url: String,
    pub webhook_url: String,
    /// A bot's token with the scopes that a full set-up has.
    pub token: String,
    shared: Arc<Shared>,
}

/// What the connections' threads share.
struct Shared {
    state: Mutex<State>,
    /// A request was answered.
    answered: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl FakeSlack {
    /// Starts with the channels `#training` (the bot is in it), `#general` (it is not) and
    /// `#secret` (private, it is in it).
    pub fn start() -> Self {
        let token = "xoxb-1111111111-2222222222-FakeFakeFakeFakeFakeFake".to_owned();
        let state = Mutex::new(State::new(&token));
        let shared = Arc::new(Shared { state, answered: Condvar::new() });
        let address = server::start(Arc::clone(&shared));
        shared.lock().address.clone_from(&address);
        Self {
            api_url: format!("{address}/api/"),
            webhook_url: format!("{address}{}", webhook::PATH),
            token,
            shared,
        }
    }

    /// What the client did wrong.
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// Forgets messages and violations, for the next case of a property.
    pub fn clear(&self) {
        let mut state = self.lock();
        state.messages.clear();
        state.violations.clear();
        state.files.clear();
        state.log.clear();
        state.faults.clear();
    }

    #[track_caller]
    pub fn assert_no_violations(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "Slack would object:\n{}", violations.join("\n"));
    }

    /// Every request, in order, without tokens.
    pub fn log(&self) -> Vec<LogEntry> {
        self.lock().log.clone()
    }

    /// Puts a remark of the test's among the requests.
    pub fn remark(&self, text: &str) {
        let (name, args) = (text.to_owned(), serde_json::Value::Null);
        let answer = String::new();
        self.lock().log.push(LogEntry { name, args, status: 0, answer });
    }

    /// The names of the requests, in order: methods, `webhook`, `upload`.
    pub fn calls(&self) -> Vec<String> {
        self.lock().log.iter().map(|entry| entry.name.clone()).collect()
    }

    /// Waits until `name` was called `n` times: for clients that work in the background.
    #[track_caller]
    pub fn wait_for(&self, name: &str, n: usize) {
        const PATIENCE: Duration = Duration::from_secs(60);
        let called = |state: &State| state.log.iter().filter(|e| e.name == name).count();
        let (state, timeout) = self
            .shared
            .answered
            .wait_timeout_while(self.lock(), PATIENCE, |state| called(state) < n)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = called(&state);
        assert!(!timeout.timed_out(), "{name} was called {count} times instead of {n}");
    }

    /// A channel's messages, oldest first; `webhook` is the webhook's channel.
    pub fn messages(&self, channel: &str) -> Vec<Posted> {
        let state = self.lock();
        let id = state.channel(channel).map(|c| c.id.clone());
        state.messages.iter().filter(|m| Some(&m.channel) == id.as_ref()).cloned().collect()
    }

    /// A channel's messages as people see them, in text.
    pub fn view(&self, channel: &str) -> String {
        let state = self.lock();
        let shown = |m: &Posted| view::message(m, &state.files);
        let id = state.channel(channel).map(|c| c.id.clone());
        let of_channel = state.messages.iter().filter(|m| Some(&m.channel) == id.as_ref());
        of_channel.map(shown).collect::<Vec<_>>().join("\n")
    }

    /// A picture's description and its bytes, by the ID in `Posted::files`.
    pub fn picture(&self, id: &str) -> Option<(String, Vec<u8>)> {
        let state = self.lock();
        let file = state.files.iter().find(|file| file.id == id)?;
        Some((file.alt.clone(), file.bytes.clone()?))
    }

    /// Somebody deletes all messages of the channel.
    pub fn delete_messages(&self, channel: &str) {
        let mut state = self.lock();
        let id = state.channel(channel).map(|c| c.id.clone());
        let before = state.messages.len();
        state.messages.retain(|m| Some(&m.channel) != id.as_ref());
        state.deleted += before - state.messages.len();
    }

    /// Breaks the next calls of `fault.on`.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// From now on all works. How many answers were withheld until now although all was done.
    pub fn end_faults(&self) -> usize {
        let mut state = self.lock();
        state.faults.clear();
        state.unheard
    }

    pub fn set_scopes(&self, scopes: &[&str]) {
        self.lock().scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
    }

    pub fn revoke_token(&self) {
        self.lock().revoked = true;
    }

    /// From now on the workspace takes no `data_visualization`, as some do not.
    pub fn refuse_charts(&self) {
        self.lock().charts_refused = true;
    }

    /// Slack's clock, as its answers show it from now on.
    pub fn set_date(&self, date: &str) {
        self.lock().date = Some(date.to_owned());
    }

    /// Neither tiers nor buckets: for tests of very many messages.
    pub fn lift_rate_limits(&self) {
        self.lock().limited = false;
    }

    /// How long a completed file is processed before it can be referred to.
    pub fn set_processing(&self, time: Duration) {
        self.lock().processing = time;
    }

    pub fn add_channel(&self, channel: Channel) {
        self.lock().channels.push(channel);
    }

    /// Moves the fake's clock on, for limits and processing.
    pub fn advance(&self, time: Duration) {
        self.lock().offset += time;
    }

    /// Sets the fake's clock, seconds since 1970: when scheduled messages are due.
    pub fn set_clock(&self, seconds: i64) {
        self.lock().set_unix(seconds);
    }

    /// What is scheduled: when, and the message.
    pub fn scheduled(&self) -> Vec<(i64, Posted)> {
        self.lock().scheduled.iter().map(|s| (s.post_at, s.message.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.shared.lock();
        schedule::post_due(&mut state);
        state
    }
}
