//! All integration tests, in one binary. One module a subject.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails; helpers of tests are no #[test] functions"
)]

mod attach;
mod cause;
mod check_and_init;
mod config;
mod courier;
mod day;
mod doctor;
mod formats;
mod hang;
mod heartbeat;
mod invariance;
mod keeper;
mod kill;
mod lines;
mod live_and_replay;
mod outbox;
mod pictures;
mod ping;
mod program;
mod recipes;
mod reload;
mod restart;
mod resume;
mod scenarios;
mod slack;
mod stopped;
mod storm;
mod story;
mod supervise;
mod support;
mod survive;
mod tail;
mod tail_model;
mod tail_odd;
mod tidy;
