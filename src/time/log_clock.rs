//! The time of a log's lines, as a clock that never goes backwards: the clock of a replay.
//!
//! Pure. It fills in what stamps leave out, and does not believe all of them:
//! - A year-less date is taken to be in the year that is nearest to the line before.
//! - A time without a date is on the day of the line before, or on the next one (midnight passed).
//! - A date later than the log itself (plus a day for time zones) is no time of the log.
//! - A line that is a little earlier than the one before (several writers, a clock that was set) is
//!   taken to be at the same time. If a kind of stamp stays far behind, it comes from a clock that
//!   goes differently (another time zone, a new run in the same file); it is moved to go on from there.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use crate::time::Timestamp;
use crate::time::found::{LogTime, find_log_time};

/// Going back less than this is disorder, or the end of summer time.
const DISORDER: Duration = Duration::from_secs(2 * 3600);
/// So many stamps in a row that are far behind are no accident.
const NO_ACCIDENT: u8 = 3;
/// The local time of the writer may be ahead of UTC.
const TIME_ZONES: Duration = Duration::from_secs(86_400);
/// Time zones differ by whole quarters of an hour.
const QUARTER: i64 = 900 * 1_000_000_000;
const DAY: i64 = 86_400 * 1_000_000_000;

/// Gives each line its time.
#[derive(Clone, Debug)]
pub struct LogClock {
    latest: Timestamp,
    last: Option<Timestamp>,
    /// By kind of stamp: what is added to it, in nanoseconds.
    shifts: [i64; 4],
    behind: [u8; 4],
    /// Where the first stamp without year or day is taken to be.
    anchor: Timestamp,
}

impl LogClock {
    /// `head` is the log's beginning (some 64 KiB): a stamp with a date that stands there is where
    /// earlier stamps without one are put. `written` is when the log was last written, or now.
    pub fn new(head: &[u8], written: Timestamp) -> Self {
        let dated = |line: &[u8]| match find_log_time(line) {
            Some(LogTime::Exact(at) | LogTime::Local(at)) => Some(at),
            _ => None,
        };
        let latest = written.after(TIME_ZONES);
        let lines = head.split(|byte| *byte == b'\n' || *byte == b'\r');
        let first = lines.filter_map(dated).find(|at| *at <= latest);
        Self {
            latest,
            last: None,
            shifts: [0; 4],
            behind: [0; 4],
            anchor: first.unwrap_or(written),
        }
    }

    /// The time of a line, never before that of the line before. None: it has no time of its own.
    pub fn time_of(&mut self, line: &[u8]) -> Option<Timestamp> {
        let near = self.last.unwrap_or(self.anchor);
        let (kind, raw, step) = match find_log_time(line)? {
            LogTime::Exact(at) => (0, at, QUARTER),
            LogTime::Local(at) => (1, at, QUARTER),
            LogTime::Yearless(at) => (2, in_nearest_year(at, near, self.latest)?, QUARTER),
            LogTime::TimeOfDay(at) => (3, on_day_of(near, at, self.last.is_none())?, DAY),
        };
        // A time of day lies where it was put; it cannot be too late.
        if kind != 3 && raw > self.latest {
            return None;
        }
        let Some(last) = self.last else {
            self.last = Some(raw);
            return self.last;
        };
        let time = if kind == 3 { raw } else { self.shifted(kind, raw, last, step) };
        self.last = Some(time.max(last));
        self.last
    }

    /// The stamp on this log's clock.
    fn shifted(&mut self, kind: usize, raw: Timestamp, last: Timestamp, step: i64) -> Timestamp {
        let (Some(shift), Some(behind)) = (self.shifts.get_mut(kind), self.behind.get_mut(kind))
        else {
            return raw;
        };
        let time = Timestamp::from_nanos(raw.as_nanos().saturating_add(*shift));
        let missing = last.since(time);
        if missing < DISORDER {
            *behind = 0;
            return time;
        }
        *behind += 1;
        if *behind < NO_ACCIDENT {
            return last;
        }
        *behind = 0;
        let nanos = i64::try_from(missing.as_nanos()).unwrap_or(i64::MAX);
        let steps = (nanos / step).saturating_add(1);
        *shift = shift.saturating_add(steps.saturating_mul(step));
        Timestamp::from_nanos(raw.as_nanos().saturating_add(*shift))
    }
}

