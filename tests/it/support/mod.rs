//! What tests stand on: services that are faked, and faked strictly.

pub mod slack;
