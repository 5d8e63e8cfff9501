//! All integration tests, in one binary. One module a subject.

mod check_and_init;
mod config;
mod courier;
mod outbox;
mod program;
mod slack;
mod support;
mod tail;
mod tidy;
mod invariance;
mod scenarios;
mod supervise;
mod tail_model;
