//! Rotated files beside a followed one: `train.log.1`, `train.log-20261123`, `train.2026-11-23.log`.
//!
//! Knows names and identities, not what is done with them. Two rotations between two polls leave a
//! file that never stood under the followed path when it was looked at; it is found here, because
//! it was not there when the folder was last listed.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::sources::tail::glob::is_compressed;
use crate::sources::tail::identity::FileKey;

/// More new rotated files at once than these are not read.
const MOST_NEW: usize = 32;

/// The rotated files of each followed path that were there when they were last listed.
#[derive(Debug, Default)]
pub(super) struct Siblings {
    known: HashMap<PathBuf, HashSet<FileKey>>,
}

/// The names in folders, each listed once.
#[derive(Debug, Default)]
pub(super) struct Listing(HashMap<PathBuf, Vec<OsString>>);

impl Listing {
    fn rotations_of(&mut self, path: &Path) -> Vec<(PathBuf, Metadata)> {
        let (Some(base), folder) = (path.file_name(), folder_of(path)) else { return Vec::new() };
        let names = self.0.entry(folder.clone()).or_insert_with(|| {
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
            names.sort();
            names
        });
        let stem = path.file_stem().unwrap_or(base).as_bytes();
        let first = names.partition_point(|name| name.as_bytes() < stem);
        let mut found: Vec<(PathBuf, Metadata)> = names
            .iter()
            .skip(first)
            .take_while(|name| name.as_bytes().starts_with(stem))
            .filter(|name| is_rotation_of(name, base))
            .map(|name| path.with_file_name(name))
            .filter(|path| !is_compressed(path))
            .filter_map(|path| fs::symlink_metadata(&path).ok().map(|meta| (path, meta)))
            .filter(|(_, meta)| meta.is_file())
            .collect();
        // Oldest first, as far as that can be known.
        found.sort_by_cached_key(|(path, meta)| (meta.modified().ok(), path.clone()));
        found
    }
}

impl Siblings {
    /// Remembers what is there now beside `path`.
    pub(super) fn remember(&mut self, path: &Path, listing: &mut Listing) {
        let keys = listing.rotations_of(path).iter().map(|(_, meta)| FileKey::of(meta)).collect();
        self.known.insert(path.to_path_buf(), keys);
    }

    /// These were there when the files beside `path` were last listed.
    pub(super) fn know(&mut self, path: PathBuf, keys: HashSet<FileKey>) {
        self.known.insert(path, keys);
    }

    /// What is known of each path, by path.
    pub(super) fn known(&self) -> Vec<(&Path, Vec<FileKey>)> {
        let all = self.known.iter();
        let mut all: Vec<_> =
            all.map(|(path, keys)| (path.as_path(), keys.iter().copied().collect())).collect();
        all.sort_unstable_by_key(|(path, _)| *path);
        all
    }

    pub(super) fn knows(&self, path: &Path) -> bool {
        self.known.contains_key(path)
    }

    /// The rotated files that came since the last listing, oldest first.
    pub(super) fn take_new(
        &mut self,
        path: &Path,
        listing: &mut Listing,
    ) -> Vec<(PathBuf, Metadata)> {
        let mut found = listing.rotations_of(path);
        let keys = found.iter().map(|(_, meta)| FileKey::of(meta)).collect();
        let known = self.known.insert(path.to_path_buf(), keys).unwrap_or_default();
        found.retain(|(_, meta)| !known.contains(&FileKey::of(meta)));
        found.split_off(found.len().saturating_sub(MOST_NEW))
    }

    /// Gives this one again next time.
    pub(super) fn leave_new(&mut self, path: &Path, key: FileKey) {
        if let Some(known) = self.known.get_mut(path) {
            known.remove(&key);
        }
    }

    pub(super) fn forget(&mut self, path: &Path) {
        self.known.remove(path);
    }
}

/// Where the file with this identity is now, if it is still in the folder of `path`.
pub(super) fn find_moved(path: &Path, key: FileKey) -> Option<PathBuf> {
    let entries = fs::read_dir(folder_of(path)).ok()?.flatten();
    let mut paths = entries.map(|entry| path.with_file_name(entry.file_name()));
    paths.find(|path| fs::symlink_metadata(path).is_ok_and(|meta| FileKey::of(&meta) == key))
}

pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Whether a rotation of `base` would be named `name`: a number or a date at its end, or before
/// its extension, or `.old`.
pub(super) fn is_rotation_of(name: &OsStr, base: &OsStr) -> bool {
    let (name, base) = (name.as_bytes(), base.as_bytes());
    if name.strip_prefix(base).is_some_and(is_mark) {
        return true;
    }
    let Some(dot) = memchr::memrchr(b'.', base).filter(|dot| *dot > 0) else { return false };
    let (stem, extension) = base.split_at(dot);
    let mark = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension));
    mark.is_some_and(is_mark)
}

fn is_mark(mark: &[u8]) -> bool {
    let marking = |byte: &u8| byte.is_ascii_digit() || b".-_:TZ".contains(byte);
    mark == b".old"
        || (mark.first().is_some_and(|first| b".-_".contains(first))
            && mark.iter().any(u8::is_ascii_digit)
            && mark.iter().all(marking))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_told_from_other_files() {
        let is = |name: &str| is_rotation_of(OsStr::new(name), OsStr::new("train.log"));
        for name in [
            "train.log.1",
            "train.log.10",
            "train.log-20261123",
            "train.log.2026-11-23_03-18",
            "train.2026-11-23_03-18-00_123456.log",
            "train-1.log",
            "train.log.old",
        ] {
            assert!(is(name), "{name}");
        }
        for name in
            ["train.log", "train2.log", "train.log2", "train.log.tmp", "train.err", "x.log.1"]
        {
            assert!(!is(name), "{name}");
        }
    }
}
