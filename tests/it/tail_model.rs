//! Following one file through random writes, rotations and deaths of the follower, against a model
//! of what was written.
//!
//! What is checked: no line comes twice but after a death, and is said to be a repeat then; none is
//! glued together of two, the lines of one file come in order, and a line that does not come is one
//! that could not be seen, or stands at a gap.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use trainwatch::engine::{Input, SourceId};
use trainwatch::sources::Sink;
use trainwatch::sources::tail::{Acknowledged, Follower, Opened, Options, Store};
use trainwatch::time::Timestamp;

use crate::tail::{Line, Recorder, Source};

/// Raise it to search longer.
const CASES: u64 = 5000;
const STEPS: usize = 60;

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// What one file held, from its beginning or a truncation until it was emptied or left.
#[derive(Debug, Default)]
struct Generation {
    /// Each line is written nowhere else. The last one may be unterminated.
    lines: Vec<String>,
    open: bool,
    /// It was emptied without a copy, or deleted without having been seen: it may be lost.
    destroyed: bool,
    /// The follower has looked while it held something.
    seen: bool,
}

struct Model {
    folder: TempDir,
    random: Random,
    generations: Vec<Generation>,
    /// The writer's file, and which generation it writes.
    writer: File,
    current: usize,
    /// Writers that did not notice the rotation yet.
    lingering: Vec<(File, usize)>,
    /// Every file ever made is kept open, so that no inode is used again within a clock tick.
    kept: Vec<File>,
    serial: usize,
    /// What was done, to be read when a case fails.
    story: Vec<String>,
}

