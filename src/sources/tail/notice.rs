//! What the follower has to say to a person. Texts only.

use std::fmt;
use std::path::PathBuf;

/// Something worth a line on the terminal. Each is said once for a path and cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Nothing is there yet under this path or pattern.
    Waiting { path: PathBuf },
    /// The file cannot be read at the moment; it is tried again at each poll.
    Unreadable { path: PathBuf, error: String },
    /// A folder or device appeared where a file was expected; it is not read.
    NotAFile { path: PathBuf },
    /// The file was emptied or written anew, and is read from its start.
    Truncated { path: PathBuf },
    /// The file was deleted, and nothing came in its place.
    Deleted { path: PathBuf },
    /// The file's beginning is cut off as it is written. Only what is new is read.
    NotAppendOnly { path: PathBuf },
    /// A rotated file was gone before it was read to its end.
    Lost { path: PathBuf },
    /// Changes are found by polling only.
    PollOnly { path: PathBuf, reason: String },
    /// More files than can be followed.
    TooMany { limit: usize },
    /// How far the files were read cannot be stored.
    NotKept { error: String },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { path } => {
                write!(f, "waiting for `{}`: it does not exist yet", path.display())
            }
            Self::Unreadable { path, error } => {
                write!(f, "cannot read `{}` now: {error}; it is tried again", path.display())
            }
            Self::NotAFile { path } => {
                write!(f, "`{}` is no regular file; it is not followed", path.display())
            }
            Self::Truncated { path } => {
                write!(f, "`{}` was truncated; it is read from its start", path.display())
            }
            Self::Deleted { path } => {
                write!(f, "`{}` was deleted; waiting for a new one", path.display())
            }
            Self::NotAppendOnly { path } => write!(
                f,
                "`{}` is written anew each time with its beginning cut off; only new lines are read, \
                 and lines may be missed",
                path.display()
            ),
            Self::Lost { path } => write!(
                f,
                "`{}` was rotated away before it was read to its end; lines may be missing",
                path.display()
            ),
            Self::PollOnly { path, reason } => {
                write!(f, "`{}`: changes are found by polling only ({reason})", path.display())
            }
            Self::NotKept { error } => write!(
                f,
                "how far the files were read cannot be stored: {error}; after a crash of this \
                 watcher the next one goes on further back"
            ),
            Self::TooMany { limit } => {
                write!(f, "the patterns name more than {limit} files; the others are not followed")
            }
        }
    }
}
