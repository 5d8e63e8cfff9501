//! What ends the pause between two polls: time, a notice of change, or the end.
//!
//! Knows no file's state. Notices are hints: none has a meaning but "look now", and all is looked at
//! from time to time without any; less often where all that can change is watched. On file systems
//! where changes are made by other machines, none is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::sources::tail::Notice;
use crate::sources::tail::identity::FileKey;

/// Ends [`follow`](super::follow) from another thread.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    woken: bool,
}

impl StopFlag {
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.0.changed.notify_all();
    }

    pub fn is_set(&self) -> bool {
        self.lock().stopped
    }

    /// Waits until a notice of change, but not shorter than `shortest` nor longer than `longest`.
    pub(super) fn wait(&self, shortest: Duration, longest: Duration) {
        let wait = |guard, time, until: fn(&State) -> bool| {
            let waited = self.0.changed.wait_timeout_while(guard, time, |state| !until(state));
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        let guard = wait(self.lock(), shortest, |state| state.stopped);
        let rest = longest.saturating_sub(shortest);
        wait(guard, rest, |state| state.stopped || state.woken).woken = false;
    }

    fn wake(&self) {
        self.lock().woken = true;
        self.0.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the system for notices about the folders in which files are followed.
pub(super) struct Watcher {
    system: Option<RecommendedWatcher>,
    /// Folders that were asked for, and whether they are watched.
    folders: BTreeMap<PathBuf, (FileKey, bool)>,
    failure: Option<String>,
    /// Reasons that were given: a thousand folders on one server are told of once.
    told: BTreeSet<String>,
}

impl Watcher {
    pub(super) fn new(stop: &StopFlag) -> Self {
        let waker = stop.clone();
        let system = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if may_be_a_change(&event) {
                waker.wake();
            }
        });
        let failure = system.as_ref().err().map(ToString::to_string);
        Self { system: system.ok(), folders: BTreeMap::new(), failure, told: BTreeSet::new() }
    }

    /// Watches these folders and no other; says where only polling is left. A folder that took the
    /// place of another one is watched anew.
    pub(super) fn watch(&mut self, folders: &BTreeMap<PathBuf, FileKey>) -> Vec<Notice> {
        let Some(system) = &mut self.system else {
            let reason = self.failure.take();
            let told = |reason| Notice::PollOnly { path: PathBuf::from("."), reason };
            return reason.map(told).into_iter().collect();
        };
        self.folders.retain(|folder, (key, _)| {
            let same = folders.get(folder) == Some(key);
            if !same {
                // It is not watched where asking failed, or where it was deleted.
                let _ = system.unwatch(folder);
            }
            same
        });
        let mut notices = Vec::new();
        for (new, key) in folders {
            if self.folders.contains_key(new) {
                continue;
            }
            let failure = match remote(new) {
                Some(kind) => Some(format!("it is on {kind}")),
                None => system.watch(new, RecursiveMode::NonRecursive).err().map(reason_of),
            };
            self.folders.insert(new.clone(), (*key, failure.is_none()));
            if let Some(reason) = failure
                && self.told.insert(reason.clone())
            {
                notices.push(Notice::PollOnly { path: new.clone(), reason });
            }
        }
        notices
    }

    /// Whether a change in any of the folders is told of.
    pub(super) fn sees_all(&self) -> bool {
        self.system.is_some() && self.folders.values().all(|(_, watched)| *watched)
    }
}

/// Why a folder is not watched, without its path: the reason is the same for many.
fn reason_of(mut error: notify::Error) -> String {
    error.paths.clear();
    error.to_string()
}

/// An error, or a queue that ran over, means that something was missed: look, too.
fn may_be_a_change(event: &notify::Result<notify::Event>) -> bool {
    !event.as_ref().is_ok_and(|event| event.kind.is_access())
}

