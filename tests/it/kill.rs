//! kill -9 of supervisor, keeper and courier at random instants, while Slack answers with 429 and 500, cuts
//! connections before and after it has taken a message, or hangs.
//!
//! An entry is committed when it got its name in the outbox, which is seen from outside. Then it
//! must arrive, whatever is killed; a second time only if an answer was lost.
//!
//! `KILLS=1000 cargo test --test it kill::many -- --ignored --nocapture` prints its figures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use notify::Watcher as _;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Sandbox, WATCH};
use crate::support::slack::{FakeSlack, Fault, LogEntry, Posted, Reply, What};

const RULES: &str = r"
builtin: false
rules:
  - name: mark
    match: '^mark (?<n>\d+)'
    severity: warning
    cooldown: 0s
    message: 'mark {{ n }} is told'
  - name: end
    exit: any
";
const MARKS: usize = 8;
/// A remark among the requests.
const KILLED: &str = "a helper was killed";
const RUN: &str = "for i in 1 2 3 4 5 6 7 8; do echo mark $i; sleep 0.03; done; exit 3";

/// splitmix64, by Sebastiano Vigna.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn pause(&mut self, most_ms: u64) {
        std::thread::sleep(Duration::from_millis(self.below(most_ms)));
    }

    fn fault(&mut self, slack: &FakeSlack) {
        let on = ["chat.postMessage", "chat.postMessage", "chat.update"][self.below(3) as usize];
        let what = match self.below(8) {
            0 | 1 => What::Answer(Reply::too_many(1)),
            2 | 3 => What::Answer(Reply::text(500, "")),
            4 => What::DropBefore,
            5 | 6 => What::DropAfter,
            _ => What::HangAfter,
        };
        let skip = self.below(3) as u32;
        slack.inject(Fault { on: on.to_owned(), what, skip, times: 1 });
    }
}

/// What one run, or all of them, came to.
#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    committed: usize,
    arrived: usize,
    duplicates: usize,
    /// Answers that were lost: cut or unheard after the message was taken, or their courier killed.
    ambiguous: usize,
    /// Threads, and messages that stand alone, beyond the one of each run.
    further_roots: usize,
    flushes: usize,
    /// Of the runs of which something arrived twice.
    stories: Vec<String>,
}

/// All entries that ever were in the outbox: by name, what they say.
struct Committed {
    entries: Arc<Mutex<BTreeMap<String, String>>>,
    _watcher: notify::RecommendedWatcher,
}

impl Committed {
    fn watch(state: &Path) -> Self {
        let entries = Arc::<Mutex<BTreeMap<String, String>>>::default();
        let seen = Arc::clone(&entries);
        let outbox = state.join("outbox");
        fs::create_dir_all(&outbox).unwrap();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let paths = event.expect("no event is lost").paths;
                for path in paths.iter().filter(|it| it.extension().is_some_and(|e| e == "json")) {
                    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                        continue;
                    };
                    let mut seen = seen.lock().unwrap();
                    seen.entry(name.to_owned())
                        .or_insert_with(|| title(path).unwrap_or_else(|| name.to_owned()));
                }
            })
            .unwrap();
        watcher.watch(&outbox, notify::RecursiveMode::NonRecursive).unwrap();
        Self { entries, _watcher: watcher }
    }

    /// What was to be told. Keeper and courier may both have told that the watcher is gone.
    fn texts(&self) -> BTreeSet<String> {
        self.entries.lock().unwrap().values().cloned().collect()
    }
}

/// None: the entry was delivered before it could be looked at.
fn title(path: &Path) -> Option<String> {
    let entry: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    Some(entry["entry"]["message"]["title"].as_str()?.to_owned())
}

/// All couriers and keepers that work on this state folder, whoever started them.
fn helpers(sandbox: &Sandbox) -> Vec<i32> {
    let mark = sandbox.state().parent().unwrap().to_str().unwrap().to_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        let words = read("cmdline");
        let is_ours = words.ends_with(b"\0courier\0") || words.ends_with(b"\0keeper\0");
        if is_ours && environment.contains(&mark) {
            found.push(pid);
        }
    }
    found
}

