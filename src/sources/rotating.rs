//! A log of bounded size: when it is full it becomes `NAME.1`, instead of the one before, and a new
//! one begins. So the newest output is kept, and at most twice the size.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::sources::echo::Log;

#[derive(Debug)]
pub struct Rotating {
    path: PathBuf,
    limit: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// None: nothing came yet, or it cannot be opened.
    file: Option<File>,
    written: u64,
}

impl Rotating {
    /// Made on first use, readable by its owner only; what a file of this name has already is kept.
    pub fn new(path: PathBuf, limit: u64) -> Self {
        Self { path, limit, state: Mutex::default() }
    }

    fn open(&self, state: &mut State) {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path).ok();
        state.written = file.as_ref().and_then(|it| it.metadata().ok()).map_or(0, |it| it.len());
        state.file = file;
    }

    fn rotate(&self, state: &mut State) {
        let mut old = OsString::from(&self.path);
        old.push(".1");
        if fs::rename(&self.path, old).is_ok() {
            self.open(state);
        }
    }
}

impl Log for Rotating {
    fn append(&self, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.file.is_none() {
            self.open(&mut state);
        }
        if state.written >= self.limit {
            self.rotate(&mut state);
        }
        if state.written >= self.limit {
            return;
        }
        if state.file.as_mut().is_some_and(|file| file.write_all(bytes).is_ok()) {
            state.written = state.written.saturating_add(bytes.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output.log");
        fs::write(&path, "from before\n").unwrap();
        let log = Rotating::new(path.clone(), 20);
        for number in 0..7 {
            log.append(format!("line {number}\n").as_bytes());
        }
        let read = |path: &PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(read(&path), "line 5\nline 6\n");
        assert_eq!(read(&folder.path().join("output.log.1")), "line 2\nline 3\nline 4\n");
    }

    #[test]
    fn a_folder_that_is_gone_loses_the_bytes_only() {
        Rotating::new(PathBuf::from("/nowhere/output.log"), 20).append(b"line\n");
    }
}
