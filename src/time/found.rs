//! Finds the time that a program wrote into its log line.
//!
//! Pure, and fast for a line without one: only the line's beginning is looked at, and of a JSON
//! object the fields that are usually named so. A time in the middle of a sentence is left alone.
//! What a stamp leaves out (the year, the date) is not guessed here; see [`LogClock`](super::LogClock).
//!
//! A local time without an offset is taken as UTC: its distance to other lines is right.

use jiff::civil::{DateTime, Time};
use jiff::tz::Offset;

use crate::time::Timestamp;

/// A time as far as the line tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTime {
    /// With an offset from UTC, or counted from the Unix epoch.
    Exact(Timestamp),
    /// Date and time without an offset, taken as UTC.
    Local(Timestamp),
    /// `1123 02:47:15.623306`, `Nov 23 02:37:28`: the year is missing. Shown as of the leap year 2000.
    Yearless(DateTime),
    /// `02:37:28`: the date is missing.
    TimeOfDay(Time),
}

/// The stamp may stand behind so many bytes of level, name and rank.
const LONGEST_PREFIX: usize = 64;
/// And behind so many words.
const MOST_WORDS: usize = 8;
/// As much of a coloured line is made plain.
const COLOURED: usize = 256;
const ESCAPE: u8 = 0x1b;
/// As much of a JSON line is searched for its time.
const LONGEST_JSON: usize = 4096;

/// The time in a line's beginning, or in a field of a JSON object.
///
/// Known are ISO 8601 with `T` or a space, a fraction behind a dot or a comma, `Z` or an offset;
/// `11/23/2026 03:24:25`, `11/23 03:17:27`, absl and glog (`I1123 02:47:15.623306`, also with
/// seconds since the epoch), syslog (`Nov 23 02:37:28`), `02:37:28`; in JSON also epoch numbers.
///
/// `line` may be as it was printed, with colours.
pub fn find_log_time(line: &[u8]) -> Option<LogTime> {
    let mut line = line.trim_ascii_start();
    let mut plain = [0; COLOURED];
    let beginning = &line[..line.len().min(COLOURED)];
    if memchr::memchr(ESCAPE, beginning).is_some() {
        let length = without_colours(beginning, &mut plain);
        line = plain[..length].trim_ascii_start();
    }
    if line.first() == Some(&b'{') {
        return in_json(&line[..line.len().min(LONGEST_JSON)]);
    }
    let mut rest = line;
    for _ in 0..MOST_WORDS {
        rest = rest.trim_ascii_start();
        if let Some(found) = stamp(rest) {
            return Some(found);
        }
        rest = skip_word(rest)?;
        if line.len() - rest.len() > LONGEST_PREFIX {
            return None;
        }
    }
    None
}

/// Copies `text` without its control sequences (ECMA-48, CSI); returns the length of the copy.
fn without_colours(text: &[u8], plain: &mut [u8; COLOURED]) -> usize {
    let (mut length, mut in_sequence) = (0, false);
    for (byte, next) in text.iter().zip(text.iter().skip(1).chain([&0])) {
        match (in_sequence, *byte) {
            (false, ESCAPE) if *next == b'[' => in_sequence = true,
            (false, _) => {
                if let Some(place) = plain.get_mut(length) {
                    *place = *byte;
                    length += 1;
                }
            }
            // The final byte; the `[` at the beginning is one only by its number.
            (true, b'@'..=b'Z' | b'\\'..=b'~') => in_sequence = false,
            (true, _) => {}
        }
    }
    length
}

/// What may stand before a time: an opening bracket, a level, `name:`, `[rank0]`, `ts=`.
fn skip_word(text: &[u8]) -> Option<&[u8]> {
    const LEVELS: [&[u8]; 16] = [
        b"trace",
        b"debug",
        b"info",
        b"notice",
        b"warn",
        b"warning",
        b"error",
        b"critical",
        b"fatal",
        b"t",
        b"d",
        b"i",
        b"w",
        b"e",
        b"c",
        b"f",
    ];
    const KEYS: [&[u8]; 6] = [b"time", b"ts", b"t", b"timestamp", b"asctime", b"datetime"];
    let first = *text.first()?;
    if b"[(<>|:\"'-".contains(&first) {
        return after_bracket(text);
    }
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./".contains(byte);
    let end = text.iter().take(LONGEST_PREFIX).position(|byte| !in_word(byte))?;
    let (word, rest) = text.split_at(end);
    if word.is_empty() {
        return None;
    }
    if rest.starts_with(b"=") {
        let key = KEYS.iter().any(|key| word.eq_ignore_ascii_case(key));
        return if key { rest.get(1..) } else { None };
    }
    let next = rest.trim_ascii_start();
    if next.first().is_some_and(|byte| b":]|>)-".contains(byte)) {
        return next.get(1..);
    }
    LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level)).then_some(next)
}

