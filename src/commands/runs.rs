//! `watch runs [RUN]`: live and past runs of this machine; one of them in detail.

use std::io::{self, Write};
use std::path::Path;

use crate::engine::alert::Outcome;
use crate::render::card::State;
use crate::render::message::Field;
use crate::runtime::record::{self, Run};
use crate::time::{Timestamp, format_duration};

#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    #[error("there is no run {0}")]
    Unknown(String),
    #[error("{0} is the beginning of several runs")]
    Ambiguous(String),
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// All runs, the newest first; or the one whose id begins like this.
pub fn run(
    state_dir: &Path,
    which: Option<&str>,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<(), RunsError> {
    // Without the folder there never was a run.
    let ids = record::ids(state_dir).unwrap_or_default();
    let Some(which) = which else {
        return list(state_dir, &ids, now, out);
    };
    let mut found = ids.iter().filter(|id| id.starts_with(which));
    let run = found.next().and_then(|id| Run::load(state_dir, id));
    match (run, found.next()) {
        (None, None) => Err(RunsError::Unknown(which.to_owned())),
        (Some(run), None) => Ok(detail(&run, now, out)?),
        (_, Some(_)) => Err(RunsError::Ambiguous(which.to_owned())),
    }
}

fn list(
    state_dir: &Path,
    ids: &[String],
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<(), RunsError> {
    let runs: Vec<Run> = ids.iter().rev().filter_map(|id| Run::load(state_dir, id)).collect();
    if runs.is_empty() {
        writeln!(out, "There are no runs yet: put `watch --` in front of a command.")?;
        return Ok(());
    }
    let head = ["RUN", "NAME", "STATE", "STARTED", "TIME", "LAST"].map(str::to_owned);
    let mut rows = vec![head];
    for run in &runs {
        let last = match &run.card {
            Some(card) if card.state == State::NotStarted => card.message.body.clone(),
            Some(card) => metrics(&card.message.fields).join(", "),
            None => String::new(),
        };
        rows.push([
            run.label.id.clone(),
            shown(&run.label.name, 24),
            state(run).to_owned(),
            whole_minute(run.record.started),
            time(run, now),
            shown(&last, 40),
        ]);
    }
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
        .collect();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| {
                let gap = width.saturating_sub(cell.chars().count());
                format!("{cell}{}", " ".repeat(gap))
            })
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn detail(run: &Run, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let label = &run.label;
    let mut pairs = vec![
        ("run", label.id.clone()),
        ("name", label.name.clone()),
        ("state", state(run).to_owned()),
        ("host", format!("{}, process {}", label.host, run.record.pid)),
        ("command", label.command.clone()),
        ("started", run.record.started.to_string()),
        ("time", time(run, now)),
    ];
    if let Some(job) = &run.record.slurm_job {
        pairs.push(("SLURM job", job.clone()));
    }
    if let Some(card) = &run.card {
        pairs.push(("last", card.message.title.clone()));
        pairs.push(("", card.message.body.replace('\n', " ")));
        pairs.push(("at", card.message.at.to_string()));
        pairs.push(("metrics", metrics(&card.message.fields).join(", ")));
    }
    pairs.push(("folder", run.folder().display().to_string()));
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "{name:<10} {}", shown(value, 2000))?;
    }
    let lines = run.card.iter().flat_map(|card| &card.last.lines);
    for (index, line) in lines.enumerate() {
        let name = if index == 0 { "output" } else { "" };
        writeln!(out, "{name:<10} {}", shown(line, 2000).trim_end())?;
    }
    Ok(())
}

/// In the words of the card's states; a run whose card goes on without its watcher is lost.
fn state(run: &Run) -> &'static str {
    match run.card.as_ref().map(|card| card.state) {
        None | Some(State::Running) => {
            if run.lives() {
                "running"
            } else {
                "lost"
            }
        }
        Some(State::Lost) => "lost",
        Some(State::Unwatched) => "unwatched",
        Some(State::NotStarted) => "not started",
        Some(State::Ended(outcome)) => match outcome {
            Outcome::Finished => "finished",
            Outcome::Failed => "failed",
            Outcome::Killed => "killed",
            Outcome::OutOfMemory => "out of memory",
            Outcome::Interrupted => "interrupted",
            Outcome::TimeLimit => "time limit",
            Outcome::Preempted => "preempted",
            Outcome::Unknown => "ended",
        },
    }
}

/// How long it took, or has been running.
fn time(run: &Run, now: Timestamp) -> String {
    let last = run.card.as_ref().and_then(|card| card.message.run.elapsed);
    match run.card.as_ref().map(|card| card.state) {
        None | Some(State::Running) if run.lives() => {
            format_duration(now.since(run.record.started))
        }
        _ => last.map(format_duration).unwrap_or_default(),
    }
}

/// The elapsed time has its own column, and comes last among the fields.
fn metrics(fields: &[Field]) -> Vec<String> {
    let most = fields.len().saturating_sub(1);
    fields.iter().take(most).map(|field| format!("{} {}", field.name, field.value)).collect()
}

/// `2026-11-23T02:33Z`
fn whole_minute(at: Timestamp) -> String {
    let text: String = at.to_string().chars().take("2026-11-23T02:33".len()).collect();
    format!("{text}Z")
}

/// Names and metrics come from the run: nothing that a terminal would obey.
fn shown(text: &str, limit: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    match clean.char_indices().nth(limit) {
        None => clean,
        Some(_) => clean.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}
