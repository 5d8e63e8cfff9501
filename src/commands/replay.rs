//! `watch replay`: the rules over old logs. Sends nothing; says what would have been sent.
//!
//! Time comes from the lines' own timestamps. In a log without any, a line takes a tenth of a
//! second, so that rules with times can still be tried.

mod explain;
mod lines;
mod pieces;
mod recorded;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use explain::Question;
use pieces::{Begun, each_piece, read_more};

use crate::cli::ReplayArgs;
use crate::config::Config;
use crate::engine::alert::{Alert, Effect, Origin, Sample, Severity, SuppressReason, Suppressed};
use crate::engine::input::{ProcessEnd, ProcessStatus};
use crate::engine::signals;
use crate::engine::tfevents;
use crate::engine::{Engine, Input, Searched, SourceId};
use crate::error::AppError;
use crate::render::message::RunLabel;
use crate::render::text::{self, Context};
use crate::runtime::clock::Clock;
use crate::time::{LogClock, Timestamp};

/// How long a line takes in a log without timestamps.
const ASSUMED: Duration = Duration::from_millis(100);
/// A longer time between two lines was lived through by nobody: the next run in the same file, or a
/// date that is none. What is told in intervals is told once for all of it.
const JUMP: Duration = Duration::from_secs(86_400);
/// How far to look for the first timestamp.
const PEEK: usize = 1 << 20;
const BLOCK: usize = 1 << 18;

/// Runs the rules over the logs. Gives whether a critical rule fired.
pub fn run(args: &ReplayArgs, config: Config) -> Result<bool, AppError> {
    let end = how_it_ended(args)?;
    if let Some(journal) = recorded::open(&args.logs)? {
        return replay_journal(args, config, journal);
    }
    if args.explain.is_some() && args.logs.len() > 1 {
        let hint = "name only the log that the line is in";
        return Err(AppError::problem("--explain wants one log").hint(hint));
    }
    let logs = args.logs.iter().map(|path| Log::open(path)).collect::<Result<Vec<_>, _>>()?;
    let out = BufWriter::new(io::stdout().lock());
    let run = label(&config, args.logs.first().map_or(Path::new("log"), |path| path));
    let mut replay = Replay::new(config, run, args.json, out);
    replay.question = args.explain.map(Question::new);
    for (index, mut log) in logs.into_iter().enumerate() {
        let path = log.path;
        let source = SourceId(u32::try_from(index).unwrap_or(u32::MAX));
        let name =
            path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
        replay.log(source, &name, &mut log).map_err(|error| failed(path, &error))?;
    }
    let written = match replay.question.take() {
        None => replay.finish(end),
        Some(question) if question.is_found() => replay.explain(&question),
        Some(question) => {
            let message =
                format!("there is no line {}: the log has {}", question.line, replay.lines);
            return Err(AppError::problem(message));
        }
    };
    told(written, replay.critical)
}

fn replay_journal(
    args: &ReplayArgs,
    config: Config,
    journal: recorded::Journal,
) -> Result<bool, AppError> {
    if args.exit.is_some() || args.signal.is_some() || args.explain.is_some() {
        let message =
            "--exit, --signal and --explain are for logs; a journal knows how its run ended";
        return Err(AppError::problem(message));
    }
    let path = args.logs.first().map_or(Path::new("journal"), |path| path);
    let run = RunLabel { name: journal.header.name.clone(), ..label(&config, path) };
    let mut replay = Replay::new(config, run, args.json, BufWriter::new(io::stdout().lock()));
    replay.journal(journal).map_err(|error| failed(path, &error))?;
    let written = replay.summary();
    told(written, replay.critical)
}

/// Whether a critical rule fired, if all could be written.
fn told(written: io::Result<()>, critical: bool) -> Result<bool, AppError> {
    match written {
        // `watch replay … | head` closed our output: that is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(AppError::problem(format!("cannot write: {error}")))
        }
        _ => Ok(critical),
    }
}

