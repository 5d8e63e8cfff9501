//! `watch outbox list|flush|drop`: what is not delivered yet.

use std::io::{self, Write};
use std::path::Path;

use crate::channels::ChannelConfig;
use crate::channels::terminal::clean;
use crate::courier::{self, Flushed, Ports};
use crate::engine::alert::Severity;
use crate::outbox::{Entry, Outbox, OutboxError};
use crate::time::{Timestamp, format_duration};

#[derive(Debug, thiserror::Error)]
pub enum OutboxCommandError {
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Output(#[from] io::Error),
    #[error("no message in the outbox is called `{0}`; `watch outbox list` shows their ids")]
    Unknown(String),
}

/// What `drop` is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    /// Ids, or beginnings of one.
    Ids(Vec<String>),
}

/// Shows what waits and what was refused, oldest first, with the reason of the last failure.
pub fn list(
    state_dir: &Path,
    now: Timestamp,
    output: &mut dyn Write,
) -> Result<(), OutboxCommandError> {
    let outbox = Outbox::open(state_dir)?;
    let waiting = outbox.list()?;
    let failed = outbox.list_failed()?;
    for notice in waiting.notices.iter().chain(&failed.notices) {
        writeln!(output, "{}", clean(notice))?;
    }
    for entry in &waiting.entries {
        show(entry, "waiting", now, output)?;
    }
    for entry in &failed.entries {
        show(entry, "refused", now, output)?;
    }
    match (waiting.entries.len(), failed.entries.len()) {
        (0, 0) => writeln!(output, "The outbox is empty: everything is delivered.")?,
        (waiting, 0) => writeln!(output, "{waiting} waiting; `watch outbox flush` tries them now")?,
        (waiting, failed) => writeln!(
            output,
            "{waiting} waiting, {failed} refused; `watch outbox flush` tries them now, the refused \
             ones with --failed"
        )?,
    }
    Ok(())
}

fn show(entry: &Entry, state: &str, now: Timestamp, output: &mut dyn Write) -> io::Result<()> {
    let message = &entry.message;
    let severity = match message.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    };
    writeln!(
        output,
        "{state}  {severity}: {}",
        clean(if message.title.is_empty() { &message.rule } else { &message.title }),
    )?;
    let age = format_duration(now.since(entry.created));
    let tries = match entry.attempts {
        0 => "not tried yet".to_owned(),
        1 => "tried once".to_owned(),
        n => format!("tried {n} times"),
    };
    writeln!(
        output,
        "         of {}, for channel {}, {age} ago, {tries}",
        clean(&message.run.name),
        clean(&entry.channel),
    )?;
    if let Some(reason) = &entry.reason {
        writeln!(output, "         last failure: {}", clean(reason))?;
    }
    writeln!(output, "         id {}", entry.id)
}

/// Tries everything once, now; with `failed` also what was refused. False: something is left.
pub fn flush(
    state_dir: &Path,
    channels: &[ChannelConfig],
    ports: &Ports,
    failed: bool,
    output: &mut dyn Write,
) -> Result<bool, OutboxCommandError> {
    let outbox = Outbox::open(state_dir)?;
    if failed {
        for entry in outbox.list_failed()?.entries {
            outbox.retry_failed(&entry)?;
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut sent, mut left) = (0, 0);
    let mut written = Ok(());
    runtime.block_on(courier::flush(&outbox, channels, ports, |entry, fate| {
        let said = match fate {
            Flushed::Delivered => {
                sent += 1;
                return;
            }
            Flushed::Waiting(reason) => format!("still waiting: {reason}"),
            Flushed::Failed(reason) => format!("refused: {reason}"),
            Flushed::Busy => "being delivered by the courier of its run".to_owned(),
            Flushed::NoChannel => "these rules have no such channel".to_owned(),
        };
        left += 1;
        let title = clean(&entry.message.title);
        let line = format!("{}: {title}: {}", clean(&entry.channel), clean(&said));
        if written.is_ok() {
            written = writeln!(output, "{line}");
        }
    }))?;
    written?;
    writeln!(output, "{sent} delivered, {left} left")?;
    Ok(left == 0)
}

/// Removes messages without sending them. Returns how many.
pub fn drop(state_dir: &Path, which: &Which) -> Result<usize, OutboxCommandError> {
    let outbox = Outbox::open(state_dir)?;
    let waiting = outbox.list()?.entries;
    let failed = outbox.list_failed()?.entries;
    if let Which::Ids(ids) = which {
        let known = |id: &String| waiting.iter().chain(&failed).any(|e| e.id.starts_with(id));
        if let Some(unknown) = ids.iter().find(|id| id.is_empty() || !known(id)) {
            return Err(OutboxCommandError::Unknown(unknown.clone()));
        }
    }
    let meant = |entry: &&Entry| match which {
        Which::All => true,
        Which::Ids(ids) => ids.iter().any(|id| entry.id.starts_with(id)),
    };
    let mut dropped = 0;
    for entry in waiting.iter().filter(meant) {
        outbox.discard(entry)?;
        dropped += 1;
    }
    for entry in failed.iter().filter(meant) {
        outbox.drop_failed(entry)?;
        dropped += 1;
    }
    Ok(dropped)
}
