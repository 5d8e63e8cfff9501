//! Whose turn it is to be read, and when a file that no path names any more is let go.
//!
//! How one file is read is in `file`.

use std::path::PathBuf;

use crate::sources::tail::Notice;
use crate::sources::tail::file::{Followed, Progress};
use crate::sources::tail::identity::FileKey;
use crate::sources::tail::set::Follower;
use crate::sources::tail::siblings::Listing;
use crate::time::Timestamp;

/// At most so many files without a path are kept; then the oldest is let go.
const MOST_LEAVING: usize = 64;

impl Follower {
    /// Reads some of one file. Returns whether there is more.
    pub(super) fn read(&mut self, id: u64, now: Timestamp, listing: &mut Listing) -> bool {
        let Some(mut file) = self.files.remove(&id) else { return false };
        let more = self.read_taken(&mut file, now, listing);
        self.files.insert(id, file);
        more
    }

    fn read_taken(&mut self, file: &mut Followed, now: Timestamp, listing: &mut Listing) -> bool {
        if !self.is_its_turn(file, now, listing) {
            return false;
        }
        if file.is_settled(now) {
            self.is_well(file);
            return false;
        }
        let was_open = file.file.is_some();
        if file.must_look_beside() {
            self.find_skipped(file, now, listing);
            if !self.is_its_turn(file, now, listing) {
                return true;
            }
        }
        if !was_open && file.leaving.is_some() && !self.find_again(file, now) {
            return false;
        }
        let mut progress = self.read_some(file, now);
        if progress == Some(Progress::Rewritten) {
            self.rewritten(file, now);
            // At once, since what nobody has read of could be lost without a trace.
            if self.is_its_turn(file, now, listing) {
                progress = self.read_some(file, now);
            }
        }
        self.count_open(file, was_open);
        matches!(progress, Some(Progress::More | Progress::Rewritten))
    }

    fn read_some(&mut self, file: &mut Followed, now: Timestamp) -> Option<Progress> {
        match file.read(now, &mut self.buffer, &mut self.output) {
            Ok(progress) => {
                self.is_well(file);
                Some(progress)
            }
            Err(error) => {
                self.output.summary.read_errors += 1;
                let path = file.path.clone();
                self.is_in_trouble(&path, &error, now);
                None
            }
        }
    }

    /// Whether the file before it is read to its end; that is read on first.
    fn is_its_turn(&mut self, file: &mut Followed, now: Timestamp, listing: &mut Listing) -> bool {
        let Some(older) = file.waits_for else { return true };
        if self.files.get(&older).is_some_and(|older| !older.caught_up) {
            self.read(older, now, listing);
        }
        if self.files.get(&older).is_some_and(|older| !older.caught_up) {
            return false;
        }
        file.waits_for = None;
        true
    }

    /// Keeps the number of open files within the limit: those beyond it are opened to be read.
    fn count_open(&mut self, file: &mut Followed, was_open: bool) {
        self.open =
            (self.open + usize::from(file.file.is_some())).saturating_sub(usize::from(was_open));
        if self.open > self.most_open && file.leaving.is_none() && file.caught_up {
            file.file = None;
            self.open = self.open.saturating_sub(1);
        }
    }

    /// Closes what is read to its end and has no path any more.
    pub(super) fn let_go(&mut self, now: Timestamp) {
        let leaving: Vec<u64> = self
            .files
            .iter()
            .filter(|(_, file)| file.leaving.is_some())
            .map(|(id, _)| *id)
            .collect();
        let too_many = leaving.len().saturating_sub(MOST_LEAVING);
        for (at, id) in leaving.into_iter().enumerate() {
            if at >= too_many && !self.files.get(&id).is_some_and(|file| file.is_done(now)) {
                continue;
            }
            let Some(mut file) = self.files.remove(&id) else { continue };
            self.ids.remove(&file.key);
            if self.bound.get(&file.home) == Some(&id) {
                self.output.tell(&Notice::Deleted { path: file.home.clone() });
            }
            self.close(&mut file);
            self.forget_paths(id, file.key);
        }
    }

    fn forget_paths(&mut self, id: u64, key: FileKey) {
        self.moved = true;
        let mut listing = Listing::default();
        let named: Vec<PathBuf> =
            self.bound.extract_if(|_, bound| *bound == id).map(|(path, _)| path).collect();
        for path in named {
            self.siblings.forget(&path, key, &mut listing);
        }
    }

    pub(super) fn close(&mut self, file: &mut Followed) {
        let backlog = file.backlog();
        if backlog > 0 {
            self.output.gap(&mut file.stream, &file.home, backlog);
        }
        self.output.close(&mut file.stream);
    }
}
