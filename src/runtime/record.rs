//! What is known of the runs of this state folder: who supervises each, since when, and whether
//! that process still lives.
//!
//! A run's folder holds `run.json` (what it is called), `process.json` (this file's record),
//! `card.json` (its newest state) and `alive`, which its supervisor keeps locked: a lock dies with
//! its holder, also on another machine. Where there are no locks, the process is looked at.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::outbox::Cards;
use crate::render::Card;
use crate::render::message::RunLabel;
use crate::runtime::state::{self, write_whole};
use crate::time::Timestamp;

/// Who supervises a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub started: Timestamp,
    pub pid: u32,
    /// When that process started, in clock ticks since the boot (proc_pid_stat(5), field 22).
    pub pid_started: Option<u64>,
    /// `/proc/sys/kernel/random/boot_id`: a process ID means nothing after a reboot.
    pub boot: Option<String>,
    /// `SLURM_JOB_ID`, by which a requeued job finds what it did before.
    pub slurm_job: Option<String>,
}

impl Record {
    /// Of this very process.
    pub fn ours(started: Timestamp, slurm_job: Option<String>) -> Self {
        let pid = std::process::id();
        Self { started, pid, pid_started: pid_started(pid), boot: boot(), slurm_job }
    }

    fn lives_here(&self) -> bool {
        self.boot.is_some() && self.boot == boot() && self.pid_started == pid_started(self.pid)
    }
}

/// Held as long as the run is supervised.
#[derive(Debug)]
pub struct Alive {
    _file: File,
    folder: PathBuf,
}

impl Alive {
    /// The run's.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl AsFd for Alive {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self._file.as_fd()
    }
}

/// Writes the run's record and takes its lock.
pub fn enrol(state_dir: &Path, run: &str, record: &Record) -> io::Result<Alive> {
    let folder = state::run_folder(state_dir, run)?;
    write_whole(&folder.join("process.json"), &serde_json::to_vec(record)?)?;
    let file = lock_file(&folder)?;
    // Without locks the record alone must do.
    let _ = file.try_lock();
    Ok(Alive { _file: file, folder })
}

fn lock_file(folder: &Path) -> io::Result<File> {
    let path = folder.join("alive");
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// A run of this state folder, as it stood when it was looked at.
#[derive(Debug)]
pub struct Run {
    pub label: RunLabel,
    pub record: Record,
    pub card: Option<Card>,
    folder: PathBuf,
}

impl Run {
    /// None: what is there is no run's folder, or one of an older version.
    pub fn load(state_dir: &Path, id: &str) -> Option<Self> {
        let folder = state_dir.join("runs").join(id);
        let record = serde_json::from_slice(&fs::read(folder.join("process.json")).ok()?).ok()?;
        let label = state::read_label(state_dir, id)?;
        Some(Self { label, record, card: Cards::new(state_dir).read(id), folder })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether somebody supervises it.
    pub fn lives(&self) -> bool {
        match self.bury() {
            Buried::Ours(_) => false,
            Buried::Lives => true,
            Buried::NoLocks => self.record.lives_here(),
        }
    }

    /// None if it lives. As long as the lock is held nobody else takes it for dead.
    pub fn if_dead(&self) -> Option<Alive> {
        match self.bury() {
            Buried::Ours(alive) => Some(alive),
            Buried::Lives | Buried::NoLocks => None,
        }
    }

    fn bury(&self) -> Buried {
        let Ok(file) = lock_file(&self.folder) else { return Buried::NoLocks };
        match file.try_lock() {
            Ok(()) => Buried::Ours(Alive { _file: file, folder: self.folder.clone() }),
            Err(TryLockError::WouldBlock) => Buried::Lives,
            Err(TryLockError::Error(_)) => Buried::NoLocks,
        }
    }
}

enum Buried {
    Ours(Alive),
    Lives,
    NoLocks,
}

/// The ids of all runs, oldest first.
pub fn ids(state_dir: &Path) -> io::Result<Vec<String>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(state_dir.join("runs"))? {
        ids.extend(entry?.file_name().into_string().ok().filter(|id| is_id(id)));
    }
    ids.sort();
    Ok(ids)
}

/// Letters, digits and dashes, beginning with the year: no path, and nothing that others made.
pub fn is_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.len() >= 15 && text.chars().all(plain) && text.chars().take(8).all(|c| c.is_ascii_digit())
}

fn boot() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

/// The program's name, in parentheses, may hold anything; the fields after it count from 3.
fn pid_started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(22 - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "20261123-023323-045-77";

    fn label() -> RunLabel {
        RunLabel {
            id: ID.to_owned(),
            name: "resnet50".to_owned(),
            host: "gpu01".to_owned(),
            command: String::new(),
            elapsed: None,
        }
    }

    #[test]
    fn a_run_lives_as_long_as_its_lock_is_held() {
        let dir = tempfile::tempdir().unwrap();
        state::write_label(dir.path(), &label()).unwrap();
        let record = Record::ours(Timestamp::from_secs(0), Some("17".to_owned()));
        let alive = enrol(dir.path(), ID, &record).unwrap();
        let run = Run::load(dir.path(), ID).unwrap();
        assert_eq!((run.lives(), run.if_dead().is_some(), &run.record), (true, false, &record));
        drop(alive);
        assert!(!run.lives());
        let first = run.if_dead().unwrap();
        assert!(run.if_dead().is_none(), "only one finds it dead at a time");
        drop(first);
        assert_eq!(ids(dir.path()).unwrap(), [ID]);
    }

    #[test]
    fn a_process_is_known_by_its_start_and_boot() {
        let ours = Record::ours(Timestamp::from_secs(0), None);
        if ours.boot.is_none() {
            return;
        }
        assert!(ours.lives_here());
        for other in [
            Record { pid_started: ours.pid_started.map(|start| start + 1), ..ours.clone() },
            Record { boot: Some("another".to_owned()), ..ours.clone() },
            Record { boot: None, ..ours },
        ] {
            assert!(!other.lives_here(), "{other:?}");
        }
    }

    #[test]
    fn ids_are_no_paths() {
        assert!(is_id(ID));
        for text in ["", "..", "../../20261123-023323", "20261123-02/../..", "a0261123-023323-045"]
        {
            assert!(!is_id(text), "{text}");
        }
    }
}
