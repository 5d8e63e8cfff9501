//! What a follower must know to go on where it stopped, as one record. Pure: touches no file.
//!
//! Bytes that need not be UTF-8 (paths, pieces of the logs) are texts in the record, each byte one
//! character of U+0000 to U+00FF, so that a person can read them and none is lost.

use serde::{Deserialize, Serialize};

use crate::sources::tail::identity::FileKey;

/// A longer record is not written, and none that is longer is read.
pub(super) const LARGEST: u64 = 32 << 20;

/// Up to which lines a follower's files were judged and told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What is followed, and with which rules.
    #[serde(with = "latin1")]
    pub(super) key: Vec<u8>,
    /// The follower came to its end in order, so that no line was told that is not told of here.
    pub(super) clean: bool,
    /// From old to new, as they are to be read.
    pub(super) files: Vec<FileRecord>,
    pub(super) rotations: Vec<Rotations>,
    /// Files named like rotations that are none of what is followed; `of` is a folder. None in what
    /// an older version wrote.
    #[serde(default)]
    pub(super) old: Option<Vec<Rotations>>,
    /// Copies that a rotation made: their lines were read in the original.
    pub(super) copies: Vec<FileKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRecord {
    #[serde(with = "latin1")]
    pub(super) home: Vec<u8>,
    #[serde(with = "latin1")]
    pub(super) path: Vec<u8>,
    /// `path` still named it.
    pub(super) in_place: bool,
    pub(super) key: FileKey,
    /// Up to here it was read.
    pub(super) offset: u64,
    /// Up to here it was told: where the line begins that was not ended at `offset`.
    pub(super) line: u64,
    /// That line began before the file was followed, and is to be left out.
    pub(super) skip_line: bool,
    /// The first bytes of the file.
    #[serde(with = "latin1")]
    pub(super) head: Vec<u8>,
    /// The last bytes before `offset`.
    #[serde(with = "latin1")]
    pub(super) anchor: Vec<u8>,
}

/// The rotated files that stood beside a followed path, so that new ones are told from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rotations {
    #[serde(with = "latin1")]
    pub(super) of: Vec<u8>,
    pub(super) keys: Vec<FileKey>,
}

/// A new field is a new version; old versions stay readable.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "version", content = "checkpoint")]
enum Record {
    #[serde(rename = "2", alias = "1")]
    V2(Checkpoint),
}

/// What the bytes of a checkpoint's file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    Checkpoint(Checkpoint),
    /// Written by a newer version of this program.
    Newer,
    /// Half written, damaged, or something else.
    Torn,
}

impl Checkpoint {
    /// The bytes of its file, at most 32 MiB of them.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let bytes = serde_json::to_vec(&Record::V2(self.clone())).map_err(|e| e.to_string())?;
        match bytes.len() as u64 > LARGEST {
            true => Err(format!("it would be {} bytes long", bytes.len())),
            false => Ok(bytes),
        }
    }
}

/// Any bytes; what is inconsistent is torn.
pub fn decode(bytes: &[u8]) -> Decoded {
    #[derive(Deserialize)]
    struct Version {
        version: String,
    }
    if let Ok(Record::V2(checkpoint)) = serde_json::from_slice(bytes) {
        return match checkpoint.files.iter().all(FileRecord::is_consistent) {
            true => Decoded::Checkpoint(checkpoint),
            false => Decoded::Torn,
        };
    }
    match serde_json::from_slice::<Version>(bytes) {
        Ok(Version { version }) if version.parse::<u32>().is_ok_and(|v| v > 2) => Decoded::Newer,
        _ => Decoded::Torn,
    }
}

impl FileRecord {
    fn is_consistent(&self) -> bool {
        self.line <= self.offset && self.offset >= self.head.len().max(self.anchor.len()) as u64
    }
}

/// Bytes as a text of as many characters.
mod latin1 {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&bytes.iter().copied().map(char::from).collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let byte = |char| u8::try_from(char).map_err(|_| D::Error::custom("not a byte"));
        text.chars().map(byte).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let all: Vec<u8> = (0..=255).collect();
        let file = FileRecord {
            home: b"rank\xff.log".to_vec(),
            path: b"rank\xff.log.1".to_vec(),
            in_place: false,
            key: FileKey::default(),
            offset: 300,
            line: 290,
            skip_line: false,
            head: all.clone(),
            anchor: all.clone(),
        };
        let old = Rotations { of: b"logs".to_vec(), keys: vec![FileKey::default()] };
        let rotations = Rotations { of: b"a".to_vec(), keys: vec![FileKey::default()] };
        Checkpoint {
            key: all,
            clean: true,
            files: vec![file],
            rotations: vec![rotations],
            old: Some(vec![old]),
            copies: vec![FileKey::default()],
        }
    }

    #[test]
    fn any_bytes_come_back() {
        let bytes = checkpoint().encode().unwrap();
        assert_eq!(decode(&bytes), Decoded::Checkpoint(checkpoint()));
    }

    #[test]
    fn what_is_cut_is_torn() {
        let bytes = checkpoint().encode().unwrap();
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), Decoded::Torn, "{length}");
        }
    }

    #[test]
    fn an_anchor_that_would_begin_before_the_file_is_torn() {
        let mut checkpoint = checkpoint();
        checkpoint.files[0].offset = 255;
        assert_eq!(decode(&checkpoint.encode().unwrap()), Decoded::Torn);
    }

    #[test]
    fn what_an_older_version_wrote_is_read() {
        let text = br#"{"version":"1","checkpoint":{"key":"k","clean":true,"files":[],"rotations":[],"copies":[]}}"#;
        let Decoded::Checkpoint(found) = decode(text) else { panic!("not read") };
        assert_eq!((found.key.as_slice(), found.old), (&b"k"[..], None));
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        assert_eq!(decode(br#"{"version":"3","checkpoint":{"x":1}}"#), Decoded::Newer);
        assert_eq!(decode(br#"{"version":"x"}"#), Decoded::Torn);
    }
}
