//! Whether a bot could do its work: token, scopes, channel, membership. It posts nothing.

use serde_json::Value;

use crate::channels::Check;
use crate::channels::slack::api::Api;
use crate::channels::slack::lookup::{Found, Lookup, Target};
use crate::channels::slack::refusal::Refusal;

/// Scopes that are needed, and what for.
const SCOPES: [(&str, &str); 2] =
    [("chat:write", "to send messages"), ("files:write", "to attach charts")];

pub(in crate::channels) async fn examine(api: &Api, channel: &str) -> Vec<Check> {
    let (identity, scopes) = match api.identity().await {
        Ok(known) => known,
        // Without a token nothing else can be known.
        Err(refusal) => return vec![check("token", Err(refusal))],
    };
    let word = |key: &str| identity[key].as_str().unwrap_or("?").to_owned();
    let who = format!("{} in the workspace {}", word("user"), word("team"));
    let mut checks = vec![check("token", Ok(who))];
    for (scope, purpose) in SCOPES {
        let granted = scopes.iter().any(|s| s == scope);
        let found = if granted {
            Ok(purpose.to_owned())
        } else {
            Err(Refusal::missing_scope("the app", scope))
        };
        checks.push(check(&format!("scope {scope}"), found));
    }
    checks.push(check(&format!("channel {channel}"), membership(api, channel).await));
    checks
}

fn check(what: &str, found: Result<String, Refusal>) -> Check {
    Check { what: what.to_owned(), outcome: found.map_err(Into::into) }
}

async fn membership(api: &Api, channel: &str) -> Result<String, Refusal> {
    const METHOD: &str = "conversations.info";
    let id = match Target::parse(channel) {
        Target::Id(id) => id,
        Target::Name(name) => match Lookup::default().search(api, &name).await? {
            Found::Id(id) => id,
            Found::Nowhere => return Err(Refusal::coded(METHOD, "channel_not_found", channel)),
            Found::NotAllowed => return Err(Refusal::missing_scope(METHOD, "channels:read")),
        },
    };
    if id.starts_with(['U', 'W']) {
        return Ok(format!("{id}, a member, gets a direct message"));
    }
    let answer = api.call(METHOD, &[("channel", &id)]).await?;
    let channel = &answer["channel"];
    if channel["is_archived"] == Value::Bool(true) {
        return Err(Refusal::coded(METHOD, "is_archived", &id));
    }
    match channel["is_member"].as_bool() {
        Some(false) => Err(Refusal::coded(METHOD, "not_in_channel", &id)),
        // A direct conversation has no members to speak of.
        _ => Ok(format!("{id}, and the app is in it")),
    }
}
