//! One followed file: what is read of it, and how it ends. Knows no other file and no path list.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::csv::is_csv;
use crate::engine::tfevents::is_event_file;
use crate::sources::tail::identity::{
    ANCHOR, Block, FileKey, Place, Stat, first_line, last_line_start,
};
use crate::sources::tail::output::{Output, Stream};
use crate::time::Timestamp;

/// As many bytes are read at once.
const BLOCK: usize = 64 << 10;
/// As many blocks of one file are read in one poll, then it is the next file's turn.
const BLOCKS_A_POLL: usize = 4;
/// A file whose size and times have not changed for so long is not read to find out. Times are
/// coarse: two changes within a few milliseconds may look like one.
const SETTLED: Duration = Duration::from_secs(2);
/// A rotated file is followed until it has been quiet for so long: its writer may keep it open.
const QUIET_RENAMED: Duration = Duration::from_secs(60);
/// The same for a deleted file, which takes up space as long as it is open here.
const QUIET_DELETED: Duration = Duration::from_secs(5);

/// Room for one read; shared by all files.
pub(super) fn buffer() -> Vec<u8> {
    vec![0; ANCHOR + BLOCK]
}

#[derive(Debug)]
pub(super) struct Followed {
    /// Where it was found first: its name for people, and what its rotations are named after.
    pub(super) home: PathBuf,
    /// Where it is now.
    pub(super) path: PathBuf,
    pub(super) key: FileKey,
    /// Closed between reads where there are more files than descriptors.
    pub(super) file: Option<File>,
    /// After a restart it was not found any more.
    pub(super) gone: bool,
    pub(super) place: Place,
    /// Where it was read to before it was emptied; a ring of lines goes on from there.
    pub(super) before: Option<Place>,
    pub(super) stream: Stream,
    /// What comes before the next end of line is the rest of a line that was there at the start.
    pub(super) skip_line: bool,
    /// After a restart: where the line begins that was unfinished at `place`. It is read again.
    pub(super) back_to: Option<u64>,
    /// The first line of a CSV file that is read from its middle on: it names the columns.
    csv_header: Vec<u8>,
    stat: Stat,
    changed: Timestamp,
    last_read: Timestamp,
    /// The size it had when it was last known to hold what was read of it.
    pub(super) verified_size: u64,
    pub(super) caught_up: bool,
    /// Since when no followed path names it.
    pub(super) leaving: Option<Timestamp>,
    /// The file that must be read to its end before this one begins.
    pub(super) waits_for: Option<u64>,
    pub(super) look_beside: LookBeside,
    /// In which poll it was last found under a path.
    pub(super) seen: u64,
}

/// When to look for files that came before this one and were rotated away unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookBeside {
    /// It has just taken another file's place.
    Now,
    /// It is the first under a path that named none, as was seen.
    First,
    /// It was empty then; if it has changed, it may have been filled and emptied unseen.
    IfChanged(Stat),
    Never,
}

/// What a poll of one file gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    CaughtUp,
    More,
    Rewritten,
}

impl Followed {
    /// A file that is followed from its start, or from its last line's start on.
    pub(super) fn open(path: &Path, at_end: bool, now: Timestamp) -> io::Result<Self> {
        let file = open(path)?;
        let meta = file.metadata()?;
        let (mut place, mut skip_line) = (Place::default(), false);
        let mut header = Vec::new();
        if at_end {
            let start = last_line_start(&file, meta.len())?;
            place = Place::at(&file, start.unwrap_or(meta.len()))?;
            skip_line = start.is_none();
            header = csv_header(path, &file, place.offset)?;
        }
        Ok(Self {
            home: path.to_path_buf(),
            path: path.to_path_buf(),
            key: FileKey::of(&meta),
            file: Some(file),
            gone: false,
            verified_size: place.offset,
            place,
            before: None,
            stream: Stream::default(),
            skip_line,
            back_to: None,
            csv_header: header,
            stat: Stat::of(&meta),
            changed: now,
            last_read: now,
            caught_up: false,
            leaving: None,
            waits_for: None,
            look_beside: LookBeside::IfChanged(Stat::of(&meta)),
            seen: 0,
        })
    }

