//! The few file-system steps that the outbox is made of, so that a test can crash between any two.
//! It knows no entry.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::time::Timestamp;

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileInfo {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
}

pub(super) trait Disk: Debug + Send + Sync {
    /// Creates the folder and its parents, for this user only.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// A file that was not there before, for this user only. When it returns, the contents are
    /// durable; the name is so only after `sync_dir`.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Whole file; one that is longer than `limit` bytes is an error.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;
    fn exists(&self, path: &Path) -> bool;
    /// Surely not there: an error is not taken for that.
    fn is_gone(&self, path: &Path) -> bool;
    /// The regular files of a folder, sorted by name. Names that are no UTF-8 are not ours.
    fn list(&self, dir: &Path) -> io::Result<Vec<FileInfo>>;
}

#[derive(Debug)]
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if written.is_err() {
            // A full disk: what was half written would only keep it full.
            let _ = fs::remove_file(path);
        }
        written
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        match File::open(dir)?.sync_all() {
            // Some network file systems refuse to sync a folder; there is nothing better to do.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is too large"));
        }
        Ok(bytes)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn is_gone(&self, path: &Path) -> bool {
        matches!(path.try_exists(), Ok(false))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<FileInfo>> {
        let mut files = Vec::new();
        for item in fs::read_dir(dir)? {
            let item = item?;
            let Ok(name) = item.file_name().into_string() else { continue };
            // Another process may have removed it since.
            let Ok(meta) = item.metadata() else { continue };
            if meta.is_file() {
                files.push(FileInfo { name, bytes: meta.len(), modified: modified(&meta) });
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }
}

fn modified(meta: &fs::Metadata) -> Timestamp {
    use std::os::unix::fs::MetadataExt as _;
    let nanos = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
    Timestamp::from_nanos(nanos)
}
