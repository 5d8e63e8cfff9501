//! All followed files, from the first look to the end.
//!
//! Stepped by `poll_once`; knows no thread and no clock. Which file a path names is found in
//! `naming`; whose turn it is to be read, in `reading`; what is done when a file's content was
//! taken from under it, in `rotation`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::sources::Sink;
use crate::sources::tail::checkpoint::Checkpoint;
use crate::sources::tail::file::{self, Followed};
use crate::sources::tail::glob::Pattern;
use crate::sources::tail::identity::FileKey;
use crate::sources::tail::keeper::{Acknowledged, Keeper};
use crate::sources::tail::output::Output;
use crate::sources::tail::siblings::{Listing, Siblings, bases_of};
use crate::sources::tail::store::Store;
use crate::sources::tail::{Notice, Options, Summary, TailError};
use crate::time::Timestamp;

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
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) siblings: Siblings,
    /// What is there now came before all that is to be read.
    pub(super) look_around: bool,
    /// Copies that a rotation made of a followed file: their lines were read already.
    /// With the poll in which a pattern named it last.
    pub(super) copies: HashMap<FileKey, u64>,
    /// Files that may be such copies: since when they have this size.
    pub(super) suspects: HashMap<FileKey, (Timestamp, u64)>,
    /// Files that were there at the start, but could not be opened then.
    pub(super) unopened: HashSet<FileKey>,
    /// Since when a path cannot be read, and what was said of it.
    pub(super) troubles: HashMap<PathBuf, (Timestamp, Option<Notice>)>,
    pub(super) most_open: usize,
    pub(super) open: usize,
    pub(super) polls: u64,
    pub(super) next_id: u64,
    pub(super) buffer: Vec<u8>,
    pub(super) output: Output,
    pub(super) keeper: Option<Keeper>,
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
