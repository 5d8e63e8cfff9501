//! What supervisor and courier say to each other, a line of JSON each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::channels::ChannelConfig;
use crate::render::message::RunLabel;

/// The first line to the courier. It holds secrets, and so never goes anywhere but into the pipe.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Absolute: the courier's working directory is `/`.
    pub state_dir: PathBuf,
    pub run: RunLabel,
    /// In the order of the rules file. The terminal is left out by the courier.
    pub channels: Vec<ChannelConfig>,
}

/// The lines after it.
pub(super) const NEW: &str = "new";
pub(super) const END: &str = "end";

/// A line from the courier: for the supervisor to print or to wait for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    Delivered {
        channel: String,
        id: String,
    },
    /// A first failure; it is tried again. Said once until something arrives in that channel.
    Waiting {
        channel: String,
        reason: String,
        hint: Option<String>,
    },
    /// Refused for good, and set aside.
    Failed {
        channel: String,
        reason: String,
        hint: Option<String>,
    },
    /// Tried for a day in vain; it stays in the outbox.
    GaveUp {
        channel: String,
        reason: String,
    },
    /// Trouble with the outbox itself.
    Trouble(String),
    /// The run ended, and all of it is delivered or set aside.
    Idle(bool),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_lines_of_json() {
        let failed =
            Notice::Failed { channel: "lab".to_owned(), reason: "no\nway".to_owned(), hint: None };
        let line = serde_json::to_string(&failed).unwrap();
        assert_eq!(line, r#"{"failed":{"channel":"lab","reason":"no\nway","hint":null}}"#);
        assert_eq!(serde_json::from_str::<Notice>(&line).unwrap(), failed);
        assert_eq!(serde_json::to_string(&Notice::Idle(true)).unwrap(), r#"{"idle":true}"#);
    }
}