    /// A file that was followed before a restart; where it is now is for the next poll to find out.
    pub(super) fn remembered(home: PathBuf, path: PathBuf, key: FileKey, place: Place) -> Self {
        Self {
            home,
            path,
            key,
            file: None,
            gone: false,
            verified_size: place.offset,
            look_beside: if place.offset == 0 { LookBeside::Now } else { LookBeside::Never },
            place,
            before: None,
            stream: Stream::default(),
            skip_line: false,
            back_to: None,
            csv_header: Vec::new(),
            stat: Stat::default(),
            changed: Timestamp::MIN,
            last_read: Timestamp::MIN,
            caught_up: false,
            leaving: None,
            waits_for: None,
            seen: 0,
        }
    }

    /// Takes note of what stat(2) of its path said.
    pub(super) fn observe(&mut self, stat: Stat, now: Timestamp) {
        if stat != self.stat {
            self.stat = stat;
            self.changed = now;
        }
    }

    pub(super) fn must_look_beside(&self) -> bool {
        match self.look_beside {
            LookBeside::Now | LookBeside::First => true,
            LookBeside::IfChanged(since) => self.place.offset == 0 && self.stat != since,
            LookBeside::Never => false,
        }
    }

    pub(super) fn looked_beside(&mut self) {
        self.look_beside = match self.stat.size {
            0 => LookBeside::IfChanged(self.stat),
            _ => LookBeside::Never,
        };
    }

    /// Whether reading it would give nothing new.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        let size_is_read = self.stat.size == self.place.offset && self.caught_up;
        size_is_read && self.leaving.is_none() && now.since(self.changed) >= SETTLED
    }

    /// Reads on, a few blocks at most, and passes on what is new.
    pub(super) fn read(
        &mut self,
        now: Timestamp,
        buffer: &mut [u8],
        output: &mut Output,
    ) -> io::Result<Progress> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.reopen()?,
        };
        // Before the content: if that is still the one that was read, so was this size.
        let size = file.metadata()?.len();
        if let Some(line) = self.back_to
            && self.place.fits(&file)?
        {
            self.place = Place::at(&file, line)?;
            self.back_to = None;
            self.csv_header = csv_header(&self.home, &file, line)?;
        }
        let begun = self.place.offset;
        let mut progress = Progress::More;
        for _ in 0..BLOCKS_A_POLL {
            self.skip_to_old_end(&file, size)?;
            let room = buffer.len();
            match self.place.read(&file, buffer)? {
                Block::Rewritten => progress = Progress::Rewritten,
                Block::End => progress = Progress::CaughtUp,
                Block::New(new) => {
                    self.last_read = now;
                    self.verified_size = size.max(self.place.offset);
                    let whole = skip_to_line(new, &mut self.skip_line);
                    if !whole.is_empty() {
                        let header = std::mem::take(&mut self.csv_header);
                        output.chunk(&mut self.stream, &self.home, &header);
                    }
                    output.chunk(&mut self.stream, &self.home, whole);
                    if new.len() + ANCHOR < room {
                        progress = Progress::CaughtUp;
                    }
                }
            }
            if progress != Progress::More {
                break;
            }
        }
        self.caught_up = progress == Progress::CaughtUp;
        self.file = Some(file).filter(|_| self.place.offset > begun || !self.is_contradicted());
        Ok(progress)
    }

    /// Nothing new is read, yet the path's file has another size: on network file systems without
    /// inodes of their own (sshfs) a path keeps its number when another machine rotates the file,
    /// and what is open is still the old one. Opened anew, it is known by what stands in it.
    fn is_contradicted(&self) -> bool {
        self.caught_up && self.leaving.is_none() && self.stat.size != self.place.offset
    }

    /// An emptied file that is filled with the rest of its old lines is read on behind these.
    fn skip_to_old_end(&mut self, file: &File, size: u64) -> io::Result<()> {
        if self.place.offset == 0
            && size > 0
            && let Some(before) = self.before.take()
            && let Some(place) = before.find_moved(file)?
        {
            self.place = place;
        }
        Ok(())
    }

    fn reopen(&self) -> io::Result<File> {
        let file = open(&self.path)?;
        match FileKey::of(&file.metadata()?) == self.key {
            true => Ok(file),
            // It was rotated just now; the next poll will tell.
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// How many links the file has: none after a deletion. `None` where that cannot be told.
    pub(super) fn links(&self) -> Option<u64> {
        let meta = self.file.as_ref()?.metadata().ok()?;
        Some(Stat::of(&meta).links)
    }

    /// Whether it was emptied or deleted, so that only a copy may hold what it held.
    pub(super) fn was_taken_away(&self) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(self.gone) };
        Ok(file.metadata()?.nlink() == 0 || !self.place.fits(file)?)
    }

    /// Whether `copy` holds the beginning of this file, and is on its way to hold all.
    pub(super) fn is_begun_copy(&self, copy: &File) -> io::Result<bool> {
        match &self.file {
            Some(original) => self.place.is_begun_copy(copy, original),
            None => Ok(false),
        }
    }

    /// Whether it is left by all paths, had its turn to be read, and is quiet for long enough to
    /// let it go.
    pub(super) fn is_done(&self, now: Timestamp) -> bool {
        let leaving = self.leaving.filter(|_| self.waits_for.is_none());
        let Some(leaving) = leaving else { return false };
        let quiet = now.since(leaving.max(self.last_read));
        let limit = if self.links() == Some(0) { QUIET_DELETED } else { QUIET_RENAMED };
        quiet >= limit
    }

    /// Where the first line, or record of an event file, begins that may not have been judged.
    pub(super) fn line(&self) -> u64 {
        let read = match is_event_file(&self.home.to_string_lossy()) {
            true => self.place.offset.saturating_sub(self.stream.unfinished()),
            false => self.place.line,
        };
        self.back_to.unwrap_or(read)
    }

    /// Bytes that were seen to be there and have not been read.
    pub(super) fn backlog(&self) -> u64 {
        self.verified_size.saturating_sub(self.place.offset)
    }

    /// It is gone, and nothing more can be read of it.
    pub(super) fn give_up(&mut self) {
        self.verified_size = self.place.offset;
        self.caught_up = true;
        self.leaving = Some(Timestamp::MIN);
        self.last_read = Timestamp::MIN;
    }

    /// It holds something new now: from its start, as a stream of its own.
    pub(super) fn begin_again(&mut self, now: Timestamp) {
        let before = std::mem::take(&mut self.place);
        self.before = before.is_convincing().then_some(before);
        self.skip_line = false;
        self.back_to = None;
        self.csv_header = Vec::new();
        self.look_beside = LookBeside::IfChanged(self.stat);
        self.verified_size = 0;
        self.caught_up = false;
        self.changed = now;
    }
}

