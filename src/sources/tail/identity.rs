//! What makes a file the same file: its place on disk, and the bytes around the offset.
//!
//! Knows no path list, no sink and no time. A path names different files at different times
//! (rotation), an inode number is used again after a deletion, and a file may be emptied and
//! written anew under the same inode. So both the inode and the content are looked at.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, UNIX_EPOCH};

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::sources::tail::resume::line_start;

/// As many bytes before the offset are kept, and compared with the file at each read.
pub(super) const ANCHOR: usize = 1024;
/// As many bytes of the beginning are kept.
const HEAD: usize = 1024;
/// A shorter text may well stand in another file by chance.
const CONVINCING: usize = 64;
/// The beginning of a longer line is not kept in mind.
const LONGEST_LINE: u64 = 1 << 20;
/// How far into a rewritten file its old end is looked for.
const LONGEST_SEARCH: u64 = 8 << 20;

/// Device, inode, and where the file system tells it (statx(2), `STATX_BTIME`) the time of birth.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub(super) struct FileKey {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Nanoseconds since the Unix epoch.
    pub(super) born: Option<u64>,
}

impl FileKey {
    pub(super) fn of(meta: &Metadata) -> Self {
        let born = meta.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|born| u64::try_from(born.as_nanos()).ok());
        Self { device: meta.dev(), inode: meta.ino(), born }
    }

    /// Whether the other file was written last before this one came, as far as can be told.
    pub(super) fn came_after(&self, other: &Metadata) -> bool {
        let born = self.born.map(|born| UNIX_EPOCH + Duration::from_nanos(born));
        match (born, other.modified()) {
            (Some(born), Ok(modified)) => modified <= born,
            _ => true,
        }
    }
}

