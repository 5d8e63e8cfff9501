//! What of a delivery is done already: kept on disk between attempts, so that a retry resumes and
//! nothing is posted twice.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::channels::slack::lookup::Lookup;

/// The form in which a message is sent; Slack's refusal of one leads to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    #[default]
    Rich,
    /// Without Slack's own chart, which not every workspace takes.
    NoChart,
    /// One text, no block.
    Simple,
}

impl Form {
    /// What to try after this form was refused; `charted`: whether it held a chart.
    pub(super) fn next(self, charted: bool) -> Option<Self> {
        match self {
            Self::Rich if charted => Some(Self::NoChart),
            Self::Rich | Self::NoChart => Some(Self::Simple),
            Self::Simple => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    pub(super) form: Form,
    /// Where the search for the channel's ID stands.
    pub(super) lookup: Lookup,
    /// The message, once it is posted: channel ID and timestamp.
    pub(super) posted: Option<Posted>,
    /// It stands alone: what it would reply to is gone, or takes no replies.
    pub(super) alone: bool,
    /// IDs of the pictures that Slack holds already, in the order of the delivery's.
    pub(super) files: Vec<String>,
    pub(super) completed: bool,
    /// How often the pictures failed after the text was posted.
    pub(super) picture_failures: u32,
    /// Why there is no picture, for the readers; the pictures are given up then.
    pub(super) notice: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Posted {
    pub(super) channel: String,
    pub(super) ts: String,
}

/// Where a run's card is shown: what its replies and edits need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    #[serde(flatten)]
    pub(super) posted: Posted,
    #[serde(default)]
    pub(super) form: Form,
}

impl Place {
    /// None: it is shown nowhere, or where only another version can tell.
    pub(super) fn load(value: &Value) -> Option<Self> {
        serde_json::from_value(value.clone()).ok()
    }

    pub(super) fn store(&self, value: &mut Value) {
        *value = serde_json::to_value(self).unwrap_or_default();
    }
}

impl Progress {
    /// Of a value that is no progress of ours (none yet, or of an older version): a fresh one.
    pub(super) fn load(value: &Value) -> Self {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }

    pub(super) fn store(&self, value: &mut Value) {
        // A struct of strings and numbers always becomes a value.
        *value = serde_json::to_value(self).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn progress_survives_the_disk_and_strange_values() {
        let done = Progress {
            form: Form::NoChart,
            posted: Some(Posted { channel: "C1".to_owned(), ts: "1.2".to_owned() }),
            ..Progress::default()
        };
        let mut value = Value::Null;
        done.store(&mut value);
        assert_eq!(Progress::load(&value), done);
        for value in [json!(null), json!({}), json!(7), json!({"form": "unheard of"})] {
            assert_eq!(Progress::load(&value), Progress::default());
        }
    }
}
