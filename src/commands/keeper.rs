//! `watch keeper`, the hidden verb: the process that sees the run to its end if its supervisor dies.
//!
//! It is started beside each supervised command, reads the same rules, and waits. It carries on
//! with what the dead supervisor cannot hand over missing: the series begin anew, and so do
//! cooldowns and `once`. What it cannot do is left out: `elapsed` rules and `stop`.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Parser as _;
use serde::{Deserialize, Serialize};

use crate::cli::{Cli, RunArgs};
use crate::commands::run::report::{MOST_REPORTS, report_all};
use crate::commands::run::setup::{courier_settings, open_outbox, plain_setup};
use crate::commands::run::{LEAK_TIMEOUT, spawn};
use crate::commands::{Exit, environment};
use crate::config;
use crate::courier::{self, CourierHandle};
use crate::engine::rules::{RuleSet, Trigger};
use crate::engine::{Engine, Input};
use crate::error::AppError;
use crate::outbox::Outbox;
use crate::process::Signals;
use crate::process::carry_on::Logs;
use crate::process::keep::{Estate, Line, Waited};
use crate::render::message::RunLabel;
use crate::runtime::clock::Clock;
use crate::runtime::driver::{self, Newest, Word};
use crate::runtime::queue::Queue;
use crate::runtime::recording::Recording;
use crate::runtime::reporter::{Reporter, Setup};
use crate::runtime::state;
use crate::sources::Sink as _;
use crate::sources::echo::Log;
use crate::sources::rotating::Rotating;
use crate::sources::tail::Acknowledged;
use crate::time::Timestamp;

/// Of a run's `output.log`; one older file of this size is kept beside it.
const LARGEST_LOG: u64 = 32 << 20;
/// The rules are read after that time: a run of a moment is not to cost that.
const SHORT_RUN: Duration = Duration::from_secs(1);

/// What the supervisor tells its keeper first.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) run: RunLabel,
    pub(super) started: Timestamp,
    /// Our options, without the command.
    pub(super) options: Vec<OsString>,
    /// The first descriptor is the courier's input. One more is the run's lock, held as long as
    /// somebody watches it.
    pub(super) has_courier: bool,
}

/// All that is needed to carry on, read while the rules are still as the run found them.
struct Plan {
    started: Timestamp,
    args: RunArgs,
    setup: Setup,
    rules: RuleSet,
    courier: Option<OwnedFd>,
    _alive: Vec<OwnedFd>,
}

pub(super) fn run() -> Result<Exit, AppError> {
    let failed = |error: std::io::Error| AppError::problem(format!("keeper: {error}"));
    let signals = Signals::block().map_err(failed)?;
    let line = Line::stdin();
    let Some((hello, fds)) = line.hello::<Hello>().map_err(failed)? else {
        return Ok(Exit::Code(0));
    };
    let mut estate = Estate::default();
    let mut waited = line.wait(&mut estate, Some(SHORT_RUN)).map_err(failed)?;
    let is_told = [Waited::Ended, Waited::Left].contains(&waited);
    let plan = (!is_told).then(|| plan(hello, fds)).transpose()?;
    if waited == Waited::Long {
        waited = line.wait(&mut estate, None).map_err(failed)?;
    }
    let left = match (waited, plan) {
        (Waited::Gone, Some(plan)) => carry_on(plan, estate, &signals)?,
        (Waited::Left, _) => estate,
        _ => Estate::default(),
    };
    // From here on nobody watches the run any more.
    left.drain();
    Ok(Exit::Code(0))
}

fn plan(hello: Hello, fds: Vec<OwnedFd>) -> Result<Plan, AppError> {
    let words = std::iter::once(OsString::from("watch")).chain(hello.options);
    let args = Cli::try_parse_from(words)
        .map_err(|error| AppError::problem(format!("keeper: {error}")))?
        .run;
    // The supervisor read the same a moment ago; if they are gone since, the built-in ones hold.
    let config = environment::load_config(args.rules.file.as_deref(), AppError::problem)
        .or_else(|_| config::load(None, &|_| None).map_err(|_| AppError::problem("no rules")))?;
    let mut fds = fds.into_iter();
    let courier = hello.has_courier.then(|| fds.next()).flatten();
    let (setup, mut rules) = plain_setup(&args, config, hello.run)?;
    // They would fire again, that long after the supervisor's death.
    rules.rules.retain(|rule| !matches!(rule.trigger, Trigger::Elapsed(_)));
    Ok(Plan { started: hello.started, args, setup, rules, courier, _alive: fds.collect() })
}

