//! Which paths a pattern names at the moment. Any bytes: file names need not be UTF-8.
//!
//! Knows no file's content. `*`, `?`, `[a-z]` as in a shell, `**` for any number of folders; a
//! leading dot is matched only by a dot. A path that exists as it is written is no pattern.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern as Glob, PatternError};

use crate::sources::tail::siblings::folder_of;

/// `**` goes no deeper; it is also what ends a loop of symbolic links.
const DEEPEST: usize = 16;
/// More paths than this are not followed.
pub(super) const MOST_PATHS: usize = 10_000;

/// A path to follow, or a pattern of such.
#[derive(Debug)]
pub(super) enum Pattern {
    Path(PathBuf),
    Glob { text: PathBuf, parts: Vec<Part> },
}

#[derive(Debug)]
pub(super) enum Part {
    Literal(OsString),
    Matching(Glob),
    AnyDepth,
}

impl Pattern {
    pub(super) fn new(text: &OsStr) -> Result<Self, PatternError> {
        let special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[');
        if !text.as_bytes().iter().any(special) || fs::symlink_metadata(text).is_ok() {
            return Ok(Self::Path(text.into()));
        }
        let mut parts = Vec::new();
        if text.as_bytes().starts_with(b"/") {
            parts.push(Part::Literal("/".into()));
        }
        for name in text.as_bytes().split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            parts.push(match name {
                b"**" => Part::AnyDepth,
                name if name.iter().any(special) => Part::Matching(Glob::new(&as_text(name))?),
                name => Part::Literal(OsString::from_vec(name.to_vec())),
            });
        }
        Ok(Self::Glob { text: text.into(), parts })
    }

    /// The paths that exist now, sorted; a plain path also if it does not exist.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Path(path) => vec![path.clone()],
            Self::Glob { parts, .. } => {
                let mut found = Vec::new();
                walk(Path::new(""), parts, 0, &mut found);
                found.sort();
                found.dedup();
                found
            }
        }
    }

    /// The folders, as they are now, in which its paths stand or may come.
    pub(super) fn all_folders(&self) -> Vec<PathBuf> {
        let Self::Glob { parts, .. } = self else { return vec![folder_of(self.as_path())] };
        let above = match parts.split_last() {
            Some((Part::AnyDepth, _)) | None => parts,
            Some((_, above)) => above,
        };
        let mut found = Vec::new();
        walk(Path::new(""), above, 0, &mut found);
        found.iter().map(|folder| folder_of(&folder.join("file"))).collect()
    }

    /// Whether a file of this name in one of its folders would be one of its paths.
    pub(super) fn names(&self, name: &OsStr) -> bool {
        match self {
            Self::Path(path) => path.file_name() == Some(name),
            Self::Glob { parts, .. } => match parts.last() {
                Some(Part::Literal(literal)) => literal == name,
                Some(Part::Matching(glob)) => matches(glob, name),
                Some(Part::AnyDepth) | None => true,
            },
        }
    }

    /// The one folder in which all its paths stand; none if there may be several.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        let parts = match self {
            Self::Path(_) => &[][..],
            Self::Glob { parts, .. } => parts.split_last().map_or(&[][..], |(_, above)| above),
        };
        let plain = parts.iter().all(|part| matches!(part, Part::Literal(_)));
        let deep = matches!(self, Self::Glob { parts, .. } if matches!(parts.last(), Some(Part::AnyDepth)));
        (plain && !deep).then(|| folder_of(self.as_path()))
    }

    pub(super) fn is_glob(&self) -> bool {
        matches!(self, Self::Glob { .. })
    }

    pub(super) fn as_path(&self) -> &Path {
        match self {
            Self::Path(path) | Self::Glob { text: path, .. } => path,
        }
    }
}

