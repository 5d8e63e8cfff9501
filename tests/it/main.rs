//! All integration tests, in one binary. One module a subject.

mod check_and_init;
mod config;
mod courier;
mod outbox;
