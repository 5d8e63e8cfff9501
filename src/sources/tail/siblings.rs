//! Rotated files beside a followed one: `train.log.1`, `train.log-20261123`, `train.2026-11-23.log`.
//!
//! Knows names and identities, not what is done with them. Two rotations between two polls leave a
//! file that never stood under the followed path when it was looked at; it is found here, because
//! it was not there when the folder was last listed.
//!
//! Beside a path that never named a file there may be some, too: `rank7.log` came, was rotated, and
//! came again before anybody looked. So what is named like a rotation of anything that a pattern
//! could name is listed at the first look, and is told from what came later.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::sources::tail::glob::is_compressed;
use crate::sources::tail::identity::FileKey;

/// More new rotated files at once than these are not read.
const MOST_NEW: usize = 32;

/// More old files than these are not told from new ones.
const MOST_OLD: usize = 10_000;

/// The rotated files of each followed path that were there when they were last listed.
#[derive(Debug, Default)]
pub(super) struct Siblings {
    known: HashMap<PathBuf, HashSet<FileKey>>,
    /// In each folder what looks like a rotated file, and was there at the first look or was read.
    old: BTreeMap<PathBuf, BTreeSet<FileKey>>,
    /// There are more old ones.
    too_many_old: bool,
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
    /// At the first look: what is in `folder` under such a name is old.
    pub(super) fn list_old(&mut self, folder: &Path, is_rotated: impl Fn(&OsStr) -> bool) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if is_rotated(&entry.file_name())
                && let Ok(meta) = entry.metadata()
            {
                self.add_old(folder, FileKey::of(&meta));
            }
        }
    }

    /// These are old, as another follower knew.
    pub(super) fn know_old(&mut self, folder: &Path, keys: impl IntoIterator<Item = FileKey>) {
        keys.into_iter().for_each(|key| self.add_old(folder, key));
    }

    fn add_old(&mut self, folder: &Path, key: FileKey) {
        if !self.too_many_old && self.old_count() >= MOST_OLD {
            self.old.iter_mut().for_each(|(folder, keys)| forget_gone(folder, keys));
            self.too_many_old = self.old_count() >= MOST_OLD;
        }
        if !self.too_many_old {
            self.old.entry(folder.to_path_buf()).or_default().insert(key);
        }
    }

    fn old_count(&self) -> usize {
        self.old.values().map(BTreeSet::len).sum()
    }

    /// What is old in each folder, by folder.
    pub(super) fn old(&self) -> impl Iterator<Item = (&Path, Vec<FileKey>)> {
        self.old.iter().map(|(folder, keys)| (folder.as_path(), keys.iter().copied().collect()))
    }

    /// A path names a file that it did not name before: only what is old beside it is known.
    /// Returns whether that could be told; if not, all of it is known.
    pub(super) fn remember(&mut self, path: &Path, listing: &mut Listing) -> bool {
        let found = listing.rotations_of(path);
        let mut keys: HashSet<FileKey> = found.iter().map(|(_, meta)| FileKey::of(meta)).collect();
        let nothing = BTreeSet::new();
        let old = self.old.get(&folder_of(path)).unwrap_or(&nothing);
        let can_be_told = !self.too_many_old || keys.iter().all(|key| old.contains(key));
        if can_be_told {
            keys.retain(|key| old.contains(key));
        }
        self.known.insert(path.to_path_buf(), keys);
        can_be_told
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

    /// The path names no file any more, and the last one, `key`, was read to its end.
    pub(super) fn forget(&mut self, path: &Path, key: FileKey, listing: &mut Listing) {
        let mut known = self.known.remove(path).unwrap_or_default();
        known.insert(key);
        for (_, meta) in listing.rotations_of(path) {
            let key = FileKey::of(&meta);
            if known.contains(&key) {
                self.add_old(&folder_of(path), key);
            }
        }
    }
}

fn forget_gone(folder: &Path, keys: &mut BTreeSet<FileKey>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let there: HashSet<FileKey> =
        entries.filter_map(|entry| entry.metadata().ok()).map(|meta| FileKey::of(&meta)).collect();
    keys.retain(|key| there.contains(key));
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

/// Of which names `name` may be a rotation.
pub(super) fn bases_of(name: &OsStr) -> impl Iterator<Item = OsString> {
    let bytes = name.as_bytes();
    let dot = memchr::memrchr(b'.', bytes).unwrap_or(0);
    let before = (1..bytes.len()).map(|end| bytes[..end].to_vec());
    let around = (1..dot).map(move |end| [&bytes[..end], &bytes[dot..]].concat());
    let bases = before.chain(around).map(OsString::from_vec);
    bases.filter(|base| is_rotation_of(name, base))
}

/// Whether `name` is that of a rotation of `base`, but may be that of another one's log as well, as
/// `train-1.log` is beside `train.log`.
pub(super) fn may_be_anothers(name: &OsStr, base: &OsStr) -> bool {
    !name.as_bytes().starts_with(base.as_bytes())
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
            let base = bases_of(OsStr::new(name)).find(|base| base == "train.log");
            assert!(base.is_some(), "{name}");
        }
        for name in
            ["train.log", "train2.log", "train.log2", "train.log.tmp", "train.err", "x.log.1"]
        {
            assert!(!is(name), "{name}");
            assert!(bases_of(OsStr::new(name)).all(|base| base != "train.log"), "{name}");
        }
    }
}