fn walk(base: &Path, parts: &[Part], depth: usize, found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else {
        if !is_compressed(base) && found.len() < MOST_PATHS {
            found.push(base.to_path_buf());
        }
        return;
    };
    // A name that a folder lists is there; only others have to be asked for.
    let is_there = |path: &Path| !rest.is_empty() || fs::symlink_metadata(path).is_ok();
    match part {
        Part::Literal(name) => {
            let path = base.join(name);
            if is_there(&path) {
                walk(&path, rest, depth, found);
            }
        }
        Part::Matching(glob) => {
            for name in names(base) {
                if matches(glob, &name) {
                    walk(&base.join(name), rest, depth, found);
                }
            }
        }
        Part::AnyDepth => {
            if is_there(base) {
                walk(base, rest, depth, found);
            }
            for name in names(base) {
                let below = base.join(&name);
                if depth < DEEPEST && !name.as_bytes().starts_with(b".") && below.is_dir() {
                    walk(&below, parts, depth + 1, found);
                }
            }
        }
    }
}

/// The names in a folder. One that cannot be read now is asked again at the next poll.
fn names(folder: &Path) -> Vec<OsString> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}

fn matches(glob: &Glob, name: &OsStr) -> bool {
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    glob.matches_with(&as_text(name.as_bytes()), options)
}

/// Rotated files that were packed are old, and hold no lines.
pub(super) fn is_compressed(path: &Path) -> bool {
    const PACKED: [&str; 7] = ["gz", "bz2", "xz", "zst", "lz4", "lzma", "zip"];
    path.extension().is_some_and(|extension| PACKED.iter().any(|packed| extension == *packed))
}

/// Bytes as a text in which each invalid byte is one character that stands for nothing else.
fn as_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        // Plane 16 is for private use.
        text.extend(
            chunk.invalid().iter().filter_map(|byte| char::from_u32(0x10_0000 + u32::from(*byte))),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell_also_names_that_are_not_utf8() {
        let folder = tempfile::tempdir().unwrap();
        let odd = OsStr::from_bytes(b"rank\xff.log");
        for name in [OsStr::new("a.log"), OsStr::new(".b.log"), odd, OsStr::new("c.log.gz")] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir_all(folder.path().join("x/y")).unwrap();
        fs::write(folder.path().join("x/y/d.log"), "").unwrap();
        let found = |pattern: &[u8]| {
            let pattern = folder.path().join(OsStr::from_bytes(pattern));
            let paths = Pattern::new(pattern.as_os_str()).unwrap().paths();
            let relative = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().to_owned();
            paths.into_iter().map(relative).collect::<Vec<_>>()
        };
        assert_eq!(found(b"*.log"), [Path::new("a.log"), Path::new(odd)]);
        assert_eq!(found(b"rank?.log"), [Path::new(odd)]);
        assert_eq!(found(b"rank[\xff].log"), [Path::new(odd)]);
        assert!(found(b"*.gz").is_empty());
        assert_eq!(found(b"**/d.log"), [Path::new("x/y/d.log")]);
        assert_eq!(found(b"x/*/d.log"), [Path::new("x/y/d.log")]);
        assert_eq!(found(b"missing.log"), [Path::new("missing.log")]);
        assert!(found(b"*/y/missing.log").is_empty());
        assert!(found(b"missing*/**").is_empty());
    }

    #[test]
    fn a_pattern_of_many_folders_has_no_folder() {
        let folder = |pattern: &str| Pattern::new(OsStr::new(pattern)).unwrap().folder();
        for (pattern, expected) in
            [("/nowhere/a.log", "/nowhere"), ("/nowhere/*.log", "/nowhere"), ("*.log", ".")]
        {
            assert_eq!(folder(pattern).as_deref(), Some(Path::new(expected)), "{pattern}");
        }
        for pattern in ["/nowhere/*/a.log", "/nowhere/**/a.log", "/nowhere/**"] {
            assert_eq!(folder(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_path_with_brackets_that_exists_is_no_pattern() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run[1].log");
        fs::write(&path, "").unwrap();
        assert_eq!(Pattern::new(path.as_os_str()).unwrap().paths(), [path]);
    }
}
