//! What a run needs before it starts: its label, its channels and charts, its folder, the outbox, the
//! courier and the keeper. None of the last three can keep the run from starting.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use crate::channels::ChannelConfig;
use crate::cli::RunArgs;
use crate::commands::environment;
use crate::commands::keeper::Hello;
use crate::commands::run::spawn;
use crate::config::{ChartConfig, Config};
use crate::courier::{self, CourierHandle};
use crate::engine::rules::RuleSet;
use crate::error::{AppError, say};
use crate::outbox::{Cards, Outbox};
use crate::process::{self, Keeper};
use crate::render::mask::mask;
use crate::render::message::RunLabel;
use crate::runtime::clock::Clock;
use crate::runtime::record::{self, Alive, Record, Run};
use crate::runtime::reporter::Setup;
use crate::runtime::{past, state};

/// Of a command line that the keeper is told, in characters.
const LONGEST_COMMAND: usize = 1000;

pub(super) fn label(args: &RunArgs, config: &Config, clock: &Clock) -> RunLabel {
    let secrets = environment::secrets();
    let words = command_words(args);
    let command: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
    let name = args.name.clone().or_else(|| config.name.clone());
    RunLabel {
        id: state::run_id(clock.started(), std::process::id()),
        name: mask(&name.unwrap_or_else(|| default_name(&words, args)), &secrets),
        host: environment::host(),
        command: mask(&command.join(" "), &secrets),
        elapsed: None,
    }
}

/// A word as one would type it.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The command, ours or that of `--pid`.
fn command_words(args: &RunArgs) -> Vec<String> {
    match args.pid {
        Some(pid) => process::outsider::command_line(pid),
        None => args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
    }
}

/// The script, where an interpreter or a launcher runs one; else the program; else the log.
fn default_name(words: &[String], args: &RunArgs) -> String {
    let script = words.iter().skip(1).find(|word| {
        [".py", ".sh", ".jl", ".R", ".lua", ".ipynb"].iter().any(|end| word.ends_with(end))
    });
    let module = words.iter().position(|word| word == "-m").and_then(|at| words.get(at + 1));
    let file_name = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    match (script, module, words.first()) {
        (Some(script), ..) => file_name(script),
        (_, Some(module), _) => module.to_string(),
        (.., Some(program)) => file_name(program),
        _ => args
            .tail
            .first()
            .map_or_else(|| "log".into(), |path| file_name(&path.to_string_lossy())),
    }
}

pub(super) fn setup(
    args: &RunArgs,
    config: Config,
    run: RunLabel,
    clock: &Clock,
) -> Result<(Setup, Option<Alive>, RuleSet), AppError> {
    let (mut setup, rules) = plain_setup(args, config, run.clone())?;
    let mut alive = None;
    if let Some(state_dir) = &setup.state_dir {
        setup.resumed = resume(args, state_dir, &run, &setup.channels)?;
        // `watch send` from inside the run and `watch runs` need it; the run itself does not.
        let _ = state::write_label(state_dir, &run);
        let record = Record::ours(clock.started(), environment::variable("SLURM_JOB_ID"));
        alive = record::enrol(state_dir, &run.id, &record).ok();
    }
    Ok((setup, alive, rules))
}

/// What a reporter needs to go on with a run that there is already.
pub(in crate::commands) fn plain_setup(
    args: &RunArgs,
    config: Config,
    run: RunLabel,
) -> Result<(Setup, RuleSet), AppError> {
    let channels = environment::channels(&config, &args.to)?;
    let state_dir = environment::state_dir()
        .inspect_err(|why| {
            say(&format!("watch: no state folder, so messages go to the terminal only ({why})"))
        })
        .ok();
    let mut charts = config.charts;
    charts.extend(args.chart.iter().cloned().map(ChartConfig::File));
    let mut secrets = config.secrets;
    secrets.extend(environment::secrets());
    let setup = Setup {
        run,
        language: config.language,
        secrets,
        channels,
        charts,
        state_dir,
        resumed: Vec::new(),
        dry_run: args.dry_run,
        color: environment::color_on_stderr(),
    };
    Ok((setup, config.rules))
}

