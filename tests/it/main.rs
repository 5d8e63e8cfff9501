//! All integration tests, in one binary. One module a subject.

mod check_and_init;
mod config;
mod courier;
mod invariance;
mod outbox;
mod program;
mod scenarios;
mod slack;
mod supervise;
mod support;
mod survive;
mod tail;
mod tail_model;
mod tidy;
