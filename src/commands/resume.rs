//! `watch --tail` once more: it goes on where the last one stopped.
//!
//! Only where files are all that is watched: a command that is started again is a new run. Nothing
//! here can keep the files from being followed.

use std::env;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::cli::RunArgs;
use crate::commands::environment;
use crate::error::say;
use crate::sources::tail::{Acknowledged, Follower, Opened, Store, key};
use crate::time::Timestamp;

/// A second in all.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// The follower, from the last checkpoint on, unless `--from` says otherwise.
pub(super) fn resume(
    follower: Follower,
    args: &RunArgs,
    now: Timestamp,
    told: Acknowledged,
) -> Follower {
    // That there is no state folder is said elsewhere.
    let state_dir = environment::state_dir().ok();
    let only_files = args.command.is_empty() && args.pid.is_none() && !args.dry_run;
    let Some(state_dir) = state_dir.filter(|_| only_files) else {
        return follower;
    };
    let opened = follower_key(args).and_then(|key| open(&state_dir, &key));
    let (store, found) = match opened {
        Ok(Opened::Mine(store, found)) => (store, found),
        Ok(Opened::Torn(store, aside)) => {
            say(&format!(
                "watch: how far the files were read last time is not known: it was damaged, and is \
                 set aside as `{}`",
                aside.display()
            ));
            (store, None)
        }
        Ok(Opened::Taken) => {
            say("watch: another `watch --tail` follows the same files with the same rules; \
                 only that one remembers how far it has read");
            return follower;
        }
        Ok(Opened::Newer(path)) => {
            say(&format!(
                "watch: `{}` was written by a newer version of watch; it is left as it is, and how \
                 far the files are read is not stored",
                path.display()
            ));
            return follower;
        }
        Err(error) => {
            say(&format!("watch: how far the files are read cannot be stored: {error}"));
            return follower;
        }
    };
    store.remove_old(now);
    follower.keep(store, told, found.filter(|_| args.from.is_none()))
}

/// One that was killed a moment ago holds it until the system has cleaned up behind it.
fn open(state_dir: &Path, key: &[u8]) -> io::Result<Opened> {
    for _ in 0..TRIES {
        match Store::open(state_dir, key.to_vec())? {
            Opened::Taken => thread::sleep(PAUSE),
            opened => return Ok(opened),
        }
    }
    Ok(Opened::Taken)
}

fn follower_key(args: &RunArgs) -> io::Result<Vec<u8>> {
    let rules = environment::rules_file(args.rules.file.as_deref());
    Ok(key(&args.tail, &env::current_dir()?, rules.as_deref()))
}
