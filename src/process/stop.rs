//! The queue on which the engine asks for the run to be stopped.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io;

use crate::engine::rules::Stop;
use crate::sources::wake::Wake;

/// Requests that may wait; more are dropped, since the first ones say it all.
const CAPACITY: usize = 16;

/// A rule wants the run stopped.
#[derive(Clone, Debug)]
pub struct StopRequest {
    /// The name of the rule.
    pub rule: String,
    pub stop: Stop,
}

/// Cloned: both ends of the queue are the same.
#[derive(Clone, Debug)]
pub struct StopQueue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    requests: Mutex<VecDeque<StopRequest>>,
    wake: Wake,
}

impl StopQueue {
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(Inner { requests: Mutex::default(), wake: Wake::new()? })))
    }

    /// Never waits. False: it was dropped, the queue is full.
    pub fn request(&self, request: StopRequest) -> bool {
        let mut requests = self.0.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = requests.len() < CAPACITY;
        if fits {
            requests.push_back(request);
            self.0.wake.wake();
        }
        fits
    }

    pub(crate) fn take(&self) -> Option<StopRequest> {
        self.0.wake.clear();
        let mut requests = self.0.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let request = requests.pop_front();
        if !requests.is_empty() {
            self.0.wake.wake();
        }
        request
    }
}

impl AsFd for StopQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.wake.as_fd()
    }
}
