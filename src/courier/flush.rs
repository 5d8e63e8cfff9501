//! One pass over the outbox by hand: everything that no living courier delivers is tried once.

use std::collections::{BTreeMap, BTreeSet};

use crate::channels::{Channel, ChannelConfig, Verdict};
use crate::courier::attempt::{Unusable, attempt_for_another};
use crate::courier::heartbeat::settle_all;
use crate::courier::process::{Ports, is_ours};
use crate::outbox::{Claim, Entry, Outbox, OutboxError};

/// What became of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flushed {
    Delivered,
    /// Still in the outbox, and why.
    Waiting(String),
    /// Refused for good, and why; it is set aside.
    Failed(String),
    /// The courier of its run lives, and is at it.
    Busy,
    /// No channel of this name in the rules.
    NoChannel,
}

/// Tries every waiting entry once, whatever its back-off, in order. After a failure the rest of
/// that channel waits. `each` is called as soon as an entry's fate is known.
pub async fn flush(
    outbox: &Outbox,
    channels: &[ChannelConfig],
    ports: &Ports,
    mut each: impl FnMut(&Entry, &Flushed),
) -> Result<(), OutboxError> {
    let mut pass = Pass { outbox, ports, claims: BTreeMap::new(), down: BTreeMap::new() };
    let built: Vec<(&str, Box<dyn Channel>)> = channels
        .iter()
        .filter(is_ours)
        .map(|config| {
            let channel = (ports.build)(config);
            (config.name.as_str(), channel.unwrap_or_else(|error| Box::new(Unusable(error))))
        })
        .collect();
    let entries = outbox.list()?.entries;
    let runs: BTreeSet<&String> = entries.iter().map(|entry| &entry.run).collect();
    for run in runs {
        match outbox.claim(run) {
            Ok(None) => {}
            Ok(claim) => drop(pass.claims.insert(run.clone(), claim)),
            // It is a person who asks, and who knows whether the run lives.
            Err(OutboxError::NoLocks { .. }) => drop(pass.claims.insert(run.clone(), None)),
            Err(error) => return Err(error),
        }
    }
    // Read again: what was read before it was claimed may have been delivered since.
    for entry in outbox.list()?.entries {
        let channel = built.iter().find(|(name, _)| *name == entry.channel);
        let fate = match channel {
            None => Flushed::NoChannel,
            Some((_, channel)) => pass.try_one(channel.as_ref(), entry.clone()).await?,
        };
        each(&entry, &fate);
    }
    drop(pass);
    for (name, channel) in &built {
        settle_all(channel.as_ref(), outbox, name, "", (ports.clock)()).await;
    }
    Ok(())
}

struct Pass<'a> {
    outbox: &'a Outbox,
    ports: &'a Ports,
    claims: BTreeMap<String, Option<Claim>>,
    /// Channels that failed in this pass, and why.
    down: BTreeMap<String, String>,
}

impl Pass<'_> {
    async fn try_one(
        &mut self,
        channel: &dyn Channel,
        mut entry: Entry,
    ) -> Result<Flushed, OutboxError> {
        if !self.claims.contains_key(&entry.run) {
            return Ok(Flushed::Busy);
        }
        if let Some(reason) = self.down.get(&entry.channel) {
            return Ok(Flushed::Waiting(reason.clone()));
        }
        let now = (self.ports.clock)();
        let tried = attempt_for_another(channel, self.outbox, &mut entry, true, now).await;
        let Err(error) = tried else {
            self.outbox.remove(&entry)?;
            return Ok(Flushed::Delivered);
        };
        let reason = error.to_string();
        entry.reason = Some(reason.clone());
        if error.verdict == Verdict::Permanent {
            self.outbox.fail(&entry)?;
            return Ok(Flushed::Failed(reason));
        }
        self.outbox.save_progress(&entry)?;
        self.down.insert(entry.channel.clone(), reason.clone());
        Ok(Flushed::Waiting(reason))
    }
}