/// A log that is about to be read.
struct Log<'a> {
    path: &'a Path,
    reader: Box<dyn Read + Send>,
    /// When it was last written: no line of it is younger.
    written: Timestamp,
}

impl<'a> Log<'a> {
    fn open(path: &'a Path) -> Result<Self, AppError> {
        let now = Clock::start().started();
        if path == Path::new("-") {
            return Ok(Self { path, reader: Box::new(io::stdin()), written: now });
        }
        let file = File::open(path).map_err(|error| failed(path, &error))?;
        let meta = file.metadata().map_err(|error| failed(path, &error))?;
        if meta.is_dir() {
            let hint = format!("name the log files in it: watch replay {}/*.log", path.display());
            let message = format!("{} is a directory", path.display());
            return Err(AppError::problem(message).hint(hint));
        }
        let written = Timestamp::from_secs(meta.mtime()).after(Duration::from_secs(1));
        Ok(Self { path, reader: Box::new(file), written })
    }
}

fn failed(path: &Path, error: &io::Error) -> AppError {
    AppError::problem(format!("cannot read {}: {error}", path.display()))
}

fn how_it_ended(args: &ReplayArgs) -> Result<Option<ProcessEnd>, AppError> {
    let status = match (&args.exit, &args.signal) {
        (Some(code), _) => ProcessStatus::Exited { code: i32::from(*code) },
        (None, Some(name)) => {
            let signal = signals::number(name).ok_or_else(|| {
                AppError::problem(format!("`{name}` is no signal"))
                    .hint("write it like KILL, SIGTERM or 9; `kill -l` lists them")
            })?;
            ProcessStatus::Signaled { signal, core_dumped: false }
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(ProcessEnd { status, clues: Vec::new() }))
}

fn label(config: &Config, log: &Path) -> RunLabel {
    let stem = log.file_stem().map_or_else(|| "log".into(), |stem| stem.to_string_lossy());
    RunLabel {
        id: "replay".to_owned(),
        name: config.name.clone().unwrap_or_else(|| stem.into_owned()),
        host: String::new(),
        command: String::new(),
        elapsed: None,
    }
}

struct Replay<W: Write> {
    config: Config,
    run: RunLabel,
    json: bool,
    out: W,
    /// The line that is to be explained, instead of showing everything.
    question: Option<Question>,
    engine: Option<Engine>,
    searched: Searched,
    effects: Vec<Effect>,
    now: Timestamp,
    /// The time of the input before.
    before: Timestamp,
    /// Whether any line carried a timestamp: if not, times are assumed and not shown.
    timed: bool,
    bytes: u64,
    lines: u64,
    samples: u64,
    alerts: u64,
    suppressed: u64,
    critical: bool,
    broken: io::Result<()>,
}

impl<W: Write> Replay<W> {
    fn new(config: Config, run: RunLabel, json: bool, out: W) -> Self {
        Self {
            config,
            run,
            json,
            out,
            question: None,
            engine: None,
            searched: Searched::default(),
            effects: Vec::new(),
            now: Timestamp::default(),
            before: Timestamp::default(),
            timed: false,
            bytes: 0,
            lines: 0,
            samples: 0,
            alerts: 0,
            suppressed: 0,
            critical: false,
            broken: Ok(()),
        }
    }

    /// Reads one log to its end.
    fn log(&mut self, source: SourceId, name: &str, log: &mut Log<'_>) -> io::Result<()> {
        let mut buffer = Vec::new();
        let ended = read_more(&mut log.reader, &mut buffer, PEEK)?;
        if tfevents::is_event_file(name) {
            self.begin_at(tfevents::first_piece(&buffer).and_then(|(_, time)| time));
            self.handle(Input::Opened { source, name });
            return self.records(source, buffer, ended, log);
        }
        let clock = LogClock::new(&buffer, log.written);
        self.begin(&buffer, log.written);
        if let Some(question) = &mut self.question {
            question.source(name);
        }
        self.handle(Input::Opened { source, name });
        if let Some(searcher) = self.engine.as_ref().map(|engine| Arc::clone(engine.searcher())) {
            let begun = Begun { read: buffer, ended, rest: &mut log.reader, clock };
            each_piece(begun, &searcher, |piece| self.piece(source, piece))?;
        }
        self.handle(Input::Closed { source });
        Ok(())
    }

    /// The engine starts at the time of the first log's first timestamp.
    fn begin(&mut self, start_of_log: &[u8], written: Timestamp) {
        let mut clock = LogClock::new(start_of_log, written);
        self.begin_at(start_of_log.split(is_end).find_map(|line| clock.time_of(line)));
    }

    fn begin_at(&mut self, first: Option<Timestamp>) {
        if self.engine.is_some() {
            return;
        }
        self.timed = first.is_some();
        self.now = first.unwrap_or_default();
        let rules = std::mem::take(&mut self.config.rules);
        self.engine = Some(Engine::new(rules, self.now, self.json || self.question.is_some()));
        self.handle(Input::Started { pid: 0 });
    }

    /// Reads an event file to its end; each record tells its time.
    fn records(
        &mut self,
        source: SourceId,
        mut buffer: Vec<u8>,
        mut ended: bool,
        log: &mut Log<'_>,
    ) -> io::Result<()> {
        loop {
            let mut at = 0;
            while let Some((length, time)) = tfevents::first_piece(&buffer[at..]) {
                self.now = self.now.max(time.filter(|_| self.timed).unwrap_or(self.now));
                self.lines += u64::from(time.is_some());
                self.handle(Input::Chunk { source, bytes: &buffer[at..at + length] });
                at += length;
            }
            self.bytes += at as u64;
            buffer.drain(..at);
            if ended {
                self.bytes += buffer.len() as u64;
                self.handle(Input::Chunk { source, bytes: &buffer });
                self.handle(Input::Closed { source });
                return Ok(());
            }
            ended = read_more(&mut log.reader, &mut buffer, BLOCK)?;
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.step(|engine, now, effects| engine.handle(now, input, effects));
    }

    fn step(&mut self, work: impl FnOnce(&mut Engine, Timestamp, &mut Vec<Effect>)) {
        if let Some(engine) = &mut self.engine {
            if self.now.since(self.before) <= JUMP {
                engine.live_until(self.now, &mut self.effects);
            }
            self.before = self.now;
            work(engine, self.now, &mut self.effects);
        }
        let effects = std::mem::take(&mut self.effects);
        self.show_all(&effects);
        self.effects = effects;
        self.effects.clear();
    }

    fn show_all(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Some(question) = &mut self.question {
                question.hear(effect);
            } else if self.broken.is_ok() {
                self.broken = self.show(effect);
            }
        }
    }

    /// How the run ended, if that was said; then the figures of the whole replay.
    fn finish(&mut self, end: Option<ProcessEnd>) -> io::Result<()> {
        if let Some(end) = end {
            self.handle(Input::Ended(end));
        }
        self.handle(Input::Finished);
        self.summary()
    }

    /// The figures of the whole replay.
    fn summary(&mut self) -> io::Result<()> {
        std::mem::replace(&mut self.broken, Ok(()))?;
        let unmatched: Vec<String> = self
            .engine
            .as_ref()
            .map(|engine| engine.unmatched_rules().into_iter().map(str::to_owned).collect())
            .unwrap_or_default();
        if self.json {
            let end = json!({
                "type": "end", "lines": self.lines, "bytes": self.bytes, "samples": self.samples,
                "alerts": self.alerts, "suppressed": self.suppressed, "unmatched_rules": unmatched,
            });
            writeln!(self.out, "{end}")?;
        } else {
            writeln!(
                self.out,
                "{} lines, {} alerts, {} held back",
                self.lines, self.alerts, self.suppressed
            )?;
            if !self.timed {
                writeln!(self.out, "no line has a time of its own: each was taken to last 0.1 s")?;
            }
            for metric in self.engine.iter().flat_map(|engine| engine.series().unprinted()) {
                writeln!(self.out, "{metric}")?;
            }
            if !unmatched.is_empty() {
                writeln!(self.out, "rules that never fired: {}", unmatched.join(", "))?;
            }
        }
        self.out.flush()
    }

    fn show(&mut self, effect: &Effect) -> io::Result<()> {
        match effect {
            Effect::Sample(sample) => {
                self.samples += 1;
                self.sample(sample)
            }
            Effect::Alert(alert) => {
                self.alerts += 1;
                self.critical |= alert.severity == Severity::Critical;
                self.alert(alert)
            }
            Effect::Suppressed(suppressed) => {
                self.suppressed += 1;
                self.held_back(suppressed)
            }
        }
    }

    fn time(&self, at: Timestamp) -> Option<String> {
        self.timed.then(|| at.to_string())
    }

    fn sample(&mut self, sample: &Sample) -> io::Result<()> {
        let object = json!({
            "type": "sample", "source": sample.origin.source, "line": sample.origin.line,
            "time": self.time(sample.at), "metric": sample.metric,
            "value": sample.value.is_finite().then_some(sample.value), "text": sample.text,
        });
        writeln!(self.out, "{object}")
    }

    fn alert(&mut self, alert: &Alert) -> io::Result<()> {
        let context = Context {
            run: &self.run,
            language: self.config.language,
            secrets: &self.config.secrets,
        };
        let message = text::message(alert, &context);
        if self.json {
            let (source, line) = place(alert.origin.as_ref());
            let object = json!({
                "type": "alert", "rule": alert.rule, "severity": alert.severity,
                "state": alert.state, "source": source, "line": line, "time": self.time(alert.at),
                "title": message.title, "text": text::whole(&message),
            });
            return writeln!(self.out, "{object}");
        }
        let when = self.time(alert.at).unwrap_or_default();
        writeln!(
            self.out,
            "{when}{}{}: {} [{}] {}",
            if when.is_empty() { "" } else { " " },
            shown(alert.origin.as_ref()),
            format!("{:?}", alert.severity).to_lowercase(),
            alert.rule,
            message.title
        )?;
        for line in message.body.lines().chain(message.lines.iter().map(String::as_str)) {
            writeln!(self.out, "    {line}")?;
        }
        Ok(())
    }

    fn held_back(&mut self, suppressed: &Suppressed) -> io::Result<()> {
        let (reason, until) = reason(suppressed.reason);
        let until = until.and_then(|until| self.time(until));
        if self.json {
            let (source, line) = place(suppressed.origin.as_ref());
            let object = json!({
                "type": "suppressed", "rule": suppressed.rule, "reason": reason,
                "until": until, "source": source, "line": line,
            });
            return writeln!(self.out, "{object}");
        }
        let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
        writeln!(
            self.out,
            "{}: held back [{}] {reason}{until}",
            shown(suppressed.origin.as_ref()),
            suppressed.rule
        )
    }
}

/// The word for a reason, and until when it holds.
pub(super) fn reason(reason: SuppressReason) -> (&'static str, Option<Timestamp>) {
    match reason {
        SuppressReason::Cooldown { until } => ("cooldown", Some(until)),
        SuppressReason::Flood { until } => ("too many", Some(until)),
        SuppressReason::Once => ("once", None),
        SuppressReason::AlreadyTold => ("already told", None),
    }
}

fn place(origin: Option<&Origin>) -> (Option<&str>, Option<u64>) {
    (origin.map(|origin| origin.source.as_str()), origin.map(|origin| origin.line))
}

fn shown(origin: Option<&Origin>) -> String {
    origin.map_or_else(|| "end".to_owned(), |origin| format!("{}:{}", origin.source, origin.line))
}

/// Frames of a progress bar have their times too.
fn is_end(byte: &u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}
