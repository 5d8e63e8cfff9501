//! What tests stand on: services that are faked, and faked strictly.

#[allow(unreachable_pub, reason = "everything here is for the test modules, none of it for others")]
pub mod bounded;
#[allow(unreachable_pub, reason = "everything here is for the test modules, none of it for others")]
pub mod outbox;
#[allow(unreachable_pub, reason = "everything here is for the test modules, none of it for others")]
pub mod sandbox;
#[allow(unreachable_pub, reason = "everything here is for the test modules, none of it for others")]
#[allow(dead_code, reason = "a service is faked whole; not every knob has a test yet")]
pub mod slack;
