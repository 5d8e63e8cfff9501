//! All integration tests, in one binary. One module a subject.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails; helpers of tests are no #[test] functions"
)]

mod attach;
mod check_and_init;
mod config;
mod courier;
mod formats;
mod invariance;
mod lines;
mod outbox;
mod program;
mod recipes;
mod reload;
mod restart;
mod resume;
mod scenarios;
mod slack;
mod story;
mod supervise;
mod support;
mod survive;
mod tail;
mod tail_model;
mod tail_odd;
mod tidy;
