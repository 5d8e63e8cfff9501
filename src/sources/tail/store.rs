//! The file in which a follower's checkpoint is kept: one for what is followed with which rules.
//!
//! Written as a whole or not at all, by one process at a time. Knows no followed file.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::outbox::{Claim, claim, is_unsupported};
use crate::sources::tail::checkpoint::{Checkpoint, Decoded, LARGEST, decode};
use crate::time::Timestamp;

/// What was not written for so long is of no use to anybody.
const OLDEST: Duration = Duration::from_hours(30 * 24);

/// The right to write a checkpoint. Given back when dropped, or when the process dies.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    path: PathBuf,
    pub(super) key: Vec<u8>,
    /// None where the file system has no locks.
    _claim: Option<Claim>,
}

/// What was found.
#[derive(Debug)]
pub enum Opened {
    /// None: there is no checkpoint yet.
    Mine(Store, Option<Checkpoint>),
    /// Another process follows the same, and writes it.
    Taken,
    /// A newer version wrote it; it is left as it is.
    Newer(PathBuf),
    /// It was no checkpoint, and was set aside at this path.
    Torn(Store, PathBuf),
}

/// What is followed and with which rules, whatever the order of the patterns. Relative ones are
/// told from absolute ones, and belong to the folder `here`.
pub fn key(patterns: &[OsString], here: &Path, rules: Option<&Path>) -> Vec<u8> {
    let mut patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
    patterns.sort_unstable();
    patterns.dedup();
    let rules = rules.map(|rules| here.join(rules)).unwrap_or_default();
    let all_absolute = patterns.iter().all(|pattern| pattern.starts_with(b"/"));
    let here = if all_absolute { Path::new("") } else { here };
    let before = [rules.as_os_str().as_bytes(), here.as_os_str().as_bytes()];
    [before.as_slice(), &patterns].concat().join(&0)
}

impl Store {
    /// The file of this key below the state folder, and what it holds.
    pub fn open(state_dir: &Path, key: Vec<u8>) -> io::Result<Opened> {
        let folder = state_dir.join("tail");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let path = folder.join(format!("{:016x}.json", hash(&key)));
        let claim = match claim(&path.with_extension("lock")) {
            Ok(Some(claim)) => Some(claim),
            Ok(None) => return Ok(Opened::Taken),
            Err(error) if is_unsupported(&error) => None,
            Err(error) => return Err(error),
        };
        let store = Self { folder, path, key, _claim: claim };
        let bytes = match store.read() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Opened::Mine(store, None));
            }
            Err(error) => return Err(error),
        };
        match decode(&bytes) {
            Decoded::Checkpoint(found) if found.key == store.key => {
                Ok(Opened::Mine(store, Some(found)))
            }
            Decoded::Newer => Ok(Opened::Newer(store.path)),
            _ => {
                let aside = store.path.with_extension("json.bad");
                fs::rename(&store.path, &aside)?;
                Ok(Opened::Torn(store, aside))
            }
        }
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(&self.path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Replaces the file. When it returns, the new one survives any crash; until then the old one.
    pub(super) fn write(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let bytes = checkpoint.encode().map_err(io::Error::other)?;
        let partial = self.path.with_extension("tmp");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&partial, &self.path)?;
        match File::open(&self.folder)?.sync_all() {
            // Some network file systems refuse to sync a folder; there is nothing better to do.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }

    /// Removes checkpoints that nobody has written for 30 days, and that nobody holds.
    pub fn remove_old(&self, now: Timestamp) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(meta) = entry.metadata() else { continue };
            let written = Timestamp::from_secs(meta.mtime());
            if path.extension().is_some_and(|end| end == "lock") || now.since(written) <= OLDEST {
                continue;
            }
            // The first extension goes too: `x.json.bad` belongs to `x`.
            let lock = path.with_extension("").with_extension("lock");
            if let Ok(Some(_claim)) = claim(&lock) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// FNV-1a, 64 bits (draft-eastlake-fnv): short, and the same in every version.
fn hash(bytes: &[u8]) -> u64 {
    let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(key: &[u8]) -> Checkpoint {
        Checkpoint { key: key.to_vec(), ..Checkpoint::default() }
    }

    fn mine(opened: io::Result<Opened>) -> (Store, Option<Checkpoint>) {
        match opened {
            Ok(Opened::Mine(store, found)) => (store, found),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_written_is_found_again_under_its_key_only() {
        let state = tempfile::tempdir().unwrap();
        let (store, found) = mine(Store::open(state.path(), b"a".to_vec()));
        assert_eq!(found, None);
        store.write(&checkpoint(b"a")).unwrap();
        drop(store);
        assert_eq!(mine(Store::open(state.path(), b"a".to_vec())).1, Some(checkpoint(b"a")));
        assert_eq!(mine(Store::open(state.path(), b"b".to_vec())).1, None);
    }

    #[test]
    fn a_second_one_finds_it_taken() {
        let state = tempfile::tempdir().unwrap();
        let first = mine(Store::open(state.path(), b"a".to_vec()));
        assert!(matches!(Store::open(state.path(), b"a".to_vec()), Ok(Opened::Taken)));
        drop(first);
        mine(Store::open(state.path(), b"a".to_vec()));
    }

    #[test]
    fn what_is_torn_or_anothers_is_set_aside() {
        for bytes in [&b"{"[..], &checkpoint(b"other").encode().unwrap()] {
            let state = tempfile::tempdir().unwrap();
            let (store, _) = mine(Store::open(state.path(), b"a".to_vec()));
            fs::write(&store.path, bytes).unwrap();
            drop(store);
            let opened = Store::open(state.path(), b"a".to_vec()).unwrap();
            let Opened::Torn(store, aside) = opened else { panic!("{opened:?}") };
            assert_eq!(fs::read(aside).unwrap(), bytes);
            store.write(&checkpoint(b"a")).unwrap();
        }
    }

    #[test]
    fn only_old_checkpoints_that_nobody_holds_are_removed() {
        let state = tempfile::tempdir().unwrap();
        let (held, _) = mine(Store::open(state.path(), b"held".to_vec()));
        held.write(&checkpoint(b"held")).unwrap();
        let (left, _) = mine(Store::open(state.path(), b"left".to_vec()));
        left.write(&checkpoint(b"left")).unwrap();
        let path = left.path.clone();
        drop(left);
        let written = Timestamp::from_secs(fs::metadata(&path).unwrap().mtime());
        held.remove_old(written.after(OLDEST));
        assert!(path.exists());
        held.remove_old(written.after(OLDEST + Duration::from_secs(1)));
        assert!(!path.exists() && held.path.exists());
    }

    #[test]
    fn a_key_does_not_depend_on_the_order_but_on_folder_and_rules() {
        let key = |patterns: &[&str], here: &str, rules: Option<&str>| {
            let patterns: Vec<OsString> = patterns.iter().map(OsString::from).collect();
            super::key(&patterns, Path::new(here), rules.map(Path::new))
        };
        assert_eq!(key(&["a", "b", "a"], "/x", None), key(&["b", "a"], "/x", None));
        assert_ne!(key(&["a"], "/x", None), key(&["a"], "/y", None));
        assert_eq!(key(&["/a"], "/x", Some("/r")), key(&["/a"], "/y", Some("/r")));
        assert_ne!(key(&["/a"], "/x", Some("r")), key(&["/a"], "/y", Some("r")));
        assert_ne!(key(&["/a"], "/x", Some("/a")), key(&["/a", "/a"], "/x", None));
    }
}
