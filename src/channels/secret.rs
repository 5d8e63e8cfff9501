//! A value that must never be seen: not in `Debug`, errors, files or arguments.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A token or a URL with a token in it. Serialized only into the pipe to the courier.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value itself; for the request, and for masking it in text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}
