//! The recipes of docs/rules.md, executed: each fires on a run that has what it is for, when it
//! should, and none on healthy runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use trainwatch::config;
use trainwatch::engine::alert::AlertState;
use trainwatch::engine::rules::RuleSet;
use trainwatch::engine::{Effect, Engine, Input, SourceId};
use trainwatch::time::Timestamp;

/// Lines of a run; one every ten seconds.
const LINES: u32 = 3000;
const APART: Duration = Duration::from_secs(10);
/// Lines between two evaluations.
const EVALUATION: u32 = 100;
/// From which line on the sick runs are sick.
const SICK: u32 = 2000;

/// Numbers that are random enough, and the same each time.
struct Noise(u64);

impl Noise {
    /// About normally distributed, with this standard deviation.
    fn normal(&mut self, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.uniform()).sum();
        (sum - 6.0) * deviation
    }

    /// xorshift64, see Marsaglia, "Xorshift RNGs".
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What a run prints at one time; no text: nothing.
struct Values {
    loss: f64,
    val_loss: f64,
    step_time: f64,
    text: Option<&'static str>,
}

/// Losses that fall exponentially, with noise; every evaluation makes one step slow.
fn run(seed: u64, change: &dyn Fn(u32, &mut Values)) -> Vec<String> {
    let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut lines = Vec::new();
    for line in 1..=LINES {
        let falling = 4.0 * (-f64::from(line) / 600.0).exp();
        let is_evaluation = line % EVALUATION == 0;
        let slow = if line == 1 {
            40.0
        } else if is_evaluation {
            3.0
        } else {
            1.0
        };
        let mut values = Values {
            loss: (0.3 + falling) * (1.0 + noise.normal(0.05)),
            val_loss: (0.35 + falling) * (1.0 + noise.normal(0.005)),
            step_time: 0.2 * slow * (1.0 + noise.normal(0.05)),
            text: Some("step"),
        };
        change(line, &mut values);
        let Values { loss, val_loss, step_time, text } = values;
        let mut printed = String::new();
        match text {
            None => {}
            Some("step") => {
                let _ = write!(printed, "step {line} loss {loss:.5} step_time {step_time:.4}");
                if is_evaluation {
                    let _ = write!(printed, " val_loss {val_loss:.5}");
                }
                printed.push('\n');
            }
            Some(text) => printed = format!("{text}\n"),
        }
        lines.push(printed);
    }
    lines
}

/// At which line which rule fires or ends.
fn said(rules: &RuleSet, lines: &[String]) -> Vec<(u32, String, AlertState)> {
    let start = Timestamp::default();
    let mut engine = Engine::new(rules.clone(), start, false);
    let mut effects = Vec::new();
    let source = SourceId(0);
    engine.handle(start, Input::Opened { source, name: "stdout" }, &mut effects);
    let mut now = start;
    for line in lines {
        now = now.after(APART);
        engine.live_until(now, &mut effects);
        if !line.is_empty() {
            let bytes = line.as_bytes();
            engine.handle(now, Input::Chunk { source, bytes }, &mut effects);
        }
    }
    let alerts = effects.into_iter().filter_map(|effect| match effect {
        Effect::Alert(alert) => Some(*alert),
        _ => None,
    });
    let line = |at: Timestamp| (at.since(start).as_secs() / APART.as_secs()) as u32;
    alerts.map(|alert| (line(alert.at), alert.rule, alert.state)).collect()
}

/// The recipes by their headings.
fn recipes() -> BTreeMap<String, RuleSet> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let text = fs::read_to_string(path).expect("docs/rules.md");
    let folder = tempfile::tempdir().expect("a folder");
    let sections = text.split("\n### ").skip(1);
    sections
        .map(|section| {
            let heading = section.lines().next().expect("a heading").to_owned();
            let block = section.split("```").nth(1).expect("a block").strip_prefix("yaml\n");
            let yaml = format!("builtin: false\n{}", block.expect("YAML"));
            let path = folder.path().join("rules.yaml");
            fs::write(&path, yaml).expect("a file");
            let config = config::load(Some(&path), &|_| None);
            let config = config.unwrap_or_else(|e| panic!("{heading}: {}", e.render(false)));
            (heading, config.rules)
        })
        .collect()
}

