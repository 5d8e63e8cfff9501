//! The card of each run, and where each channel shows it: `runs/<id>/card.json` and
//! `runs/<id>/card-<channel>.json` in the state folder.
//!
//! Unlike an entry, a card is replaced by the next one, and none needs to survive a power cut: so
//! no `fsync`. A file is whole or not there.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::outbox::names::safe_name;
use crate::render::card::Card;

/// All runs' cards. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cards {
    runs: PathBuf,
}

/// Where a channel shows a run's card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seat {
    /// Its shape is the channel's; null: it is shown nowhere.
    pub place: serde_json::Value,
    /// It is not to be shown again, nor edited: the run's end was told in its place, or somebody
    /// has deleted it.
    pub closed: bool,
}

impl Cards {
    pub fn new(state_dir: &Path) -> Self {
        Self { runs: state_dir.join("runs") }
    }

    /// Replaces the run's card.
    pub fn write(&self, run: &str, card: &Card) -> io::Result<()> {
        self.replace(run, "card.json", &serde_json::to_vec(card)?)
    }

    /// None: there is none, or none that can be read.
    pub fn read(&self, run: &str) -> Option<Card> {
        self.load(run, "card.json")
    }

    pub fn seat(&self, run: &str, channel: &str) -> Seat {
        self.load(run, &seat_name(channel)).unwrap_or_default()
    }

    pub fn save_seat(&self, run: &str, channel: &str, seat: &Seat) -> io::Result<()> {
        self.replace(run, &seat_name(channel), &serde_json::to_vec(seat)?)
    }

    pub(super) fn runs(&self) -> &Path {
        &self.runs
    }

    pub(super) fn load<T: DeserializeOwned>(&self, run: &str, name: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.folder(run).join(name)).ok()?).ok()
    }

    /// Ids are of letters, digits and dashes; whatever else was asked for is no path.
    pub(super) fn folder(&self, run: &str) -> PathBuf {
        self.runs.join(safe_name(run, 100))
    }

    pub(super) fn replace(&self, run: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.folder(run);
        // One by one: a state folder that somebody has removed stays so, even if that was just now. A
        // run that is over does not bring it back.
        for folder in [&self.runs, &folder] {
            match DirBuilder::new().mode(0o700).create(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        // Supervisor and courier may write the same file.
        let partial = folder.join(format!("{name}.{}.partial", std::process::id()));
        fs::write(&partial, bytes)?;
        fs::rename(&partial, folder.join(name))
    }
}

fn seat_name(channel: &str) -> String {
    format!("card-{}.json", safe_name(channel, 60))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_folder_that_was_removed_is_not_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        assert!(Cards::new(&state).save_seat("r1", "lab", &Seat::default()).is_err());
        assert!(!state.exists());
    }

    #[test]
    fn a_seat_is_kept_for_each_channel_of_each_run() {
        let dir = tempfile::tempdir().unwrap();
        let cards = Cards::new(dir.path());
        let seat = Seat { place: json!({"ts": "1.2"}), closed: true };
        cards.save_seat("r1", "lab", &seat).unwrap();
        assert_eq!(cards.seat("r1", "lab"), seat);
        assert_eq!(cards.seat("r1", "other"), Seat::default());
        assert_eq!(cards.seat("r2", "lab"), Seat::default());
    }

    #[test]
    fn a_strange_id_or_name_leads_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("state")).unwrap();
        let cards = Cards::new(&dir.path().join("state"));
        cards.save_seat("../..", "../../x", &Seat::default()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.path().join("state")).unwrap().count(), 1);
    }
}