fn kill(pid: i32) -> bool {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).is_ok()
}

/// Kills some couriers and keepers, and at last, perhaps, the supervisor; nothing of it lives afterwards.
fn run_and_kill(sandbox: &Sandbox, slack: &FakeSlack, dice: &mut Dice) -> usize {
    let kill = |pid: i32| {
        let killed = kill(pid);
        slack.remark(KILLED);
        killed
    };
    let options = ["--rules", "rules.yaml", "--name", "resnet50", "--linger", "0s"];
    let words = [&options[..], &["--", "sh", "-c", RUN]].concat();
    let mut command = sandbox.command(WATCH, words);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut supervisor: Child = command.start().unwrap();
    let mut kills = 0;
    for _ in 0..=dice.below(4) {
        dice.pause(140);
        if dice.below(2) == 0 {
            kills += helpers(sandbox).into_iter().filter(|&helper| kill(helper)).count();
        }
    }
    if dice.below(3) > 0 {
        dice.pause(120);
        slack.remark("kill -9 of the supervisor");
        let _ = supervisor.kill();
        kills += 1;
        supervisor.wait().unwrap();
        // The courier may tell of it now; or it may not come to that.
        dice.pause(60);
    } else {
        supervisor.wait().unwrap();
        dice.pause(200);
    }
    // A keeper that is seen late may have started a courier once more.
    loop {
        let left = helpers(sandbox);
        if left.is_empty() {
            return kills;
        }
        kills += left.into_iter().filter(|&helper| kill(helper)).count();
    }
}

/// By text: how often it arrived. The card is no entry.
fn arrivals(messages: &[Posted]) -> BTreeMap<String, usize> {
    let mut arrivals = BTreeMap::new();
    // A card that says what a reply to it says.
    let is_card = |root: &Posted| {
        let is_reply = |other: &&Posted| other.thread.as_ref() == Some(&root.ts);
        messages.iter().filter(is_reply).any(|reply| first_line(reply) == first_line(root))
    };
    let is_entry =
        |message: &&Posted| message.thread.is_some() || (is_entry(message) && !is_card(message));
    for message in messages.iter().filter(is_entry) {
        *arrivals.entry(first_line(message)).or_default() += 1;
    }
    arrivals
}

fn first_line(message: &Posted) -> String {
    message.text.lines().next().unwrap_or_default().to_owned()
}

/// A message that stands alone because its card was never shown.
fn is_entry(message: &Posted) -> bool {
    message.text.contains("is told") || (message.edited == 0 && !message.text.contains("running"))
}

/// Posts that were repeated although their answer arrived: no call between them and a kill means
/// that their courier died before it could write the answer down, or hear it.
fn needless_repeats(slack: &FakeSlack) -> Vec<String> {
    let log = slack.log();
    let posted = |entry: &LogEntry| {
        let is_post = entry.name == "chat.postMessage" && matches!(entry.status, 0 | 200);
        let text = || entry.args["text"].as_str().unwrap_or_default().to_owned();
        is_post.then(|| (text(), entry.args["thread_ts"].is_null()))
    };
    let is_call = |entry: &LogEntry| entry.name.contains('.') || entry.name == "flush";
    let told_apart = |entry: &&LogEntry| is_call(entry) || entry.name.starts_with("a helper");
    let mut needless = Vec::new();
    for (index, entry) in log.iter().enumerate() {
        let Some(post) = posted(entry).filter(|_| entry.status == 200) else { continue };
        let (before, after) = (&log[..index], &log[index + 1..]);
        let is_repeated = after.iter().any(|later| posted(later).as_ref() == Some(&post));
        let beside = [before.iter().rev().find(told_apart), after.iter().find(told_apart)];
        if is_repeated && beside.into_iter().flatten().all(is_call) {
            needless.push(post.0);
        }
    }
    needless
}

