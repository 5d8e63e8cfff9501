//! Which file each path names now: a new one, one that is followed already, or none.
//!
//! Reads nothing; what becomes of a file without a name is in `reading`.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sources::tail::Notice;
use crate::sources::tail::file::{Followed, LookBeside};
use crate::sources::tail::glob::MOST_PATHS;
use crate::sources::tail::identity::{FileKey, Stat};
use crate::sources::tail::set::Follower;
use crate::sources::tail::siblings::Listing;
use crate::time::Timestamp;

/// A file that cannot be read for less than this is being rotated.
const TROUBLE_IS_TOLD_AFTER: Duration = Duration::from_secs(3);
impl Follower {
    /// The paths to look at, each once, in the order of the patterns.
    pub(super) fn survey(&mut self) -> Vec<PathBuf> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for pattern in &self.patterns {
            let paths = pattern.paths();
            if paths.is_empty() && self.polls == 1 {
                self.output.tell(&Notice::Waiting { path: pattern.as_path().into() });
            }
            found.extend(paths.into_iter().filter(|path| seen.insert(path.clone())));
        }
        if found.len() > MOST_PATHS {
            found.truncate(MOST_PATHS);
            self.output.tell(&Notice::TooMany { limit: MOST_PATHS });
        }
        found
    }

    /// One path: is there a file, and is it the one that was there before?
    pub(super) fn look_at(&mut self, path: &Path, now: Timestamp, listing: &mut Listing) {
        // By path and without opening: on NFS an open would renew the name's stale entry.
        let looked = match fs::metadata(path) {
            Ok(meta) if meta.is_file() => self.bind(path, &meta, now, listing),
            Ok(_) => {
                self.output.tell(&Notice::NotAFile { path: path.into() });
                return;
            }
            Err(error) => Err(error),
        };
        match looked {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.polls == 1 {
                    self.output.tell(&Notice::Waiting { path: path.into() });
                }
            }
            Err(error) => {
                self.is_in_trouble(path, &error, now);
                // Not being able to look is no sign that the file left.
                let file = self.bound.get(path).and_then(|id| self.files.get_mut(id));
                if let Some(file) = file {
                    file.seen = self.polls;
                }
            }
        }
    }

    /// The path names this file now.
    fn bind(
        &mut self,
        path: &Path,
        meta: &fs::Metadata,
        now: Timestamp,
        listing: &mut Listing,
    ) -> io::Result<()> {
        let key = FileKey::of(meta);
        if let Some(id) = self.ids.get(&key).copied() {
            return self.rebind(path, id, Stat::of(meta), now, listing);
        }
        if self.is_set_aside(path, meta, now)? {
            return Ok(());
        }
        let predecessor = self.bound.get(path).copied().filter(|id| self.files.contains_key(id));
        if let Some(id) = predecessor
            && self.was_saved_anew(id, path, meta, now)?
        {
            return Ok(());
        }
        let at_end = !self.from_start && (self.polls == 1 || self.unopened.contains(&key));
        let mut file = match Followed::open(path, at_end, now) {
            Ok(file) => file,
            Err(error) => {
                if self.polls == 1 {
                    self.unopened.insert(key);
                }
                return Err(error);
            }
        };
        if file.key != key {
            // It was rotated between the two looks; the next poll will tell.
            return Ok(());
        }
        self.unopened.remove(&key);
        if predecessor.is_some() {
            self.output.summary.rotations += 1;
            file.look_beside = LookBeside::Now;
        } else if self.polls == 1 {
            file.looked_beside();
        } else {
            file.look_beside = LookBeside::First;
        }
        if !self.siblings.knows(path) && !self.siblings.remember(path, listing) && self.polls > 1 {
            self.output.gap(&mut file.stream, &file.home, 0);
        }
        self.open += 1;
        if self.open > self.most_open {
            file.file = None;
            self.open -= 1;
        }
        file.waits_for = predecessor;
        file.seen = self.polls;
        let id = self.add(file);
        self.bound.insert(path.into(), id);
        self.moved = true;
        self.output.forget(&Notice::Deleted { path: path.into() });
        Ok(())
    }

    /// The path names a file that is followed already, under this name or another one.
    fn rebind(
        &mut self,
        path: &Path,
        id: u64,
        stat: Stat,
        now: Timestamp,
        listing: &mut Listing,
    ) -> io::Result<()> {
        if self.bound.get(path) != Some(&id) {
            self.bound.insert(path.into(), id);
            self.moved = true;
            if !self.siblings.knows(path) {
                self.siblings.remember(path, listing);
            }
        }
        let Some(file) = self.files.get_mut(&id) else { return Ok(()) };
        if file.seen != self.polls {
            file.seen = self.polls;
            file.leaving = None;
            if file.path != path {
                file.path = path.into();
                self.moved = true;
            }
        }
        file.observe(stat, now);
        Ok(())
    }

    pub(super) fn add(&mut self, file: Followed) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.ids.insert(file.key, id);
        self.files.insert(id, file);
        id
    }

    pub(super) fn find_leaving(&mut self, now: Timestamp) {
        for file in self.files.values_mut() {
            if file.seen != self.polls && file.leaving.is_none() {
                file.leaving = Some(now);
                file.caught_up = false;
            }
        }
    }

    pub(super) fn is_in_trouble(&mut self, path: &Path, error: &io::Error, now: Timestamp) {
        let (since, told) = self.troubles.entry(path.into()).or_insert((now, None));
        if told.is_none() && now.since(*since) >= TROUBLE_IS_TOLD_AFTER {
            let notice = Notice::Unreadable { path: path.into(), error: error.to_string() };
            self.output.tell(&notice);
            *told = Some(notice);
        }
    }

    /// Its path's trouble, if there was one, is over. (An old file says nothing about its path.)
    pub(super) fn is_well(&mut self, file: &Followed) {
        if file.leaving.is_none()
            && let Some((_, Some(told))) = self.troubles.remove(&file.path)
        {
            self.output.forget(&told);
        }
    }
}
