//! The run's time: wall time less the times in which job control had stopped the run.
//!
//! Everything behind this (series, rules, cooldowns) lives on the run's time, so a Ctrl-Z of an
//! hour neither ages a metric nor makes a silence. Only what is shown is turned back.

use std::time::Duration;

use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct RunTime {
    /// The newest wall time seen; time never goes backwards.
    latest: Timestamp,
    /// All completed stops together.
    stopped_for: Duration,
    /// Since when the run is stopped, in wall time.
    stopped_at: Option<Timestamp>,
}

impl RunTime {
    pub(super) fn new(started: Timestamp) -> Self {
        Self { latest: started, stopped_for: Duration::ZERO, stopped_at: None }
    }

    /// The wall time is `now`; what is it on the run's time?
    pub(super) fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.latest = self.latest.max(now);
        self.at(now)
    }

    /// The point on the run's time that the wall time `now` is.
    pub(super) fn at(&self, now: Timestamp) -> Timestamp {
        self.stopped_at.unwrap_or(self.latest.max(now)).before(self.stopped_for)
    }

    /// The wall time of a point on the run's time; a point to come supposes no more stops.
    pub(super) fn wall(&self, at: Timestamp) -> Timestamp {
        at.after(self.stopped_for)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped_at.is_some()
    }

    /// Stands still from the latest time on.
    pub(super) fn stop(&mut self) {
        self.stopped_at.get_or_insert(self.latest);
    }

    pub(super) fn go_on(&mut self) {
        if let Some(since) = self.stopped_at.take() {
            self.stopped_for = self.stopped_for.saturating_add(self.latest.since(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_while_stopped() {
        let second = Timestamp::from_secs;
        let mut time = RunTime::new(second(100));
        assert_eq!(time.advance(second(110)), second(110));
        time.stop();
        time.stop();
        assert_eq!(time.advance(second(150)), second(110));
        time.go_on();
        time.go_on();
        assert_eq!(time.advance(second(151)), second(111));
        assert_eq!(time.wall(second(111)), second(151));
    }

    #[test]
    fn time_never_goes_backwards() {
        let mut time = RunTime::new(Timestamp::from_secs(100));
        assert_eq!(time.advance(Timestamp::from_secs(90)), Timestamp::from_secs(100));
    }
}
