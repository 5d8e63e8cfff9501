//! `watch -- COMMAND` and `watch --tail PATH`: a live run.
//!
//! The order of things matters here. Before the command is started every problem is an error with
//! exit status 125; from then on nothing is: the run is never harmed, whatever breaks on our side.

mod reload;
pub(super) mod report;
pub(super) mod setup;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::cli::{From, PtyWhen, RunArgs};
use crate::commands::run::reload::{Fixed, Reload, RulesFile};
use crate::commands::run::report::{MOST_REPORTS, hand_on, report_all, wait_for_deliveries};
use crate::commands::run::setup::{label, measured, outbox_and_courier, start_keeper};
use crate::commands::{Exit, environment, resume};
use crate::config::Config;
use crate::courier::CourierHandle;
use crate::engine::input::ProcessStatus;
use crate::engine::{Engine, Input};
use crate::error::{AppError, EXIT_OWN_FAILURE, say};
use crate::process::{self, Command, Keeper, Outsider, PtyMode, Signals, StartError, StopQueue};
use crate::render::message::RunLabel;
use crate::runtime::clock::Clock;
use crate::runtime::driver::{self, Newest};
use crate::runtime::journal::Header;
use crate::runtime::queue::Queue;
use crate::runtime::record::Alive;
use crate::runtime::recording::Recording;
use crate::runtime::reporter::Reporter;
use crate::sources::Sink;
use crate::sources::host;
use crate::sources::tail::{self, Follower};

/// What a process that the command left behind may still write is read this long.
pub(super) const LEAK_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the message of the end waits for the terminal to take the output before it.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How often followed files are looked at without any notice of change.
const TAIL_POLL: Duration = Duration::from_millis(500);

pub fn run(args: &RunArgs) -> Result<Exit, AppError> {
    if args.command.is_empty() && args.tail.is_empty() && args.pid.is_none() {
        return Err(AppError::own("there is nothing to watch").hint(
            "watch -- COMMAND supervises a command, watch --tail FILE follows a log; see watch --help",
        ));
    }
    if args.restart.is_some() && args.command.is_empty() {
        return Err(AppError::own(
            "--restart needs a command: watch --restart on-failure -- COMMAND",
        ));
    }
    let outsider = args.pid.map(Outsider::attach).transpose();
    let outsider = outsider.map_err(|error| AppError::own(error.to_string()))?;
    // A panic is a bug of ours; it must not garble a terminal in raw mode, nor end the run.
    std::panic::set_hook(Box::new(|info| say(&format!("watch: this is a bug: {info}"))));
    // Before any thread: a signal that comes while we start is kept for the child.
    let signals = Signals::block()
        .map_err(|error| AppError::own(format!("cannot take over signals: {error}")))?;
    if args.nohup {
        signals.ignore_hang_up();
    }
    let path = environment::rules_file(args.rules.file.as_deref());
    let file = path.as_deref().map(RulesFile::new);
    let config = environment::load_config(path.as_deref(), AppError::own)?;
    let log = args.log.as_deref().map(open_log).transpose()?;
    let clock = Clock::start();
    let queue = Arc::new(Queue::new(clock));
    let follower = follower(args, Arc::clone(&queue) as Arc<dyn Sink>)?;
    let told = tail::Acknowledged::default();
    let live = Live::start(args, (config, file), clock, queue, told.clone())?;
    // Before anything is shown: whoever sees us watch may count on its end being told.
    if let (Some(keeper), Some(outsider)) = (&live.keeper, &outsider) {
        keeper.outsider(outsider);
    }
    let follower = follower.map(|follower| resume::resume(follower, args, clock.started(), told));
    let tail = follower.map(|follower| Tail::start(follower, clock)).transpose()?;
    if let Some(outsider) = outsider {
        return Ok(live.attend(&outsider, args.fail, tail, &signals));
    }
    if args.command.is_empty() {
        return Ok(live.follow(args.fail, tail, &signals));
    }
    live.supervise(args, log, tail, &signals)
}

fn open_log(path: &Path) -> Result<File, AppError> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(|error| AppError::own(format!("cannot open the log {}: {error}", path.display())))
}