/// The requests, and what happened between them, for a person to judge what was whose fault.
fn story(slack: &FakeSlack) -> String {
    let mut lines = Vec::new();
    for entry in slack.log() {
        let text = entry.args["text"].as_str().unwrap_or_default().lines().next().unwrap_or("");
        let place = if entry.args["thread_ts"].is_null() { "" } else { "↳ " };
        let heard = if entry.status == 0 { "UNHEARD" } else { "" };
        lines.push(format!("  {} {} {heard} {place}{text}", entry.name, entry.status));
    }
    lines.join("\n")
}

fn one(seed: u64) -> Figures {
    let mut dice = Dice(seed);
    let slack = FakeSlack::start();
    slack.lift_rate_limits();
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_BOT_TOKEN", &slack.token);
    sandbox.set("SLACK_CHANNEL_ID", "#training");
    sandbox.set("SLACK_API_URL", &slack.api_url);
    sandbox.write("rules.yaml", RULES);
    let committed = Committed::watch(&sandbox.state());
    for _ in 0..dice.below(5) {
        dice.fault(&slack);
    }
    let kills = run_and_kill(&sandbox, &slack, &mut dice);
    let ambiguous = kills + slack.end_faults();
    let mut flushes = 0;
    while !sandbox.watch(["outbox", "list"]).stdout.starts_with("The outbox is empty") {
        assert!(flushes < 10, "seed {seed}: {}", sandbox.watch(["outbox", "list"]).stdout);
        slack.remark("flush");
        sandbox.watch(["outbox", "flush", "--rules", "rules.yaml"]);
        flushes += 1;
    }
    let messages = slack.messages("#training");
    let arrivals = arrivals(&messages);
    let cards = messages.iter().filter(|message| message.thread.is_none()).count();
    let needless = needless_repeats(&slack);
    assert!(needless.is_empty(), "seed {seed}: {needless:?}\n{}", story(&slack));
    let duplicates = arrivals.values().map(|count| count - 1).sum();
    let committed = committed.texts();
    assert!(arrivals.len() >= committed.len(), "seed {seed}: {committed:#?}\n{arrivals:#?}");
    Figures {
        kills,
        committed: committed.len(),
        arrived: arrivals.len(),
        duplicates,
        ambiguous,
        further_roots: cards.saturating_sub(1),
        flushes,
        stories: match duplicates + cards > 1 {
            true => vec![format!("seed {seed}:\n{}", story(&slack))],
            false => Vec::new(),
        },
    }
}

fn kill_so_often(instants: usize, seed: u64) -> Figures {
    let mut all = Figures::default();
    let mut seed = seed;
    while all.kills < instants {
        seed += 1;
        let figures = one(seed);
        assert!(figures.committed <= MARKS + 5, "seed {seed}: {figures:?}");
        assert!(figures.arrived >= figures.committed, "lost, seed {seed}: {figures:?}");
        let twice = figures.duplicates + figures.further_roots;
        assert!(twice <= figures.ambiguous, "seed {seed}: {figures:?}");
        all.kills += figures.kills;
        all.committed += figures.committed;
        all.arrived += figures.arrived;
        all.duplicates += figures.duplicates;
        all.ambiguous += figures.ambiguous;
        all.further_roots += figures.further_roots;
        all.flushes += figures.flushes;
        all.stories.extend(figures.stories);
    }
    all
}

#[test]
fn no_committed_entry_is_lost_whoever_is_killed_and_when() {
    kill_so_often(10, 0);
}

#[test]
#[ignore = "minutes; to be run by hand, for its figures"]
fn many() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let instants = number("KILLS").unwrap_or(1000);
    let mut figures = kill_so_often(instants, number("SEED").unwrap_or(1000) as u64);
    for story in std::mem::take(&mut figures.stories) {
        eprintln!("{story}");
    }
    eprintln!("{figures:#?}");
}