fn carry_on(plan: Plan, estate: Estate, signals: &Signals) -> Result<Estate, AppError> {
    let clock = Clock::start();
    let Plan { started, args, setup, rules, courier, _alive } = plan;
    let (log, path) = log(&args, &setup);
    let outbox = open_outbox(&setup);
    let courier = outbox.is_some().then(|| reach_courier(&setup, courier)).flatten();
    let run = setup.run.clone();
    let cards = outbox.as_ref().map(Outbox::cards);
    let mut reporter = Reporter::new(setup, outbox, courier);
    if estate.is_alive() {
        let last = cards.and_then(|cards| cards.read(&run.id));
        let what_now = what_now(path.as_deref());
        reporter.tell(&courier::watcher_replaced(&run, last, clock.now(), &what_now));
    }
    let (reports, to_report) = sync_channel(MOST_REPORTS);
    let newest = Arc::new(Newest::default());
    let shown = Arc::clone(&newest);
    // No files are followed here.
    let told = Acknowledged::default();
    let report = move || report_all(reporter, &to_report, &shown, &told, &OnceLock::new(), clock);
    let reporter = spawn("reporter", report)?;
    let queue = Arc::new(Queue::new(clock));
    let engine = {
        let (queue, begin) = (Arc::clone(&queue), clock.started());
        let before = begin.since(started);
        spawn("engine", move || {
            let engine = Engine::new(rules, begin, false);
            driver::drive(engine, &queue, begin, &newest, Recording::default(), &mut |mut word| {
                if let Word::Report(report) = &mut word {
                    report.alert.elapsed += before;
                }
                let _ = reports.send(word);
            });
        })?
    };
    let sink = Arc::<Queue>::clone(&queue);
    let carried = estate.carry_on(signals, sink, log, LEAK_TIMEOUT);
    queue.put(Input::Finished);
    let _ = engine.join();
    if let Ok((Some(mut courier), _)) = reporter.join() {
        courier.end();
    }
    carried.map_err(|error| AppError::problem(format!("keeper: {error}")))
}

/// The supervisor's courier, to which it left us the line; if that is dead too, a new one.
fn reach_courier(setup: &Setup, input: Option<OwnedFd>) -> Option<CourierHandle> {
    let settings = courier_settings(setup)?;
    let program = std::env::current_exe().ok()?;
    match input {
        Some(input) => courier::adopt(settings, &program, input).ok(),
        None => courier::start(settings, &program).ok().flatten(),
    }
}

/// Where output goes on: the file of `--log` gets all of it; else the run's folder what our own
/// output does not take.
fn log(args: &RunArgs, setup: &Setup) -> (Logs, Option<PathBuf>) {
    if let Some(path) = &args.log {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path).ok();
        let always = file.map(|file| Arc::new(file) as Arc<dyn Log>);
        return (Logs { always, otherwise: None }, Some(path.clone()));
    }
    let folder = setup.state_dir.as_deref().map(|state| state::run_folder(state, &setup.run.id));
    let Some(Ok(folder)) = folder else { return (Logs::default(), None) };
    let path = folder.join("output.log");
    let log = Arc::new(Rotating::new(path.clone(), LARGEST_LOG)) as Arc<dyn Log>;
    (Logs { always: None, otherwise: Some(log) }, Some(path))
}

fn what_now(log: Option<&Path>) -> String {
    let mut text = "It ended without a word: killed, or out of memory. The run goes on, and its \
                    end is still told. Its metrics are followed from here on anew."
        .to_owned();
    if let Some(log) = log {
        text += &format!(" What nobody can show any more of its output goes to {}.", log.display());
    }
    text
}