/// The kind of file system, where changes may come without notice.
fn remote(folder: &Path) -> Option<&'static str> {
    // The type differs between architectures; the numbers have 32 bits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let magic = rustix::fs::statfs(folder).ok()?.f_type as u32;
    changes_elsewhere(magic)
}

/// Magic numbers: statfs(2), and the headers of those that are not in the kernel.
fn changes_elsewhere(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x6573_5546 => "FUSE",
        0x794c_7630 => "overlayfs",
        0x0bd0_0bd0 => "Lustre",
        0x0102_1997 => "9p",
        0x00c3_6400 => "Ceph",
        0x4750_4653 => "GPFS",
        0x1983_0326 => "BeeGFS",
        0x5346_414f => "AFS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn named(folder: &Path) -> BTreeMap<PathBuf, FileKey> {
        BTreeMap::from([(folder.to_path_buf(), FileKey::of(&folder.metadata().unwrap()))])
    }

    #[test]
    fn a_change_in_a_watched_folder_ends_the_pause() {
        let folder = tempfile::tempdir().unwrap();
        let flag = StopFlag::default();
        let mut watcher = Watcher::new(&flag);
        let notices = watcher.watch(&named(folder.path()));
        if let Some(notice) = notices.first() {
            println!("SKIPPED: {notice}");
            return;
        }
        std::fs::write(folder.path().join("a.log"), "x").unwrap();
        flag.wait(Duration::ZERO, LONG);
    }

    #[test]
    fn a_folder_that_took_the_place_of_a_watched_one_is_watched() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("logs");
        std::fs::create_dir(&folder).unwrap();
        let flag = StopFlag::default();
        let mut watcher = Watcher::new(&flag);
        if let Some(notice) = watcher.watch(&named(&folder)).first() {
            println!("SKIPPED: {notice}");
            return;
        }
        std::fs::rename(&folder, above.path().join("old")).unwrap();
        std::fs::create_dir(&folder).unwrap();
        watcher.watch(&named(&folder));
        assert!(watcher.sees_all());
        flag.wait(Duration::ZERO, Duration::ZERO);
        std::fs::write(folder.join("a.log"), "x").unwrap();
        flag.wait(Duration::ZERO, LONG);
    }

    #[test]
    fn a_stop_ends_the_pause_and_all_later_ones() {
        let flag = StopFlag::default();
        flag.clone().stop();
        flag.wait(LONG, LONG);
        flag.wait(LONG, LONG);
        assert!(flag.is_set());
    }

    #[test]
    fn every_event_but_a_mere_access_ends_the_pause() {
        use notify::event::{AccessKind, CreateKind, EventKind, Flag, RemoveKind};
        let event = |kind| Ok(notify::Event::new(kind));
        assert!(!may_be_a_change(&event(EventKind::Access(AccessKind::Any))));
        for kind in [EventKind::Create(CreateKind::File), EventKind::Remove(RemoveKind::File)] {
            assert!(may_be_a_change(&event(kind)));
        }
        // How an overrun of inotify's queue is given.
        let overrun = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(may_be_a_change(&Ok(overrun)));
        assert!(may_be_a_change(&Err(notify::Error::generic("lost"))));
    }

    #[test]
    fn file_systems_that_change_elsewhere_are_only_polled() {
        for (magic, name) in [(0x6969, "NFS"), (0x6573_5546, "FUSE"), (0x0bd0_0bd0, "Lustre")] {
            assert_eq!(changes_elsewhere(magic), Some(name));
        }
        // ext4, xfs, btrfs, tmpfs.
        for magic in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994] {
            assert_eq!(changes_elsewhere(magic), None);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_watched_is_told_of_once_for_its_reason() {
        let mut watcher = Watcher::new(&StopFlag::default());
        let missing = |n| (PathBuf::from(format!("/nowhere/{n}")), FileKey::default());
        let first = watcher.watch(&(0..10).map(missing).collect());
        assert_eq!((first.len(), watcher.watch(&(0..20).map(missing).collect()).len()), (1, 0));
        assert!(!watcher.sees_all());
    }
}
