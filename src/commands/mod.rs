//! One file a verb: the only place that builds a whole program out of the rooms.

pub mod check;
mod deliver;
pub mod doctor;
mod environment;
pub mod init;
mod keeper;
pub mod outbox;
pub mod replay;
mod resume;
pub mod run;
pub mod runs;
pub mod send;
pub mod test;

use std::env;
use std::io;
use std::path::Path;

use crate::cli::{Cli, OutboxAction, Verb};
use crate::engine::input::ProcessStatus;
use crate::error::AppError;
use crate::runtime::clock::Clock;
use crate::{channels, courier};

/// How `watch` itself is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(u8),
    /// As the child did: the same code, or death by the same signal.
    Like(ProcessStatus),
}

/// Runs what the command line asks for.
pub fn dispatch(cli: Cli) -> Result<Exit, AppError> {
    match cli.verb {
        None => run::run(&cli.run),
        Some(Verb::Check { rules, builtin }) => check_rules(rules.as_deref(), builtin),
        Some(Verb::Replay(args)) => {
            let config = environment::load_config(args.rules.file.as_deref(), AppError::problem)?;
            let critical = replay::run(&args, config)?;
            Ok(Exit::Code(u8::from(args.fail && critical)))
        }
        Some(Verb::Test { files }) => {
            let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
            let color = environment::color_on_stderr();
            test::run(&files, &environment::variable, color, &mut out, &mut err)
                .map(Exit::Code)
                .map_err(|error| AppError::problem(format!("cannot write: {error}")))
        }
        Some(Verb::Send(args)) => deliver::send_note(&args),
        Some(Verb::Outbox { action }) => deliver::outbox_verb(action.unwrap_or(OutboxAction::List)),
        Some(Verb::Runs { run }) => deliver::list_runs(run.as_deref()),
        Some(Verb::Doctor(args)) => deliver::examine(&args),
        Some(Verb::Init) => write_rules(),
        Some(Verb::Keeper) => keeper::run(),
        Some(Verb::Courier) => {
            let clock = Clock::start();
            courier::run_from_stdin(channels::build, move || clock.now())
                .map_err(|error| AppError::problem(format!("courier: {error}")))?;
            Ok(Exit::Code(0))
        }
    }
}

fn check_rules(rules: Option<&Path>, builtin: bool) -> Result<Exit, AppError> {
    let folder = here()?;
    let options = check::Options {
        path: rules,
        folder: &folder,
        builtin,
        color: environment::color_on_stderr(),
    };
    check::run(&options, &environment::variable, &mut io::stdout(), &mut io::stderr())
        .map(Exit::Code)
        .map_err(|error| AppError::problem(format!("cannot write: {error}")))
}

fn write_rules() -> Result<Exit, AppError> {
    let path = init::run(&here()?).map_err(|error| AppError::problem(error.to_string()))?;
    crate::error::say(&format!("watch: wrote {}; `watch check` validates it", path.display()));
    Ok(Exit::Code(0))
}

fn here() -> Result<std::path::PathBuf, AppError> {
    env::current_dir().map_err(|error| AppError::problem(format!("this folder is gone: {error}")))
}
