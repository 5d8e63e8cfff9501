//! What a verb takes from the environment: variables, host, folders. Read here and nowhere else.

use std::env;
use std::path::{Path, PathBuf};

use crate::channels::secret::Secret;
use crate::channels::{ChannelConfig, HEARTBEAT, Settings};
use crate::config::{self, Config};
use crate::error::AppError;

/// A variable's value, if it is set and text.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The rules: those of the file that was given, or of the first default place that has one.
pub(super) fn load_config(
    given: Option<&Path>,
    fail: fn(String) -> AppError,
) -> Result<Config, AppError> {
    config::load(rules_file(given).as_deref(), &variable)
        .map_err(|error| fail(error.render(color_on_stderr()).trim_end().to_owned()))
}

/// The rules file that was given, or the first default place that has one.
pub(super) fn rules_file(given: Option<&Path>) -> Option<PathBuf> {
    match given {
        Some(path) => Some(path.to_owned()),
        None => env::current_dir().ok().and_then(|here| config::find_rules_file(&here, &variable)),
    }
}

/// Whether what we write to standard error may be coloured; see <https://no-color.org>.
pub(super) fn color_on_stderr() -> bool {
    use std::io::IsTerminal as _;
    variable("NO_COLOR").is_none() && std::io::stderr().is_terminal()
}

/// The channels of the rules file; without any those of the environment; else the terminal.
/// `to` leaves only the named ones.
pub(super) fn channels(config: &Config, to: &[String]) -> Result<Vec<ChannelConfig>, AppError> {
    let mut channels = config.channels.clone();
    if channels.is_empty() {
        channels = from_environment();
    }
    if channels.is_empty() {
        channels.push(ChannelConfig { name: "terminal".to_owned(), settings: Settings::Terminal });
    }
    for name in to {
        if name == "terminal" && !channels.iter().any(|channel| channel.name == *name) {
            channels.push(ChannelConfig { name: name.clone(), settings: Settings::Terminal });
        }
        if !channels.iter().any(|channel| channel.name == *name) {
            let known: Vec<_> = channels.iter().map(|channel| channel.name.as_str()).collect();
            return Err(AppError::own(format!("--to {name}: there is no channel of that name"))
                .hint(format!("the channels are: {}", known.join(", "))));
        }
    }
    if !to.is_empty() {
        channels.retain(|channel| to.contains(&channel.name));
    }
    Ok(channels)
}

fn from_environment() -> Vec<ChannelConfig> {
    let mut channels = Vec::new();
    if let (Some(token), Some(channel)) =
        (variable("SLACK_BOT_TOKEN"), variable("SLACK_CHANNEL_ID"))
    {
        let (token, api_url) = (Secret::new(token), slack_api());
        let settings = Settings::SlackBot { token, channel, api_url, heartbeat: Some(HEARTBEAT) };
        channels.push(ChannelConfig { name: "slack".to_owned(), settings });
    } else if let Some(url) = variable("SLACK_WEBHOOK_URL") {
        let settings = Settings::SlackWebhook { url: Secret::new(url) };
        channels.push(ChannelConfig { name: "slack".to_owned(), settings });
    }
    channels
}

/// Slack's API; another one for GovSlack, gateways and tests.
fn slack_api() -> String {
    let url = variable("SLACK_API_URL").unwrap_or_else(|| "https://slack.com/api/".to_owned());
    if url.ends_with('/') { url } else { url + "/" }
}

/// Values of the environment that must never be shown.
pub(super) fn secrets() -> Vec<String> {
    const NAMES: [&str; 4] =
        ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_WEBHOOK_URL", "SLACK_SIGNING_SECRET"];
    NAMES.iter().filter_map(|name| variable(name)).collect()
}

pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The state folder, made; none with a word if it cannot be.
pub(super) fn state_dir() -> Result<PathBuf, String> {
    let folder =
        crate::runtime::state::folder(&variable).ok_or("neither XDG_STATE_HOME nor HOME is set")?;
    crate::runtime::state::create(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}
