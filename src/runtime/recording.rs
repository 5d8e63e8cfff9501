//! `--record`: the journal of a live run on disk. It must not harm the run: an error ends the
//! recording, with a word.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::say;
use crate::runtime::journal::{Header, MAGIC, Writer};
use crate::runtime::queue::Event;
use crate::time::Timestamp;

/// Where the calls of the engine are noted; perhaps nowhere.
#[derive(Debug, Default)]
pub struct Recording {
    path: PathBuf,
    writer: Option<Writer<BufWriter<File>>>,
}

impl Recording {
    /// Begins a journal, also in place of an older one; but no other file is overwritten.
    pub fn create(path: &Path, header: &Header) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        // It holds all that the run prints.
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path)?;
        if file.metadata()?.is_file() {
            let mut start = Vec::new();
            (&mut file).take(MAGIC.len() as u64).read_to_end(&mut start)?;
            if !start.is_empty() && start != MAGIC {
                return Err(io::Error::other("the file is there already, and is no journal"));
            }
            file.set_len(0)?;
            io::Seek::rewind(&mut file)?;
        }
        let writer = Writer::new(BufWriter::new(file), header)?;
        Ok(Self { path: path.to_owned(), writer: Some(writer) })
    }

    /// Notes an event that is about to be handled.
    pub fn event(&mut self, at: Timestamp, event: &Event) {
        self.write(|writer| {
            writer.event(at, event)?;
            match event {
                Event::Ended(_) | Event::Finished => writer.flush(),
                _ => Ok(()),
            }
        });
    }

    /// Notes a wake-up. Nothing has come for a while, so there is time to write.
    pub fn deadline(&mut self, at: Timestamp) {
        self.write(|writer| writer.deadline(at).and_then(|()| writer.flush()));
    }

    fn write(&mut self, note: impl FnOnce(&mut Writer<BufWriter<File>>) -> io::Result<()>) {
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = note(writer) {
            self.writer = None;
            let path = self.path.display();
            say(&format!("watch: the recording to {path} ends here: {error}; the run goes on"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_journal_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.journal");
        let header = Header { started: Timestamp::default(), name: "run".to_owned() };
        for _ in 0..2 {
            assert!(Recording::create(&path, &header).is_ok());
        }
        std::fs::write(&path, "print('hello')").unwrap();
        assert!(Recording::create(&path, &header).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "print('hello')");
    }

    #[test]
    fn a_full_disk_ends_the_recording_and_nothing_else() {
        let full = Path::new("/dev/full");
        let header = Header { started: Timestamp::default(), name: "run".to_owned() };
        // The header is refused at once.
        assert!(Recording::create(full, &header).is_err());
        let folder = tempfile::tempdir().unwrap();
        let mut recording = Recording::create(&folder.path().join("a"), &header).unwrap();
        recording.write(|_| Err(io::ErrorKind::StorageFull.into()));
        assert!(recording.writer.is_none());
        recording.event(Timestamp::default(), &Event::Finished);
    }
}
