//! `watch --tail` that is killed and started again: each alert is told, and those that may have
//! been told before say so.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Mortal, Sandbox, WATCH};

/// A rule for each last digit: of many alerts of one rule some are told in one message.
fn rules() -> String {
    let rule = |digit: u32| {
        format!("  - {{ name: each-{digit}, match: 'ALERT (?<n>[0-9]*{digit})$', lines: 0 }}\n")
    };
    format!("builtin: false\nrules:\n{}", (0..10).map(rule).collect::<String>())
}

/// For a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A log, and the watchers that followed it one after the other.
struct Story {
    sandbox: Sandbox,
    lives: usize,
    written: usize,
}

impl Story {
    fn begin_life(&mut self, options: &[&str]) -> Mortal {
        self.lives += 1;
        let words = [&["--rules", "rules.yaml", "--tail", "train.log"], options].concat();
        let said = File::create(self.said_path(self.lives)).unwrap();
        let mut command = self.sandbox.command(WATCH, words);
        Mortal(command.stdout(Stdio::null()).stderr(said).start().unwrap())
    }

    fn said_path(&self, life: usize) -> std::path::PathBuf {
        self.sandbox.work().join(format!("said-{life}"))
    }

    fn said(&self, life: usize) -> String {
        // What is just being written may end within a character.
        String::from_utf8_lossy(&fs::read(self.said_path(life)).unwrap()).into_owned()
    }

    fn write(&mut self, lines: usize) {
        let path = self.sandbox.work().join("train.log");
        let mut log = OpenOptions::new().append(true).create(true).open(path).unwrap();
        for _ in 0..lines {
            self.written += 1;
            writeln!(log, "step {n}: ALERT {n}", n = self.written).unwrap();
        }
    }

    fn rotate(&self) {
        let path = |name: &str| self.sandbox.work().join(name);
        fs::rename(path("train.log"), path("train.log.1")).unwrap();
    }

    fn checkpoint(&self) -> String {
        let folder = fs::read_dir(self.sandbox.state().join("tail")).into_iter().flatten();
        let is_one = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "json");
        let path = folder.map(|entry| entry.unwrap().path()).find(is_one);
        path.map_or_else(String::new, |path| fs::read_to_string(path).unwrap())
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        use notify::Watcher as _;
        let (changed, changes) = std::sync::mpsc::sync_channel(1);
        let mut watcher = notify::recommended_watcher(move |_| {
            let _ = changed.try_send(());
        })
        .unwrap();
        let state = self.sandbox.state();
        fs::create_dir_all(&state).unwrap();
        for folder in [state, self.sandbox.work()] {
            watcher.watch(&folder, notify::RecursiveMode::Recursive).unwrap();
        }
        while !holds(self) {
            let seen = changes.recv_timeout(PATIENCE);
            assert!(seen.is_ok(), "not yet: {what}\n{}", self.said(self.lives));
        }
    }

    fn wait_for_the_newest(&self) {
        let newest = format!("ALERT {}\n", self.written);
        self.wait_until(&newest, |story| {
            told(&story.said(story.lives)).any(|(n, _)| n == story.written)
        });
    }
}

/// The numbers of a terminal's messages, and whether they say that they may be repeats.
fn told(said: &str) -> impl Iterator<Item = (usize, bool)> {
    said.split("╭─").filter_map(|message| {
        let (_, after) = message.split_once("ALERT ")?;
        let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((digits.parse().ok()?, message.contains("May be a repeat")))
    })
}

#[test]
fn each_alert_is_told_though_the_watcher_is_killed_again_and_again() {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", &rules());
    let mut story = Story { sandbox, lives: 0, written: 0 };
    let mut options = &["--from", "start"][..];
    for round in 0..6 {
        let mut watcher = story.begin_life(options);
        options = &[];
        story.write(3);
        story.wait_for_the_newest();
        if round % 2 == 0 {
            let before = story.checkpoint();
            story.wait_until("a checkpoint", |story| story.checkpoint() != before);
        }
        watcher.signal(Signal::KILL);
        watcher.0.wait().unwrap();
        // While nobody watches.
        story.write(2);
        if round % 3 == 1 {
            story.rotate();
            story.write(1);
        }
    }
    let mut last = story.begin_life(&[]);
    story.wait_for_the_newest();
    last.signal(Signal::TERM);
    last.0.wait().unwrap();
    let mut seen = vec![false; story.written + 1];
    for life in 1..=story.lives {
        for (number, repeat) in told(&story.said(life)) {
            assert!(
                !seen[number] || repeat,
                "ALERT {number} again in life {life}, as if it were new"
            );
            seen[number] = true;
        }
    }
    let missing: Vec<_> = (1..=story.written).filter(|number| !seen[*number]).collect();
    assert!(missing.is_empty(), "never told: {missing:?}");
}

#[test]
fn after_an_end_in_order_nothing_is_told_again() {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", &rules());
    let mut story = Story { sandbox, lives: 0, written: 0 };
    let mut options = &["--from", "start"][..];
    for _ in 0..3 {
        let mut watcher = story.begin_life(options);
        options = &[];
        story.write(2);
        story.wait_for_the_newest();
        watcher.signal(Signal::TERM);
        watcher.0.wait().unwrap();
        story.write(1);
    }
    let all: Vec<_> =
        (1..=story.lives).flat_map(|life| told(&story.said(life)).collect::<Vec<_>>()).collect();
    let expected: Vec<_> = (1..story.written).map(|number| (number, false)).collect();
    assert_eq!(all, expected);
}

#[test]
fn a_loss_is_counted_and_told_at_the_end() {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", &rules());
    let mut story = Story { sandbox, lives: 0, written: 0 };
    let mut watcher = story.begin_life(&["--from", "start"]);
    story.write(2);
    story.wait_for_the_newest();
    File::create(story.sandbox.work().join("train.log")).unwrap();
    story.write(2);
    story.wait_for_the_newest();
    watcher.signal(Signal::TERM);
    watcher.0.wait().unwrap();
    let said = story.said(1);
    assert!(said.contains("`train.log` was truncated"), "{said}");
    assert!(said.contains("gaps: 1 in what was followed"), "{said}");
}
