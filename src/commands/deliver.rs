//! The verbs `send`, `outbox`, `runs` and `doctor` with what they take from the command line and the
//! environment.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::rc::Rc;

use crate::channels;
use crate::cli::{DoctorArgs, OutboxAction, SendArgs};
use crate::commands::doctor::{self, MANIFEST_STEPS, Place};
use crate::commands::outbox::{self, Which};
use crate::commands::runs::{self, RunsError};
use crate::commands::send::{self, Note, Sent, Target};
use crate::commands::{Exit, environment};
use crate::courier::Ports;
use crate::error::{AppError, say};
use crate::render::message::RunLabel;
use crate::runtime::clock::Clock;
use crate::runtime::reporter::{look, notice_text};
use crate::runtime::state;

/// `watch send TEXT`.
pub(super) fn send_note(args: &SendArgs) -> Result<Exit, AppError> {
    let config = environment::load_config(args.rules.file.as_deref(), AppError::problem)?;
    let mut secrets = config.secrets.clone();
    secrets.extend(environment::secrets());
    let channels = environment::channels(&config, &args.to)?;
    let state_dir = state_dir()?;
    let clock = Clock::start();
    let run = this_run(&state_dir, config.name, &clock);
    let note = Note {
        text: &args.text,
        chart: args.chart.as_deref(),
        severity: args.severity,
        run: &run,
        secrets: &secrets,
    };
    let program = std::env::current_exe()
        .map_err(|error| AppError::problem(format!("cannot find our own program: {error}")))?;
    let target = Target {
        channels: &channels,
        state_dir: &state_dir,
        program: &program,
        look: look(environment::color_on_stderr()),
        linger: args.linger,
    };
    let sent = send::send(note, target, clock.now(), &mut io::stderr())
        .map_err(|error| AppError::problem(error.to_string()))?;
    if let Sent::Pending(outcome, notices) = sent {
        for text in notices.iter().filter_map(notice_text) {
            say(&format!("watch: {text}"));
        }
        if outcome.failed > 0 {
            return Ok(Exit::Code(1));
        }
    }
    Ok(Exit::Code(0))
}

/// The run that we are called from, else one made up for this message.
fn this_run(state_dir: &std::path::Path, name: Option<String>, clock: &Clock) -> RunLabel {
    let inside = environment::variable("WATCH_RUN")
        .filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        .and_then(|id| state::read_label(state_dir, &id));
    inside.unwrap_or_else(|| RunLabel {
        id: state::run_id(clock.started(), std::process::id()),
        name: name.unwrap_or_else(|| "note".to_owned()),
        host: environment::host(),
        command: String::new(),
        elapsed: None,
    })
}

/// `watch outbox ...`.
pub(super) fn outbox_verb(action: OutboxAction) -> Result<Exit, AppError> {
    let state_dir = state_dir()?;
    let clock = Clock::start();
    let mut out = io::stdout().lock();
    let failed = |error: outbox::OutboxCommandError| AppError::problem(error.to_string());
    match action {
        OutboxAction::List => {
            outbox::list(&state_dir, clock.now(), &mut out).map_err(failed)?;
        }
        OutboxAction::Flush { rules, failed: refused } => {
            let config = environment::load_config(rules.as_deref(), AppError::problem)?;
            let channels = environment::channels(&config, &[])?;
            let ports = Ports {
                build: Box::new(|config| {
                    channels::build(config).map_err(|error| error.to_string())
                }),
                clock: Rc::new(move || clock.now()),
                tell: Rc::new(|_| {}),
            };
            let all =
                outbox::flush(&state_dir, &channels, &ports, refused, &mut out).map_err(failed)?;
            return Ok(Exit::Code(u8::from(!all)));
        }
        OutboxAction::Drop { all: _, ids } => {
            let which = if ids.is_empty() { Which::All } else { Which::Ids(ids) };
            let count = outbox::drop(&state_dir, &which).map_err(failed)?;
            say(&format!("watch: {count} dropped"));
        }
    }
    Ok(Exit::Code(0))
}

/// `watch runs ...`.
pub(super) fn list_runs(which: Option<&str>) -> Result<Exit, AppError> {
    let now = Clock::start().now();
    match runs::run(&state_dir()?, which, now, &mut io::stdout().lock()) {
        Ok(()) => Ok(Exit::Code(0)),
        // Whoever reads it has seen enough: `watch runs | head`.
        Err(RunsError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(Exit::Code(0))
        }
        Err(error) => Err(AppError::problem(error.to_string()).hint("`watch runs` lists all")),
    }
}

/// `watch doctor`.
pub(super) fn examine(args: &DoctorArgs) -> Result<Exit, AppError> {
    let cannot_write = |error: io::Error| AppError::problem(format!("cannot write: {error}"));
    let mut out = io::stdout().lock();
    if args.manifest {
        writeln!(out, "{}", channels::slack_manifest()).map_err(cannot_write)?;
        say(MANIFEST_STEPS);
        return Ok(Exit::Code(0));
    }
    let config = environment::load_config(args.rules.file.as_deref(), AppError::problem)?;
    let channels = environment::channels(&config, &args.to)?;
    let state_dir = environment::state_dir();
    let place = Place {
        channels: &channels,
        state_dir: state_dir.as_deref().map_err(String::as_str),
        now: Clock::start().now(),
    };
    let well = doctor::run(&place, &environment::variable, &mut out).map_err(cannot_write)?;
    Ok(Exit::Code(u8::from(!well)))
}

fn state_dir() -> Result<PathBuf, AppError> {
    environment::state_dir().map_err(|why| {
        AppError::problem(format!("there is no state folder: {why}"))
            .hint("set XDG_STATE_HOME to a folder that you may write to")
    })
}
