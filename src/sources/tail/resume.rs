//! From a follower to its checkpoint and back: after a restart it is as if it had never stopped.
//!
//! What happened to the files in the meantime (they grew, were rotated, emptied, deleted) is found
//! out by the next poll, as always.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::sources::tail::checkpoint::{Checkpoint, FileRecord, Rotations};
use crate::sources::tail::file::{self, Followed};
use crate::sources::tail::identity::{FileKey, Place};
use crate::sources::tail::set::Follower;
use crate::sources::tail::siblings::{find_moved, folder_of};

/// As many bytes before a place are kept, by which it is known again.
const KEPT: usize = 256;
/// Where the last line begins in `text`, if it begins behind the first `known` bytes. A lone
/// carriage return counts once something is printed over what stood there, since it was a state of
/// the line then, and was judged as such.
pub(super) fn line_start(text: &[u8], known: usize) -> Option<usize> {
    let newline = memchr::memrchr(b'\n', &text[known..]).map(|at| known + at + 1);
    let from = newline.unwrap_or(known).max(1);
    let drawn_over = |at: &usize| text[at - 1] == b'\r' && text[*at] >= b' ';
    (from..text.len()).rev().find(drawn_over).or(newline)
}

impl Follower {
    /// Goes on where the follower of this checkpoint stopped. To be called before the first poll.
    pub(super) fn restore(&mut self, checkpoint: &Checkpoint) {
        // What is there and was not followed came in the meantime: it is read from its start.
        self.polls = 1;
        let devices = devices(checkpoint);
        let key = |key: &FileKey| FileKey {
            device: devices.get(&key.device).copied().unwrap_or(key.device),
            ..*key
        };
        let mut newest: BTreeMap<&[u8], u64> = BTreeMap::new();
        for record in &checkpoint.files {
            let place = Place::remembered(record.offset, &record.head, &record.anchor);
            let (home, path) = (as_path(&record.home), as_path(&record.path));
            let mut file = Followed::remembered(home, path.clone(), key(&record.key), place);
            self.find(&mut file);
            file.skip_line = record.skip_line;
            file.back_to = Some(record.line);
            file.waits_for = newest.get(record.home.as_slice()).copied();
            let id = self.add(file);
            newest.insert(&record.home, id);
            if record.in_place {
                self.bound.insert(path, id);
            }
        }
        for rotations in &checkpoint.rotations {
            self.siblings.know(as_path(&rotations.of), rotations.keys.iter().map(key).collect());
        }
        // An older version did not say; then what is there now is.
        self.look_around = checkpoint.old.is_none();
        for old in checkpoint.old.iter().flatten() {
            self.siblings.know_old(&as_path(&old.of), old.keys.iter().map(key));
        }
        self.copies.extend(checkpoint.copies.iter().map(|copy| (key(copy), self.polls)));
    }

    /// Opens the file wherever it is now, since what came of it tells what its copies are.
    fn find(&mut self, file: &mut Followed) {
        let is_there = fs::metadata(&file.path).is_ok_and(|meta| FileKey::of(&meta) == file.key);
        let path = match is_there {
            true => Some(file.path.clone()),
            false => find_moved(&file.path, file.key),
        };
        file.gone = path.is_none();
        let path = path.filter(|_| self.open < self.most_open);
        file.file = path.and_then(|path| file::open(&path).ok());
        self.open += usize::from(file.file.is_some());
    }

    /// All that is needed to go on from here. `clean` is left to whoever knows.
    pub(super) fn snapshot(&self) -> Checkpoint {
        let mut copies: Vec<FileKey> = self.copies.keys().copied().collect();
        copies.sort_unstable();
        Checkpoint {
            files: self.files.values().map(record).collect(),
            rotations: self.siblings.known().into_iter().map(rotations).collect(),
            old: Some(self.siblings.old().map(rotations).collect()),
            copies,
            ..Checkpoint::default()
        }
    }

    /// Whether all that was read of any file are whole lines.
    pub(super) fn is_between_lines(&self) -> bool {
        self.files.values().all(|file| file.place.offset == file.line())
    }
}

fn record(file: &Followed) -> FileRecord {
    let (head, anchor) = file.place.to_remember(KEPT);
    FileRecord {
        home: file.home.as_os_str().as_bytes().to_vec(),
        path: file.path.as_os_str().as_bytes().to_vec(),
        in_place: file.leaving.is_none(),
        key: file.key,
        offset: file.place.offset,
        line: file.line(),
        skip_line: file.skip_line,
        head: head.to_vec(),
        anchor: anchor.to_vec(),
    }
}

fn rotations((of, mut keys): (&Path, Vec<FileKey>)) -> Rotations {
    keys.sort_unstable();
    Rotations { of: of.as_os_str().as_bytes().to_vec(), keys }
}

/// The devices' numbers now: they may change when the machine is started again.
fn devices(checkpoint: &Checkpoint) -> BTreeMap<u64, u64> {
    let mut devices = BTreeMap::new();
    let mut add = |device: u64, path: &Path| {
        devices.entry(device).or_insert_with(|| {
            let meta = fs::metadata(path).or_else(|_| fs::metadata(folder_of(path)));
            meta.map_or(device, |meta| meta.dev())
        });
    };
    for record in &checkpoint.files {
        add(record.key.device, &as_path(&record.path));
    }
    for beside in checkpoint.rotations.iter().chain(checkpoint.old.iter().flatten()) {
        beside.keys.iter().for_each(|key| add(key.device, &as_path(&beside.of)));
    }
    devices
}

fn as_path(bytes: &[u8]) -> PathBuf {
    OsString::from_vec(bytes.to_vec()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_behind_a_newline_or_where_a_bar_is_drawn_again() {
        for (text, known, start) in [
            (&b"one\ntwo"[..], 0, Some(4)),
            (b"one\ntwo", 4, None),
            (b"one\n", 0, Some(4)),
            (b"one", 0, None),
            (b"", 0, None),
            // Not drawn over yet.
            (b"1%\r", 0, None),
            (b"1%\r2%", 0, Some(3)),
            (b"1%\r2%", 3, Some(3)),
            (b"1%\r2%\r", 0, Some(3)),
            (b"1%\r\n", 0, Some(4)),
            (b"1%\r2%\n3%", 0, Some(6)),
        ] {
            assert_eq!(line_start(text, known), start, "{}", text.escape_ascii());
        }
    }
}
