//! The state folder and a run's place in it.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::render::message::RunLabel;
use crate::time::Timestamp;

/// `$XDG_STATE_HOME/watch`, else `~/.local/state/watch` (XDG Base Directory Specification 0.8).
/// A relative `XDG_STATE_HOME` is ignored, as the specification says.
pub fn folder(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let base = match env("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(base) => base,
        None => PathBuf::from(env("HOME").filter(|home| !home.is_empty())?).join(".local/state"),
    };
    Some(base.join("watch"))
}

/// Makes the folder and all above it; only the owner may enter it.
pub fn create(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// A run's id: sorted by time as text, and unique on this state folder, also where that is shared by
/// many machines whose processes all have the same number, as in containers.
pub fn run_id(started: Timestamp, pid: u32) -> String {
    let second = started.to_string();
    let digits: String =
        second.chars().filter(char::is_ascii_alphanumeric).take(15).collect::<String>();
    let below = started.as_nanos().unsigned_abs() % 1_000_000_000;
    format!("{}-{below:09}-{pid}", digits.replace('T', "-").trim_end_matches('Z'))
}

/// The folder of one run, made on first use.
pub fn run_folder(state: &Path, run: &str) -> io::Result<PathBuf> {
    let folder = state.join("runs").join(run);
    create(&folder)?;
    Ok(folder)
}

/// Keeps what the run is called, for `watch send` from inside it.
pub fn write_label(state: &Path, run: &RunLabel) -> io::Result<()> {
    let text = serde_json::to_vec(run)?;
    write_whole(&run_folder(state, &run.id)?.join("run.json"), &text)
}

/// What the run of this id is called; none if there is none.
pub fn read_label(state: &Path, run: &str) -> Option<RunLabel> {
    let text = fs::read(state.join("runs").join(run).join("run.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Writes a file of the run's folder as a whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes)?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_sort_by_time() {
        let id = run_id(Timestamp::from_nanos(1_795_401_203_045_000_000), 77);
        assert_eq!(id, "20261123-023323-045000000-77");
    }

    /// They had the same folder, card and messages.
    #[test]
    fn runs_of_an_array_of_jobs_that_began_in_one_millisecond_were_one() {
        let at = 1_795_401_203_045_000_000;
        let ids = [0, 1].map(|later| run_id(Timestamp::from_nanos(at + later), 1));
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn a_relative_state_home_is_ignored() {
        let env = |name: &str| match name {
            "XDG_STATE_HOME" => Some("state".to_owned()),
            "HOME" => Some("/home/ada".to_owned()),
            _ => None,
        };
        assert_eq!(folder(&env), Some(PathBuf::from("/home/ada/.local/state/watch")));
    }
}
