//! Where a change may concern a followed path, so that the system's notices of it may be trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::sources::tail::glob::Pattern;
use crate::sources::tail::identity::FileKey;
use crate::sources::tail::keeper::Keeper;
use crate::sources::tail::set::Follower;
use crate::sources::tail::siblings::folder_of;

impl Follower {
    /// The folders in which a change may concern a followed path, and which folder each name is now.
    pub(super) fn folders(&mut self) -> BTreeMap<PathBuf, FileKey> {
        if std::mem::take(&mut self.moved) {
            self.folders = self.list_folders();
        }
        let folders = self.folders.iter();
        folders
            .filter_map(|folder| {
                let meta = fs::metadata(folder).ok().filter(fs::Metadata::is_dir)?;
                Some((folder.clone(), FileKey::of(&meta)))
            })
            .collect()
    }

    fn list_folders(&self) -> BTreeSet<PathBuf> {
        let mut folders: BTreeSet<PathBuf> =
            self.files.values().map(|file| folder_of(&file.path)).collect();
        folders.extend(self.patterns.iter().map(|pattern| folder_of(pattern.as_path())));
        // A symbolic link's file changes in another folder.
        let targets = self
            .bound
            .keys()
            .filter(|path| path.is_symlink())
            .filter_map(|path| fs::canonicalize(path).ok())
            .map(|target| folder_of(&target));
        folders.extend(targets);
        folders
    }

    /// Whether nothing can come but by a change in one of these folders, nor is anything waited for.
    pub(super) fn stands_in(&self, folders: &BTreeMap<PathBuf, FileKey>) -> bool {
        let known = |pattern: &Pattern| {
            pattern.folder().is_some_and(|folder| folders.contains_key(&folder))
        };
        self.patterns.iter().all(known) && !self.keeper.as_ref().is_some_and(Keeper::is_waiting)
    }
}
