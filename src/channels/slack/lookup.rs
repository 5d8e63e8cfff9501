//! From what people write (`#name`, an ID, a pasted URL) to a channel's ID.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::channels::slack::api::Api;
use crate::channels::slack::refusal::Refusal;

/// Slack advises not more than 200 in a page: <https://docs.slack.dev/apis/web-api/pagination>.
const PAGE: &str = "200";
/// A workspace of 200,000 channels is not searched to its end.
const MOST_PAGES: u32 = 1000;

/// What the settings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Id(String),
    /// Without `#`.
    Name(String),
}

impl Target {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some(id) = id_in_url(text) {
            return Self::Id(id.to_owned());
        }
        match text.strip_prefix('#') {
            Some(name) if is_id(name) => Self::Id(name.to_owned()),
            Some(name) => Self::Name(name.to_lowercase()),
            None if is_id(text) => Self::Id(text.to_owned()),
            None => Self::Name(text.to_lowercase()),
        }
    }
}

/// `^[CGDUW][A-Z0-9]{8,}$`: channels, and members, who get a direct message.
fn is_id(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| "CGDUW".contains(c))
        && text.len() >= 9
        && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// `https://acme.slack.com/archives/C…/p…` and `https://app.slack.com/client/T…/C…/…`.
fn id_in_url(text: &str) -> Option<&str> {
    let path = text.strip_prefix("https://")?;
    path.split(['/', '?', '#']).skip(1).find(|part| is_id(part))
}

/// Where a search stands: it can be long, and Slack may ask for a pause in its midst.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Lookup {
    step: Step,
    cursor: String,
    pages: u32,
}

/// First the few channels that the app is in, then all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    #[default]
    Joined,
    JoinedPublic,
    All,
    AllPublic,
}

impl Step {
    fn method(self) -> &'static str {
        match self {
            Self::Joined | Self::JoinedPublic => "users.conversations",
            Self::All | Self::AllPublic => "conversations.list",
        }
    }

    fn types(self) -> &'static str {
        match self {
            Self::Joined | Self::All => "public_channel,private_channel",
            Self::JoinedPublic | Self::AllPublic => "public_channel",
        }
    }

    /// After the last page without a hit.
    fn next(self) -> Option<Self> {
        match self {
            Self::Joined => Some(Self::All),
            Self::JoinedPublic => Some(Self::AllPublic),
            Self::All | Self::AllPublic => None,
        }
    }

    /// With fewer scopes: private channels need `groups:read`.
    fn humbler(self) -> Option<Self> {
        match self {
            Self::Joined => Some(Self::JoinedPublic),
            Self::All => Some(Self::AllPublic),
            Self::JoinedPublic | Self::AllPublic => None,
        }
    }
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Id(String),
    Nowhere,
    /// The app may not list channels.
    NotAllowed,
}

impl Lookup {
    /// Searches on from where it stands. An error leaves it where it can be resumed.
    pub(super) async fn search(&mut self, api: &Api, name: &str) -> Result<Found, Refusal> {
        while self.pages < MOST_PAGES {
            let page = match self.page(api).await {
                Ok(page) => page,
                Err(refusal) if refusal.code == "missing_scope" => match self.step.humbler() {
                    Some(step) => {
                        *self = Self { step, ..Self::default() };
                        continue;
                    }
                    None => return Ok(Found::NotAllowed),
                },
                Err(refusal) => {
                    if refusal.code == "invalid_cursor" {
                        *self = Self::default();
                    }
                    return Err(refusal.repeatable());
                }
            };
            if let Some(id) = find(&page, name) {
                return Ok(Found::Id(id.to_owned()));
            }
            self.pages += 1;
            self.cursor = next_cursor(&page).to_owned();
            if self.cursor.is_empty() {
                match self.step.next() {
                    Some(step) => self.step = step,
                    None => return Ok(Found::Nowhere),
                }
            }
        }
        Ok(Found::Nowhere)
    }

    async fn page(&self, api: &Api) -> Result<Value, Refusal> {
        let mut args =
            vec![("types", self.step.types()), ("exclude_archived", "true"), ("limit", PAGE)];
        if !self.cursor.is_empty() {
            args.push(("cursor", &self.cursor));
        }
        api.call(self.step.method(), &args).await
    }
}

/// Archived ones are skipped: their names can be taken again.
fn find<'a>(page: &'a Value, name: &str) -> Option<&'a str> {
    let channels = page["channels"].as_array()?;
    let channel =
        channels.iter().find(|c| c["name"] == name && c["is_archived"] != Value::Bool(true))?;
    channel["id"].as_str()
}

fn next_cursor(page: &Value) -> &str {
    page["response_metadata"]["next_cursor"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_read_as_people_write_them() {
        for (text, id) in [
            ("C0123456789", "C0123456789"),
            (" #C0123456789 ", "C0123456789"),
            ("U0123456789", "U0123456789"),
            ("https://acme.slack.com/archives/C0123456789/p1503435956000247", "C0123456789"),
            ("https://app.slack.com/client/T0123456789/C0123456780", "C0123456780"),
            ("https://app.slack.com/client/T0123456789/C0123456780?x=1", "C0123456780"),
        ] {
            assert_eq!(Target::parse(text), Target::Id(id.to_owned()), "{text}");
        }
        for (text, name) in [
            ("#training", "training"),
            ("training", "training"),
            ("#CATS", "cats"),
            ("#日本", "日本"),
        ] {
            assert_eq!(Target::parse(text), Target::Name(name.to_owned()), "{text}");
        }
    }
}