/// The channels in which an earlier run goes on as this one: the one that was named, or what a
/// requeued SLURM job did before (<https://slurm.schedmd.com/sbatch.html>, SLURM_RESTART_COUNT).
fn resume(
    args: &RunArgs,
    state_dir: &Path,
    run: &RunLabel,
    channels: &[ChannelConfig],
) -> Result<Vec<String>, AppError> {
    let earlier = match &args.resume {
        Some(id) if !record::is_id(id) || Run::load(state_dir, id).is_none() => {
            return Err(AppError::own(format!("--resume {id}: there is no such run"))
                .hint("`watch runs` lists the runs of this machine"));
        }
        Some(id) => Some(id.clone()),
        None => environment::variable("SLURM_RESTART_COUNT")
            .filter(|count| count != "0")
            .and_then(|_| environment::variable("SLURM_JOB_ID"))
            .and_then(|job| past::requeued(state_dir, &run.name, &job)),
    };
    let Some(earlier) = earlier.filter(|_| !args.dry_run) else { return Ok(Vec::new()) };
    let names: Vec<String> = channels.iter().map(|channel| channel.name.clone()).collect();
    Ok(past::take_over(&Cards::new(state_dir), &earlier, &run.id, &names))
}

/// Neither can keep the run from starting.
pub(super) fn outbox_and_courier(setup: &Setup) -> (Option<Outbox>, Option<CourierHandle>) {
    let (Some(outbox), Some(settings)) = (open_outbox(setup), courier_settings(setup)) else {
        return (None, None);
    };
    let courier = std::env::current_exe().and_then(|program| courier::start(settings, &program));
    match courier {
        Ok(courier) => (Some(outbox), courier),
        Err(error) => {
            say(&format!("watch: cannot start the courier: {error}; messages stay in the outbox"));
            (Some(outbox), None)
        }
    }
}

/// None for a dry run, and where there can be none.
pub(in crate::commands) fn open_outbox(setup: &Setup) -> Option<Outbox> {
    let state_dir = setup.state_dir.as_deref().filter(|_| !setup.dry_run)?;
    Outbox::open(state_dir)
        .inspect_err(|error| say(&format!("watch: {error}; messages go to the terminal only")))
        .ok()
}

pub(in crate::commands) fn courier_settings(setup: &Setup) -> Option<courier::Settings> {
    Some(courier::Settings {
        state_dir: setup.state_dir.clone()?,
        run: setup.run.clone(),
        channels: setup.channels.clone(),
    })
}

/// None where only files are followed: they do not depend on us.
pub(super) fn start_keeper(
    args: &RunArgs,
    run: &RunLabel,
    clock: Clock,
    courier: Option<&CourierHandle>,
    alive: Option<&Alive>,
) -> Option<Arc<Keeper>> {
    if args.command.is_empty() && args.pid.is_none() {
        return None;
    }
    let options = std::env::args_os().skip(1).take_while(|word| word != "--").collect();
    let command = run.command.chars().take(LONGEST_COMMAND).collect();
    let run = RunLabel { command, ..run.clone() };
    let courier = courier.and_then(CourierHandle::input);
    let hello = Hello { run, started: clock.started(), options, has_courier: courier.is_some() };
    let fds: Vec<_> = courier.into_iter().chain(alive.map(AsFd::as_fd)).collect();
    let folder = alive.map(|alive| alive.folder().to_owned());
    std::env::current_exe()
        .and_then(|program| Keeper::start(&program, &hello, &fds, folder))
        .inspect_err(|error| {
            say(&format!(
                "watch: cannot start the keeper: {error}; if we are killed, so is the run"
            ));
        })
        .ok()
        .map(Arc::new)
        .inspect(look_after)
}

/// Says so if it is killed.
fn look_after(keeper: &Arc<Keeper>) {
    let keeper = Arc::clone(keeper);
    // Without that thread nothing is worse but that.
    let _ = spawn("keeper", move || {
        if keeper.was_lost() {
            say("watch: the keeper was killed; if we are killed too, so is the run");
        }
    });
}

/// The metrics that somebody wants: rules by their conditions, charts by name.
pub(super) fn measured(rules: &RuleSet, charts: &[ChartConfig]) -> Vec<String> {
    let plotted = charts.iter().filter_map(|chart| match chart {
        ChartConfig::Plot(names) => Some(names),
        ChartConfig::File(_) => None,
    });
    let mut names = rules.named_metrics();
    names.extend(plotted.flatten().cloned());
    names
}
