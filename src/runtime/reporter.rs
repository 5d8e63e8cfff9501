//! From alerts to messages on disk and on the terminal. Runs on a thread of its own, since drawing
//! and fsync take time that the engine has not.
//!
//! Knows the outbox and the courier's wake-up, but no network. Nothing here is fatal: what cannot
//! be stored is shown on the terminal, so that it is told at least there.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use crate::channels::{ChannelConfig, Settings, terminal};
use crate::config::ChartConfig;
use crate::courier::{CourierHandle, Notice};
use crate::engine::alert::{AlertState, Happening, Severity};
use crate::engine::host;
use crate::engine::series::Curve;
use crate::engine::snapshot::{Snapshot, Stage};
use crate::error::say;
use crate::outbox::entry::Picture;
use crate::outbox::{Cards, Outbox};
use crate::render::chart::{self, Chart};
use crate::render::language::Language;
use crate::render::message::{MessageKind, RunLabel};
use crate::render::text::{self, Context};
use crate::render::{self, Message};
use crate::runtime::driver::Report;
use crate::runtime::{past, state};
use crate::sources::images::{Look, NewestImage};
use crate::time::Timestamp;

/// Vertical lines of a chart; more would hide the curves.
const MOST_EVENTS: usize = 8;

/// What a reporter is made of.
#[derive(Debug)]
pub struct Setup {
    pub run: RunLabel,
    pub language: Language,
    pub secrets: Vec<String>,
    pub channels: Vec<ChannelConfig>,
    pub charts: Vec<ChartConfig>,
    /// The state folder; none where it cannot be written: then there is only the terminal.
    pub state_dir: Option<PathBuf>,
    /// Channels in which an earlier run's card and thread go on.
    pub resumed: Vec<String>,
    /// Show every message on the terminal, and send none.
    pub dry_run: bool,
    pub color: bool,
}

#[derive(Debug)]
pub struct Reporter {
    setup: Setup,
    outbox: Option<Outbox>,
    courier: Option<CourierHandle>,
    plots: Vec<Vec<String>>,
    files: Vec<NewestImage>,
    events: Vec<(f64, String)>,
    /// Whether a rule of severity `critical` fired.
    critical: bool,
    /// What the card shows.
    shown: Option<Snapshot>,
}

impl Reporter {
    pub fn new(setup: Setup, outbox: Option<Outbox>, courier: Option<CourierHandle>) -> Self {
        let mut plots = Vec::new();
        let mut files = Vec::new();
        for chart in &setup.charts {
            match chart {
                ChartConfig::Plot(names) => plots.push(names.clone()),
                ChartConfig::File(pattern) => files.push(NewestImage::new(pattern.clone())),
            }
        }
        let events = Vec::new();
        Self { setup, outbox, courier, plots, files, events, critical: false, shown: None }
    }

    /// What earlier runs left to be told: that this one goes on in their thread, and which of them
    /// were lost. Then their folders are tidied.
    pub fn look_back(&mut self, now: Timestamp) {
        let Some(state_dir) = self.setup.state_dir.clone().filter(|_| !self.setup.dry_run) else {
            return;
        };
        let own = self.setup.run.clone();
        if !self.setup.resumed.is_empty() {
            let message = render::card::resumed(&own, self.setup.language, now);
            self.deliver(&message, &self.setup.resumed.clone(), &[]);
        }
        for card in past::lost(&state_dir, &own.id, now) {
            let (rule, lines) = ("lost".to_owned(), card.last.lines);
            let message = Message { rule, lines, ..card.message };
            self.deliver(&message, &[], &[]);
        }
        past::prune(&state_dir, &own.id, now);
    }

    /// Keeps the card that shows how the run stands.
    pub fn show(&mut self, snapshot: &Snapshot) {
        let Some(state_dir) = &self.setup.state_dir else { return };
        let context = Context {
            run: &self.setup.run,
            language: self.setup.language,
            secrets: &self.setup.secrets,
        };
        let card = render::card::card(snapshot, &context);
        let cards = Cards::new(state_dir);
        // A card that cannot be written costs no message: those stand alone then.
        if cards.write(&self.setup.run.id, &card).is_err() && self.restore() {
            let _ = cards.write(&self.setup.run.id, &card);
        }
        self.shown = Some(snapshot.clone());
    }

