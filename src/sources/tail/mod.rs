//! Follows log files: globs, files that come later, rotation by rename and by truncation.
//!
//! Knows no rule and no clock. A file is its own buffer: if the sink is slow, it is read later.
//!
//! What is read from one file between its beginning (or a truncation) and its end is one source:
//! when `train.log` is rotated, the old file's source is closed after its last line, and the new
//! file is a source of its own with the same name. So no line is ever glued together of two files.
//!
//! Reading is by polling; the system's notices of change only make it poll sooner. Where they cover
//! all that can change it polls less often.

pub mod checkpoint;
mod echo;
mod file;
mod folders;
mod glob;
mod identity;
mod keeper;
mod naming;
mod notice;
mod output;
mod reading;
mod resume;
mod rotation;
mod set;
mod siblings;
mod store;
mod wake;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use echo::Echo;
pub use keeper::Acknowledged;
pub use notice::Notice;
pub use output::Summary;
pub use set::Follower;
pub use store::{Opened, Store, key};
pub use wake::StopFlag;

use crate::time::Timestamp;

/// What to follow and how.
pub struct Options {
    /// Paths or globs, as given on the command line; any bytes.
    pub patterns: Vec<OsString>,
    /// Files that are there at the start are read from their start instead of from their end.
    pub from_start: bool,
    /// Where the bytes are copied to, as `tail -F` does.
    pub echo: Option<Echo>,
    /// Is told, once each, what a person should know: it waits for a file, a file was truncated.
    pub notices: Box<dyn FnMut(&Notice) + Send>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("patterns", &self.patterns)
            .field("from_start", &self.from_start)
            .finish_non_exhaustive()
    }
}

/// Why nothing can be followed. Only what no waiting can mend; anything else is a [`Notice`].
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    #[error("no file to follow was given; write --tail PATH")]
    NoPattern,
    #[error("the pattern `{}` is not valid: {message} (byte {position}); put a plain `[` as `[[]`",
        pattern.display())]
    BadPattern { pattern: PathBuf, message: &'static str, position: usize },
    #[error("`{}` is a folder; follow the files in it with `{}/*.log`", path.display(), path.display())]
    IsFolder { path: PathBuf },
    #[error("`{}` is not a regular file; to watch a pipe or a device write `watch -- cat {}`",
        path.display(), path.display())]
    NotRegular { path: PathBuf },
    #[error("cannot read `{}`: {source}; check its permissions, and those of the folders above it",
        path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
}

/// Longer pauses would notice the first line after a long silence too late.
const LONGEST_POLL: Duration = Duration::from_secs(1);
/// Behind notices: a write through a memory map, or another link of the file, gives none.
const POLL_BEHIND_NOTICES: Duration = Duration::from_secs(2);
/// However short the pause that is asked for, the processor is not kept busy.
const SHORTEST_POLL: Duration = Duration::from_millis(10);
/// At the end, so many rounds are read before what is left is given up as a gap.
const FINAL_ROUNDS: usize = 256;

/// Follows until `stop` is set; then reads once more, closes all sources and returns. Blocks.
///
/// All files are looked at every `poll` without any notice of change, at most a second; where
/// notices come of all that can change, every two seconds. `clock` tells the time; only differences
/// matter.
pub fn follow(
    mut follower: Follower,
    poll: Duration,
    clock: &dyn Fn() -> Timestamp,
    stop: &StopFlag,
) -> Summary {
    let poll = poll.clamp(SHORTEST_POLL, LONGEST_POLL);
    let mut watcher = wake::Watcher::new(stop);
    loop {
        let stopping = stop.is_set();
        let begun = clock();
        let more = follower.poll_once(begun);
        if stopping {
            break;
        }
        let folders = follower.folders();
        for notice in watcher.watch(&folders) {
            follower.tell(notice);
        }
        let trusting = watcher.sees_all() && follower.stands_in(&folders);
        if !more {
            // With many files a poll takes a while: then fewer notices are answered by one.
            let pause = (clock().since(begun) * 5).clamp(SHORTEST_POLL, poll);
            stop.wait(pause, if trusting { POLL_BEHIND_NOTICES } else { poll });
        }
    }
    for _ in 0..FINAL_ROUNDS {
        if !follower.poll_once(clock()) {
            break;
        }
    }
    follower.finish()
}
