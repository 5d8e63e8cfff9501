//! All followed files: which file each path names now, and what becomes of one that lost its name.
//!
//! Stepped by `poll_once`; knows no thread and no clock. How one file is read is in `file`; what is
//! done when a file's content was taken from under it, in `rotation`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::sources::Sink;
use crate::sources::tail::checkpoint::Checkpoint;
use crate::sources::tail::file::{self, Followed, LookBeside, Progress};
use crate::sources::tail::glob::{MOST_PATHS, Pattern};
use crate::sources::tail::identity::{FileKey, Stat};
use crate::sources::tail::keeper::{Acknowledged, Keeper};
use crate::sources::tail::output::Output;
use crate::sources::tail::siblings::{Listing, Siblings, bases_of, folder_of};
use crate::sources::tail::store::Store;
use crate::sources::tail::{Notice, Options, Summary, TailError};
use crate::time::Timestamp;

/// A file that cannot be read for less than this is being rotated.
const TROUBLE_IS_TOLD_AFTER: Duration = Duration::from_secs(3);
/// At most so many files without a path are kept; then the oldest is let go.
const MOST_LEAVING: usize = 64;

/// Follows all files that its patterns name.
pub struct Follower {
    pub(super) patterns: Vec<Pattern>,
    pub(super) from_start: bool,
    /// By age: an older file is read before a newer one.
    pub(super) files: BTreeMap<u64, Followed>,
    pub(super) ids: HashMap<FileKey, u64>,
    /// Which file a path named last.
    pub(super) bound: HashMap<PathBuf, u64>,
    /// Paths name other files than when the folders were listed.
    pub(super) moved: bool,
    folders: BTreeSet<PathBuf>,
    pub(super) siblings: Siblings,
    /// What is there now came before all that is to be read.
    pub(super) look_around: bool,
    /// Copies that a rotation made of a followed file: their lines were read already.
    /// With the poll in which a pattern named it last.
    pub(super) copies: HashMap<FileKey, u64>,
    /// Files that may be such copies: since when they have this size.
    pub(super) suspects: HashMap<FileKey, (Timestamp, u64)>,
    /// Files that were there at the start, but could not be opened then.
    unopened: HashSet<FileKey>,
    /// Since when a path cannot be read, and what was said of it.
    troubles: HashMap<PathBuf, (Timestamp, Option<Notice>)>,
    pub(super) most_open: usize,
    pub(super) open: usize,
    pub(super) polls: u64,
    next_id: u64,
    buffer: Vec<u8>,
    pub(super) output: Output,
    keeper: Option<Keeper>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Follower {
    /// Checks the patterns, and that what they name now can be followed. Reads nothing yet.
    pub fn new(options: Options, sink: Arc<dyn Sink>) -> Result<Self, TailError> {
        if options.patterns.is_empty() {
            return Err(TailError::NoPattern);
        }
        let mut patterns = Vec::new();
        for text in &options.patterns {
            let pattern = Pattern::new(text).map_err(|error| TailError::BadPattern {
                pattern: text.into(),
                message: error.msg,
                position: error.pos,
            })?;
            if !pattern.is_glob() {
                check(pattern.as_path())?;
            }
            patterns.push(pattern);
        }
        Ok(Self {
            patterns,
            from_start: options.from_start,
            files: BTreeMap::new(),
            ids: HashMap::new(),
            bound: HashMap::new(),
            moved: true,
            folders: BTreeSet::new(),
            siblings: Siblings::default(),
            look_around: true,
            copies: HashMap::new(),
            suspects: HashMap::new(),
            unopened: HashSet::new(),
            troubles: HashMap::new(),
            most_open: most_open(),
            open: 0,
            polls: 0,
            next_id: 0,
            buffer: file::buffer(),
            output: Output::new(sink, options.echo, options.notices),
            keeper: None,
        })
    }

    /// Keeps checkpoints in `store`, of what `acknowledged` says is told, and goes on from the one
    /// that was `found` there. To be called before the first poll.
    pub fn keep(
        mut self,
        store: Store,
        acknowledged: Acknowledged,
        found: Option<Checkpoint>,
    ) -> Self {
        if let Some(found) = &found {
            self.restore(found);
        }
        self.keeper = Some(Keeper::new(store, acknowledged, found, self.output.sink()));
        self
    }

    /// Looks at all paths, reads a bounded part of what is new in each file, and lets go of files
    /// that are done. Returns whether there is more to read now.
    pub fn poll_once(&mut self, now: Timestamp) -> bool {
        self.polls += 1;
        if std::mem::take(&mut self.look_around) {
            self.list_old();
        }
        let mut listing = Listing::default();
        let found = self.survey();
        for path in &found {
            self.look_at(path, now, &mut listing);
        }
        self.find_leaving(now);
        self.forget_copies();
        self.open = self.files.values().filter(|file| file.file.is_some()).count();
        let ids: Vec<u64> = self.files.keys().copied().collect();
        // A fresh one: what was found above is in it.
        let mut listing = Listing::default();
        let mut more = false;
        for id in ids {
            more |= self.read(id, now, &mut listing);
        }
        self.let_go(now);
        if let Some(mut keeper) = self.keeper.take() {
            let kept = keeper.step(now, more, self.output.sink(), || self.snapshot());
            self.tell_if_failed(kept);
            self.keeper = Some(keeper);
        }
        more
    }

    /// What looks like a rotated file now is not one of a file that comes later.
    fn list_old(&mut self) {
        for pattern in &self.patterns {
            let is_rotated = |name: &OsStr| bases_of(name).any(|base| pattern.names(&base));
            for folder in pattern.all_folders() {
                self.siblings.list_old(&folder, is_rotated);
            }
        }
    }

    fn tell_if_failed(&mut self, kept: Result<(), String>) {
        match kept {
            Ok(()) => {}
            Err(error) => self.output.tell(&Notice::NotKept { error }),
        }
    }

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

    /// Says something to the person, once.
    pub fn tell(&mut self, notice: Notice) {
        self.output.tell(&notice);
    }

    /// Closes all sources. What was seen and could not be read is a gap.
    pub fn finish(mut self) -> Summary {
        let last = Checkpoint { clean: self.is_between_lines(), ..self.snapshot() };
        for (_, mut file) in std::mem::take(&mut self.files) {
            self.close(&mut file);
        }
        if let Some(keeper) = self.keeper.take() {
            let kept = keeper.finish(last, self.output.sink());
            self.tell_if_failed(kept);
        }
        self.output.summary
    }

    /// The paths to look at, each once, in the order of the patterns.
    fn survey(&mut self) -> Vec<PathBuf> {
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
    fn look_at(&mut self, path: &Path, now: Timestamp, listing: &mut Listing) {
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

    fn find_leaving(&mut self, now: Timestamp) {
        for file in self.files.values_mut() {
            if file.seen != self.polls && file.leaving.is_none() {
                file.leaving = Some(now);
                file.caught_up = false;
            }
        }
    }

    /// Reads some of one file. Returns whether there is more.
    fn read(&mut self, id: u64, now: Timestamp, listing: &mut Listing) -> bool {
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
    fn let_go(&mut self, now: Timestamp) {
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

    fn close(&mut self, file: &mut Followed) {
        let backlog = file.backlog();
        if backlog > 0 {
            self.output.gap(&mut file.stream, &file.home, backlog);
        }
        self.output.close(&mut file.stream);
    }

    fn is_in_trouble(&mut self, path: &Path, error: &io::Error, now: Timestamp) {
        let (since, told) = self.troubles.entry(path.into()).or_insert((now, None));
        if told.is_none() && now.since(*since) >= TROUBLE_IS_TOLD_AFTER {
            let notice = Notice::Unreadable { path: path.into(), error: error.to_string() };
            self.output.tell(&notice);
            *told = Some(notice);
        }
    }

    /// Its path's trouble, if there was one, is over. (An old file says nothing about its path.)
    fn is_well(&mut self, file: &Followed) {
        if file.leaving.is_none()
            && let Some((_, Some(told))) = self.troubles.remove(&file.path)
        {
            self.output.forget(&told);
        }
    }
}

/// What a plain path names at the start must be a file that can be read, or nothing yet.
fn check(path: &Path) -> Result<(), TailError> {
    let unreadable = |source| TailError::Unreadable { path: path.into(), source };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unreadable(error)),
        Ok(meta) if meta.is_dir() => Err(TailError::IsFolder { path: path.into() }),
        Ok(meta) if !meta.is_file() => Err(TailError::NotRegular { path: path.into() }),
        Ok(_) => file::open(path).map(drop).map_err(unreadable),
    }
}

/// Half of the descriptors that this process may have: the rest of the program needs some, too.
fn most_open() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(4096);
    (limit / 2).clamp(8, 2048)
}