/// Behind the opening bracket if what follows may be a stamp; else behind the closing one.
fn after_bracket(text: &[u8]) -> Option<&[u8]> {
    let (first, inner) = text.split_first()?;
    let close = match first {
        b'[' => b']',
        b'(' => b')',
        _ => return Some(inner),
    };
    let near = inner.get(..inner.len().min(LONGEST_PREFIX))?;
    let end = memchr::memchr(close, near).unwrap_or(near.len());
    // `[INFO 2026-…]`, `[train][2026-…]`, `(worker pid=12) 2026-…`
    let mut within = near.get(..end)?;
    loop {
        if stamp(within).is_some() {
            return inner.get(end - within.len()..);
        }
        match memchr::memchr2(b' ', b'|', within) {
            Some(at) => within = within.get(at + 1..)?,
            None => return inner.get(end + 1..),
        }
    }
}

/// A stamp at the very beginning of `text`.
fn stamp(text: &[u8]) -> Option<LogTime> {
    match text.first()? {
        b'0'..=b'9' => iso(text).or_else(|| slashes(text)).or_else(|| time_of_day(text)),
        b'A'..=b'Z' => glog(text).or_else(|| syslog(text)),
        _ => None,
    }
}

/// Reads a text from the left.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// Exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<i16> {
        let digits = self.0.get(..count)?;
        let value = digits.iter().try_fold(0_i16, |value, digit| {
            digit.is_ascii_digit().then(|| value * 10 + i16::from(digit - b'0'))
        })?;
        self.0 = self.0.get(count..)?;
        Some(value)
    }

    fn small(&mut self, count: usize) -> Option<i8> {
        i8::try_from(self.digits(count)?).ok()
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let first = *self.0.first()?;
        if !bytes.contains(&first) {
            return None;
        }
        self.0 = self.0.get(1..)?;
        Some(first)
    }

    /// `02:37:28`, with a fraction of a second perhaps.
    fn time(&mut self) -> Option<Time> {
        let hour = self.small(2)?;
        self.one_of(b":")?;
        let minute = self.small(2)?;
        self.one_of(b":")?;
        let second = self.small(2)?;
        let mut nanos = 0;
        let mut ahead = *self;
        if ahead.one_of(b".,").is_some() && ahead.0.first().is_some_and(u8::is_ascii_digit) {
            let mut unit = 100_000_000;
            while let Some(digit) = ahead.0.first().filter(|byte| byte.is_ascii_digit()) {
                nanos += i32::from(digit - b'0') * unit;
                unit /= 10;
                ahead.0 = ahead.0.get(1..)?;
            }
            *self = ahead;
        }
        // A leap second is the next minute's beginning, near enough.
        let second = if second == 60 { 59 } else { second };
        Time::new(hour, minute, second, nanos).ok()
    }

    /// `Z`, `+09:00`, `-0800`, ` +0000`: seconds east of UTC.
    fn offset(&mut self) -> Option<Offset> {
        let spaced = self.0.first() == Some(&b' ');
        let mut ahead = *self;
        if spaced {
            ahead.one_of(b" ")?;
        }
        if !spaced && ahead.one_of(b"Zz").is_some() {
            return Some(Offset::UTC);
        }
        if spaced && (ahead.0.starts_with(b"UTC") || ahead.0.starts_with(b"GMT")) {
            return Some(Offset::UTC);
        }
        let sign = if ahead.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = i32::from(ahead.small(2)?);
        let colon = ahead.one_of(b":").is_some();
        let minutes = match ahead.small(2) {
            Some(minutes) => i32::from(minutes),
            None if colon || spaced => return None,
            None => 0,
        };
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
    }
}

fn timestamp(at: DateTime, offset: Offset) -> Option<Timestamp> {
    let nanos = offset.to_timestamp(at).ok()?.as_nanosecond();
    i64::try_from(nanos).ok().map(Timestamp::from_nanos)
}

fn date_time(year: i16, month: i8, day: i8, time: Time) -> Option<DateTime> {
    let date = jiff::civil::Date::new(year, month, day).ok()?;
    Some(DateTime::from_parts(date, time))
}

/// `2026-11-23 02:37:28,880`, `2026/11/23T02:37:28.5+09:00`.
fn iso(text: &[u8]) -> Option<LogTime> {
    let mut reader = Reader(text);
    let year = reader.digits(4)?;
    let dash = reader.one_of(b"-/.")?;
    let month = reader.small(2)?;
    reader.one_of(&[dash])?;
    let day = reader.small(2)?;
    reader.one_of(b"T t_")?;
    let at = date_time(year, month, day, reader.time()?)?;
    match reader.offset() {
        Some(offset) => timestamp(at, offset).map(LogTime::Exact),
        None => timestamp(at, Offset::UTC).map(LogTime::Local),
    }
}

