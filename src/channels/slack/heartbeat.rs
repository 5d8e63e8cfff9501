//! An alarm that Slack holds: a scheduled reply to the run's card, shown in the channel too.
//!
//! `chat.scheduleMessage`: at most 120 days ahead, and 30 in five minutes of a channel;
//! `chat.deleteScheduledMessage`: not in the last minute. Scope `chat:write`, no other:
//! <https://docs.slack.dev/reference/methods/chat.scheduleMessage>.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::channels::slack::api::Api;
use crate::channels::slack::blocks::Options;
use crate::channels::slack::bot::{Bot, contents, payload};
use crate::channels::slack::progress::Place;
use crate::channels::slack::refusal::{Class, Refusal};
use crate::channels::{DeliveryError, Holding};
use crate::time::Timestamp;

const SCHEDULE: &str = "chat.scheduleMessage";
/// What Slack would say if a rehearsal could not be taken back.
const REHEARSAL: &str =
    "`watch doctor` tried the heartbeat and could not take this message back: all is well.";

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

    pub(super) async fn unschedule(&self, handle: &Value) -> Result<(), DeliveryError> {
        let Ok(handle) = serde_json::from_value::<Handle>(handle.clone()) else { return Ok(()) };
        Ok(handle.take_back(&self.api).await?)
    }
}

/// Has Slack hold an alarm for this moment and takes it back at once. `channel`: an ID.
pub(super) async fn rehearse(
    api: &Api,
    channel: &str,
    due: Timestamp,
) -> Result<(), DeliveryError> {
    let post_at = due.as_nanos().div_euclid(1_000_000_000);
    let seconds = post_at.to_string();
    let args = [
        ("channel", channel),
        ("post_at", &seconds),
        ("text", REHEARSAL),
        ("unfurl_links", "false"),
        ("unfurl_media", "false"),
    ];
    let answer = api.call(SCHEDULE, &args).await;
    let held = answer.as_ref().map_or_else(Refusal::may_be_done, |_| true);
    let id = answer.as_ref().ok().and_then(|answer| id(&answer["scheduled_message_id"]));
    let handle = Handle { channel: channel.to_owned(), post_at, text: REHEARSAL.to_owned(), id };
    let taken_back = if held { handle.take_back(api).await } else { Ok(()) };
    answer?;
    taken_back.map_err(|refusal| {
        let error = DeliveryError::from(refusal);
        let reason = format!("{}: it could not be taken back, and is sent at {due}", error.reason);
        DeliveryError { reason, ..error }
    })
}

impl Handle {
    /// One that is not there any more is as good.
    async fn take_back(&self, api: &Api) -> Result<(), Refusal> {
        let ids = match &self.id {
            Some(id) => vec![id.clone()],
            None => self.find(api).await?,
        };
        for id in ids {
            let args = [("channel", self.channel.as_str()), ("scheduled_message_id", &id)];
            match api.call("chat.deleteScheduledMessage", &args).await {
                Err(refusal) if refusal.code != "invalid_scheduled_message_id" => {
                    return Err(refusal.repeatable());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the call of which nothing was heard did its work: by time and text.
    async fn find(&self, api: &Api) -> Result<Vec<String>, Refusal> {
        let (oldest, latest) = (self.post_at - 1, self.post_at + 1);
        let (oldest, latest) = (oldest.to_string(), latest.to_string());
        // No more than 30 are due in five minutes of a channel.
        let args = [
            ("channel", self.channel.as_str()),
            ("oldest", &oldest),
            ("latest", &latest),
            ("limit", "100"),
        ];
        let answer = api.call("chat.scheduledMessages.list", &args).await;
        let answer = answer.map_err(Refusal::repeatable)?;
        let messages = answer["scheduled_messages"].as_array();
        Ok((messages.into_iter().flatten())
            .filter(|message| seconds(&message["post_at"]) == Some(self.post_at))
            .filter(|message| message["text"].as_str() == Some(&self.text))
            .filter_map(|message| id(&message["id"]))
            .collect())
    }

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
