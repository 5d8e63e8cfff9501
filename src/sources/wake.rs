//! Descriptors that become readable: when somebody calls, or when a time has passed.
//!
//! With them one poll(2) waits for everything, and no clock needs to be read.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::io;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// An eventfd(2): readable after `wake`, until `clear`.
#[derive(Debug)]
pub struct Wake(OwnedFd);

impl Wake {
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    pub fn wake(&self) {
        // It fails only if the counter is at its end, and then it is readable anyway.
        let _ = io::write(&self.0, &1u64.to_ne_bytes());
    }

    pub fn clear(&self) {
        let _ = io::read(&self.0, &mut [0u8; 8]);
    }
}

/// One that another process made.
impl From<OwnedFd> for Wake {
    fn from(eventfd: OwnedFd) -> Self {
        Self(eventfd)
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A timerfd(2) of the monotonic clock: readable from the end of the time on, until `clear`.
#[derive(Debug)]
pub struct Timer(OwnedFd);

impl Timer {
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self(timerfd_create(TimerfdClockId::Monotonic, flags)?))
    }

    pub fn start(&self, duration: Duration) {
        // A value of zero would disarm it.
        let duration = duration.max(Duration::from_nanos(1));
        let value = Timespec {
            tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: duration.subsec_nanos().into(),
        };
        let once = Itimerspec { it_interval: Timespec::default(), it_value: value };
        let _ = timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once);
    }

    pub fn clear(&self) {
        let _ = io::read(&self.0, &mut [0u8; 8]);
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