    /// No report follows: there was no process, and this is why.
    pub fn show_not_started(&mut self, why: &str) {
        if let Some(last) = self.shown.take() {
            self.show(&Snapshot { stage: Stage::NotStarted(why.to_owned()), ..last });
        }
    }

    /// No report follows. A card that still says that the run goes on would have it taken for lost.
    pub fn close_card(&mut self) {
        if let Some(last) = self.shown.take().filter(|last| goes_on(&last.stage)) {
            self.show(&Snapshot { stage: Stage::Unwatched, ..last });
        }
    }

    /// Tells one alert.
    pub fn report(&mut self, report: &Report) {
        let alert = &report.alert;
        if let Happening::Ended(verdict) = &alert.happening {
            // Before the message: whoever delivers it must not take the run for running.
            self.show(&Snapshot {
                at: alert.at,
                elapsed: alert.elapsed,
                metrics: alert.metrics.clone(),
                progress: alert.progress.clone(),
                lines: Vec::new(),
                stage: Stage::Ended(verdict.clone()),
            });
        }
        self.critical |= alert.severity == Severity::Critical;
        let context = Context {
            run: &self.setup.run,
            language: self.setup.language,
            secrets: &self.setup.secrets,
        };
        let mut message = text::message(alert, &context);
        if report.repeat {
            add_line(&mut message.body, self.setup.language.phrases().repeat);
        }
        message.lines.splice(0..0, report.doing.iter().cloned());
        self.remember(report);
        let pictures =
            if alert.attach.charts { self.pictures(report, &mut message) } else { Vec::new() };
        self.deliver(&message, &alert.to, &pictures);
    }

    /// A bug of ours stopped the judging: whoever counts on alerts must know.
    pub fn report_broken(&mut self, at: Timestamp) {
        let message = render::card::broken(&self.setup.run, self.setup.language, at);
        self.deliver(&message, &[], &[]);
    }

    /// Tells what is no alert, in all channels.
    pub fn tell(&mut self, message: &Message) {
        self.deliver(message, &[], &[]);
    }

    /// What the courier said meanwhile: a refusal must not wait for the end of the run.
    pub fn pass_on_notices(&mut self) {
        let Some(courier) = &mut self.courier else { return };
        courier.revive();
        for notice in courier.notices() {
            if let Some(text) = notice_text(&notice) {
                say(&format!("watch: {text}"));
            }
        }
    }

    /// The thread is done: the courier, for the end of the run, and whether all went well.
    pub fn into_parts(self) -> (Option<CourierHandle>, bool) {
        (self.courier, self.critical)
    }

    fn remember(&mut self, report: &Report) {
        if self.events.len() < MOST_EVENTS {
            self.events.extend(event(report));
        }
    }

