//! Whether a bot could do its work: token, scopes, clock, channel, membership, heartbeat, pictures.
//! It posts nothing, and leaves nothing behind.

use std::time::Duration;

use serde_json::{Value, json};

use crate::channels::slack::api::Api;
use crate::channels::slack::heartbeat::rehearse;
use crate::channels::slack::lookup::{Found, Lookup, Target};
use crate::channels::slack::refusal::Refusal;
use crate::channels::{Check, DeliveryError, Verdict};
use crate::time::{Timestamp, format_duration};

/// Scopes that are needed, and what for.
const SCOPES: [(&str, &str); 2] =
    [("chat:write", "to send messages"), ("files:write", "to attach charts")];
/// What a bot is asked for: the above, to find a channel by its name, and to join a public one.
const MANIFEST_SCOPES: [&str; 5] =
    ["chat:write", "files:write", "channels:read", "groups:read", "channels:join"];
/// A picture of one dot.
const DOT: &[u8] = include_bytes!("dot.png");
/// Certificates, signatures and the times in messages go wrong beyond this.
const MOST_SKEW: Duration = Duration::from_secs(60);

/// The description of an app with exactly the scopes that are needed, for one paste into Slack:
/// <https://docs.slack.dev/reference/app-manifest>.
pub(in crate::channels) fn manifest() -> String {
    let manifest = json!({
        "display_information": {
            "name": "watch",
            "description": "Tells how training runs go",
        },
        "features": {"bot_user": {"display_name": "watch", "always_online": false}},
        "oauth_config": {"scopes": {"bot": MANIFEST_SCOPES}},
        "settings": {
            "org_deploy_enabled": false,
            "socket_mode_enabled": false,
            "token_rotation_enabled": false,
        },
    });
    format!("{manifest:#}")
}

/// Where a message would go.
enum Seat {
    /// The app is in this channel.
    Inside(String),
    /// It gets there with its first message.
    Outside,
}

/// `now`: by the clock of this machine.
pub(in crate::channels) async fn examine(
    api: &Api,
    channel: &str,
    heartbeat: Option<Duration>,
    now: Timestamp,
) -> Vec<Check> {
    let identity = match api.identity().await {
        Ok(known) => known,
        // Without a token nothing else can be known.
        Err(refusal) => return vec![check("token", Err(refusal))],
    };
    let word = |key: &str| identity.answer[key].as_str().unwrap_or("?").to_owned();
    let who = format!("{} in the workspace {}", word("user"), word("team"));
    let mut checks = vec![check("token", Ok(who))];
    let granted = |scope: &str| identity.scopes.iter().any(|s| s == scope);
    for (scope, purpose) in SCOPES {
        let found = match granted(scope) {
            true => Ok(purpose.to_owned()),
            false => Err(Refusal::missing_scope("the app", scope)),
        };
        checks.push(check(&format!("scope {scope}"), found));
    }
    checks.extend(identity.date.map(|theirs| clock(now, theirs)));
    let may_join = granted("channels:join");
    let (seat, found) = match membership(api, channel, may_join).await {
        Ok((seat, found)) => (Some(seat), Ok(found)),
        Err(refusal) => (None, Err(refusal)),
    };
    checks.push(check(&format!("channel {channel}"), found));
    if let (Some(after), Some(seat), true) = (heartbeat, seat, granted("chat:write")) {
        let outcome = alarm(api, &seat, now.after(after)).await;
        checks.push(Check { what: "heartbeat".to_owned(), outcome });
    }
    if granted("files:write") {
        checks.push(check("picture", picture(api).await));
    }
    checks
}

fn clock(ours: Timestamp, theirs: Timestamp) -> Check {
    let skew = ours.since(theirs).max(theirs.since(ours));
    let outcome = match skew <= MOST_SKEW {
        true => Ok("as Slack's, within a minute".to_owned()),
        false => Err(DeliveryError {
            verdict: Verdict::Permanent,
            reason: format!(
                "this machine's is {} {} Slack's",
                format_duration(skew),
                if ours > theirs { "ahead of" } else { "behind" },
            ),
            hint: Some("have the machine's administrator run NTP (chrony, timesyncd)".to_owned()),
        }),
    };
    Check { what: "clock".to_owned(), outcome }
}

async fn alarm(api: &Api, seat: &Seat, due: Timestamp) -> Result<String, DeliveryError> {
    let Seat::Inside(id) = seat else {
        return Ok("not tried: the app is not in the channel yet".to_owned());
    };
    rehearse(api, id, due).await?;
    Ok("a message was scheduled, and taken back unseen".to_owned())
}

/// Uploads one, without a channel, and removes it again.
async fn picture(api: &Api) -> Result<String, Refusal> {
    const METHOD: &str = "files.getUploadURLExternal";
    let length = DOT.len().to_string();
    let args = [("filename", "watch-doctor.png"), ("length", length.as_str())];
    let answer = api.call(METHOD, &args).await?;
    let (Some(url), Some(file)) = (answer["upload_url"].as_str(), answer["file_id"].as_str())
    else {
        return Err(Refusal::coded(METHOD, "no_upload_url", ""));
    };
    api.upload(url, DOT).await?;
    let files = json!([{"id": file}]).to_string();
    api.call("files.completeUploadExternal", &[("files", &files)]).await?;
    api.call("files.delete", &[("file", file)]).await?;
    Ok("one was uploaded, seen by nobody, and removed".to_owned())
}

fn check(what: &str, found: Result<String, Refusal>) -> Check {
    Check { what: what.to_owned(), outcome: found.map_err(Into::into) }
}

async fn membership(api: &Api, channel: &str, may_join: bool) -> Result<(Seat, String), Refusal> {
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
        return Ok((Seat::Outside, format!("{id}, a member, gets a direct message")));
    }
    let answer = api.call(METHOD, &[("channel", &id)]).await?;
    let channel = &answer["channel"];
    if channel["is_archived"] == Value::Bool(true) {
        return Err(Refusal::coded(METHOD, "is_archived", &id));
    }
    match channel["is_member"].as_bool() {
        Some(false) if may_join && channel["is_private"] != Value::Bool(true) => {
            let found = format!("{id}; the app is not in it yet, and joins with the first message");
            Ok((Seat::Outside, found))
        }
        Some(false) => Err(Refusal::coded(METHOD, "not_in_channel", &id)),
        // A direct conversation has no members to speak of.
        _ => {
            let found = format!("{id}, and the app is in it");
            Ok((Seat::Inside(id), found))
        }
    }
}
