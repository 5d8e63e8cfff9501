//! An alarm that Slack holds: a scheduled reply to the run's card, shown in the channel too.
//!
//! `chat.scheduleMessage`: at most 120 days ahead, and 30 in five minutes of a channel;
//! `chat.deleteScheduledMessage`: not in the last minute. Scope `chat:write`, no other:
//! <https://docs.slack.dev/reference/methods/chat.scheduleMessage>.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::channels::slack::blocks::Options;
use crate::channels::slack::bot::{Bot, contents, payload};
use crate::channels::slack::progress::Place;
use crate::channels::slack::refusal::{Class, Refusal};
use crate::channels::{DeliveryError, Holding};

const SCHEDULE: &str = "chat.scheduleMessage";

/// By which a scheduled message is found again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Handle {
    channel: String,
    /// Seconds since 1970.
    post_at: i64,
    text: String,
    /// None: the answer did not arrive (yet).
    id: Option<String>,
}

impl Bot {
    pub(super) async fn schedule(&self, holding: Holding<'_>) -> Result<(), DeliveryError> {
        let Some(place) = Place::load(holding.place) else {
            return Err(Refusal::coded(SCHEDULE, "no_thread", "").into());
        };
        let seconds = holding.due.as_nanos().div_euclid(1_000_000_000);
        let mut form = place.form;
        loop {
            let options =
                Options { native_chart: false, chart_path: false, reply: true, notice: None };
            let (payload, charted) = payload(holding.message, form, options);
            let mut handle = Handle {
                channel: place.posted.channel.clone(),
                post_at: seconds,
                text: payload.text.clone(),
                id: None,
            };
            handle.store(holding.handle);
            (holding.handle_changed)(holding.handle);
            let answer = self.schedule_once(&place, seconds, &contents(&payload)).await;
            let refusal = match answer {
                Ok(id) => {
                    handle.id = Some(id);
                    handle.store(holding.handle);
                    return Ok(());
                }
                Err(refusal) => refusal,
            };
            match form.next(charted) {
                Some(next) if refusal.class == Class::Payload => form = next,
                _ => return Err(refusal.into()),
            }
        }
    }

    async fn schedule_once(
        &self,
        place: &Place,
        seconds: i64,
        contents: &[(&str, String)],
    ) -> Result<String, Refusal> {
        let seconds = seconds.to_string();
        let mut args = vec![
            ("channel", place.posted.channel.as_str()),
            ("post_at", &seconds),
            ("thread_ts", &place.posted.ts),
            ("reply_broadcast", "true"),
            ("unfurl_links", "false"),
            ("unfurl_media", "false"),
        ];
        args.extend(contents.iter().map(|(key, value)| (*key, value.as_str())));
        let answer = self.api.call(SCHEDULE, &args).await?;
        id(&answer["scheduled_message_id"])
            .ok_or_else(|| Refusal::coded(SCHEDULE, "fatal_error", "it named no ID"))
    }

    /// One that is not there any more is as good.
    pub(super) async fn unschedule(&self, handle: &Value) -> Result<(), DeliveryError> {
        let Ok(handle) = serde_json::from_value::<Handle>(handle.clone()) else { return Ok(()) };
        let ids = match &handle.id {
            Some(id) => vec![id.clone()],
            None => self.find(&handle).await?,
        };
        for id in ids {
            let args = [("channel", handle.channel.as_str()), ("scheduled_message_id", &id)];
            match self.api.call("chat.deleteScheduledMessage", &args).await {
                Err(refusal) if refusal.code != "invalid_scheduled_message_id" => {
                    return Err(refusal.repeatable().into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the call of which nothing was heard did its work: by time and text.
    async fn find(&self, handle: &Handle) -> Result<Vec<String>, DeliveryError> {
        let (oldest, latest) = (handle.post_at - 1, handle.post_at + 1);
        let (oldest, latest) = (oldest.to_string(), latest.to_string());
        // No more than 30 are due in five minutes of a channel.
        let args = [
            ("channel", handle.channel.as_str()),
            ("oldest", &oldest),
            ("latest", &latest),
            ("limit", "100"),
        ];
        let answer = self.api.call("chat.scheduledMessages.list", &args).await;
        let answer = answer.map_err(Refusal::repeatable)?;
        let messages = answer["scheduled_messages"].as_array();
        Ok((messages.into_iter().flatten())
            .filter(|message| seconds(&message["post_at"]) == Some(handle.post_at))
            .filter(|message| message["text"].as_str() == Some(&handle.text))
            .filter_map(|message| id(&message["id"]))
            .collect())
    }
}

impl Handle {
    fn store(&self, value: &mut Value) {
        *value = serde_json::to_value(self).unwrap_or_default();
    }
}

/// A string by the method's schema, a number in its example.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