/// `11/23/2026 03:24:25` and `11/23 03:17:27`: the month is first, as Python's loggers write it.
fn slashes(text: &[u8]) -> Option<LogTime> {
    let mut reader = Reader(text);
    let month = reader.small(2)?;
    reader.one_of(b"/")?;
    let day = reader.small(2)?;
    if reader.one_of(b"/").is_none() {
        reader.one_of(b" ")?;
        return date_time(2000, month, day, reader.time()?).map(LogTime::Yearless);
    }
    let year = reader.digits(4)?;
    reader.one_of(b" ")?;
    let at = date_time(year, month, day, reader.time()?)?;
    timestamp(at, Offset::UTC).map(LogTime::Local)
}

/// `02:37:28`, not followed by what makes it a duration or a part of something else.
fn time_of_day(text: &[u8]) -> Option<LogTime> {
    let mut reader = Reader(text);
    let time = reader.time()?;
    let ends = reader.0.first().is_none_or(|byte| b" ]|)\t".contains(byte));
    ends.then_some(LogTime::TimeOfDay(time))
}

/// `I1123 02:47:15.623306`, and `I0000 00:00:1795403248.923981`, which absl writes before its
/// logging is set up: seconds since the epoch.
fn glog(text: &[u8]) -> Option<LogTime> {
    let (level, rest) = text.split_first()?;
    if !b"IWEF".contains(level) {
        return None;
    }
    let mut reader = Reader(rest);
    if let Some(seconds) = reader.0.strip_prefix(b"0000 00:00:") {
        let end = seconds.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.');
        return epoch(seconds.get(..end.unwrap_or(seconds.len()))?);
    }
    let (month, day) = (reader.small(2)?, reader.small(2)?);
    reader.one_of(b" ")?;
    date_time(2000, month, day, reader.time()?).map(LogTime::Yearless)
}

/// `Nov 23 02:37:28`, `Nov  3 02:37:28`.
fn syslog(text: &[u8]) -> Option<LogTime> {
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let name = text.get(..3)?;
    let month = (1..).zip(MONTHS).find(|(_, month)| *month == name)?.0;
    let mut reader = Reader(text.get(3..)?);
    reader.one_of(b" ")?;
    let day = match reader.one_of(b" ") {
        Some(_) => reader.small(1)?,
        None => reader.small(2)?,
    };
    reader.one_of(b" ")?;
    date_time(2000, month, day, reader.time()?).map(LogTime::Yearless)
}

/// The first field of a JSON object that is named like a time and is one.
fn in_json(line: &[u8]) -> Option<LogTime> {
    const KEYS: [&[u8]; 10] = [
        b"ts",
        b"time",
        b"timestamp",
        b"@timestamp",
        b"asctime",
        b"datetime",
        b"date",
        b"t",
        b"created",
        b"created_at",
    ];
    let mut rest = line;
    loop {
        let open = memchr::memchr(b'"', rest)?;
        rest = rest.get(open + 1..)?;
        let end = end_of_string(rest)?;
        let (key, behind) = (rest.get(..end)?, rest.get(end + 1..)?);
        rest = behind;
        let Some(value) = behind.trim_ascii_start().strip_prefix(b":") else { continue };
        let value = value.trim_ascii_start();
        if KEYS.contains(&key)
            && let Some(found) = json_time(value)
        {
            return Some(found);
        }
    }
}

fn end_of_string(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

fn json_time(value: &[u8]) -> Option<LogTime> {
    if let Some(text) = value.strip_prefix(b"\"") {
        return iso(text).or_else(|| slashes(text));
    }
    let end = value.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.');
    epoch(value.get(..end.unwrap_or(value.len()))?)
}

/// Seconds since the epoch, or milliseconds, microseconds, nanoseconds by their size; between the
/// years 2001 and 2096. Anything else is another number.
fn epoch(number: &[u8]) -> Option<LogTime> {
    let dot = memchr::memchr(b'.', number);
    let (whole, fraction) = match dot {
        Some(at) => (number.get(..at)?, number.get(at + 1..)?),
        None => (number, &[][..]),
    };
    let unit: i64 = match whole.len() {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    let mut nanos = std::str::from_utf8(whole).ok()?.parse::<i64>().ok()?.checked_mul(unit)?;
    let mut part = unit;
    for digit in fraction.iter().take(9) {
        part /= 10;
        nanos = nanos.checked_add(i64::from(digit.checked_sub(b'0')?).checked_mul(part)?)?;
    }
    let plausible = 1_000_000_000_000_000_000..4_000_000_000_000_000_000;
    plausible.contains(&nanos).then_some(LogTime::Exact(Timestamp::from_nanos(nanos)))
}

#[cfg(test)]
#[path = "found_tests.rs"]
mod tests;
