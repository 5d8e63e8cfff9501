//! Points in time and durations, as numbers and as people write them.
//!
//! This module reads no clock: the only one is in `runtime::clock`.

mod found;
mod log_clock;

use std::fmt;
use std::time::Duration;

pub use found::{LogTime, find_log_time};
pub use log_clock::LogClock;

use serde::{Deserialize, Serialize};

/// A point in time: nanoseconds since the Unix epoch, UTC.
///
/// The range of `i64` reaches from 1677 to 2262; arithmetic saturates at its ends.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The point `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// The point `duration` earlier.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// `Wed, 25 Nov 2026 09:22:33 GMT`, the one form in use:
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>.
    pub fn from_http_date(text: &str) -> Option<Self> {
        let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
        Some(Self::from_secs(time.as_second()))
    }

    fn to_jiff(self) -> jiff::Timestamp {
        // Every i64 of nanoseconds lies within jiff's years -9999 to 9999.
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or_default()
    }
}

/// RFC 3339 in UTC: `2026-11-23T04:00:00Z`, with a fraction only where there is one.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}

/// Why a text is no duration; a sentence fragment that fits after "`10x` is no duration: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DurationError(String);

/// Reads a duration as people write it: `90s`, `5m`, `1h30m`, `2d`, `250ms`, `1.5h`.
///
/// Units: `ms`, `s`, `m`, `h`, `d`, `w`. A number without a unit is an error, since nobody
/// can know which was meant. The longest is 10 years, so that no sum of a few overflows.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;
    let err = |message: &str| Err(DurationError(message.to_owned()));
    let mut rest = text.trim();
    if rest.is_empty() {
        return err("it is empty; write it like 30s, 15m or 1h30m");
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let Ok(number) = rest[..digits].parse::<f64>() else {
            return err("write it like 30s, 15m or 1h30m");
        };
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 0.001,
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "" => return err("the unit is missing; use ms, s, m, h, d or w"),
            _ => return err("the unit is unknown; use ms, s, m, h, d or w"),
        };
        seconds += number * unit;
        rest = rest[letters..].trim_start();
    }
    if seconds > LONGEST {
        return err("it is longer than 10 years");
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// A duration for a reader: its two largest units, `2h 05m`, `3m 10s`, `30m`, `8.5s`, `120ms`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (large, small, per) = match seconds {
        0 => return format!("{}ms", duration.as_millis()),
        1..=9 if duration.subsec_millis() >= 100 => {
            return format!("{seconds}.{}s", duration.subsec_millis() / 100);
        }
        1..=59 => return format!("{seconds}s"),
        60..=3_599 => ("m", "s", 60),
        3_600..=86_399 => ("h", "m", 3_600),
        _ => ("d", "h", 86_400),
    };
    let rest = (seconds % per) * if per == 86_400 { 24 } else { 60 } / per;
    match rest {
        0 => format!("{}{large}", seconds / per),
        _ => format!("{}{large} {rest:02}{small}", seconds / per),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1.5h", 5_400_000),
            ("1h 5m", 3_900_000),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_millis()), Ok(millis), "{text}");
        }
        for text in ["", "5", "m", "5x", "-5m", "99999999999d", "1..5s", "5m3"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_with_two_units() {
        for (millis, text) in [
            (120, "120ms"),
            (8_540, "8.5s"),
            (5_000, "5s"),
            (1_800_000, "30m"),
            (59_999, "59s"),
            (190_000, "3m 10s"),
            (7_500_000, "2h 05m"),
            (97_200_000, "1d 03h"),
        ] {
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn dates_of_http_are_read() {
        let read = |text| Timestamp::from_http_date(text).map(|at| at.to_string());
        let date = "Mon, 23 Nov 2026 02:33:23 GMT";
        assert_eq!(read(date).as_deref(), Some("2026-11-23T02:33:23Z"));
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn timestamps_saturate_instead_of_overflowing() {
        assert_eq!(Timestamp::MAX.after(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::from_secs(5).since(Timestamp::from_secs(9)), Duration::ZERO);
        assert_eq!(Timestamp::from_secs(1_795_401_203).to_string(), "2026-11-23T02:33:23Z");
    }
}
