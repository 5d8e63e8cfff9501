//! What is done when a file's content was taken from under its reader: emptied, written anew,
//! copied away, or replaced twice between two polls.
//!
//! What was lost is looked for in the rotated files beside it. What may be lost is said.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::sources::tail::Notice;
use crate::sources::tail::file::{self, Followed, LookBeside};
use crate::sources::tail::identity::{FileKey, Place, Stat, read_at};
use crate::sources::tail::set::Follower;
use crate::sources::tail::siblings::{self, Listing, is_rotation_of, may_be_anothers};
use crate::time::Timestamp;

/// A copy does not grow for so long, and its original was not emptied: it is a file of its own.
const COPY_IS_FINISHED_AFTER: Duration = Duration::from_secs(10);
/// More copies than these are not remembered unless a pattern names them.
const MOST_COPIES: usize = 1024;

impl Follower {
    /// The bytes before the offset changed: finds out where to read on.
    pub(super) fn rewritten(&mut self, file: &mut Followed, now: Timestamp) {
        let moved = file.file.as_ref().map(|open| file.place.find_moved(open));
        if let Some(Ok(Some(place))) = moved {
            self.tell(Notice::NotAppendOnly { path: file.home.clone() });
            file.place = place;
            file.back_to = None;
            return;
        }
        self.output.summary.truncations += 1;
        let recovered = self.read_copy(file, now);
        let lost = file.backlog().saturating_sub(recovered);
        self.output.gap(&mut file.stream, &file.home, lost);
        self.output.close(&mut file.stream);
        self.tell(Notice::Truncated { path: file.home.clone() });
        file.begin_again(now);
    }

    /// Looks for a copy that a rotation made before it emptied the file, and reads from there what
    /// was not read in time. Returns the number of bytes.
    fn read_copy(&mut self, file: &mut Followed, now: Timestamp) -> u64 {
        let mut copy: Option<(std::fs::File, u64)> = None;
        for (path, meta) in self.siblings.take_new(&file.home, &mut Listing::default()) {
            let key = FileKey::of(&meta);
            if self.is_known(key) {
                continue;
            }
            let Ok(open) = file::open(&path) else { continue };
            if file.place.fits(&open).unwrap_or(false) {
                self.copies.insert(key, self.polls);
                if copy.as_ref().is_none_or(|(_, size)| meta.size() > *size) {
                    copy = Some((open, meta.size()));
                }
            } else if self.is_copy_of_followed(&path).unwrap_or(true) {
                // Of another one that stood under this path.
                self.siblings.leave_new(&file.home, key);
            } else {
                self.add_skipped(&path, file, now);
            }
        }
        match copy {
            Some((open, _)) => self.read_rest(file, &open).unwrap_or(0),
            None => 0,
        }
    }

    fn read_rest(&mut self, file: &mut Followed, copy: &std::fs::File) -> io::Result<u64> {
        let from = file.back_to.unwrap_or(file.place.offset);
        let mut buffer = file::buffer();
        let mut offset = from;
        loop {
            let got = read_at(copy, &mut buffer, offset)?;
            if got == 0 {
                return Ok(offset - from);
            }
            self.output.chunk(&mut file.stream, &file.home, &buffer[..got]);
            offset += got as u64;
        }
    }

    /// A file that came and was rotated away between two polls: it is read to its end, before the
    /// file that came after it.
    fn add_skipped(&mut self, path: &Path, successor: &mut Followed, now: Timestamp) {
        let Ok(mut skipped) = Followed::open(path, false, now) else { return };
        self.output.summary.rotations += 1;
        skipped.home = successor.home.clone();
        skipped.look_beside = LookBeside::Never;
        skipped.leaving = Some(now);
        skipped.waits_for = successor.waits_for;
        successor.waits_for = Some(self.add(skipped));
    }

    /// Before a new file's first byte is read: were others here in the meantime?
    pub(super) fn find_skipped(
        &mut self,
        file: &mut Followed,
        now: Timestamp,
        listing: &mut Listing,
    ) {
        let is_first = file.look_beside == LookBeside::First;
        file.looked_beside();
        for (path, meta) in self.siblings.take_new(&file.home, listing) {
            let key = FileKey::of(&meta);
            // `train-1.log` may come with `train.log`, as the log of another process.
            if self.is_known(key) || (is_first && is_anothers(&path, &meta, file)) {
                continue;
            }
            if self.is_copy_of_followed(&path).unwrap_or(true) {
                // Its original may need it, once it is seen to have been emptied.
                self.siblings.leave_new(&file.home, key);
            } else {
                self.add_skipped(&path, file, now);
            }
        }
    }

    fn is_known(&self, key: FileKey) -> bool {
        self.ids.contains_key(&key) || self.copies.contains_key(&key)
    }

