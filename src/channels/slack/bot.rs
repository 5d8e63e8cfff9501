//! Slack by a bot's token: the text is posted first, then its pictures are uploaded and attached to
//! it by an edit. So the text arrives whatever becomes of the pictures, and in one message.
//!
//! `chat.postMessage`, per picture `files.getUploadURLExternal` and a POST of its bytes,
//! `files.completeUploadExternal` without a channel, `chat.update` with `file_ids`:
//! <https://docs.slack.dev/messaging/working-with-files> and
//! <https://docs.slack.dev/reference/methods/chat.update>.
//!
//! Where the run's card is shown (`card`), messages are replies to it; those that must be seen are
//! shown in the channel too.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::channels::slack::api::Api;
use crate::channels::slack::blocks::{self, Options, Payload};
use crate::channels::slack::escape::{cut, line};
use crate::channels::slack::lookup::{Found, Lookup, Target};
use crate::channels::slack::progress::{Form, Place, Posted, Progress};
use crate::channels::slack::refusal::{Class, Refusal};
use crate::channels::{Channel, Delivery, DeliveryError, DeliveryFuture, Holding, Image};
use crate::engine::alert::{AlertState, Severity};
use crate::render::Message;
use crate::render::message::MessageKind;

/// More than 14 files in one completion are an `internal_error`.
const MOST_PICTURES: usize = 10;
/// After so many failures of the pictures, the text stands alone.
const MOST_PICTURE_FAILURES: u32 = 5;
/// `alt_txt` of an upload.
const ALT_TEXT: usize = 1000;

#[derive(Debug)]
pub(in crate::channels) struct Bot {
    pub(super) api: Api,
    target: Target,
    /// The ID that the name stood for when it was last looked up.
    known: Mutex<Option<String>>,
    heartbeat: Option<Duration>,
}

impl Bot {
    pub(in crate::channels) fn new(api: Api, channel: &str, heartbeat: Option<Duration>) -> Self {
        Self { api, target: Target::parse(channel), known: Mutex::new(None), heartbeat }
    }

    fn known(&self) -> Option<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, id: Option<String>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// Joins the channel after it refused a stranger: possible in public ones, given the scope.
    /// Otherwise the first refusal says what is to be done.
    async fn join(&self, channel: &str, refusal: Refusal) -> Result<(), Refusal> {
        match self.api.call("conversations.join", &[("channel", channel)]).await {
            Ok(_) => Ok(()),
            Err(passing) if passing.clone().repeatable().is_passing() => Err(passing.repeatable()),
            Err(_) => Err(refusal),
        }
    }

    /// An upload that is repeated leaves a file behind that nobody sees.
    async fn upload(&self, image: &Image) -> Result<String, Refusal> {
        const METHOD: &str = "files.getUploadURLExternal";
        let length = image.bytes.len().to_string();
        let alt = cut(&line(&image.alt), ALT_TEXT);
        let name = file_name(image);
        let mut args = vec![("filename", name.as_str()), ("length", length.as_str())];
        if !alt.is_empty() {
            args.push(("alt_txt", &alt));
        }
        let answer = self.api.call(METHOD, &args).await.map_err(Refusal::repeatable)?;
        let (Some(url), Some(file)) = (answer["upload_url"].as_str(), answer["file_id"].as_str())
        else {
            return Err(Refusal::coded(METHOD, "no_upload_url", ""));
        };
        self.api.upload(url, &image.bytes).await.map_err(Refusal::repeatable)?;
        Ok(file.to_owned())
    }
}

impl Channel for Bot {
    fn deliver<'a>(&'a self, delivery: Delivery<'a>) -> DeliveryFuture<'a> {
        let done = Progress::load(delivery.progress);
        Box::pin(Attempt { bot: self, delivery, done }.run())
    }

    fn can_show(&self) -> bool {
        true
    }

