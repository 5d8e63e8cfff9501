//! The run's card in a channel: posted once, quietly, and edited from then on.
//!
//! `chat.update` takes 50 calls a minute of a whole workspace, so the courier edits rarely:
//! <https://docs.slack.dev/reference/methods/chat.update>.

use serde_json::Value;

use crate::channels::slack::blocks::Options;
use crate::channels::slack::bot::{Attempt, Bot, contents, payload};
use crate::channels::slack::progress::{Place, Progress};
use crate::channels::slack::refusal::{Class, Refusal};
use crate::channels::{Delivery, DeliveryError};
use crate::render::Message;

impl Bot {
    pub(super) async fn show_card(
        &self,
        card: &Message,
        place: &mut Value,
    ) -> Result<(), DeliveryError> {
        let Some(mut known) = Place::load(place) else {
            let posted = self.post_card(card).await?;
            posted.store(place);
            return Ok(());
        };
        let result = self.edit(card, &mut known).await;
        match &result {
            // Somebody has deleted it.
            Err(refusal) if refusal.code == "message_not_found" => *place = Value::Null,
            _ => known.store(place),
        }
        Ok(result?)
    }

    /// Posted like any message that has no thread.
    async fn post_card(&self, card: &Message) -> Result<Place, DeliveryError> {
        let (mut progress, mut place) = (Value::Null, Value::Null);
        let delivery = Delivery {
            message: card,
            images: &[],
            progress: &mut progress,
            progress_changed: &mut |_| {},
            place: &mut place,
        };
        let mut attempt = Attempt { bot: self, delivery, done: Progress::default() };
        attempt.post_to_target().await?;
        let form = attempt.done.form;
        match attempt.done.posted {
            Some(posted) => Ok(Place { posted, form }),
            None => Err(Refusal::coded("chat.postMessage", "no_ts", "").into()),
        }
    }

    /// The same twice is the same as once. Pictures that it has stay.
    async fn edit(&self, card: &Message, place: &mut Place) -> Result<(), Refusal> {
        loop {
            let options =
                Options { native_chart: false, chart_path: false, reply: false, notice: None };
            let (payload, charted) = payload(card, place.form, options);
            let contents = contents(&payload);
            let mut args =
                vec![("channel", place.posted.channel.as_str()), ("ts", place.posted.ts.as_str())];
            args.extend(contents.iter().map(|(key, value)| (*key, value.as_str())));
            let refusal = match self.api.call("chat.update", &args).await {
                Ok(_) => return Ok(()),
                Err(refusal) => refusal.repeatable(),
            };
            match place.form.next(charted) {
                Some(form) if refusal.class == Class::Payload => place.form = form,
                _ => return Err(refusal),
            }
        }
    }
}
