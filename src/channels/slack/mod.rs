//! Slack, by a bot's token (`bot`) or by an incoming webhook (`webhook`).
//!
//! `blocks` and `chart` turn a message into Slack's shapes, `escape` makes foreign text safe; `api`
//! makes calls, `card` keeps a run's card up to date, `heartbeat` has Slack miss it, `refusal` says what their failures mean,
//! `lookup` finds a channel's ID, `progress` remembers what is done, `doctor` looks whether all
//! would work.

mod api;
mod blocks;
mod bot;
mod card;
mod chart;
mod doctor;
mod escape;
mod heartbeat;
mod lookup;
mod progress;
mod refusal;
mod webhook;

pub(super) use api::Api;
pub(super) use bot::Bot;
pub(super) use doctor::{examine, manifest};
pub(super) use webhook::Webhook;