    fn show<'a>(&'a self, card: &'a Message, place: &'a mut Value) -> DeliveryFuture<'a> {
        Box::pin(self.show_card(card, place))
    }

    fn heartbeat(&self) -> Option<Duration> {
        self.heartbeat
    }

    fn hold<'a>(&'a self, holding: Holding<'a>) -> DeliveryFuture<'a> {
        Box::pin(self.schedule(holding))
    }

    fn take_back<'a>(&'a self, handle: &'a Value) -> DeliveryFuture<'a> {
        Box::pin(self.unschedule(handle))
    }
}

/// One delivery, from where the last attempt left it.
pub(super) struct Attempt<'a> {
    pub(super) bot: &'a Bot,
    pub(super) delivery: Delivery<'a>,
    pub(super) done: Progress,
}

impl Attempt<'_> {
    async fn run(mut self) -> Result<(), DeliveryError> {
        if self.done.posted.is_none() {
            self.post().await?;
        }
        self.take_place();
        if self.images().is_empty() {
            return Ok(());
        }
        match self.attach().await {
            Err(refusal) if refusal.is_passing() => self.fail_picture(refusal).await,
            // The text stands; that its edit is impossible (it was deleted, say) harms nobody.
            _ => Ok(()),
        }
    }

    /// Writes down what is done: a crash from here on repeats none of it.
    fn save(&mut self) {
        self.done.store(self.delivery.progress);
        (self.delivery.progress_changed)(self.delivery.progress);
    }

    fn images(&self) -> &[Image] {
        let images = self.delivery.images;
        &images[..images.len().min(MOST_PICTURES)]
    }

    /// As a reply to the run's card; where that cannot be, alone.
    async fn post(&mut self) -> Result<(), DeliveryError> {
        if let Some(place) = self.thread() {
            match self.post_in(&place.posted.channel).await {
                Err(refusal) if takes_no_reply(&refusal.code) => {
                    self.done.alone = true;
                    self.save();
                }
                result => return Ok(result?),
            }
        }
        self.post_to_target().await
    }

    fn thread(&self) -> Option<Place> {
        Place::load(self.delivery.place).filter(|_| !self.done.alone)
    }

    /// The end of a run that has no card is its card.
    fn take_place(&mut self) {
        let is_end = self.delivery.message.kind == MessageKind::End;
        if let (true, true, Some(posted)) =
            (is_end, self.delivery.place.is_null(), self.done.posted.clone())
        {
            Place { posted, form: self.done.form }.store(self.delivery.place);
        }
    }

    /// A channel that was found by its name earlier can have been renamed or archived since; then
    /// its name is looked up again.
    pub(super) async fn post_to_target(&mut self) -> Result<(), DeliveryError> {
        let remembered = self.bot.known();
        if let Some(channel) = &remembered {
            match self.post_in(channel).await {
                Err(r) if matches!(r.code.as_str(), "channel_not_found" | "is_archived") => {
                    self.bot.remember(None);
                }
                result => return Ok(result?),
            }
        }
        let channel = self.channel().await?;
        Ok(self.post_in(&channel).await?)
    }

    /// The channel's ID; its name where the app may not look the ID up, which Slack takes too.
    async fn channel(&mut self) -> Result<String, DeliveryError> {
        let name = match &self.bot.target {
            Target::Id(id) => return Ok(id.clone()),
            Target::Name(name) => name,
        };
        match self.done.lookup.search(&self.bot.api, name).await {
            Ok(Found::Id(id)) => {
                self.bot.remember(Some(id.clone()));
                Ok(id)
            }
            Ok(Found::NotAllowed) => Ok(format!("#{name}")),
            Ok(Found::Nowhere) => {
                // Not for ever: it may be created, or the app invited, before somebody tries again.
                self.done.lookup = Lookup::default();
                self.save();
                let what = format!("#{}", cut(name, 80));
                Err(Refusal::coded("the channel", "channel_not_found", &what).into())
            }
            Err(refusal) => {
                self.save();
                Err(refusal.into())
            }
        }
    }

    async fn post_in(&mut self, channel: &str) -> Result<(), Refusal> {
        let mut joined = false;
        loop {
            let (payload, charted) = self.payload();
            let refusal = match self.post_once(channel, &payload).await {
                Ok(()) => return Ok(()),
                Err(refusal) => refusal,
            };
            if refusal.code == "not_in_channel" && !joined {
                self.bot.join(channel, refusal).await?;
                joined = true;
                continue;
            }
            match self.done.form.next(charted) {
                Some(form) if refusal.class == Class::Payload => {
                    self.done.form = form;
                    self.save();
                }
                _ => return Err(refusal),
            }
        }
    }

    async fn post_once(&mut self, channel: &str, payload: &Payload) -> Result<(), Refusal> {
        const METHOD: &str = "chat.postMessage";
        let mut args = vec![("channel", channel)];
        args.extend([("unfurl_links", "false"), ("unfurl_media", "false")]);
        let contents = contents(payload);
        args.extend(contents.iter().map(|(key, value)| (*key, value.as_str())));
        let thread = self.thread();
        if let Some(place) = &thread {
            args.push(("thread_ts", &place.posted.ts));
            if must_be_seen(self.delivery.message) {
                args.push(("reply_broadcast", "true"));
            }
        }
        let answer = self.bot.api.call(METHOD, &args).await?;
        let ts = answer["ts"].as_str().unwrap_or_default().to_owned();
        // The ID even where a name or a member was given: an edit needs it.
        let channel = answer["channel"].as_str().unwrap_or(channel).to_owned();
        self.done.posted = Some(Posted { channel, ts });
        self.save();
        Ok(())
    }

    fn payload(&self) -> (Payload, bool) {
        let pictured = !self.images().is_empty() && self.done.notice.is_none();
        let options = Options {
            native_chart: self.done.form == Form::Rich && !pictured && self.done.notice.is_none(),
            chart_path: !pictured,
            // The end of a run that took the card's place replies to nothing.
            reply: self.thread().is_some_and(|place| Some(place.posted) != self.done.posted),
            notice: self.done.notice.as_deref(),
        };
        payload(self.delivery.message, self.done.form, options)
    }

    /// Uploads what is missing and shows it below the text. Fails only for a while; what fails for
    /// good is said in the message instead.
    async fn attach(&mut self) -> Result<(), Refusal> {
        self.upload_all().await?;
        self.complete().await?;
        match self.update().await {
            Err(refusal) if !refusal.is_passing() && !self.done.files.is_empty() => {
                self.give_up(&refusal);
                self.update().await
            }
            result => result,
        }
    }

    async fn upload_all(&mut self) -> Result<(), Refusal> {
        while self.done.notice.is_none() && self.done.files.len() < self.images().len() {
            let image = &self.delivery.images[self.done.files.len()];
            match self.bot.upload(image).await {
                Ok(file) => {
                    self.done.files.push(file);
                    self.save();
                }
                Err(refusal) if refusal.is_passing() => return Err(refusal),
                // Those before it are still shown.
                Err(refusal) => self.note(&refusal),
            }
        }
        Ok(())
    }

    async fn complete(&mut self) -> Result<(), Refusal> {
        if self.done.completed || self.done.files.is_empty() {
            return Ok(());
        }
        let files: Vec<Value> = (self.done.files.iter().zip(self.images()))
            .map(|(id, image)| json!({"id": id, "title": file_name(image)}))
            .collect();
        let files = Value::Array(files).to_string();
        let args = [("files", files.as_str())];
        let answer = self.bot.api.call("files.completeUploadExternal", &args).await;
        match answer.map_err(Refusal::repeatable) {
            Ok(_) => self.done.completed = true,
            Err(refusal) if refusal.is_passing() => return Err(refusal),
            // An earlier attempt can have completed them unheard; the edit will show.
            Err(_) if self.done.picture_failures > 0 => self.done.completed = true,
            Err(refusal) => self.give_up(&refusal),
        }
        self.save();
        Ok(())
    }

    async fn update(&mut self) -> Result<(), Refusal> {
        match self.update_once().await {
            // A public channel can be posted to from outside, but takes files of members only.
            Err(refusal) if refusal.code == "not_in_channel" => {
                let channel = self.done.posted.as_ref().map(|p| p.channel.clone());
                self.bot.join(&channel.unwrap_or_default(), refusal).await?;
                self.update_once().await
            }
            result => result,
        }
    }

    /// The same text and blocks again, now with the pictures: what is left out would be dropped.
    async fn update_once(&mut self) -> Result<(), Refusal> {
        let Some(posted) = &self.done.posted else { return Ok(()) };
        let mut args = vec![("channel", posted.channel.as_str()), ("ts", posted.ts.as_str())];
        let (payload, _) = self.payload();
        let contents = contents(&payload);
        args.extend(contents.iter().map(|(key, value)| (*key, value.as_str())));
        let files = self.done.files.join(",");
        if !files.is_empty() {
            args.push(("file_ids", &files));
        }
        self.bot.api.call("chat.update", &args).await.map_err(Refusal::repeatable)?;
        Ok(())
    }

    fn note(&mut self, refusal: &Refusal) {
        self.done.notice = Some(format!("a chart could not be attached: {}", refusal.reason));
        self.save();
    }

    fn give_up(&mut self, refusal: &Refusal) {
        self.done.files.clear();
        self.note(refusal);
    }

    /// Tries again later; after some failures the text says that its picture is missing.
    async fn fail_picture(&mut self, refusal: Refusal) -> Result<(), DeliveryError> {
        // To be told to wait is no failure.
        self.done.picture_failures += u32::from(!refusal.is_told_to_wait());
        self.save();
        if self.done.picture_failures < MOST_PICTURE_FAILURES {
            return Err(refusal.into());
        }
        self.give_up(&refusal);
        // Nothing is left to do if this fails too: the text was delivered.
        let _ = self.update().await;
        Ok(())
    }
}

