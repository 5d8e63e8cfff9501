//! `watch send TEXT`: one message, from a script or from inside a run.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::channels::terminal::{self, Look};
use crate::channels::{ChannelConfig, Settings as Kind};
use crate::courier::{self, Notice, Outcome, Settings};
use crate::engine::alert::{AlertState, Severity};
use crate::outbox::{Outbox, OutboxError, Picture};
use crate::render::Message;
use crate::render::mask::mask;
use crate::render::message::{MessageKind, RunLabel};
use crate::sources::images;
use crate::time::Timestamp;

/// What is to be said.
#[derive(Clone, Copy, Debug)]
pub struct Note<'a> {
    pub text: &'a str,
    pub chart: Option<&'a Path>,
    pub severity: Severity,
    /// The run that it belongs to: the one of `WATCH_RUN`, or one made up for this message.
    pub run: &'a RunLabel,
    /// Values that are masked in the text.
    pub secrets: &'a [String],
}

/// Where it is said, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub channels: &'a [ChannelConfig],
    pub state_dir: &'a Path,
    /// Our own executable, for the courier.
    pub program: &'a Path,
    pub look: Look,
    /// How long to wait for the delivery.
    pub linger: Duration,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Everywhere.
    Delivered,
    /// It is on disk; the courier of the run that we are in delivers it.
    LeftToTheRun,
    /// Not yet everywhere; a courier goes on trying. What it said so far.
    Pending(Outcome, Vec<Notice>),
}

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the text is empty")]
    Empty,
    #[error("cannot send the chart {}: {reason}", path.display())]
    Chart { path: PathBuf, reason: String },
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error("cannot start the delivery: {0}; the message stays in the outbox")]
    Courier(#[source] io::Error),
    #[error(transparent)]
    Output(io::Error),
}

/// Says it: at once on the terminal, else through the outbox.
pub fn send(
    note: Note<'_>,
    target: Target<'_>,
    now: Timestamp,
    terminal: &mut dyn Write,
) -> Result<Sent, SendError> {
    let pictures: Vec<Picture> = note.chart.map(picture).transpose()?.into_iter().collect();
    let message = message(note, now)?;
    let (here, away): (Vec<_>, Vec<_>) =
        target.channels.iter().partition(|config| config.settings == Kind::Terminal);
    if !here.is_empty() {
        terminal::write(&message, target.look, terminal).map_err(SendError::Output)?;
    }
    if away.is_empty() {
        return Ok(Sent::Delivered);
    }
    let outbox = Outbox::open(target.state_dir)?;
    for config in &away {
        let stored = outbox.commit(&message, &config.name, &note.run.id, &pictures, now)?;
        if let Some(notice) = stored.notice {
            writeln!(terminal, "{notice}").map_err(SendError::Output)?;
        }
    }
    // The claim shows whether a courier lives; it is let go of at once, for ours to take it.
    match outbox.claim(&note.run.id)? {
        None => return Ok(Sent::LeftToTheRun),
        Some(claim) => drop(claim),
    }
    let settings = Settings {
        state_dir: target.state_dir.to_owned(),
        run: note.run.clone(),
        channels: away.into_iter().cloned().collect(),
    };
    let courier = courier::start(settings, target.program).map_err(SendError::Courier)?;
    let Some(mut courier) = courier else { return Ok(Sent::Delivered) };
    let outcome = courier.finish(target.linger)?;
    Ok(match outcome.all_delivered() {
        true => Sent::Delivered,
        false => Sent::Pending(outcome, courier.notices()),
    })
}

fn message(note: Note<'_>, now: Timestamp) -> Result<Message, SendError> {
    let text = mask(note.text.trim(), note.secrets);
    let (title, body) = text.split_once('\n').unwrap_or((&text, ""));
    if title.is_empty() {
        return Err(SendError::Empty);
    }
    let chart_path = note.chart.map(|path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        path.to_string_lossy().into_owned()
    });
    Ok(Message {
        kind: MessageKind::Note,
        severity: note.severity,
        state: AlertState::Firing,
        run: note.run.clone(),
        rule: String::new(),
        at: now,
        title: title.trim_end().to_owned(),
        body: body.trim().to_owned(),
        fields: Vec::new(),
        lines: Vec::new(),
        chart_path,
        curves: Vec::new(),
        exit: None,
    })
}

fn picture(path: &Path) -> Result<Picture, SendError> {
    let failed = |reason| SendError::Chart { path: path.to_owned(), reason };
    let bytes = images::read(path).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Picture { alt: name.clone(), name, bytes })
}
