//! The replay of a journal that `--record` wrote: each call of the engine again, at its time.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::{Replay, failed};
use crate::engine::{Effect, Engine};
use crate::error::{AppError, say};
use crate::runtime::journal::{Call, Header, MAGIC, Reader};
use crate::runtime::queue::Event;

/// A journal on disk.
pub(super) struct Journal {
    pub(super) header: Header,
    reader: Reader<BufReader<File>>,
}

/// The journal that is to be replayed; none if these are logs.
pub(super) fn open(paths: &[PathBuf]) -> Result<Option<Journal>, AppError> {
    let mut journals = Vec::new();
    for path in paths {
        journals.extend(open_one(path).map_err(|error| failed(path, &error))?);
    }
    match (journals.pop(), paths.len()) {
        (Some(_), 2..) => {
            Err(AppError::problem("a journal is replayed alone: it holds all sources of its run"))
        }
        (journal, _) => Ok(journal),
    }
}

fn open_one(path: &Path) -> io::Result<Option<Journal>> {
    // Of a pipe nothing may be read on trial; what is not there is told by whoever opens the logs.
    if !path.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    let mut input = BufReader::new(File::open(path)?);
    let mut start = Vec::new();
    (&mut input).take(MAGIC.len() as u64).read_to_end(&mut start)?;
    if start != MAGIC {
        return Ok(None);
    }
    let (header, reader) = Reader::new(input)?;
    Ok(Some(Journal { header, reader }))
}

impl<W: Write> Replay<W> {
    /// Replays a journal to its end.
    pub(super) fn journal(&mut self, mut journal: Journal) -> io::Result<()> {
        let rules = std::mem::take(&mut self.config.rules);
        let mut engine = Engine::new(rules, journal.header.started, self.json);
        self.timed = true;
        let mut other_rules = false;
        while let Some((at, call)) = journal.reader.read()? {
            let mut effects: Vec<Effect> = Vec::new();
            match call {
                Call::Deadline => engine.handle_deadline(at, &mut effects),
                Call::OtherRules => other_rules = true,
                Call::Event(event) => {
                    if let Event::Chunk { chunk, .. } = &event {
                        let bytes = chunk.bytes();
                        self.bytes += bytes.len() as u64;
                        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
                    }
                    if let Some(input) = event.as_input() {
                        engine.handle(at, input, &mut effects);
                    }
                }
            }
            self.show_all(&effects);
        }
        self.engine = Some(engine);
        if journal.reader.cut_off {
            say("watch: the journal ends within a record: its run was cut off");
        }
        if other_rules {
            say(
                "watch: the rules were replaced during this run; all of it was replayed with those of now",
            );
        }
        Ok(())
    }
}