impl Model {
    fn new(seed: u64) -> Self {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(base).unwrap();
        let writer = create(&folder.path().join("train.log"));
        Self {
            folder,
            random: Random(seed),
            generations: vec![Generation::default()],
            writer,
            current: 0,
            lingering: Vec::new(),
            kept: Vec::new(),
            serial: 0,
            story: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Text of some lines and perhaps a fragment, which the model takes note of.
    fn write(&mut self, generation: usize) -> String {
        let mut text = String::new();
        for _ in 0..=self.random.below(4) {
            self.serial += 1;
            let padding = "x".repeat(self.random.below(120) as usize);
            let piece = format!("{generation}-{}-{padding}.", self.serial);
            let held = &mut self.generations[generation];
            match held.lines.last_mut() {
                Some(last) if held.open => last.push_str(&piece),
                _ => held.lines.push(piece.clone()),
            }
            text += &piece;
            held.open = self.random.below(5) == 0;
            if !held.open {
                text.push('\n');
            }
        }
        text
    }

    fn append(&mut self) {
        let text = self.write(self.current);
        self.writer.write_all(text.as_bytes()).unwrap();
    }

    fn append_to_old(&mut self) {
        if let Some((mut file, generation)) = self.lingering.pop() {
            let text = self.write(generation);
            file.write_all(text.as_bytes()).unwrap();
            self.kept.push(file);
        }
    }

    fn begin_generation(&mut self) {
        self.current = self.generations.len();
        self.generations.push(Generation::default());
    }

    /// train.log.1 becomes train.log.2, and so on.
    fn shift(&self) {
        let name = |n: u32| self.path(&format!("train.log.{n}"));
        let last = (1..).find(|n| !name(*n).exists()).unwrap();
        for n in (1..last).rev() {
            fs::rename(name(n), name(n + 1)).unwrap();
        }
    }

    fn rename_and_create(&mut self) {
        self.shift();
        fs::rename(self.path("train.log"), self.path("train.log.1")).unwrap();
        let writer = create(&self.path("train.log"));
        let old = std::mem::replace(&mut self.writer, writer);
        self.lingering.push((old, self.current));
        self.begin_generation();
    }

    fn copy_and_truncate(&mut self) {
        self.shift();
        fs::copy(self.path("train.log"), self.path("train.log.1")).unwrap();
        self.kept.push(File::open(self.path("train.log.1")).unwrap());
        self.writer.set_len(0).unwrap();
        self.begin_generation();
    }

    fn truncate(&mut self) {
        self.writer.set_len(0).unwrap();
        self.generations[self.current].destroyed = true;
        self.begin_generation();
    }

    fn delete_and_create(&mut self) {
        fs::remove_file(self.path("train.log")).unwrap();
        self.generations[self.current].destroyed = true;
        let writer = create(&self.path("train.log"));
        self.kept.push(std::mem::replace(&mut self.writer, writer));
        self.begin_generation();
    }

    fn step(&mut self) {
        let step = self.random.below(20);
        self.story.push(format!("step {step} on generation {}", self.current));
        match step {
            0 | 1 => self.rename_and_create(),
            2 => self.copy_and_truncate(),
            3 => self.truncate(),
            4 => {
                self.truncate();
                for _ in 0..6 {
                    self.append();
                }
            }
            5 => self.delete_and_create(),
            6 | 7 => self.append_to_old(),
            _ => self.append(),
        }
    }

    /// What came after the last checkpoint, and is emptied before the next life, leaves no trace.
    fn forget_what_only_the_dead_saw(&mut self) {
        let mut entries = fs::read_dir(self.path("state/tail")).unwrap();
        let is_checkpoint = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
        let path = entries.find_map(|entry| Some(entry.unwrap().path()).filter(is_checkpoint));
        let text = path.map_or_else(String::new, |path| fs::read_to_string(path).unwrap());
        let is_kept = |number: &usize| text.contains(&format!("\"head\":\"{number}-"));
        let first = (0..=self.current).rev().find(is_kept).map_or(0, |newest| newest + 1);
        self.generations[first..].iter_mut().for_each(|generation| generation.seen = false);
    }

    fn was_looked_at(&mut self) {
        self.story.push("poll".to_owned());
        let held = &mut self.generations[self.current];
        held.seen |= !held.lines.is_empty();
    }
}

fn create(path: &Path) -> File {
    OpenOptions::new().append(true).create_new(true).open(path).unwrap()
}

/// What stands behind a follower: what it is given is told, and some marks are acknowledged.
#[derive(Default)]
struct Teller {
    told: Recorder,
    acknowledged: Acknowledged,
    /// What was told when the last mark came, and what when the last one was acknowledged.
    marked: Mutex<(u64, Vec<Source>)>,
    safe: Mutex<Vec<Source>>,
    /// Acknowledges by itself.
    prompt: Mutex<bool>,
}

impl Teller {
    fn acknowledge(&self) {
        let (mark, told) = self.marked.lock().unwrap().clone();
        *self.safe.lock().unwrap() = told;
        self.acknowledged.tell(mark);
    }
}

impl Sink for Teller {
    fn open(&self, name: &str) -> SourceId {
        self.told.open(name)
    }

    fn put(&self, input: Input<'_>) {
        if let Input::Mark { number } = input {
            *self.marked.lock().unwrap() = (number, self.told.0.lock().unwrap().clone());
            if *self.prompt.lock().unwrap() {
                self.acknowledge();
            }
        } else {
            self.told.put(input);
        }
    }
}

/// One follower, from its start to its end or death.
struct Life {
    follower: Follower,
    teller: Arc<Teller>,
}

impl Life {
    fn begin(model: &Model, pattern: &str) -> Self {
        let teller = Arc::new(Teller::default());
        let options = Options {
            patterns: vec![model.path(pattern).into_os_string()],
            from_start: false,
            echo: None,
            notices: Box::new(|_| {}),
        };
        let follower = Follower::new(options, Arc::clone(&teller) as Arc<dyn Sink>).unwrap();
        let opened = Store::open(&model.path("state"), b"model".to_vec()).unwrap();
        let Opened::Mine(store, found) = opened else { panic!("{opened:?}") };
        let follower = follower.keep(store, teller.acknowledged.clone(), found);
        Self { follower, teller }
    }

    /// It dies without a word. What was told since the last acknowledged mark is lost with it, or
    /// only that it was told.
    fn kill(self, model: &mut Model) -> Vec<Source> {
        let is_lost = model.random.below(2) == 0;
        model.story.push(format!("killed; what it told last is lost: {is_lost}"));
        let sources = match is_lost {
            true => self.teller.safe.lock().unwrap().clone(),
            false => self.teller.told.0.lock().unwrap().clone(),
        };
        model.forget_what_only_the_dead_saw();
        let told = self.teller.told.0.lock().unwrap().clone();
        model.story.push(format!("it had told:\n{}", summary(&told)));
        // An unterminated line was not judged.
        sources.into_iter().map(Source::without_pending).collect()
    }

    fn end(self) -> Vec<Source> {
        *self.teller.prompt.lock().unwrap() = true;
        self.follower.finish();
        self.teller.told.0.lock().unwrap().clone()
    }
}

fn run(seed: u64) -> (Model, Vec<Source>) {
    let mut model = Model::new(seed);
    let pattern = ["train.log", "train.log*", "t*.log"][model.random.below(3) as usize];
    let is_late = model.random.below(2) == 0;
    if is_late {
        fs::remove_file(model.path("train.log")).unwrap();
    }
    // Some cases see no death, some many.
    let deaths = model.random.below(4);
    let mut now = Timestamp::from_secs(1_795_400_000);
    let mut past = Vec::new();
    let mut life = Life::begin(&model, pattern);
    life.follower.poll_once(now);
    life.teller.acknowledge();
    life.follower.poll_once(now);
    if is_late {
        let writer = create(&model.path("train.log"));
        model.kept.push(std::mem::replace(&mut model.writer, writer));
        model.story.push(format!("created, for {pattern}"));
    }
    for _ in 0..STEPS {
        model.step();
        if model.random.below(20) < deaths {
            past.extend(match model.random.below(4) {
                0 => {
                    model.story.push("ended".to_owned());
                    life.end()
                }
                _ => life.kill(&mut model),
            });
            life = Life::begin(&model, pattern);
            continue;
        }
        if model.random.below(3) > 0 {
            now = now.after(Duration::from_millis(900));
            life.follower.poll_once(now);
            model.was_looked_at();
        }
        if model.random.below(2) > 0 {
            model.story.push("acknowledged".to_owned());
            life.teller.acknowledge();
        }
    }
    for _ in 0..3 {
        now = now.after(Duration::from_secs(30));
        while life.follower.poll_once(now) {}
    }
    past.extend(life.end());
    (model, past)
}

fn generation_of(line: &str) -> Option<usize> {
    line.split('-').next()?.parse().ok()
}

fn check(model: &Model, sources: &[Source]) -> Result<(), String> {
    let mut came: BTreeSet<&str> = BTreeSet::new();
    let mut gaps: BTreeMap<usize, usize> = BTreeMap::new();
    for source in sources {
        let mut last = None;
        for Line { text: line, open, repeat } in &source.lines {
            let generation = generation_of(line).ok_or(format!("cut at the front: {line}"))?;
            let held = &model.generations[generation].lines;
            let at = held.iter().position(|written| written == line);
            // All of it must come, too: see below.
            let cut = *open && held.iter().any(|written| written.starts_with(line.as_str()));
            let at = match at {
                Some(at) => at,
                None if cut => continue,
                None => return Err(format!("never written: {line}")),
            };
            if !came.insert(line) && !repeat {
                return Err(format!("twice: {line}"));
            }
            if last.is_some_and(|last| (generation, at) <= last) {
                return Err(format!("out of order: {line}"));
            }
            last = Some((generation, at));
        }
        let of = source.lines.first().and_then(|line| generation_of(&line.text));
        *gaps.entry(of.unwrap_or(usize::MAX)).or_default() += source.gaps;
    }
    // Where a file was found emptied after a death, its source holds a gap and nothing else.
    let mut nameless = gaps.remove(&usize::MAX).unwrap_or_default();
    for (number, generation) in model.generations.iter().enumerate() {
        let mut told = || match gaps.contains_key(&number) && gaps[&number] > 0 {
            true => true,
            false => nameless.checked_sub(1).map(|left| nameless = left).is_some(),
        };
        let came_all = generation.lines.iter().all(|line| came.contains(line.as_str()));
        let excused = generation.destroyed && (came_all || !generation.seen || told());
        let missing = generation.lines.iter().find(|line| !came.contains(line.as_str()));
        if let (Some(line), false) = (missing, excused) {
            return Err(format!("lost without a gap: {line}"));
        }
    }
    Ok(())
}

/// One line a source: the line numbers that it gave.
fn summary(sources: &[Source]) -> String {
    let short = |line: &Line| {
        let text: Vec<&str> = line.text.split('-').take(2).collect();
        text.join("-") + if line.open { "…" } else { "" } + if line.repeat { "²" } else { "" }
    };
    let line = |source: &Source| {
        let lines: Vec<String> = source.lines.iter().map(short).collect();
        format!("{} gaps: {}\n", source.gaps, lines.join(" "))
    };
    sources.iter().map(line).collect()
}

#[test]
fn every_line_comes_once_or_stands_at_a_gap() {
    let next = AtomicU64::new(0);
    let cases = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= CASES {
                return;
            }
            let (model, sources) = run(seed);
            if let Err(error) = check(&model, &sources) {
                panic!("seed {seed}: {error}\n{}\n{}", model.story.join("\n"), summary(&sources));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from).min(8) {
            scope.spawn(cases);
        }
    });
}
