//! All integration tests, in one binary. One module a subject.

mod check_and_init;
mod config;
mod courier;
mod outbox;
mod program;
mod slack;
mod supervise;
mod support;
mod tail;
mod tidy;