    /// The charts: those drawn here, and the newest files of the run's own.
    fn pictures(&mut self, report: &Report, message: &mut Message) -> Vec<Picture> {
        message.curves = chart::glance(&chosen(&report.curves, &[]));
        let mut pictures = self.drawn(report, message);
        for (path, bytes) in self.saved(message) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_else(|| "chart".to_owned());
            message.chart_path = Some(path.display().to_string());
            pictures.push(Picture { alt: format!("{name}, saved by the run"), name, bytes });
        }
        pictures
    }

    fn drawn(&self, report: &Report, message: &mut Message) -> Vec<Picture> {
        let all = [Vec::new()];
        let plots = if self.plots.is_empty() { all.as_slice() } else { &self.plots };
        let mut pictures = Vec::new();
        for (index, names) in plots.iter().enumerate() {
            let chosen = chosen(&report.curves, names);
            let chart = Chart {
                title: &self.setup.run.name,
                subtitle: &subtitle(message),
                curves: &chosen,
                events: &self.events,
                x_label: if report.step.is_some() { "step" } else { "sample" },
            };
            let Some(bytes) = chart::draw(&chart) else { continue };
            let name =
                if index == 0 { "chart.png".to_owned() } else { format!("chart-{index}.png") };
            if let Some(path) = self.keep(&name, &bytes) {
                message.chart_path.get_or_insert(path);
            }
            pictures.push(Picture { alt: chart::describe(&chosen), name, bytes });
        }
        pictures
    }

    /// Charts stay in the run's folder, for channels that can only name them.
    fn keep(&self, name: &str, bytes: &[u8]) -> Option<String> {
        let state_dir = self.setup.state_dir.as_deref()?;
        let folder = state::run_folder(state_dir, &self.setup.run.id).ok()?;
        let path = folder.join(name);
        state::write_whole(&path, bytes).ok()?;
        Some(path.display().to_string())
    }

    fn saved(&mut self, message: &mut Message) -> Vec<(PathBuf, Vec<u8>)> {
        let mut pictures = Vec::new();
        for file in &mut self.files {
            match file.look() {
                Look::Picture { path, bytes } => pictures.push((path, bytes)),
                Look::Refused(why) => add_line(&mut message.body, &why),
                Look::Nothing => {}
            }
        }
        pictures
    }

    /// Makes the outbox again if somebody has removed it under a run that lives. True: it was.
    fn restore(&self) -> bool {
        let gone = self.outbox.as_ref().is_some_and(Outbox::is_gone);
        let Some(state_dir) = self.setup.state_dir.as_deref().filter(|_| gone) else {
            return false;
        };
        say(&format!("watch: {} was removed; it is made again", state_dir.display()));
        Outbox::open(state_dir).is_ok()
    }

    fn deliver(&mut self, message: &Message, to: &[String], pictures: &[Picture]) {
        let wanted = |channel: &&ChannelConfig| to.is_empty() || to.contains(&channel.name);
        let channels: Vec<_> = self.setup.channels.iter().filter(wanted).cloned().collect();
        if channels.is_empty() {
            return;
        }
        self.restore();
        let mut shown = false;
        let mut show = |why: Option<String>| {
            if !std::mem::replace(&mut shown, true) {
                show_on_terminal(message, self.setup.color);
            }
            if let Some(why) = why {
                say(&format!("watch: {why}"));
            }
        };
        let mut committed = false;
        for channel in &channels {
            match (&channel.settings, &self.outbox) {
                _ if self.setup.dry_run => show(None),
                (Settings::Terminal, _) => show(None),
                (_, None) => {
                    show(Some(format!("not sent to {}: there is no outbox", channel.name)))
                }
                (_, Some(outbox)) => {
                    match outbox.commit(
                        message,
                        &channel.name,
                        &self.setup.run.id,
                        pictures,
                        message.at,
                    ) {
                        Ok(done) => {
                            committed = true;
                            if let Some(notice) = done.notice {
                                say(&format!("watch: {notice}"));
                            }
                        }
                        Err(error) => show(Some(format!("not sent to {}: {error}", channel.name))),
                    }
                }
            }
        }
        if let (true, Some(courier)) = (committed, &mut self.courier) {
            courier.wake();
        }
    }
}

fn goes_on(stage: &Stage) -> bool {
    matches!(stage, Stage::Running | Stage::Unjudged)
}

