//! The file into which the keeper reads a stream in the supervisor's place, and out of which the
//! stream's thread reads it.
//!
//! It has one writer and one reader, who may be at it at the same time. The writer makes it, the
//! reader removes it when it was read; whoever still writes to it then writes to the same file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// As much as is kept of the output after the supervisor's death; what comes then is dropped.
const LIMIT: u64 = 64 << 20;

/// The writer's side. Removed on drop.
#[derive(Debug)]
pub struct Spill {
    path: PathBuf,
    file: File,
    written: u64,
    /// Something was dropped: what comes now is too, or the order were lost.
    full: bool,
}

/// The file of the source called `name`.
pub fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("stopped.{name}"))
}

impl Spill {
    /// An empty one, readable by its owner only.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        let _ = fs::remove_file(&path);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path, file, written: 0, full: false })
    }

    /// False: it is full, or the disk is.
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        let length = bytes.len() as u64;
        self.full |=
            self.written + length > LIMIT || self.file.write_all_at(bytes, self.written).is_err();
        if !self.full {
            self.written += length;
        }
        !self.full
    }

    /// For a reader in this process.
    pub fn reader(&self) -> io::Result<Reader> {
        Ok(Reader { path: self.path.clone(), file: Some(self.file.try_clone()?) })
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The reader's side.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    /// Opened when it is first read.
    file: Option<File>,
}

impl Reader {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// 0: it is gone, or shorter than it should be.
    pub fn read(&mut self, buffer: &mut [u8], at: u64) -> usize {
        let Some(file) = self.open() else { return 0 };
        loop {
            match file.read_at(buffer, at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.unwrap_or(0),
            }
        }
    }

    fn open(&mut self) -> Option<&File> {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        self.file.as_ref()
    }

    /// Its name is gone, but what is still written to it can be read.
    pub fn remove(&mut self) {
        self.open();
        let _ = fs::remove_file(&self.path);
    }

    /// The next one is another file.
    pub fn close(&mut self) {
        self.file = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_while_it_is_written_is_still_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), "stdout");
        let mut spill = Spill::create(path.clone()).unwrap();
        assert!(spill.append(b"one "));
        let (mut reader, mut buffer) = (Reader::new(path.clone()), [0; 8]);
        assert_eq!(reader.read(&mut buffer, 0), 4);
        reader.remove();
        assert!(!path.exists());
        assert!(spill.append(b"two"));
        assert_eq!(reader.read(&mut buffer, 4), 3);
        assert_eq!(&buffer[..3], b"two".as_slice());
    }

    #[test]
    fn once_something_was_dropped_all_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::create(path(folder.path(), "stdout")).unwrap();
        spill.written = LIMIT - 3;
        assert!(spill.append(b"abc"));
        assert!(!spill.append(b"d"));
        assert!(!spill.append(b""));
    }

    #[test]
    fn a_spill_that_is_gone_gives_nothing() {
        assert_eq!(Reader::new(PathBuf::from("/nowhere/stopped")).read(&mut [0; 8], 0), 0);
    }
}
