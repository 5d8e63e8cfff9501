//! The charts that a run saves: the newest file of a glob, if it is whole and was not sent yet.
//!
//! Reads regular files only, in bounded memory. What cannot be sent is said, never an error: a
//! message must not fail for its picture.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Largest picture that is sent. Discord takes 10 MiB, the least of the services with files.
pub const LARGEST: u64 = 10 << 20;
/// Files that one glob may match before the rest is not looked at.
const MOST_FILES: usize = 10_000;

/// What a look at a glob gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// The newest file, whole.
    Picture { path: PathBuf, bytes: Vec<u8> },
    /// The newest file cannot be sent: a sentence that says why.
    Refused(String),
    /// No file, or none newer than what was given before.
    Nothing,
}

/// The newest file of one glob, again and again.
#[derive(Debug)]
pub struct NewestImage {
    pattern: String,
    given: Option<Fingerprint>,
}

/// Tells a file that was written again from the one that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Fingerprint {
    fn of(meta: &Metadata) -> Self {
        Self { inode: meta.ino(), size: meta.size(), modified: (meta.mtime(), meta.mtime_nsec()) }
    }
}

impl NewestImage {
    pub fn new(pattern: String) -> Self {
        Self { pattern, given: None }
    }

    /// Looks now. A file that is refused is tried again at the next look.
    pub fn look(&mut self) -> Look {
        let Some((path, meta)) = self.newest() else { return Look::Nothing };
        let found = Fingerprint::of(&meta);
        if self.given == Some(found) {
            return Look::Nothing;
        }
        match read_whole(&path, &meta) {
            Ok(bytes) => {
                self.given = Some(found);
                Look::Picture { path, bytes }
            }
            Err(why) => Look::Refused(format!("{} was left out: {why}", path.display())),
        }
    }

    fn newest(&self) -> Option<(PathBuf, Metadata)> {
        let paths = glob::glob(&self.pattern).ok()?.flatten().take(MOST_FILES);
        paths
            .filter_map(|path| path.metadata().ok().map(|meta| (path, meta)))
            .filter(|(_, meta)| meta.is_file())
            .max_by_key(|(_, meta)| (meta.mtime(), meta.mtime_nsec()))
    }
}

/// Reads a picture, or says in a sentence fragment why it cannot be sent.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let meta = fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    read_whole(path, &meta)
}

fn read_whole(path: &Path, before: &Metadata) -> Result<Vec<u8>, String> {
    if before.size() > LARGEST {
        return Err(format!("it has {} MiB, at most 10 are sent", before.size() >> 20));
    }
    // Should the file have become a FIFO meanwhile, the open must not hang.
    let file = File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
        .open(path)
        .map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let mut limited = (&file).take(LARGEST + 1);
    limited.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let after = file.metadata().map_err(|error| error.to_string())?;
    if Fingerprint::of(before) != Fingerprint::of(&after) || bytes.len() as u64 != after.size() {
        return Err("it was being written".to_owned());
    }
    check_format(&bytes)?;
    Ok(bytes)
}

/// Whether the bytes are a whole picture of a kind that the services show.
fn check_format(bytes: &[u8]) -> Result<(), String> {
    let ends_with = |end: &[u8]| {
        if bytes.ends_with(end) { Ok(()) } else { Err("it is only half written".to_owned()) }
    };
    match bytes {
        [] => Err("it is empty".to_owned()),
        // The ends: PNG's IEND chunk with its CRC, JPEG's EOI marker, GIF's trailer, RIFF's length.
        [0x89, b'P', b'N', b'G', ..] => ends_with(b"IEND\xaeB`\x82"),
        [0xff, 0xd8, 0xff, ..] => ends_with(&[0xff, 0xd9]),
        [b'G', b'I', b'F', b'8', ..] => ends_with(b";"),
        [b'R', b'I', b'F', b'F', a, b, c, d, b'W', b'E', b'B', b'P', ..] => {
            let length = u64::from(u32::from_le_bytes([*a, *b, *c, *d])) + 8;
            if bytes.len() as u64 >= length {
                Ok(())
            } else {
                Err("it is only half written".into())
            }
        }
        _ => Err("it is no PNG, JPEG, GIF or WebP picture".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG_END: &[u8] = b"IEND\xaeB`\x82";

    fn png(middle: &[u8]) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n", middle, PNG_END].concat()
    }

    #[test]
    fn only_whole_pictures_are_taken() {
        for (bytes, reason) in [
            (&b""[..], "it is empty"),
            (b"\x89PNG\r\n\x1a\nabc", "it is only half written"),
            (b"\xff\xd8\xff\xe0abc", "it is only half written"),
            (b"<html></html>", "it is no PNG, JPEG, GIF or WebP picture"),
            (b"<svg/>", "it is no PNG, JPEG, GIF or WebP picture"),
            (b"RIFF\xff\0\0\0WEBP", "it is only half written"),
        ] {
            assert_eq!(check_format(bytes), Err(reason.to_owned()));
        }
        assert_eq!(check_format(&png(b"x")), Ok(()));
        assert_eq!(check_format(b"\xff\xd8\xff\xe0\xff\xd9"), Ok(()));
    }

    #[test]
    fn the_newest_file_is_given_once_until_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("loss.png");
        let mut newest = NewestImage::new(format!("{}/*.png", folder.path().display()));
        assert_eq!(newest.look(), Look::Nothing);
        fs::write(&path, png(b"one")).expect("write");
        assert_eq!(newest.look(), Look::Picture { path: path.clone(), bytes: png(b"one") });
        assert_eq!(newest.look(), Look::Nothing);
        fs::write(&path, png(b"other")).expect("write");
        assert_eq!(newest.look(), Look::Picture { path, bytes: png(b"other") });
    }

    #[test]
    fn a_half_written_file_is_refused_now_and_taken_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("loss.png");
        let mut newest = NewestImage::new(path.display().to_string());
        fs::write(&path, b"\x89PNG\r\n\x1a\nhalf").expect("write");
        assert!(matches!(newest.look(), Look::Refused(why) if why.ends_with("half written")));
        fs::write(&path, png(b"")).expect("write");
        assert!(matches!(newest.look(), Look::Picture { .. }));
    }

    #[test]
    fn a_huge_file_and_a_folder_are_never_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("huge.png");
        File::create(&path).and_then(|file| file.set_len(LARGEST + 1)).expect("sparse file");
        assert_eq!(read(&path), Err("it has 10 MiB, at most 10 are sent".to_owned()));
        assert_eq!(read(folder.path()), Err("it is not a regular file".to_owned()));
    }
}
