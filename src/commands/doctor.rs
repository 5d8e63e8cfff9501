//! `watch doctor`: looks at all that a message needs on its way, before one depends on it. Each
//! line says what was found, or what to do. It sends no message.

use std::io::{self, Write};

use crate::channels::{self, ChannelConfig, Check, Settings};
use crate::outbox::Outbox;
use crate::time::Timestamp;

/// By which a client finds its proxy: <https://curl.se/libcurl/c/CURLOPT_PROXY.html>.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Where the app's description is pasted.
pub const MANIFEST_STEPS: &str = "\
Open https://api.slack.com/apps, Create New App, From a manifest, choose the workspace, and paste the
text above in place of what is there. Then Install to Workspace, and copy the Bot User OAuth Token
(xoxb-...) into SLACK_BOT_TOKEN and the channel's ID or #name into SLACK_CHANNEL_ID.
`watch doctor` says whether all is well.";

/// What is looked at.
#[derive(Debug)]
pub struct Place<'a> {
    pub channels: &'a [ChannelConfig],
    /// None, and why there is none.
    pub state_dir: Result<&'a std::path::Path, &'a str>,
    pub now: Timestamp,
}

/// True: all is well.
pub fn run(
    place: &Place<'_>,
    variable: &dyn Fn(&str) -> Option<String>,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let mut well = true;
    well &= say(out, "state folder", outbox(place))?;
    say(out, "proxy", Ok(proxy(variable)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for config in place.channels {
        let checks = match runtime.block_on(channels::examine(config, place.now)) {
            Ok(checks) => checks,
            Err(error) => {
                well &= say(out, &config.name, Err(error.to_string()))?;
                continue;
            }
        };
        if checks.is_empty() {
            let found = "the messages are shown here; for Slack see `watch doctor --manifest`";
            say(out, &config.name, Ok(found.to_owned()))?;
        }
        for Check { what, outcome } in checks {
            let outcome = outcome.map_err(|error| error.to_string());
            well &= say(out, &format!("{}: {what}", config.name), outcome)?;
        }
    }
    if let Some(missing) = half_of_slack(place.channels, variable) {
        well &= say(out, "Slack", Err(missing))?;
    }
    Ok(well)
}

/// One of the two variables alone makes no channel, and nothing else would tell.
fn half_of_slack(
    channels: &[ChannelConfig],
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let is_terminal = |channel: &ChannelConfig| matches!(channel.settings, Settings::Terminal);
    let names = ["SLACK_BOT_TOKEN", "SLACK_CHANNEL_ID"];
    let (set, missing) = match names.map(|name| variable(name).is_some()) {
        [true, false] => (names[0], "SLACK_CHANNEL_ID (its ID or #name)"),
        [false, true] => (names[1], "SLACK_BOT_TOKEN (xoxb-...)"),
        _ => return None,
    };
    channels.iter().all(is_terminal).then(|| format!("{set} is set; set {missing} as well"))
}

fn say(out: &mut dyn Write, what: &str, outcome: Result<String, String>) -> io::Result<bool> {
    let (word, text) = match &outcome {
        Ok(text) => ("ok", text),
        Err(text) => ("FAILED", text),
    };
    writeln!(out, "{word:<6}  {what}: {text}")?;
    Ok(outcome.is_ok())
}

/// Messages wait there; a run tells of its life by a lock.
fn outbox(place: &Place<'_>) -> Result<String, String> {
    let advice = "set XDG_STATE_HOME to a folder on a local disk that can be written to";
    let state_dir = place.state_dir.map_err(|why| format!("{why}; {advice}"))?;
    let looked = Outbox::open(state_dir).and_then(|outbox| {
        let _claim = outbox.claim("doctor")?;
        Ok((outbox.list()?.entries.len(), outbox.list_failed()?.entries.len()))
    });
    match looked {
        Ok((0, 0)) => Ok(state_dir.display().to_string()),
        Ok((waiting, failed)) => Ok(format!(
            "{}; {waiting} messages wait and {failed} were refused: see `watch outbox list`",
            state_dir.display()
        )),
        Err(error) => Err(format!("{error}; {advice}")),
    }
}

/// Its address is not shown: it may hold a password.
fn proxy(variable: &dyn Fn(&str) -> Option<String>) -> String {
    let set: Vec<&str> = PROXIES.into_iter().filter(|name| variable(name).is_some()).collect();
    if set.is_empty() {
        return "none is set (HTTPS_PROXY); connections are direct".to_owned();
    }
    format!("taken from {}", set.join(", "))
}
