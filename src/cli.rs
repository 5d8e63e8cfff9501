//! The command line, as types. No logic.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::engine::alert::Severity;
use crate::time::parse_duration;

/// With `--restart on-failure`.
pub const DEFAULT_RESTARTS: u32 = 10;
/// Each one adds its outputs to the run's sources, whose number is bounded.
const MOST_RESTARTS: u32 = 1_000;

/// Supervise a training run and tell its people when something happens
#[derive(Debug, Parser)]
#[command(
    name = "watch",
    version,
    override_usage = "watch [OPTIONS] -- COMMAND [ARG]...\n       watch [OPTIONS] --tail PATH...\n       watch [OPTIONS] --pid PID [--tail PATH...]\n       watch VERB ...",
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true,
    after_help = "With no rules file and no account it works at once: built-in rules, messages on the terminal.\nCalls without `--`, such as `watch -n1 nvidia-smi`, go to procps's watch."
)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Option<Verb>,

    #[command(flatten)]
    pub run: RunArgs,

    /// Print help
    // Long only: `watch -h` is procps's.
    #[arg(long, action = ArgAction::Help, global = true)]
    pub help: Option<bool>,

    /// Print the version
    #[arg(long, action = ArgAction::Version)]
    pub version: Option<bool>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub rules: RulesArg,

    /// The run's name; default: from the command
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Send to this channel only (can be repeated)
    #[arg(long, value_name = "CHANNEL")]
    pub to: Vec<String>,

    /// Print the messages, send nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Also attach the newest file that matches (can be repeated)
    #[arg(long, value_name = "GLOB")]
    pub chart: Vec<String>,

    /// Also append the raw output to this file
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,

    /// Journal everything that the rules see, for an exact replay
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Echo nothing
    #[arg(long)]
    pub quiet: bool,

    /// Follow these files or globs, also such that come later
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub tail: Vec<OsString>,

    /// Watch a process that runs already, to its end (its output: with --tail)
    #[arg(long, value_name = "PID", conflicts_with = "command")]
    pub pid: Option<i32>,

    /// Where to begin in a followed file that is there already; default: where the last
    /// `watch --tail` of the same files and rules stopped, else at the end
    #[arg(long, value_enum, value_name = "WHERE")]
    pub from: Option<From>,

    /// Give the command a pseudo-terminal
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub pty: PtyWhen,

    /// After the end, wait this long for deliveries
    #[arg(long, value_name = "DUR", default_value = "15s", value_parser = duration)]
    pub linger: Duration,

    /// Go on, and let the command go on, when the terminal is gone (as nohup(1))
    #[arg(long)]
    pub nohup: bool,

    /// Start the command again when it fails, at most N times (default: 10), after a pause that
    /// doubles from 1s to 5m and begins anew once it has run for 10m; on-failure or on-failure:N
    #[arg(long, value_name = "WHEN", value_parser = restarts)]
    pub restart: Option<u32>,

    /// Go on in the thread of this earlier run (its id: see `watch runs`)
    #[arg(long, value_name = "RUN")]
    pub resume: Option<String>,

    /// With --tail: exit with 1 if a critical rule fired
    #[arg(long)]
    pub fail: bool,

    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct RulesArg {
    /// The rules file; default: ./rules.yaml, then ~/.config/watch/rules.yaml, then built-in rules
    #[arg(long = "rules", value_name = "FILE", env = "WATCH_RULES")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check a rules file: every problem with line, column and hint
    Check {
        /// The rules file; default: the one that a run would use
        rules: Option<PathBuf>,
        /// Print the built-in rules
        #[arg(long)]
        builtin: bool,
    },
    /// Run tests of rules: input at times, and what is to be said
    Test {
        /// Files of tests
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Run the rules over old logs; send nothing
    Replay(ReplayArgs),
    /// Send one message, from a script or from inside a run
    Send(SendArgs),
    /// Show or handle what is not delivered yet
    Outbox {
        #[command(subcommand)]
        action: Option<OutboxAction>,
    },
    /// Live and past runs of this machine, the newest first
    Runs {
        /// One of them in detail: its id, or the beginning of it
        run: Option<String>,
    },
    /// Look whether messages would arrive: token, scopes, channel, pictures, clock, proxy
    Doctor(DoctorArgs),
    /// Write a commented rules.yaml for this folder
    Init,
    /// The delivery process of a run; started by `watch` itself
    #[command(hide = true)]
    Courier,
    /// Sees a run to its end if its supervisor dies; started by `watch` itself
    #[command(hide = true)]
    Keeper,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub rules: RulesArg,

    /// One JSON object a line: samples, alerts, suppressions, the end
    #[arg(long)]
    pub json: bool,

    /// Take the run to have ended with this exit status
    #[arg(long, value_name = "N", conflicts_with = "signal")]
    pub exit: Option<u8>,

    /// Take the run to have been killed by this signal: KILL, SIGTERM, 9
    #[arg(long, value_name = "NAME")]
    pub signal: Option<String>,

    /// Exit with 1 if a critical rule fired
    #[arg(long)]
    pub fail: bool,

    /// Say what this line of the log is to each rule, and why it fires at it or does not
    #[arg(long, value_name = "LINE", value_parser = clap::value_parser!(u64).range(1..))]
    pub explain: Option<u64>,

    /// The logs, each read to its end; `-` is standard input; or a journal that --record wrote
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SendArgs {
    #[command(flatten)]
    pub rules: RulesArg,

    /// Attach this picture
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,

    /// info, warning or critical
    #[arg(long, value_name = "SEVERITY", default_value = "info", value_parser = severity)]
    pub severity: Severity,

    /// Send to this channel only (can be repeated)
    #[arg(long, value_name = "CHANNEL")]
    pub to: Vec<String>,

    /// Wait this long for the delivery; default: return once the message is safe on disk
    #[arg(long, value_name = "DUR", default_value = "0s", value_parser = duration)]
    pub linger: Duration,

    /// What to say
    #[arg(value_name = "TEXT")]
    pub text: String,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub rules: RulesArg,

    /// Print the description of a Slack app with the scopes that are needed
    #[arg(long)]
    pub manifest: bool,

    /// Look at this channel only (can be repeated)
    #[arg(long, value_name = "CHANNEL")]
    pub to: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum OutboxAction {
    /// List what is not delivered yet (default)
    List,
    /// Deliver it now
    Flush {
        /// The rules file whose channels are used; default: the one that a run would use
        #[arg(long = "rules", value_name = "FILE", env = "WATCH_RULES")]
        rules: Option<PathBuf>,
        /// Also try again what was refused
        #[arg(long)]
        failed: bool,
    },
    /// Throw messages away without sending them
    Drop {
        /// All of them
        #[arg(long, required_unless_present = "ids")]
        all: bool,
        /// Ids, or beginnings of them, as `watch outbox list` shows
        #[arg(value_name = "ID", conflicts_with = "all")]
        ids: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum From {
    End,
    Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PtyWhen {
    Auto,
    Always,
    Never,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// `on-failure` or `on-failure:3`.
fn restarts(text: &str) -> Result<u32, String> {
    let count = match text.strip_prefix("on-failure") {
        Some("") => Some(DEFAULT_RESTARTS),
        Some(rest) => rest.strip_prefix(':').and_then(|count| count.parse().ok()),
        None => None,
    };
    count
        .filter(|count| (1..=MOST_RESTARTS).contains(count))
        .ok_or_else(|| format!("use on-failure, or on-failure:N with N from 1 to {MOST_RESTARTS}"))
}

fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "info" => Ok(Severity::Info),
        "warning" => Ok(Severity::Warning),
        "critical" => Ok(Severity::Critical),
        _ => Err("use info, warning or critical".to_owned()),
    }
}
