//! One message for one channel, as it lies on disk.

use serde::{Deserialize, Serialize};

use crate::render::Message;
use crate::time::Timestamp;

/// The record of an entry's file. A new field is a new version; old versions stay readable.
///
/// The version stands beside the entry, not in it: serde reads a tag within a map by way of a
/// buffer, and that buffer reads no float if some crate switched on serde_json's
/// `arbitrary_precision`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "version", content = "entry")]
pub enum Record {
    #[serde(rename = "1")]
    V1(Entry),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique, and sorted by time as text: also the name of the file.
    pub id: String,
    /// The id of the run that it belongs to.
    pub run: String,
    /// The channel's name in the rules file.
    pub channel: String,
    pub created: Timestamp,
    pub message: Message,
    /// Pictures, stored in files beside the entry.
    pub images: Vec<StoredImage>,
    pub attempts: u32,
    /// Not before this time.
    pub due: Timestamp,
    /// What of the delivery is done already, so that a retry resumes. Its shape is the channel's.
    pub progress: serde_json::Value,
    /// When it was first tried; deliveries give up some time after this.
    pub first_tried: Option<Timestamp>,
    /// Why the last attempt failed. Holds no secret.
    pub reason: Option<String>,
    /// The channel that refused it, and for which this channel stands in.
    pub instead_of: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredImage {
    /// File name within the outbox folder.
    pub file: String,
    /// The name that people see: `loss.png`.
    pub name: String,
    /// What it shows, for those who cannot see it.
    pub alt: String,
}

/// A picture in memory, on its way into the outbox or out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The name that people see: `loss.png`.
    pub name: String,
    pub alt: String,
    pub bytes: Vec<u8>,
}