/// The names of the columns, where a table is read from `offset` on. Empty for any other file.
fn csv_header(path: &Path, file: &File, offset: u64) -> io::Result<Vec<u8>> {
    match is_csv(&path.to_string_lossy()) {
        true => first_line(file, offset),
        false => Ok(Vec::new()),
    }
}

/// Opens for reading. If a FIFO takes the place of the file just now, this does not wait for it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file")),
    }
}

/// The part of `bytes` behind the first end of line, as long as `skipping`.
fn skip_to_line<'a>(bytes: &'a [u8], skipping: &mut bool) -> &'a [u8] {
    if !*skipping {
        return bytes;
    }
    match memchr::memchr2(b'\n', b'\r', bytes) {
        Some(at) => {
            *skipping = false;
            &bytes[at + 1..]
        }
        None => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::engine::{Input, SourceId};
    use crate::sources::Sink;

    struct Nobody;

    impl Sink for Nobody {
        fn open(&self, _: &str) -> SourceId {
            SourceId(0)
        }

        fn put(&self, _: Input<'_>) {}
    }

    #[test]
    fn a_rotation_by_another_machine_was_never_seen_where_a_path_keeps_its_inode_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let now = Timestamp::from_secs(0);
        let (mut room, mut output) =
            (buffer(), Output::new(Arc::new(Nobody), None, Box::new(|_| {})));
        for new in ["a longer text\n", "short\n"] {
            fs::write(&path, "the old one\n").unwrap();
            let mut file = Followed::open(&path, false, now).unwrap();
            assert_eq!(file.read(now, &mut room, &mut output).unwrap(), Progress::CaughtUp);
            fs::rename(&path, folder.path().join("a.log.1")).unwrap();
            fs::write(&path, new).unwrap();
            let meta = fs::metadata(&path).unwrap();
            file.key = FileKey::of(&meta);
            file.observe(Stat::of(&meta), now);
            assert_eq!(file.read(now, &mut room, &mut output).unwrap(), Progress::CaughtUp);
            assert_eq!(file.read(now, &mut room, &mut output).unwrap(), Progress::Rewritten);
        }
    }
}
