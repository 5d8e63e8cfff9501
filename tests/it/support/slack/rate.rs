//! Slack's rate limits: tiers per method, one message a second per channel, and the rule that
//! nobody calls again before `Retry-After` has passed.

use std::collections::HashMap;
use std::time::Duration;

/// Buckets and pauses, by method or by method and channel.
#[derive(Debug, Default)]
pub struct Rates {
    buckets: HashMap<String, Bucket>,
    paused: HashMap<String, Duration>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

/// Burst, and calls a second.
fn limits(key: &str) -> (f64, f64) {
    let method = key.split(' ').next().unwrap_or(key);
    match method {
        "conversations.list" => (20.0, 20.0 / 60.0),
        "users.conversations"
        | "conversations.info"
        | "conversations.join"
        | "chat.update"
        | "chat.delete"
        | "chat.scheduleMessage"
        | "chat.deleteScheduledMessage"
        | "chat.scheduledMessages.list"
        | "files.delete" => (50.0, 50.0 / 60.0),
        "chat.postMessage" if key.contains(' ') => (5.0, 1.0),
        "chat.postMessage" | "auth.test" => (300.0, 5.0),
        "webhook" => (5.0, 1.0),
        _ => (100.0, 100.0 / 60.0),
    }
}

impl Rates {
    /// Nothing, or the seconds to wait. A call during a wait is an error with words.
    pub fn take(&mut self, key: &str, now: Duration) -> Result<Option<u64>, String> {
        if let Some(until) = self.paused.get(key).copied() {
            if now < until {
                let left = (until - now).as_secs_f64();
                return Err(format!(
                    "{key} was called again {left:.1} s before Retry-After passed"
                ));
            }
            self.paused.remove(key);
        }
        let (burst, rate) = limits(key);
        let bucket =
            self.buckets.entry(key.to_owned()).or_insert(Bucket { tokens: burst, at: now });
        let gained = now.saturating_sub(bucket.at).as_secs_f64() * rate;
        bucket.tokens = (bucket.tokens + gained).min(burst);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(None);
        }
        let seconds = ((1.0 - bucket.tokens) / rate).ceil().max(1.0) as u64;
        self.pause(key, now, seconds);
        Ok(Some(seconds))
    }

    pub fn pause(&mut self, key: &str, now: Duration, seconds: u64) {
        self.paused.insert(key.to_owned(), now + Duration::from_secs(seconds));
    }
}