/// What changes when a file is written. Compared for equality only: clocks may go backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) size: u64,
    pub(super) links: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stat {
    pub(super) fn of(meta: &Metadata) -> Self {
        Self {
            size: meta.size(),
            links: meta.nlink(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// How far a file was read, with the bytes by which that place is known again.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) offset: u64,
    /// The first bytes of the file, as far as read, at most `HEAD`.
    head: Vec<u8>,
    /// The bytes before `offset`: all of them, or the last `ANCHOR`.
    anchor: Vec<u8>,
    /// Where the line begins that is not ended yet: what comes before is judged once it was read.
    pub(super) line: u64,
}

/// What stands in a file behind a place.
#[derive(Debug)]
pub(super) enum Block<'a> {
    New(&'a [u8]),
    End,
    /// The bytes before the place are not those that were read: emptied, or written anew.
    Rewritten,
}

impl Place {
    /// A place in the middle of a file that was not read until there.
    pub(super) fn at(file: &File, offset: u64) -> io::Result<Self> {
        let mut head = vec![0; HEAD.min(usize::try_from(offset).unwrap_or(HEAD))];
        let mut anchor = vec![0; ANCHOR.min(usize::try_from(offset).unwrap_or(ANCHOR))];
        file.read_exact_at(&mut head, 0)?;
        let from = offset - anchor.len() as u64;
        file.read_exact_at(&mut anchor, from)?;
        Ok(Self { offset, head, anchor, line: offset })
    }

    /// A place that was remembered: what stood at the beginning, and before the offset.
    pub(super) fn remembered(offset: u64, head: &[u8], anchor: &[u8]) -> Self {
        Self { offset, head: head.to_vec(), anchor: anchor.to_vec(), line: offset }
    }

    /// What it is remembered by, at most `most` bytes each.
    pub(super) fn to_remember(&self, most: usize) -> (&[u8], &[u8]) {
        let head = &self.head[..self.head.len().min(most)];
        (head, &self.anchor[self.anchor.len().saturating_sub(most)..])
    }

    /// Reads on and moves the place. One read gives the anchor and what follows it, so that no
    /// truncation comes between the comparison and the data.
    pub(super) fn read<'a>(&mut self, file: &File, buffer: &'a mut [u8]) -> io::Result<Block<'a>> {
        let known = self.anchor.len();
        let got = read_at(file, buffer, self.offset - known as u64)?;
        if got < known || buffer[..known] != self.anchor {
            return Ok(Block::Rewritten);
        }
        if got == known {
            return Ok(Block::End);
        }
        let new = &buffer[known..got];
        if self.offset == self.head.len() as u64 {
            let room = HEAD - self.head.len();
            self.head.extend_from_slice(&new[..room.min(new.len())]);
        }
        self.offset += new.len() as u64;
        if let Some(start) = line_start(&buffer[..got], known) {
            self.line = self.offset - (got - start) as u64;
        } else if self.offset - self.line > LONGEST_LINE {
            self.line = self.offset;
        }
        self.anchor.clear();
        self.anchor.extend_from_slice(&buffer[got.saturating_sub(ANCHOR)..got]);
        Ok(Block::New(new))
    }

    /// Whether `file` holds, before this offset, what was read here: it is a copy, or was saved anew.
    pub(super) fn fits(&self, file: &File) -> io::Result<bool> {
        let mut head = vec![0; self.head.len()];
        let mut anchor = vec![0; self.anchor.len()];
        let from = self.offset - anchor.len() as u64;
        Ok(read_at(file, &mut head, 0)? == head.len()
            && head == self.head
            && read_at(file, &mut anchor, from)? == self.anchor.len()
            && anchor == self.anchor)
    }

    /// Whether `file`, perhaps a shorter one, begins with the bytes that were read here.
    pub(super) fn begins_like(&self, file: &File) -> io::Result<bool> {
        let mut head = vec![0; self.head.len()];
        let got = read_at(file, &mut head, 0)?;
        Ok(head[..got] == self.head[..got])
    }

    /// Whether `copy` holds the beginning of `original`, and is on its way to this place.
    pub(super) fn is_begun_copy(&self, copy: &File, original: &File) -> io::Result<bool> {
        let size = copy.metadata()?.size();
        if size >= self.offset {
            return Ok(false);
        }
        let from = size.saturating_sub(ANCHOR as u64);
        let (mut here, mut there) = (vec![0; ANCHOR], vec![0; ANCHOR]);
        let got = read_at(copy, &mut here, from)?;
        read_at(original, &mut there, from)?;
        Ok(self.begins_like(copy)? && here[..got] == there[..got])
    }

    /// Whether the bytes kept here are enough to know the place again in another file.
    pub(super) fn is_convincing(&self) -> bool {
        self.anchor.len() >= CONVINCING
    }

    /// Looks for the place in a file whose beginning was cut off (a ring of the last n lines).
    ///
    /// A file that begins as before was not cut but begun again, and has no such place.
    pub(super) fn find_moved(&self, file: &File) -> io::Result<Option<Self>> {
        let size = file.metadata()?.size();
        if !self.is_convincing() || self.begins_like(file)? {
            return Ok(None);
        }
        let mut content = vec![0; usize::try_from(size.min(LONGEST_SEARCH)).unwrap_or(0)];
        let got = read_at(file, &mut content, 0)?;
        let content = &content[..got];
        let needle = &self.anchor[self.anchor.len() - CONVINCING..];
        let ends = memmem::find_iter(content, needle).map(|at| at + needle.len());
        match ends.filter(|end| self.ends_like(&content[..*end])).last() {
            Some(end) => Self::at(file, end as u64).map(Some),
            None => Ok(None),
        }
    }

    /// Whether `text`, the beginning of a file, is what was read last here: the whole anchor, or,
    /// in a file shorter than that, all of it. Fewer than two lines may be alike by chance.
    fn ends_like(&self, text: &[u8]) -> bool {
        let same = text.len().min(self.anchor.len());
        let overlap = &text[text.len() - same..];
        self.anchor.ends_with(overlap) && memchr::memchr_iter(b'\n', overlap).count() >= 2
    }
}

/// Where to begin in a file that is there already, so that no line is cut in half: after the last
/// end of line. `None` where none is near: then what comes up to the next one is to be skipped.
pub(super) fn last_line_start(file: &File, size: u64) -> io::Result<Option<u64>> {
    const LONGEST: u64 = 64 << 10;
    let from = size.saturating_sub(LONGEST);
    let mut end = vec![0; usize::try_from(size - from).unwrap_or(0)];
    let got = read_at(file, &mut end, from)?;
    match memchr::memrchr2(b'\n', b'\r', &end[..got]) {
        Some(at) => Ok(Some(from + at as u64 + 1)),
        None if from == 0 => Ok(Some(0)),
        None => Ok(None),
    }
}

/// The first line with its end; empty if it is long or does not end before `before`.
pub(super) fn first_line(file: &File, before: u64) -> io::Result<Vec<u8>> {
    const LONGEST: u64 = 64 << 10;
    let mut line = vec![0; usize::try_from(before.min(LONGEST)).unwrap_or(0)];
    let got = read_at(file, &mut line, 0)?;
    line.truncate(memchr::memchr(b'\n', &line[..got]).map_or(0, |end| end + 1));
    Ok(line)
}

/// Fills the buffer as far as the file reaches.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_that_only_ends_alike_is_another_one() {
        let file = |head: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&[head, &[b'x'; HEAD + ANCHOR]].concat()).unwrap();
            file
        };
        let (ours, other) = (file(b"run 1\n"), file(b"run 2\n"));
        let place = Place::at(&ours, (6 + HEAD + ANCHOR) as u64).unwrap();
        assert!(place.fits(&ours).unwrap());
        assert!(!place.fits(&other).unwrap());
    }
}
