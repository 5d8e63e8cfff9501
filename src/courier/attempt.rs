//! One attempt to deliver one entry, bounded in time. It keeps the entry's progress on disk.

use std::time::Duration;

use crate::channels::{Channel, Delivery, DeliveryError, DeliveryFuture, Image, Verdict};
use crate::courier::card::{PATIENCE, bring_to_end, introduce};
use crate::courier::heartbeat::settle;
use crate::outbox::{Entry, Outbox};
use crate::render::Message;
use crate::render::message::MessageKind;
use crate::time::{Timestamp, format_duration};

/// The longest that one attempt may take, all its requests together.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// `attempt` of what a run left whose own courier does not deliver it: its card comes first, and
/// shows in the end how it ended.
pub(super) async fn attempt_for_another(
    channel: &dyn Channel,
    outbox: &Outbox,
    entry: &mut Entry,
    late: bool,
    now: Timestamp,
) -> Result<(), DeliveryError> {
    let (cards, about) = (outbox.cards(), entry.message.run.id.clone());
    // An end without a card takes its place.
    if entry.message.kind != MessageKind::End
        && let Err(error) = introduce(channel, &cards, &about, &entry.channel).await
    {
        let asked = matches!(error.verdict, Verdict::Retry { after: Some(_) });
        if asked || entry.attempts < PATIENCE {
            entry.attempts = entry.attempts.saturating_add(1);
            entry.first_tried.get_or_insert(now);
            return Err(error);
        }
    }
    attempt(channel, outbox, entry, late, now).await?;
    bring_to_end(channel, &cards, &about, &entry.channel).await;
    // The message is delivered, whatever becomes of that.
    let _ = settle(channel, &cards, &about, &entry.channel, now).await;
    Ok(())
}

/// Tries once. The entry comes back with its attempt counted and its progress as far as it got.
pub(super) async fn attempt(
    channel: &dyn Channel,
    outbox: &Outbox,
    entry: &mut Entry,
    late: bool,
    now: Timestamp,
) -> Result<(), DeliveryError> {
    entry.attempts = entry.attempts.saturating_add(1);
    entry.first_tried.get_or_insert(now);
    let images: Vec<Image> = outbox
        .pictures(entry)
        .into_iter()
        .map(|picture| Image { name: picture.name, alt: picture.alt, bytes: picture.bytes })
        .collect();
    let message = in_full(entry, late, now);
    let mut progress = entry.progress.clone();
    let mut save = {
        let mut entry = entry.clone();
        move |progress: &serde_json::Value| {
            entry.progress = progress.clone();
            // A disk that refuses costs at most a repeated step after a crash.
            let _ = outbox.save_progress(&entry);
        }
    };
    let cards = outbox.cards();
    // Of the run that it is about: another one's may have found it lost.
    let about = entry.message.run.id.clone();
    let mut seat = cards.seat(&about, &entry.channel);
    let was_shown = !seat.place.is_null();
    let delivery = Delivery {
        message: &message,
        images: &images,
        progress: &mut progress,
        progress_changed: &mut save,
        place: &mut seat.place,
    };
    let result = match tokio::time::timeout(TIMEOUT, channel.deliver(delivery)).await {
        Ok(result) => result,
        Err(_) => Err(DeliveryError {
            verdict: Verdict::Ambiguous,
            reason: format!("no answer within {}", format_duration(TIMEOUT)),
            hint: None,
        }),
    };
    entry.progress = progress;
    if !was_shown && !seat.place.is_null() {
        // The end took the card's place, and says more than a card would.
        seat.closed = true;
        // At worst a later message stands alone.
        let _ = cards.save_seat(&about, &entry.channel, &seat);
    }
    result
}

/// The message, with what its reader must know about this delivery.
fn in_full(entry: &Entry, late: bool, now: Timestamp) -> Message {
    let mut message = entry.message.clone();
    if late {
        let age = format_duration(now.since(message.at));
        let remark = format!("delivered late: this is from {}, {age} ago", message.at);
        add_on_top(&mut message, &remark);
    }
    message
}

/// Puts a remark before the message's body.
pub(super) fn add_on_top(message: &mut Message, remark: &str) {
    message.body = match message.body.as_str() {
        "" => remark.to_owned(),
        body => format!("{remark}\n{body}"),
    };
}

/// Stands for a channel that cannot be set up: it refuses everything, with the reason.
#[derive(Debug)]
pub(super) struct Unusable(pub(super) String);

impl Channel for Unusable {
    fn deliver<'a>(&'a self, _: Delivery<'a>) -> DeliveryFuture<'a> {
        let reason = self.0.clone();
        Box::pin(async move {
            Err(DeliveryError {
                verdict: Verdict::Permanent,
                reason,
                hint: Some("`watch doctor` checks channels".to_owned()),
            })
        })
    }
}
