//! Who delivers a run's entries: a lock that dies with its holder, also on a network file system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The right to deliver a run's entries. Given back when dropped, or when the process dies.
///
/// It is `flock(2)`, which Linux turns into a byte-range lock of the server on NFS (since 2.6.12).
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// Holds the lock as long as it is open.
    _file: File,
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While it is still locked, so that nobody can lock a file that has no name any more
        // without finding that out (see `claim`).
        let _ = fs::remove_file(&self.path);
    }
}

/// None: somebody else holds it.
pub(crate) fn claim(path: &Path) -> io::Result<Option<Claim>> {
    // Each round was lost to a holder that let go in that instant.
    for _ in 0..8 {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let held = file.metadata()?;
        match fs::metadata(path) {
            Ok(named) if named.ino() == held.ino() && named.dev() == held.dev() => {
                return Ok(Some(Claim { path: path.to_owned(), _file: file }));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Whether the file system has no locks: an NFS server without a lock manager, some FUSE mounts.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let none = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL];
    Errno::from_io_error(error).is_some_and(|errno| none.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it_and_dropping_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.lock");
        let first = claim(&path).unwrap();
        assert!(first.is_some());
        assert!(claim(&path).unwrap().is_none());
        drop(first);
        assert!(!path.exists(), "no lock file is left behind");
        assert!(claim(&path).unwrap().is_some());
    }

    #[test]
    fn a_lock_file_left_by_a_dead_holder_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.lock");
        fs::write(&path, b"").unwrap();
        assert!(claim(&path).unwrap().is_some());
    }
}