/// How an alert is marked in later charts: at the step at which it fired.
fn event(report: &Report) -> Option<(f64, String)> {
    let alert = &report.alert;
    let loud = alert.severity > Severity::Info && alert.state == AlertState::Firing;
    let marked = loud && !matches!(alert.happening, Happening::Ended(_));
    Some((report.step.filter(|_| marked)?, alert.rule.clone()))
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

/// The named curves in the order of the names; if there are no names, all that the run printed.
fn chosen(curves: &[Curve], names: &[String]) -> Vec<Curve> {
    if names.is_empty() {
        return curves.iter().filter(|curve| !host::is_host(&curve.name)).cloned().collect();
    }
    names
        .iter()
        .filter_map(|name| curves.iter().find(|curve| curve.name == *name))
        .cloned()
        .collect()
}

fn subtitle(message: &Message) -> String {
    let elapsed = message.run.elapsed.map(crate::time::format_duration).unwrap_or_default();
    let parts = [message.run.host.as_str(), &elapsed, outcome(message)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn outcome(message: &Message) -> &str {
    match (message.kind, message.severity) {
        (MessageKind::End, Severity::Info) => "finished",
        (MessageKind::End, _) => "ended",
        _ => "",
    }
}

/// What the person at the terminal should know of it; none for what went well.
pub fn notice_text(notice: &Notice) -> Option<String> {
    let with_hint = |text: String, hint: &Option<String>| match hint {
        Some(hint) => format!("{text}\n  hint: {hint}"),
        None => text,
    };
    match notice {
        Notice::Delivered { .. } | Notice::Idle(_) => None,
        Notice::Waiting { channel, reason, hint } => {
            let text = format!("{channel}: {reason}; it is tried again");
            Some(with_hint(text, hint))
        }
        Notice::Failed { channel, reason, hint } => {
            Some(with_hint(format!("{channel} refused a message: {reason}"), hint))
        }
        Notice::GaveUp { channel, reason } => {
            Some(format!("{channel}: given up after a day: {reason}; see `watch outbox`"))
        }
        Notice::Trouble(text) => Some(text.clone()),
    }
}

/// How a message looks on standard error.
pub fn look(colour: bool) -> terminal::Look {
    let error = std::io::stderr();
    let size = rustix::termios::tcgetwinsize(&error).ok();
    let width = size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
    terminal::Look { width: width.unwrap_or(80), colour, tty: error.is_terminal() }
}

/// A message on standard error; if nobody can see it there, that is nobody's problem.
fn show_on_terminal(message: &Message, colour: bool) {
    let _ = terminal::write(message, look(colour), &mut std::io::stderr().lock());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::alert::{Alert, Outcome, Verdict};
    use crate::engine::input::ProcessStatus;
    use crate::engine::rules::Attach;

    #[test]
    fn charts_mark_what_was_worth_a_warning_and_a_restart_but_not_the_end() {
        let status = ProcessStatus::Exited { code: 3 };
        let verdict = Verdict { status, outcome: Outcome::Failed, cause: None, restarts: 0 };
        let after = Duration::from_secs(1);
        let restarting =
            Happening::Restarting { verdict: verdict.clone(), attempt: 1, most: 10, after };
        let marks = [
            (Severity::Warning, restarting, Some(40.0), true),
            (Severity::Critical, Happening::Ended(verdict), Some(40.0), false),
            (Severity::Info, Happening::Due, Some(40.0), false),
            (Severity::Critical, Happening::Due, Some(40.0), true),
            (Severity::Critical, Happening::Due, None, false),
        ];
        for (severity, happening, step, marked) in marks {
            let alert = Alert { severity, happening, ..alert() };
            let report = Report { step, ..Report::bare(alert) };
            let expected = marked.then(|| (40.0, "rule".to_owned()));
            assert_eq!(event(&report), expected, "{report:?}");
        }
    }

    fn alert() -> Alert {
        Alert {
            rule: "rule".to_owned(),
            severity: Severity::Info,
            state: AlertState::Firing,
            at: Timestamp::from_secs(1_795_401_203),
            origin: None,
            happening: Happening::Due,
            message: None,
            lines: Vec::new(),
            metrics: Vec::new(),
            progress: None,
            elapsed: Duration::from_secs(60),
            held_back: 0,
            untold: Vec::new(),
            to: Vec::new(),
            attach: Attach::default(),
            stop: None,
        }
    }

    #[test]
    fn host_metrics_are_drawn_only_by_name() {
        let curve = |name: &str| Curve::of(name, vec![(1.0, 1.0)]);
        let curves = ["cpu.util", "loss", "acc"].map(curve);
        let names = |chosen: Vec<Curve>| -> Vec<String> {
            chosen.into_iter().map(|curve| curve.name).collect()
        };
        assert_eq!(names(chosen(&curves, &[])), ["loss", "acc"]);
        let named = ["acc".to_owned(), "cpu.util".to_owned(), "none".to_owned()];
        assert_eq!(names(chosen(&curves, &named)), ["acc", "cpu.util"]);
    }
}
