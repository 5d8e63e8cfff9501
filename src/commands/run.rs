//! `watch -- COMMAND` and `watch --tail PATH`: a live run.
//!
//! The order of things matters here. Before the command is started every problem is an error with
//! exit status 125; from then on nothing is: the run is never harmed, whatever breaks on our side.

mod reload;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::channels::ChannelConfig;
use crate::cli::{From, PtyWhen, RunArgs};
use crate::commands::keeper::Hello;
use crate::commands::run::reload::{Fixed, Reload, RulesFile};
use crate::commands::{Exit, environment, resume};
use crate::config::{ChartConfig, Config};
use crate::courier::{self, CourierHandle};
use crate::engine::input::ProcessStatus;
use crate::engine::rules::RuleSet;
use crate::engine::{Engine, Input};
use crate::error::{AppError, EXIT_OWN_FAILURE, say};
use crate::outbox::{Cards, Outbox};
use crate::process::{self, Command, Keeper, Outsider, PtyMode, Signals, StopQueue, StopRequest};
use crate::render::mask::mask;
use crate::render::message::RunLabel;
use crate::runtime::clock::Clock;
use crate::runtime::driver::{self, Newest, Word};
use crate::runtime::journal::Header;
use crate::runtime::pace::Pace;
use crate::runtime::queue::Queue;
use crate::runtime::record::{self, Alive, Record, Run};
use crate::runtime::recording::Recording;
use crate::runtime::reporter::{Reporter, Setup, notice_text};
use crate::runtime::{past, state};
use crate::sources::Sink;
use crate::sources::host;
use crate::sources::tail::{self, Follower};

/// After the end of the run: how often it is looked whether we were told to stop waiting.
const GLANCE: Duration = Duration::from_millis(50);
/// What a process that the command left behind may still write is read this long.
pub(super) const LEAK_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the message of the end waits for the terminal to take the output before it.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How often followed files are looked at without any notice of change.
const TAIL_POLL: Duration = Duration::from_millis(500);
/// Of a command line that the keeper is told, in characters.
const LONGEST_COMMAND: usize = 1000;
/// Alerts between engine and reporter; when full the engine waits, and the queue before it.
pub(super) const MOST_REPORTS: usize = 256;

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
        let (setup, alive, rules) = setup(args, config, run.clone(), &clock)?;
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
        let reporter = {
            let newest = Arc::clone(&newest);
            spawn("reporter", move || {
                let mut reporter = reporter;
                reporter.look_back(clock.started());
                report_all(reporter, &to_report, &newest, &told, clock)
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
                self.abandon();
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
        if let Some(keeper) = &self.keeper {
            keeper.outsider(outsider);
        }
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
    fn abandon(self) {
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

/// The metrics that somebody wants: rules by their conditions, charts by name.
fn measured(rules: &RuleSet, charts: &[ChartConfig]) -> Vec<String> {
    let plotted = charts.iter().filter_map(|chart| match chart {
        ChartConfig::Plot(names) => Some(names),
        ChartConfig::File(_) => None,
    });
    let mut names = rules.named_metrics();
    names.extend(plotted.flatten().cloned());
    names
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

/// A rule's `stop` goes to the supervisor at once, its message to the reporter. What hangs is
/// looked at before it is stopped.
fn hand_on(mut word: Word, stops: &StopQueue, reports: &SyncSender<Word>, pid: &AtomicU32) {
    if let Word::Report(report) = &mut word {
        if report.is_of_a_hang() {
            report.doing = host::evidence::of_hang(pid.load(Ordering::Relaxed));
        }
        if let Some(stop) = report.alert.stop {
            stops.request(StopRequest { rule: report.alert.rule.clone(), stop });
        }
    }
    // It can only fail if the reporter died; then there is nobody to tell it to.
    let _ = reports.send(word);
}

pub(super) fn report_all(
    mut reporter: Reporter,
    reports: &Receiver<Word>,
    newest: &Newest,
    told: &tail::Acknowledged,
    clock: Clock,
) -> (Option<CourierHandle>, bool) {
    let mut pace = Pace::default();
    let mut mark = None;
    loop {
        let word = reports.recv_timeout(Duration::from_secs(1));
        if let Some(snapshot) = newest.take() {
            reporter.show(&snapshot);
        }
        let over = matches!(word, Err(RecvTimeoutError::Disconnected));
        match word {
            Ok(Word::Report(report)) => pace.put(*report),
            Ok(Word::Mark(reached)) => mark = Some(reached),
            Err(_) => {}
        }
        let due = if over { pace.take_all() } else { pace.take(clock.now()) };
        due.iter().for_each(|report| reporter.report(report));
        // What is still held back would be lost with us: its lines are not acknowledged yet.
        if pace.is_empty() {
            mark.take().into_iter().for_each(|reached| told.tell(reached));
        }
        if over {
            reporter.close_card();
            return reporter.into_parts();
        }
        reporter.pass_on_notices();
    }
}

fn wait_for_deliveries(mut courier: CourierHandle, linger: Duration, signals: &Signals) {
    courier.end();
    let mut waited = Duration::ZERO;
    while waited < linger && !courier.wait(GLANCE) {
        waited += GLANCE;
        if signals.wait_for_end(Duration::from_nanos(1)) {
            break;
        }
    }
    for notice in courier.notices() {
        if let Some(text) = notice_text(&notice) {
            say(&format!("watch: {text}"));
        }
    }
    match courier.outcome() {
        Ok(outcome) if outcome.waiting > 0 => say(&format!(
            "watch: {} not delivered yet; the courier goes on trying (see `watch outbox`)",
            plural(outcome.waiting, "message")
        )),
        Ok(_) => {}
        Err(error) => say(&format!("watch: {error}")),
    }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn label(args: &RunArgs, config: &Config, clock: &Clock) -> RunLabel {
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

fn setup(
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
pub(super) fn plain_setup(
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
fn outbox_and_courier(setup: &Setup) -> (Option<Outbox>, Option<CourierHandle>) {
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
pub(super) fn open_outbox(setup: &Setup) -> Option<Outbox> {
    let state_dir = setup.state_dir.as_deref().filter(|_| !setup.dry_run)?;
    Outbox::open(state_dir)
        .inspect_err(|error| say(&format!("watch: {error}; messages go to the terminal only")))
        .ok()
}

pub(super) fn courier_settings(setup: &Setup) -> Option<courier::Settings> {
    Some(courier::Settings {
        state_dir: setup.state_dir.clone()?,
        run: setup.run.clone(),
        channels: setup.channels.clone(),
    })
}

/// None where only files are followed: they do not depend on us.
fn start_keeper(
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
    std::env::current_exe()
        .and_then(|program| Keeper::start(&program, &hello, &fds))
        .inspect_err(|error| {
            say(&format!(
                "watch: cannot start the keeper: {error}; if we are killed, so is the run"
            ));
        })
        .ok()
        .map(Arc::new)
}