/// A thread is read by those who follow it; this is for all in the channel.
fn must_be_seen(message: &Message) -> bool {
    let critical = message.severity == Severity::Critical && message.state == AlertState::Firing;
    critical || message.kind == MessageKind::End
}

/// The card was deleted, or its channel is not what it was.
fn takes_no_reply(code: &str) -> bool {
    matches!(
        code,
        "cannot_reply_to_message"
            | "thread_not_found"
            | "message_not_found"
            | "channel_not_found"
            | "is_archived"
            | "restricted_action_non_threadable_channel"
            | "restricted_action_thread_locked"
    )
}

/// Slack takes no file without a name.
fn file_name(image: &Image) -> String {
    let name = cut(&line(&image.name), 100);
    if name.is_empty() { "chart".to_owned() } else { name }
}

/// The message in this form, and whether Slack is asked to draw a chart in it.
pub(super) fn payload(message: &Message, form: Form, options: Options<'_>) -> (Payload, bool) {
    if form == Form::Simple {
        return (blocks::simple(message, options), false);
    }
    let payload = blocks::rich(message, options);
    let charted = payload.blocks.iter().any(|b| b["type"] == "data_visualization");
    (payload, charted)
}

/// Text and blocks as fields of a form.
pub(super) fn contents(payload: &Payload) -> Vec<(&'static str, String)> {
    let mut contents = vec![("text", payload.text.clone())];
    if !payload.blocks.is_empty() {
        contents.push(("blocks", Value::Array(payload.blocks.clone()).to_string()));
        contents.push(("attachments", Value::Array(payload.attachments.clone()).to_string()));
    }
    contents
}