/// The date in the year in which it is nearest to `near`, and not after `latest`.
fn in_nearest_year(at: DateTime, near: Timestamp, latest: Timestamp) -> Option<Timestamp> {
    let year = civil(near).year();
    let in_year = |year: i16| {
        let date = Date::new(year, at.month(), at.day()).ok()?;
        from_civil(DateTime::from_parts(date, at.time()))
    };
    let distance = |time: &Timestamp| time.since(near).max(near.since(*time));
    [year, year.checked_sub(1)?, year.checked_add(1)?]
        .into_iter()
        .filter_map(in_year)
        .filter(|time| *time <= latest)
        .min_by_key(distance)
}

/// The time on the day of `near`; on the next one if it would be far before. The first time of a
/// log, of which only the end is known, is before that.
fn on_day_of(near: Timestamp, time: jiff::civil::Time, is_first: bool) -> Option<Timestamp> {
    let at = from_civil(DateTime::from_parts(civil(near).date(), time))?;
    let day = Duration::from_secs(86_400);
    if is_first && at > near.after(DISORDER) {
        return Some(at.before(day));
    }
    Some(if !is_first && near.since(at) >= DISORDER { at.after(day) } else { at })
}

fn civil(at: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(at.to_jiff())
}

fn from_civil(at: DateTime) -> Option<Timestamp> {
    let nanos = Offset::UTC.to_timestamp(at).ok()?.as_nanosecond();
    i64::try_from(nanos).ok().map(Timestamp::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: Timestamp = Timestamp::from_secs(1_795_401_203); // 2026-11-23T02:33:23Z

    fn times(lines: &[&str]) -> Vec<String> {
        let mut clock = LogClock::new(lines.join("\n").as_bytes(), WRITTEN);
        let time = |line: &&str| clock.time_of(line.as_bytes());
        let shown = |at: Option<Timestamp>| at.map_or("none".to_owned(), |at| at.to_string());
        lines.iter().map(time).map(shown).collect()
    }

    #[test]
    fn midnight_is_passed_without_a_date() {
        let lines = ["[23:59:59] a", "[00:00:01] b", "[23:00:00] c", "[02:00:00] d"];
        assert_eq!(
            times(&lines),
            [
                "2026-11-22T23:59:59Z",
                "2026-11-23T00:00:01Z",
                "2026-11-23T23:00:00Z",
                "2026-11-24T02:00:00Z"
            ]
        );
    }

    #[test]
    fn the_new_year_is_passed_without_a_year() {
        let lines = ["I1231 23:59:59.0 1 x.py:1] a", "I0101 00:00:01.0 1 x.py:1] b"];
        assert_eq!(times(&lines), ["2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z"]);
    }

    #[test]
    fn time_never_goes_backwards() {
        let lines =
            ["2026-11-20 10:00:05 a", "2026-11-20 10:00:03 b", "no time", "2026-11-20 10:00:06 c"];
        assert_eq!(
            times(&lines),
            ["2026-11-20T10:00:05Z", "2026-11-20T10:00:05Z", "none", "2026-11-20T10:00:06Z"]
        );
    }

    #[test]
    fn one_date_of_the_past_or_future_stops_nothing() {
        let lines = [
            "2026-11-20 10:00:00 a",
            "2019-01-01 00:00:00 b",
            "2026-11-20 10:00:01 c",
            "2031-01-01 00:00:00 d",
            "2026-11-20 10:00:02 e",
        ];
        let times = times(&lines);
        assert_eq!((times[2].as_str(), times[3].as_str()), ("2026-11-20T10:00:01Z", "none"));
        assert_eq!(times[4], "2026-11-20T10:00:02Z");
    }

    #[test]
    fn a_second_run_in_the_log_with_another_zone_goes_on() {
        let mut lines = vec!["2026-11-20 10:00:00 a".to_owned()];
        lines.extend((0..5).map(|n| format!("2026-11-20T01:00:{n:02}Z b")));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let times = times(&lines);
        assert_eq!(times[2], "2026-11-20T10:00:00Z");
        assert_eq!(
            (times[3].as_str(), times[5].as_str()),
            ("2026-11-20T10:00:02Z", "2026-11-20T10:00:04Z")
        );
    }

    #[test]
    fn a_time_of_day_before_the_first_date_is_on_that_day() {
        let lines = ["[10:00:00] a", "2026-10-01 10:00:01 b"];
        assert_eq!(times(&lines), ["2026-10-01T10:00:00Z", "2026-10-01T10:00:01Z"]);
    }
}
