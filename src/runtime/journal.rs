//! The journal of a run: every call of the engine, so that it can be replayed exactly.
//!
//! A header, then one record for each call: a byte for its kind, the time since the record before,
//! and what belongs to the kind. Whole numbers are LEB128 (seven bits a byte, the lowest first),
//! signed ones zigzag before that; text and bytes are preceded by their length. A run that was
//! killed leaves a record that is cut off: the journal ends before it.
//!
//! Knows bytes and events; what is done with them is others' matter.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use crate::engine::SourceId;
use crate::engine::input::ProcessEnd;
use crate::runtime::queue::Event;
use crate::time::Timestamp;

/// The first bytes of a journal; no log begins with them.
pub const MAGIC: &[u8] = b"\0watch journal\n";
const VERSION: u8 = 1;
/// Of one record's text or bytes. Sources read far smaller blocks.
const LONGEST: u64 = 64 << 20;

/// What the header says of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub started: Timestamp,
    /// The run's name.
    pub name: String,
}

/// One call of the engine.
#[derive(Debug)]
pub enum Call {
    Event(Event),
    /// It was woken.
    Deadline,
    /// From here on other rules held, which the journal does not have.
    OtherRules,
}

const DEADLINE: u8 = 0;
const STARTED: u8 = 1;
const OPENED: u8 = 2;
const CHUNK: u8 = 3;
const GAP: u8 = 4;
const CLOSED: u8 = 5;
const SAMPLE: u8 = 6;
const STOPPED: u8 = 7;
const CONTINUED: u8 = 8;
const ENDED: u8 = 9;
const FINISHED: u8 = 10;
const OTHER_RULES: u8 = 11;
const RESTARTING: u8 = 12;

/// Writes a journal. After an error it must not be used again: a record may be cut off.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    latest: Timestamp,
    record: Vec<u8>,
}

impl<W: Write> Writer<W> {
    pub fn new(mut out: W, header: &Header) -> io::Result<Self> {
        let mut record = MAGIC.to_vec();
        record.push(VERSION);
        put_signed(&mut record, header.started.as_nanos());
        put_bytes(&mut record, header.name.as_bytes());
        out.write_all(&record)?;
        out.flush()?;
        Ok(Self { out, latest: header.started, record })
    }