/// What follows the files of `--tail`; none without any.
fn follower(args: &RunArgs, sink: Arc<dyn Sink>) -> Result<Option<Follower>, AppError> {
    if args.tail.is_empty() {
        return Ok(None);
    }
    let is_glob = |pattern: &OsString| pattern.to_string_lossy().contains(['*', '?', '[']);
    let headers = args.tail.len() > 1 || args.tail.iter().any(is_glob);
    let echo = (args.command.is_empty() && !args.quiet)
        .then(|| tail::Echo::new(Box::new(std::io::stdout()), headers));
    let options = tail::Options {
        patterns: args.tail.clone(),
        from_start: args.from == Some(From::Start),
        echo,
        notices: Box::new(|notice| say(&format!("watch: {notice}"))),
    };
    Follower::new(options, sink).map(Some).map_err(|error| AppError::own(error.to_string()))
}

/// The thread that follows files.
struct Tail {
    stop: tail::StopFlag,
    thread: JoinHandle<()>,
}

impl Tail {
    fn start(follower: Follower, clock: Clock) -> Result<Self, AppError> {
        let stop = tail::StopFlag::default();
        let flag = stop.clone();
        let thread = spawn("tail", move || {
            let summary = tail::follow(follower, TAIL_POLL, &|| clock.now(), &flag);
            if let Some(losses) = summary.losses() {
                say(&format!("watch: {losses}"));
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// What is written until now is still read.
    fn finish(self) {
        self.stop.stop();
        let _ = self.thread.join();
    }
}

/// The threads behind a run, and the ways to them.
struct Live {
    queue: Arc<Queue>,
    stops: StopQueue,
    run: RunLabel,
    engine: JoinHandle<()>,
    reporter: JoinHandle<(Option<CourierHandle>, bool)>,
    keeper: Option<Arc<Keeper>>,
    /// Why there is no process, for the reporter.
    unstarted: Arc<OnceLock<String>>,
    linger: Duration,
    /// Held until the end: so others know that the run is watched.
    _alive: Option<Alive>,
    /// The command's, once it runs.
    pid: Arc<AtomicU32>,
    /// Measures as long as it is there.
    _sampler: Option<host::Sampler>,
    /// Reads changed rules as long as it is there.
    _reload: Option<Reload>,
}

impl Live {
    fn start(
        args: &RunArgs,
        (config, file): (Config, Option<RulesFile>),
        clock: Clock,
        queue: Arc<Queue>,
        told: tail::Acknowledged,
    ) -> Result<Self, AppError> {
        let run = label(args, &config, &clock);
        let recording = recording(args, &clock, &run)?;
        let stops = StopQueue::new()
            .map_err(|error| AppError::own(format!("cannot make a queue: {error}")))?;
        let fixed = Fixed::of(&config);
        let pid = Arc::<AtomicU32>::default();
        let (setup, alive, rules) = setup::setup(args, config, run.clone(), &clock)?;
        let named = measured(&rules, &setup.charts);
        let sampler = host::Sampler::start(&named, Arc::<Queue>::clone(&queue), Arc::clone(&pid));
        let reload = file
            .map(|file| Reload::start(file, fixed, Arc::<Queue>::clone(&queue), Arc::clone(&pid)));
        let reload = reload.transpose()?;
        let (outbox, courier) = outbox_and_courier(&setup);
        let keeper = start_keeper(args, &run, clock, courier.as_ref(), alive.as_ref());
        let (reports, to_report) = sync_channel(MOST_REPORTS);
        let reporter = Reporter::new(setup, outbox, courier);
        let newest = Arc::new(Newest::default());
        let unstarted = Arc::<OnceLock<String>>::default();
        let reporter = {
            let (newest, unstarted) = (Arc::clone(&newest), Arc::clone(&unstarted));
            spawn("reporter", move || {
                let mut reporter = reporter;
                reporter.look_back(clock.started());
                report_all(reporter, &to_report, &newest, &told, &unstarted, clock)
            })?
        };
        let engine = Engine::new(rules, clock.started(), false);
        let engine = {
            let (queue, stops, pid) = (Arc::clone(&queue), stops.clone(), Arc::clone(&pid));
            spawn("engine", move || {
                let started = clock.started();
                driver::drive(engine, &queue, started, &newest, recording, &mut |word| {
                    hand_on(word, &stops, &reports, &pid);
                });
            })?
        };
        Ok(Self {
            queue,
            stops,
            run,
            engine,
            reporter,
            keeper,
            unstarted,
            linger: args.linger,
            pid,
            _alive: alive,
            _sampler: sampler,
            _reload: reload,
        })
    }

    fn supervise(
        self,
        args: &RunArgs,
        log: Option<File>,
        tail: Option<Tail>,
        signals: &Signals,
    ) -> Result<Exit, AppError> {
        let command = Command {
            argv: args.command.clone(),
            extra_env: vec![(OsString::from("WATCH_RUN"), OsString::from(&self.run.id))],
            pty: match args.pty {
                PtyWhen::Auto => PtyMode::Auto,
                PtyWhen::Always => PtyMode::Always,
                PtyWhen::Never => PtyMode::Never,
            },
            quiet: args.quiet,
            leak_timeout: LEAK_TIMEOUT,
            log,
            restarts: args.restart.unwrap_or_default(),
            keeper: self.keeper.clone(),
        };
        let queue = Arc::<Queue>::clone(&self.queue);
        let sink = Arc::new(host::NotePid::new(queue, Arc::clone(&self.pid)));
        let ended = process::supervise(command, signals, sink, self.stops.clone());
        if let Some(tail) = tail {
            tail.finish();
        }
        match ended {
            Ok(mut supervised) => {
                // The last words usually stand before our message; but a terminal that takes
                // nothing must not hold the message back.
                supervised.flush(signals, Some(LAST_WORDS));
                self.finish(signals);
                supervised.flush(signals, None);
                Ok(Exit::Like(supervised.end.status))
            }
            Err(error) => {
                self.abandon(&error);
                let exit = u8::try_from(error.exit_code()).unwrap_or(EXIT_OWN_FAILURE);
                Err(AppError { exit, ..AppError::own(error.to_string()) })
            }
        }
    }

    /// To the end of a process that is not ours, which goes on if we are asked to end.
    fn attend(
        self,
        outsider: &Outsider,
        fail: bool,
        tail: Option<Tail>,
        signals: &Signals,
    ) -> Exit {
        let sink = host::NotePid::new(Arc::<Queue>::clone(&self.queue), Arc::clone(&self.pid));
        sink.put(Input::Started { pid: outsider.pid().cast_unsigned() });
        let end = outsider.wait(signals).then(|| outsider.end());
        if let Some(tail) = tail {
            tail.finish();
        }
        let status = end.as_ref().map(|end| end.status);
        if let Some(end) = end {
            sink.put(Input::Ended(end));
        }
        let critical = self.finish(signals);
        match status {
            // Nothing is wrong with us where the system does not tell.
            Some(ProcessStatus::Unknown) | None => Exit::Code(u8::from(fail && critical)),
            Some(status) => Exit::Like(status),
        }
    }

    fn follow(self, fail: bool, tail: Option<Tail>, signals: &Signals) -> Exit {
        while !signals.wait_for_end(Duration::from_secs(3600)) {}
        if let Some(tail) = tail {
            tail.finish();
        }
        let critical = self.finish(signals);
        Exit::Code(u8::from(fail && critical))
    }

    /// Everything was read: the engine's last word, the last messages, then the deliveries.
    /// Gives whether a critical rule fired.
    fn finish(self, signals: &Signals) -> bool {
        self.queue.put(Input::Finished);
        let _ = self.engine.join();
        let reported = self.reporter.join();
        if let Some(keeper) = &self.keeper {
            keeper.end();
        }
        let Ok((courier, critical)) = reported else { return false };
        if let Some(courier) = courier {
            wait_for_deliveries(courier, self.linger, signals);
        }
        critical
    }

    /// The command could not be started: nothing is to be told.
    fn abandon(self, why: &StartError) {
        let _ = self.unstarted.set(why.to_string());
        if let Some(keeper) = &self.keeper {
            keeper.end();
        }
        self.queue.put(Input::Finished);
        let _ = self.engine.join();
        if let Ok((Some(mut courier), _)) = self.reporter.join() {
            courier.end();
        }
    }
}

/// The journal of `--record`.
fn recording(args: &RunArgs, clock: &Clock, run: &RunLabel) -> Result<Recording, AppError> {
    let Some(path) = &args.record else { return Ok(Recording::default()) };
    let header = Header { started: clock.started(), name: run.name.clone() };
    Recording::create(path, &header)
        .map_err(|error| AppError::own(format!("cannot record to {}: {error}", path.display())))
}

pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, AppError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| AppError::own(format!("cannot start a thread: {error}")))
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