    /// Whether a file that a pattern names is to be left alone, since it is a copy that a rotation
    /// makes just now. It may also be a file that only begins like another one: then it is
    /// followed after a while.
    pub(super) fn is_set_aside(
        &mut self,
        path: &Path,
        meta: &Metadata,
        now: Timestamp,
    ) -> io::Result<bool> {
        let key = FileKey::of(meta);
        if let Some(seen) = self.copies.get_mut(&key) {
            *seen = self.polls;
            return Ok(true);
        }
        if self.polls == 1 || !self.is_copy_of_followed(path)? {
            self.suspects.remove(&key);
            return Ok(false);
        }
        let (since, size) = self.suspects.entry(key).or_insert((now, meta.size()));
        if *size != meta.size() {
            (*since, *size) = (now, meta.size());
        }
        if now.since(*since) < COPY_IS_FINISHED_AFTER {
            return Ok(true);
        }
        self.suspects.remove(&key);
        Ok(false)
    }

    /// Forgets copies that no pattern named in this poll or the one before.
    pub(super) fn forget_copies(&mut self) {
        if self.copies.len() > MOST_COPIES {
            self.copies.retain(|_, seen| *seen + 1 >= self.polls);
        }
        if self.suspects.len() > MOST_COPIES {
            self.suspects.clear();
        }
    }

    /// Whether all of a file, as far as it goes, is what was read of the file that it is named
    /// after.
    fn is_copy_of_followed(&self, path: &Path) -> io::Result<bool> {
        let (Some(name), folder) = (path.file_name(), path.parent()) else { return Ok(false) };
        for (id, file) in &self.files {
            let named_after = file.home.parent() == folder
                && file.home.file_name().is_some_and(|base| is_rotation_of(name, base));
            // One that was given up has taken its copy, if it knew it for certain.
            let is_given_up = file.gone && file.caught_up;
            if !named_after || file.place.offset == 0 || is_given_up {
                continue;
            }
            // A file that was renamed is its own rotated file, and has no copy.
            let in_place = file.leaving.is_none() && self.bound.get(&file.home) == Some(id);
            let taken_away = file.was_taken_away()?;
            let copy = file::open(path)?;
            let is_complete = (in_place || taken_away) && file.place.fits(&copy)?;
            // It is emptied only when the copy is complete.
            let is_begun = in_place && !taken_away && file.is_begun_copy(&copy)?;
            if is_complete || is_begun {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the path's new file holds what the old one held, and goes on (an editor saved it).
    /// Then it is followed from the same place.
    pub(super) fn was_saved_anew(
        &mut self,
        id: u64,
        path: &Path,
        meta: &Metadata,
        now: Timestamp,
    ) -> io::Result<bool> {
        let Some(old) = self.files.get_mut(&id) else { return Ok(false) };
        let replaced = match old.file.as_ref().map(std::fs::File::metadata) {
            Some(Ok(was)) => was.nlink() == 0 && was.size() == old.place.offset,
            Some(Err(_)) => false,
            None => siblings::find_moved(path, old.key).is_none(),
        };
        if !replaced || !old.place.is_convincing() {
            return Ok(false);
        }
        let new = file::open(path)?;
        let place: Option<Place> = match old.place.fits(&new)? {
            true => Some(old.place.clone()),
            false => old.place.find_moved(&new)?,
        };
        let Some(place) = place else { return Ok(false) };
        let cut = place.offset != old.place.offset;
        self.ids.remove(&old.key);
        old.key = FileKey::of(&new.metadata()?);
        self.ids.insert(old.key, id);
        old.place = place;
        old.file = Some(new);
        old.seen = self.polls;
        old.observe(Stat::of(meta), now);
        if cut {
            self.tell(Notice::NotAppendOnly { path: path.into() });
        }
        Ok(true)
    }

    /// Opens a file again that lost its path while it was closed. Where it is gone, that is said,
    /// and a copy is read instead if there is one.
    pub(super) fn find_again(&mut self, file: &mut Followed, now: Timestamp) -> bool {
        if let Some(path) = siblings::find_moved(&file.path, file.key)
            && let Ok(open) = file::open(&path)
        {
            file.file = Some(open);
            return true;
        }
        if !file.caught_up {
            let known = file.place.is_convincing();
            let recovered = if known { self.read_copy(file, now) } else { 0 };
            let lost = file.backlog().saturating_sub(recovered);
            self.output.gap(&mut file.stream, &file.home, lost);
            file.give_up();
            self.tell(Notice::Lost { path: file.home.clone() });
        }
        false
    }
}

/// Whether what may be a rotation of `file` was still written when this came.
fn is_anothers(path: &Path, meta: &Metadata, file: &Followed) -> bool {
    let names = path.file_name().zip(file.home.file_name());
    names.is_some_and(|(name, base)| may_be_anothers(name, base)) && !file.key.came_after(meta)
}