    /// Notes an event that is about to be handled.
    pub fn event(&mut self, at: Timestamp, event: &Event) -> io::Result<()> {
        self.begin(at, kind(event));
        let record = &mut self.record;
        match event {
            Event::Stopped | Event::Continued | Event::Finished | Event::Rules(_) => {}
            Event::Mark { .. } | Event::Repeats { .. } => {}
            Event::Started { pid } => put(record, u64::from(*pid)),
            Event::Opened { source, name } => {
                put(record, u64::from(source.0));
                put_bytes(record, name.as_bytes());
            }
            Event::Chunk { source, chunk } => {
                put(record, u64::from(source.0));
                put_bytes(record, chunk.bytes());
            }
            Event::Gap { source, bytes } => {
                put(record, u64::from(source.0));
                put(record, *bytes);
            }
            Event::Closed { source } => put(record, u64::from(source.0)),
            Event::Sample { source, metric, step, value } => {
                put(record, u64::from(source.0));
                put_bytes(record, metric.as_bytes());
                record.push(u8::from(step.is_some()));
                record.extend_from_slice(&step.unwrap_or_default().to_bits().to_le_bytes());
                record.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Event::Ended(end) => put_bytes(record, &serde_json::to_vec(end)?),
            Event::Restarting { attempt, most, after } => {
                put(record, u64::from(*attempt));
                put(record, u64::from(*most));
                put(record, u64::try_from(after.as_nanos()).unwrap_or(u64::MAX));
            }
        }
        self.write()
    }

    /// Notes that the engine is about to be woken.
    pub fn deadline(&mut self, at: Timestamp) -> io::Result<()> {
        self.begin(at, DEADLINE);
        self.write()
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn begin(&mut self, at: Timestamp, kind: u8) {
        self.record.clear();
        self.record.push(kind);
        put_signed(&mut self.record, at.as_nanos().wrapping_sub(self.latest.as_nanos()));
        self.latest = at;
    }

    fn write(&mut self) -> io::Result<()> {
        self.out.write_all(&self.record)
    }
}

fn kind(event: &Event) -> u8 {
    match event {
        Event::Started { .. } => STARTED,
        Event::Opened { .. } => OPENED,
        Event::Chunk { .. } => CHUNK,
        Event::Gap { .. } => GAP,
        Event::Closed { .. } => CLOSED,
        Event::Sample { .. } => SAMPLE,
        Event::Stopped => STOPPED,
        Event::Continued => CONTINUED,
        Event::Ended(_) => ENDED,
        Event::Restarting { .. } => RESTARTING,
        Event::Finished => FINISHED,
        Event::Rules(_) => OTHER_RULES,
        // To the engine they are no more than wake-ups.
        Event::Mark { .. } | Event::Repeats { .. } => DEADLINE,
    }
}

fn put(record: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        record.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    record.push(number as u8);
}

fn put_signed(record: &mut Vec<u8>, number: i64) {
    put(record, ((number << 1) ^ (number >> 63)) as u64);
}

fn put_bytes(record: &mut Vec<u8>, bytes: &[u8]) {
    put(record, bytes.len() as u64);
    record.extend_from_slice(bytes);
}

/// Reads a journal.
#[derive(Debug)]
pub struct Reader<R: Read> {
    input: R,
    latest: Timestamp,
    /// It ended within a record.
    pub cut_off: bool,
}

impl<R: Read> Reader<R> {
    /// `input` stands behind `MAGIC`.
    pub fn new(input: R) -> io::Result<(Header, Self)> {
        let mut reader = Self { input, latest: Timestamp::default(), cut_off: false };
        let version = reader.byte()?;
        if version != VERSION {
            return Err(io::Error::other(format!(
                "it is a journal of version {version}; this program reads version {VERSION}"
            )));
        }
        let started = Timestamp::from_nanos(reader.signed()?);
        reader.latest = started;
        let name = reader.text()?;
        Ok((Header { started, name }, reader))
    }

    /// The next call of the engine; none at the end.
    pub fn read(&mut self) -> io::Result<Option<(Timestamp, Call)>> {
        let mut kind = [0];
        if self.input.read(&mut kind)? == 0 {
            return Ok(None);
        }
        match self.record(kind[0]) {
            Ok(call) => Ok(Some((self.latest, call))),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.cut_off = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn record(&mut self, kind: u8) -> io::Result<Call> {
        let wait = self.signed()?;
        let latest = Timestamp::from_nanos(self.latest.as_nanos().wrapping_add(wait));
        let event = match kind {
            STARTED => Event::Started { pid: u32::try_from(self.number()?).unwrap_or(u32::MAX) },
            OPENED => Event::Opened { source: self.source()?, name: self.text()? },
            CHUNK => Event::chunk(self.source()?, self.bytes()?),
            GAP => Event::Gap { source: self.source()?, bytes: self.number()? },
            CLOSED => Event::Closed { source: self.source()? },
            SAMPLE => {
                let (source, metric) = (self.source()?, self.text()?);
                let has_step = self.byte()? != 0;
                let (step, value) = (self.float()?, self.float()?);
                Event::Sample { source, metric, step: has_step.then_some(step), value }
            }
            STOPPED => Event::Stopped,
            CONTINUED => Event::Continued,
            ENDED => Event::Ended(serde_json::from_slice::<ProcessEnd>(&self.bytes()?)?),
            RESTARTING => {
                let mut count =
                    || Ok::<_, io::Error>(u32::try_from(self.number()?).unwrap_or(u32::MAX));
                let (attempt, most) = (count()?, count()?);
                Event::Restarting { attempt, most, after: Duration::from_nanos(self.number()?) }
            }
            FINISHED => Event::Finished,
            DEADLINE | OTHER_RULES => {
                self.latest = latest;
                return Ok(if kind == DEADLINE { Call::Deadline } else { Call::OtherRules });
            }
            _ => return Err(io::Error::other("the journal is damaged")),
        };
        self.latest = latest;
        Ok(Call::Event(event))
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(io::Error::other("the journal is damaged"))
    }

    fn signed(&mut self) -> io::Result<i64> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn float(&mut self) -> io::Result<f64> {
        let mut bytes = [0; 8];
        self.input.read_exact(&mut bytes)?;
        Ok(f64::from_bits(u64::from_le_bytes(bytes)))
    }

    fn source(&mut self) -> io::Result<SourceId> {
        Ok(SourceId(u32::try_from(self.number()?).unwrap_or(u32::MAX)))
    }

    /// No more is allocated than there is.
    fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let len = self.number()?;
        if len > LONGEST {
            return Err(io::Error::other("the journal is damaged"));
        }
        let mut bytes = Vec::new();
        (&mut self.input).take(len).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < len {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    fn text(&mut self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::input::{Clue, ProcessStatus};

    fn events() -> Vec<(Timestamp, Event)> {
        let source = SourceId(300);
        let at = Timestamp::from_nanos;
        let end = ProcessEnd {
            status: ProcessStatus::Signaled { signal: 9, core_dumped: false },
            clues: vec![Clue::OomKills { count: 2 }],
        };
        vec![
            (at(5), Event::Opened { source, name: "é".to_owned() }),
            (at(5), Event::Started { pid: 7 }),
            (at(4), Event::chunk(source, vec![0, 255, 10, 13])),
            (at(i64::MAX), Event::Gap { source, bytes: u64::MAX }),
            (
                at(i64::MIN),
                Event::Sample { source, metric: "a".to_owned(), step: None, value: f64::NAN },
            ),
            (
                at(1),
                Event::Sample { source, metric: String::new(), step: Some(-0.0), value: 1e300 },
            ),
            (at(2), Event::Stopped),
            (at(3), Event::Continued),
            (at(3), Event::Closed { source }),
            (at(3), Event::Ended(end)),
            (at(3), Event::Restarting { attempt: 1, most: 300, after: Duration::from_secs(1) }),
            (at(3), Event::Finished),
        ]
    }

    fn written(header: &Header) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, header).unwrap();
        for (at, event) in events() {
            writer.deadline(at).unwrap();
            writer.event(at, &event).unwrap();
        }
        bytes
    }

    fn read(bytes: &[u8]) -> io::Result<(Header, Vec<String>, bool)> {
        let (header, mut reader) = Reader::new(&bytes[MAGIC.len()..])?;
        let mut calls = Vec::new();
        while let Some(call) = reader.read()? {
            calls.push(format!("{call:?}"));
        }
        Ok((header, calls, reader.cut_off))
    }

    #[test]
    fn what_is_written_is_read() {
        let header = Header { started: Timestamp::from_nanos(-3), name: "a run".to_owned() };
        let (found, calls, cut_off) = read(&written(&header)).unwrap();
        let expected: Vec<String> = events()
            .into_iter()
            .flat_map(|(at, event)| {
                [format!("({at:?}, Deadline)"), format!("{:?}", (at, Call::Event(event)))]
            })
            .collect();
        assert_eq!((found, calls, cut_off), (header, expected, false));
    }

    #[test]
    fn a_journal_that_is_cut_off_ends_before_the_cut() {
        let header = Header { started: Timestamp::default(), name: String::new() };
        let bytes = written(&header);
        let (_, whole, _) = read(&bytes).unwrap();
        for end in MAGIC.len() + 3..bytes.len() {
            let (_, calls, cut_off) = read(&bytes[..end]).unwrap();
            assert!(calls.len() < whole.len() && whole.starts_with(&calls), "{end}");
            assert!(cut_off || read(&bytes[..end + 1]).unwrap().2, "{end}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[MAGIC, &[VERSION], &bytes].concat());
        }
    }
}
