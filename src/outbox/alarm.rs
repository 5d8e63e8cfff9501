//! What services hold back for a run and send by themselves unless it is taken back in time: the
//! alarms of a heartbeat, `runs/<id>/alarm-<channel>.json` in the state folder.
//!
//! It outlives the courier, so that whoever comes next can take back what would be a false alarm.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::outbox::card::Cards;
use crate::outbox::names::safe_name;
use crate::time::Timestamp;

/// One message that a service holds, or may hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// When the service sends it.
    pub due: Timestamp,
    /// The run's sign of life that it counts from.
    pub life: Timestamp,
    /// False: it is not known whether the service has it, since the answer did not arrive (yet).
    pub certain: bool,
    /// By which it is taken back. Its shape is the channel's.
    pub handle: Value,
}

impl Cards {
    /// What a channel holds for a run; what cannot be read is nothing.
    pub fn alarms(&self, run: &str, channel: &str) -> Vec<Alarm> {
        self.load(run, &file_name(channel)).unwrap_or_default()
    }

    pub fn save_alarms(&self, run: &str, channel: &str, alarms: &[Alarm]) -> io::Result<()> {
        let name = file_name(channel);
        if alarms.is_empty() {
            return match fs::remove_file(self.folder(run).join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        self.replace(run, &name, &serde_json::to_vec(alarms)?)
    }

    /// The runs for which the channel holds something, in order.
    pub fn alarmed(&self, channel: &str) -> Vec<String> {
        let name = file_name(channel);
        let folders = fs::read_dir(self.runs()).into_iter().flatten().flatten();
        let mut runs: Vec<String> = folders
            .filter(|folder| folder.path().join(&name).exists())
            .filter_map(|folder| folder.file_name().into_string().ok())
            .collect();
        runs.sort();
        runs
    }
}

fn file_name(channel: &str) -> String {
    format!("alarm-{}.json", safe_name(channel, 60))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn alarms_are_found_by_their_channel_until_they_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let cards = Cards::new(dir.path());
        assert!(cards.alarmed("lab").is_empty());
        let alarm = Alarm {
            due: Timestamp::from_secs(7),
            life: Timestamp::from_secs(5),
            certain: true,
            handle: json!({"id": "Q1"}),
        };
        for run in ["r2", "r1"] {
            cards.save_alarms(run, "lab", std::slice::from_ref(&alarm)).unwrap();
        }
        assert_eq!(cards.alarmed("lab"), ["r1", "r2"]);
        assert!(cards.alarmed("other").is_empty());
        assert_eq!(cards.alarms("r1", "lab"), [alarm]);
        for _ in 0..2 {
            cards.save_alarms("r1", "lab", &[]).unwrap();
        }
        assert_eq!(cards.alarmed("lab"), ["r2"]);
    }
}