#[test]
fn no_recipe_fires_on_a_healthy_run() {
    let mut all = RuleSet { auto_metrics: true, ..RuleSet::default() };
    all.rules.extend(recipes().into_values().flat_map(|recipe| recipe.rules));
    for seed in 1..=6 {
        assert_eq!(said(&all, &run(seed, &|_, _| {})), [], "seed {seed}");
    }
}

type Sickness = Box<dyn Fn(u32, &mut Values)>;

/// A rule, and the first and the last line in which it may say this.
type Expected = (&'static str, AlertState, u32, u32);

/// Each recipe, what happens from `SICK` on, and what is said.
fn cases() -> Vec<(&'static str, Sickness, Vec<Expected>)> {
    use AlertState::{Firing, Resolved};
    let since = |line: u32| f64::from(line.saturating_sub(SICK));
    let from = |change: fn(f64, &mut Values)| -> Sickness {
        Box::new(move |line, values| {
            if line >= SICK {
                change(since(line), values);
            }
        })
    };
    vec![
        (
            "Divergence",
            from(|since, values| values.loss *= 1.02_f64.powf(since.min(300.0))),
            vec![("diverged", Firing, SICK + 20, SICK + 100)],
        ),
        (
            "Spike",
            Box::new(|line, values| values.loss += if line == SICK { 1.0 } else { 0.0 }),
            vec![("spike", Firing, SICK, SICK)],
        ),
        (
            "Plateau",
            from(|_, values| values.val_loss = values.val_loss.max(0.5)),
            vec![("plateau", Firing, SICK + 900, SICK + 1000)],
        ),
        (
            "Overfitting",
            from(|since, values| values.val_loss *= 1.0 + since / 2000.0),
            vec![("overfitting", Firing, SICK + 200, SICK + 500)],
        ),
        (
            "NaN",
            Box::new(|line, values| {
                if (SICK..SICK + 5).contains(&line) {
                    values.loss = f64::NAN;
                }
            }),
            vec![("non-finite", Firing, SICK, SICK), ("non-finite", Resolved, SICK + 5, SICK + 5)],
        ),
        (
            "Stall",
            Box::new(|line, values| {
                if (SICK..SICK + 200).contains(&line) {
                    values.text = None;
                } else if line > SICK + 500 {
                    values.text = Some("waiting for data");
                }
            }),
            vec![
                ("silent", Firing, SICK + 179, SICK + 179),
                ("no steps", Firing, SICK + 179, SICK + 179),
                ("silent", Resolved, SICK + 200, SICK + 200),
                ("silent", Firing, SICK + 680, SICK + 680),
                ("no steps", Firing, SICK + 680, SICK + 680),
                ("no losses", Firing, SICK + 740, SICK + 740),
            ],
        ),
        (
            "Slow-down",
            Box::new(|line, values| {
                if (SICK..SICK + 300).contains(&line) {
                    values.step_time *= 2.0;
                }
            }),
            vec![
                ("slow", Firing, SICK + 20, SICK + 50),
                ("slow", Resolved, SICK + 320, SICK + 360),
            ],
        ),
    ]
}

#[test]
fn each_recipe_fires_when_it_should() {
    let (recipes, cases) = (recipes(), cases());
    let mut known: Vec<&str> = cases.iter().map(|(heading, ..)| *heading).collect();
    known.sort_unstable();
    assert_eq!(recipes.keys().map(String::as_str).collect::<Vec<_>>(), known);
    for (heading, sickness, expected) in cases {
        let found = said(&recipes[heading], &run(1, &*sickness));
        let is_right = found.len() == expected.len()
            && found.iter().zip(&expected).all(|(found, (rule, state, first, last))| {
                found.1 == *rule && found.2 == *state && (*first..=*last).contains(&found.0)
            });
        assert!(is_right, "{heading}: {found:?}");
    }
}
