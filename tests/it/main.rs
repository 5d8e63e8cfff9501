//! All integration tests, in one binary. One module a subject.
mod tail;
mod tail_model;
