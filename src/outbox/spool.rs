//! The outbox folder: one JSON file an entry (`<id>.json`) and its pictures (`<id>-0.png`).
//!
//! # Which order of steps survives a crash
//!
//! - `commit`: pictures, then the entry under a temporary name, each with `fsync`; then a rename to
//!   its own name and an `fsync` of the folder. Before the rename there is no entry, only orphans
//!   that `sweep` removes after a day; after it the entry is whole. A caller that got no answer may
//!   find it committed all the same: it is told at least once.
//! - `save`: the same, over the old file: either the old progress or the new.
//! - `remove`: the entry first, then its pictures. The other way round, a crash in between would
//!   leave an entry to be sent again, and without its pictures. This way it leaves orphans only.
//! - `discard`: a mark first, which makes the entry count no more, then `remove`.
//! - `fail` (see `failed`): the record of the failure first, then `remove`. A crash in between has
//!   it refused a second time.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::outbox::card::Cards;
use crate::outbox::claim::{self, Claim};
use crate::outbox::disk::{Disk, FileInfo, RealDisk};
use crate::outbox::entry::{Entry, Picture, Record, StoredImage};
use crate::outbox::names::{self, is_image_of, safe_name, stored_images};
use crate::render::Message;
use crate::time::Timestamp;

pub type EntryId = String;

/// A picture larger than this is left out.
const LARGEST_IMAGE: u64 = 10 << 20;
const MOST_IMAGES: usize = 10;
/// An entry's file without its pictures; a message is a few kilobytes.
const LARGEST_ENTRY: u64 = 4 << 20;
/// The end of a mark's name: the entry does not count any more, even if it is written again.
const DISCARDED: &str = ".discarded";
/// All files of the outbox together.
const LARGEST_OUTBOX: u64 = 256 << 20;
/// Kept for the moment when the disk (or the quota) is full, which is worth telling by itself.
const RESERVE: usize = 256 << 10;
/// Orphans younger than this may belong to a commit that is under way.
const ORPHAN_AGE: Duration = Duration::from_hours(24);

/// Messages on disk until they are delivered. Cheap to clone; shared by any number of processes.
#[derive(Clone, Debug)]
pub struct Outbox {
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) limit: u64,
    /// The time in the newest id, so that no two are equal and later ones sort after earlier ones.
    newest: Arc<AtomicI64>,
}

/// Why the outbox could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "the outbox {} is full of messages that are not delivered yet; see `watch outbox list`",
        dir.display()
    )]
    Full { dir: PathBuf },
    #[error("the file system of {} has no locks", dir.display())]
    NoLocks { dir: PathBuf },
    #[error("a message cannot be stored: {0}")]
    Encode(String),
}

/// A message that is safe on disk.
#[derive(Debug)]
#[must_use]
pub struct Committed {
    pub id: EntryId,
    /// What was given up to make room, in one line for the person at the terminal.
    pub notice: Option<String>,
}

/// The entries from old to new, and what was wrong with files, a line each.
#[derive(Debug, Default)]
pub struct Listing {
    pub entries: Vec<Entry>,
    pub notices: Vec<String>,
}

/// What became of an attempt to read an entry.
#[derive(Debug)]
pub enum Loaded {
    Whole(Box<Entry>),
    /// Removed in the meantime, by whoever delivered it.
    Gone,
    /// No entry of ours; the text says what was done about it.
    Unreadable(String),
}

impl OutboxError {
    fn is_full_disk(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { source, .. } if full.contains(&source.kind()))
    }
}

impl Outbox {
    /// Opens (and creates, mode 0700) the outbox within the state folder.
    pub fn open(state_dir: &Path) -> Result<Self, OutboxError> {
        let outbox = Self::open_on(Arc::new(RealDisk), state_dir, LARGEST_OUTBOX)?;
        outbox.keep_reserve();
        Ok(outbox)
    }

    pub(super) fn open_on(
        disk: Arc<dyn Disk>,
        state_dir: &Path,
        limit: u64,
    ) -> Result<Self, OutboxError> {
        let dir = state_dir.join("outbox");
        for dir in [dir.clone(), dir.join("failed"), dir.join("locks")] {
            disk.create_dir(&dir).map_err(io_error("create the folder", &dir))?;
        }
        Ok(Self { dir, disk, limit, newest: Arc::new(AtomicI64::new(0)) })
    }

