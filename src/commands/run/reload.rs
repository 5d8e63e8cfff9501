//! The rules file of a live run is read again when it has changed: whole, or not at all.
//!
//! Only its rules and patterns are taken over. Channels, charts, name and language stay as they
//! were at the start, since the courier and the card live by them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::{plural, spawn};
use crate::commands::environment;
use crate::config::{self, Config};
use crate::engine::rules::RuleSet;
use crate::error::{AppError, say};
use crate::runtime::queue::Queue;
use crate::sources::host::Sampler;

/// How often the file is looked at. A change counts once it has stood for as long: before that an
/// editor may be in the middle of it.
const LOOK: Duration = Duration::from_millis(500);

/// Which state of a file this is; none: it is not there.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// A rules file, and the state of it that was read last.
#[derive(Debug)]
pub(super) struct RulesFile {
    path: PathBuf,
    read: Stamp,
    seen: Stamp,
}

impl RulesFile {
    /// To be made before the file is read, so that no change gets lost in between.
    pub(super) fn new(path: &Path) -> Self {
        // As seen from here, should the run change its folder.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let read = stamp(&path);
        Self { path, read, seen: read }
    }

    /// Whether it is another one than the one that was read last, and has been for a while.
    fn has_changed(&mut self) -> bool {
        let now = stamp(&self.path);
        let stands = now == std::mem::replace(&mut self.seen, now);
        let changed = stands && now != self.read;
        if changed {
            self.read = now;
        }
        changed
    }
}

fn stamp(path: &Path) -> Stamp {
    let meta = fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}

/// What a run started with, as far as new rules must agree with it.
#[derive(Debug)]
pub(super) struct Fixed {
    channels: Vec<String>,
    secrets: Vec<String>,
    /// Metrics that are named, and so measured if they are the host's.
    measured: Vec<String>,
}

impl Fixed {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            channels: config.channels.iter().map(|channel| channel.name.clone()).collect(),
            secrets: config.secrets.clone(),
            measured: super::setup::measured(&config.rules, &config.charts),
        }
    }

    /// Why these rules cannot be taken over; none: they can.
    fn objection(&self, config: &Config) -> Option<String> {
        let to = config.rules.rules.iter().flat_map(|rule| &rule.to);
        let unknown = to.into_iter().find(|name| !self.channels.contains(name));
        if let Some(name) = unknown {
            return Some(format!("the channel {name} is new; channels are opened at the start"));
        }
        // Texts are masked by the secrets of the start.
        let new = config.secrets.iter().any(|secret| !self.secrets.contains(secret));
        new.then(|| "it holds a secret that is new; secrets are read at the start".to_owned())
    }
}

/// Reads the file again until it is dropped.
#[derive(Debug)]
pub(super) struct Reload {
    _stop: SyncSender<()>,
}

impl Reload {
    pub(super) fn start(
        file: RulesFile,
        fixed: Fixed,
        queue: Arc<Queue>,
        pid: Arc<AtomicU32>,
    ) -> Result<Self, AppError> {
        let (stop, stopped) = sync_channel(0);
        let mut reading = Reading { file, fixed, queue, pid, samplers: Vec::new() };
        spawn("rules", move || reading.run(&stopped))?;
        Ok(Self { _stop: stop })
    }
}

struct Reading {
    file: RulesFile,
    fixed: Fixed,
    queue: Arc<Queue>,
    /// The command's, for what is measured of it.
    pid: Arc<AtomicU32>,
    /// Measure what only later rules name.
    samplers: Vec<Sampler>,
}

impl Reading {
    fn run(&mut self, stopped: &Receiver<()>) {
        while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if !self.file.has_changed() {
                continue;
            }
            let name = self.file.path.display();
            match self.read() {
                Ok(rules) => {
                    let count = plural(rules.rules.len(), "rule");
                    let said = format!("watch: {name} has changed: {count} from now on");
                    self.take_over(rules);
                    // Only now is it true of the next line.
                    say(&said);
                }
                Err(why) => say(&format!("watch: {name} has changed, but the rules stay: {why}")),
            }
        }
    }

    fn read(&self) -> Result<RuleSet, String> {
        let config = config::load(Some(&self.file.path), &environment::variable).map_err(|e| {
            format!("it is wrong\n{}", e.render(environment::color_on_stderr()).trim_end())
        })?;
        match self.fixed.objection(&config) {
            Some(why) => Err(why),
            None => Ok(config.rules),
        }
    }

    fn take_over(&mut self, rules: RuleSet) {
        let measured = &mut self.fixed.measured;
        let mut named = rules.named_metrics();
        named.retain(|name| !measured.contains(name));
        let queue = Arc::<Queue>::clone(&self.queue);
        self.samplers.extend(Sampler::start(&named, queue, Arc::clone(&self.pid)));
        measured.extend(named);
        self.queue.put_rules(rules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_and_only_when_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.yaml");
        fs::write(&path, "rules: []").unwrap();
        let mut file = RulesFile::new(&path);
        assert!(!file.has_changed() && !file.has_changed());
        fs::write(&path, "rules:").unwrap();
        assert!(!file.has_changed());
        fs::write(&path, "rules: [] # more").unwrap();
        assert!(!file.has_changed(), "it is still being written");
        assert!(file.has_changed());
        assert!(!file.has_changed() && !file.has_changed());
        fs::remove_file(&path).unwrap();
        assert!(!file.has_changed());
        assert!(file.has_changed());
        assert!(!file.has_changed());
    }

    #[test]
    fn new_channels_and_secrets_wait_for_the_next_start() {
        let load = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("rules.yaml");
            fs::write(&path, text).unwrap();
            let variable = |_: &str| Some("https://hooks.slack.com/services/T/B/x".to_owned());
            config::load(Some(&path), &variable).unwrap()
        };
        let rule = "rules: [{ name: a, match: x, to: [here] }]\n";
        let start = load(&format!("channels: {{ here: {{ terminal: {{}} }} }}\n{rule}"));
        let fixed = Fixed::of(&start);
        assert_eq!(fixed.objection(&start), None);
        let other = rule.replace("here", "lab");
        let new = load(&format!("channels: {{ lab: {{ terminal: {{}} }} }}\n{other}"));
        assert!(fixed.objection(&new).unwrap().contains("lab is new"));
        let hook = "hook: { slack: { webhook: \"${HOOK}\" } }";
        let new = load(&format!("channels: {{ here: {{ terminal: {{}} }}, {hook} }}\n{rule}"));
        assert!(fixed.objection(&new).unwrap().contains("secret"));
    }
}