    /// Somebody has removed its folder.
    pub fn is_gone(&self) -> bool {
        self.disk.is_gone(&self.dir)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The cards of the runs beside it.
    pub fn cards(&self) -> Cards {
        Cards::new(self.dir.parent().unwrap_or(&self.dir))
    }

    /// Without it the outbox is as good, until the disk is full.
    pub(super) fn keep_reserve(&self) {
        if !self.disk.exists(&self.reserve()) {
            let _ = self.disk.write_new(&self.reserve(), &vec![b'.'; RESERVE]);
        }
    }

    fn reserve(&self) -> PathBuf {
        self.dir.join("reserve")
    }

    /// Stores a message for a channel; when it returns, the message survives any crash.
    ///
    /// `run` is the id of the run whose courier delivers it. Pictures that are too large are left
    /// out, with a word in the message's body.
    pub fn commit(
        &self,
        message: &Message,
        channel: &str,
        run: &str,
        images: &[Picture],
        now: Timestamp,
    ) -> Result<Committed, OutboxError> {
        let mut message = message.clone();
        let (images, left_out) = fitting(images);
        for line in left_out {
            add_line(&mut message.body, &line);
        }
        let entry = self.entry(message, channel, run, now);
        match self.store(entry.clone(), &images) {
            Err(error) if error.is_full_disk() => self.store_on_full_disk(entry, &images),
            result => result,
        }
    }

    /// A message that is not stored yet.
    pub(crate) fn entry(
        &self,
        message: Message,
        channel: &str,
        run: &str,
        now: Timestamp,
    ) -> Entry {
        Entry {
            id: self.new_id(run, now),
            run: run.to_owned(),
            channel: channel.to_owned(),
            created: now,
            message,
            images: Vec::new(),
            attempts: 0,
            due: now,
            progress: serde_json::Value::Null,
            first_tried: None,
            reason: None,
            instead_of: None,
        }
    }

    /// Without pictures, in the place of the reserve.
    fn store_on_full_disk(
        &self,
        mut entry: Entry,
        images: &[&Picture],
    ) -> Result<Committed, OutboxError> {
        for stored in stored_images(&entry.id, images) {
            let path = self.dir.join(&stored.file);
            self.disk.remove(&path).map_err(io_error("remove", &path))?;
        }
        let reserve = self.reserve();
        self.disk.remove(&reserve).map_err(io_error("remove", &reserve))?;
        if !images.is_empty() {
            add_line(&mut entry.message.body, "Its pictures are left out: the disk is full.");
        }
        self.store(entry, &[])
    }

    /// Stores an entry that is complete but for its pictures.
    pub fn store(&self, mut entry: Entry, images: &[&Picture]) -> Result<Committed, OutboxError> {
        entry.images = stored_images(&entry.id, images);
        let record = encode(&entry)?;
        let pictures: u64 = images.iter().map(|image| image.bytes.len() as u64).sum();
        let notice = self.make_room(pictures.saturating_add(record.len() as u64), &entry)?;
        for (stored, image) in entry.images.iter().zip(images) {
            let path = self.dir.join(&stored.file);
            self.disk.remove(&path).map_err(io_error("replace", &path))?;
            self.disk.write_new(&path, &image.bytes).map_err(io_error("write", &path))?;
        }
        self.write_record(&self.dir, &entry.id, &record)?;
        Ok(Committed { id: entry.id, notice })
    }

    /// All entries that wait. What cannot be read is set aside (`.bad`) and said in a notice.
    pub fn list(&self) -> Result<Listing, OutboxError> {
        let mut listing = Listing::default();
        for id in self.ids()? {
            match self.load(&id)? {
                Loaded::Whole(entry) => listing.entries.push(*entry),
                Loaded::Gone => {}
                Loaded::Unreadable(notice) => listing.notices.push(notice),
            }
        }
        Ok(listing)
    }

    /// The ids of all entries that wait, from old to new; reads only the folder.
    pub fn ids(&self) -> Result<Vec<EntryId>, OutboxError> {
        let files = self.files(&self.dir)?;
        let discarded: BTreeSet<&str> =
            files.iter().filter_map(|file| file.name.strip_suffix(DISCARDED)).collect();
        let ids = files.iter().filter_map(|file| file.name.strip_suffix(".json"));
        Ok(ids.filter(|id| !discarded.contains(id)).map(str::to_owned).collect())
    }

    pub fn load(&self, id: &str) -> Result<Loaded, OutboxError> {
        self.load_from(&self.dir, id)
    }

    pub(super) fn load_from(&self, dir: &Path, id: &str) -> Result<Loaded, OutboxError> {
        let path = dir.join(format!("{id}.json"));
        let bytes = match self.disk.read(&path, LARGEST_ENTRY) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Gone),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Vec::new(),
            // On a network file system: deleted on another machine while we read.
            Err(error) if error.kind() == io::ErrorKind::StaleNetworkFileHandle => {
                return Ok(Loaded::Gone);
            }
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        match decode(&bytes, id) {
            Decoded::Entry(entry) => Ok(Loaded::Whole(entry)),
            Decoded::Newer => Ok(Loaded::Unreadable(format!(
                "{} was written by a newer version of watch; it is left as it is",
                path.display()
            ))),
            Decoded::Torn => {
                let aside = dir.join(format!("{id}.json.bad"));
                match self.disk.rename(&path, &aside) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        Err(io_error("set aside", &path)(error))
                    }
                    _ => Ok(Loaded::Unreadable(format!(
                        "{} is no outbox entry; set aside as {id}.json.bad",
                        path.display()
                    ))),
                }
            }
        }
    }

    /// The entry's pictures. One that is gone (given up to make room) is left out.
    pub fn pictures(&self, entry: &Entry) -> Vec<Picture> {
        let read = |stored: &StoredImage| {
            let bytes = self.disk.read(&self.dir.join(&stored.file), LARGEST_IMAGE).ok()?;
            Some(Picture { name: stored.name.clone(), alt: stored.alt.clone(), bytes })
        };
        entry.images.iter().filter_map(read).collect()
    }

    /// Replaces the entry on disk by this one: its attempts, due time and progress.
    /// False: it is no longer there, somebody dropped it.
    pub fn save_progress(&self, entry: &Entry) -> Result<bool, OutboxError> {
        if !self.disk.exists(&self.dir.join(format!("{}.json", entry.id))) {
            return Ok(false);
        }
        self.write_record(&self.dir, &entry.id, &encode(entry)?)?;
        if self.disk.exists(&self.discard_mark(entry)) {
            self.remove(entry)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Removes an entry that somebody else may be delivering. The mark comes first: whoever saves
    /// its progress in the same instant, and so writes it again, finds the mark after that.
    pub fn discard(&self, entry: &Entry) -> Result<(), OutboxError> {
        // On a full disk it may fail; the entry goes all the same.
        let _ = self.disk.write_new(&self.discard_mark(entry), b"");
        self.remove(entry)
    }

    fn discard_mark(&self, entry: &Entry) -> PathBuf {
        self.dir.join(format!("{}{DISCARDED}", entry.id))
    }

    /// The entry is delivered.
    pub fn remove(&self, entry: &Entry) -> Result<(), OutboxError> {
        let path = self.dir.join(format!("{}.json", entry.id));
        self.disk.remove(&path).map_err(io_error("remove", &path))?;
        self.disk.sync_dir(&self.dir).map_err(io_error("sync", &self.dir))?;
        for image in &entry.images {
            let path = self.dir.join(&image.file);
            self.disk.remove(&path).map_err(io_error("remove", &path))?;
        }
        Ok(())
    }

    /// The right to deliver this run's entries; none while another process has it. Where there are
    /// no locks the error is `NoLocks`: the run's own courier then goes on without.
    pub fn claim(&self, run: &str) -> Result<Option<Claim>, OutboxError> {
        let path = self.dir.join("locks").join(format!("{}.lock", safe_name(run, 64)));
        claim::claim(&path).map_err(|error| match claim::is_unsupported(&error) {
            true => OutboxError::NoLocks { dir: self.dir.clone() },
            false => io_error("lock", &path)(error),
        })
    }

    /// Removes what crashes left behind (pictures without an entry, temporary files) and old marks.
    /// Those of the last day stay, since they may belong to something that is under way.
    pub fn sweep(&self, now: Timestamp) -> Result<(), OutboxError> {
        for dir in [self.dir.clone(), self.dir.join("failed")] {
            let files = self.files(&dir)?;
            let owned = |name: &str| {
                files.iter().any(|file| {
                    let id = file.name.strip_suffix(".json");
                    id.is_some_and(|id| is_image_of(name, id))
                })
            };
            for file in files.iter().filter(|file| now.since(file.modified) > ORPHAN_AGE) {
                let remove = |name: &str| {
                    let path = dir.join(name);
                    self.disk.remove(&path).map_err(io_error("remove", &path))
                };
                if let Some(id) = file.name.strip_suffix(DISCARDED) {
                    remove(&format!("{id}.json"))?;
                    remove(&file.name)?;
                } else if file.name.ends_with(".tmp")
                    || (names::looks_like_image(&file.name) && !owned(&file.name))
                {
                    remove(&file.name)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn files(&self, dir: &Path) -> Result<Vec<FileInfo>, OutboxError> {
        self.disk.list(dir).map_err(io_error("read the folder", dir))
    }

    /// Temporary file, `fsync`, rename, `fsync` of the folder.
    pub(super) fn write_record(
        &self,
        dir: &Path,
        id: &str,
        record: &[u8],
    ) -> Result<(), OutboxError> {
        let path = dir.join(format!("{id}.json"));
        let temporary = dir.join(format!("{id}.{}.tmp", std::process::id()));
        self.disk.remove(&temporary).map_err(io_error("replace", &temporary))?;
        self.disk.write_new(&temporary, record).map_err(io_error("write", &temporary))?;
        self.disk.rename(&temporary, &path).map_err(io_error("write", &path))?;
        self.disk.sync_dir(dir).map_err(io_error("sync", dir))
    }

    /// Sorted by time as text. Distinct among machines and processes by the run and the process,
    /// and within a process by its time, which is moved on where it is taken.
    fn new_id(&self, run: &str, now: Timestamp) -> EntryId {
        let mut least = now.as_nanos().max(0);
        loop {
            let later = |newest: i64| least.max(newest.saturating_add(1));
            let update = |newest| Some(later(newest));
            let newest = match self.newest.fetch_update(Ordering::SeqCst, Ordering::SeqCst, update)
            {
                Ok(newest) | Err(newest) => newest,
            };
            least = later(newest);
            let id = format!("{least:019}-{}-{:x}", safe_name(run, 32), std::process::id());
            if !self.disk.exists(&self.dir.join(format!("{id}.json"))) {
                return id;
            }
        }
    }
}

pub(super) fn add_line(body: &mut String, line: &str) {
    if !body.is_empty() {
        body.push('\n');
    }
    body.push_str(line);
}

pub(super) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> OutboxError + use<> {
    let path = path.to_owned();
    move |source| OutboxError::Io { action, path, source }
}

pub(super) fn encode(entry: &Entry) -> Result<Vec<u8>, OutboxError> {
    let mut bytes = serde_json::to_vec(&Record::V1(entry.clone()))
        .map_err(|error| OutboxError::Encode(error.to_string()))?;
    if bytes.len() as u64 >= LARGEST_ENTRY {
        return Err(OutboxError::Encode(format!("it is {} bytes long", bytes.len())));
    }
    bytes.push(b'\n');
    Ok(bytes)
}

enum Decoded {
    Entry(Box<Entry>),
    Newer,
    Torn,
}

fn decode(bytes: &[u8], id: &str) -> Decoded {
    #[derive(serde::Deserialize)]
    struct Version {
        version: String,
    }
    match serde_json::from_slice(bytes) {
        Ok(Record::V1(entry)) if is_consistent(&entry, id) => Decoded::Entry(Box::new(entry)),
        _ => match serde_json::from_slice::<Version>(bytes) {
            Ok(Version { version }) if version.parse::<u32>().is_ok_and(|v| v > 1) => {
                Decoded::Newer
            }
            _ => Decoded::Torn,
        },
    }
}

/// The file's name is the entry's, and it names no file but its own.
fn is_consistent(entry: &Entry, id: &str) -> bool {
    entry.id == id && entry.images.iter().all(|image| is_image_of(&image.file, id))
}

/// The pictures that are stored, and a line for each that is not.
fn fitting(images: &[Picture]) -> (Vec<&Picture>, Vec<String>) {
    let mut fitting = Vec::new();
    let mut left_out = Vec::new();
    for image in images {
        let bytes = image.bytes.len() as u64;
        if bytes > LARGEST_IMAGE {
            let size = Megabytes(bytes);
            let limit = Megabytes(LARGEST_IMAGE);
            left_out.push(format!("{} is left out: {size}, more than {limit}.", image.name));
        } else if fitting.len() == MOST_IMAGES {
            left_out.push(format!("{} is left out: more than {MOST_IMAGES}.", image.name));
        } else {
            fitting.push(image);
        }
    }
    (fitting, left_out)
}

pub(super) struct Megabytes(pub(super) u64);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB", self.0 as f64 / f64::from(1 << 20))
    }
}
