//! Metrics that stand in no line of output: CSV files, TensorBoard event files, the machine's own.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use trainwatch::engine::alert::Alert;
use trainwatch::engine::{Effect, Engine, Input, SourceId};
use trainwatch::sources::Sink;
use trainwatch::sources::tail::{Echo, Follower, Options};
use trainwatch::time::Timestamp;

use crate::support::sandbox::Sandbox;
use crate::tail::{Line, Recorder};

const EVENTS: &[u8] = include_bytes!("../data/events.out.tfevents.lightning");
const CSV: &[u8] = include_bytes!("../data/metrics.csv");

fn engine(rules: &str, trace: bool) -> Engine {
    let config = trainwatch::config::compile("rules", rules, Path::new(""), &|_| None);
    Engine::new(config.expect("valid rules").rules, Timestamp::default(), trace)
}

/// What the engine says when all this happens, each at its second.
fn effects(rules: &str, inputs: &[(i64, Input<'_>)]) -> Vec<Effect> {
    let mut engine = engine(rules, true);
    let mut effects = Vec::new();
    for (second, input) in inputs {
        engine.handle(Timestamp::from_secs(*second), input.clone(), &mut effects);
    }
    effects
}

/// One file, opened and read at once.
fn file<'a>(name: &'a str, bytes: &'a [u8]) -> [(i64, Input<'a>); 3] {
    let source = SourceId(0);
    [
        (0, Input::Opened { source, name }),
        (0, Input::Chunk { source, bytes }),
        (0, Input::Closed { source }),
    ]
}

fn alerts(effects: &[Effect]) -> Vec<&Alert> {
    let alerts = effects.iter().filter_map(|effect| match effect {
        Effect::Alert(alert) => Some(alert.as_ref()),
        _ => None,
    });
    alerts.collect()
}

/// `metric@step=text` of each sample.
fn samples(effects: &[Effect]) -> Vec<String> {
    let shown = effects.iter().filter_map(|effect| match effect {
        Effect::Sample(s) => {
            Some(format!("{}@{}={}", s.metric, s.step.unwrap_or(f64::NAN), s.text))
        }
        _ => None,
    });
    shown.collect()
}

#[test]
fn a_csv_file_and_an_event_file_of_the_same_training_say_the_same() {
    let csv = effects("builtin: false", &file("csv/version_0/metrics.csv", CSV));
    let csv = samples(&csv);
    assert_eq!(csv[..3], ["epoch@4=0", "step@4=4", "train_acc_step@4=0.46875"]);
    let events = effects("builtin: false", &file("tb/events.out.tfevents.1.vm", EVENTS));
    let events = samples(&events);
    for metric in ["val_acc", "val_loss", "train_acc_step", "train_acc_epoch", "train_loss"] {
        // To six digits: one of them writes single precision.
        let of = |all: &[String]| -> Vec<String> {
            let own = all.iter().filter(|sample| sample.starts_with(&format!("{metric}@")));
            own.map(|sample| sample.chars().take(metric.len() + 10).collect()).collect()
        };
        // The one with the CSV file lasted an epoch longer.
        let (csv, events) = (of(&csv), of(&events));
        assert!(!events.is_empty() && csv.starts_with(&events), "{csv:?} {events:?}");
    }
}

#[test]
fn an_alert_says_which_record_of_an_event_file_made_it_fire() {
    let rules = "builtin: false\nrules: [{ name: good, when: val_acc > 0.7 }]";
    let effects = effects(rules, &file("events.out.tfevents.1.vm", EVENTS));
    let origins: Vec<_> = alerts(&effects).iter().map(|alert| alert.origin.clone()).collect();
    let origin = origins[0].clone().expect("an origin");
    assert_eq!((origin.source.as_str(), origin.line), ("events.out.tfevents.1.vm", 56));
}

#[test]
fn without_automatic_metrics_files_give_none_but_the_machine_does() {
    let rules = "builtin: false\nauto_metrics: false";
    assert!(samples(&effects(rules, &file("events.out.tfevents.1.vm", EVENTS))).is_empty());
    assert!(samples(&effects(rules, &file("metrics.csv", CSV))).is_empty());
    let source = SourceId(0);
    let sample = Input::Sample { source, metric: "disk.free", step: None, value: 1e9 };
    assert_eq!(samples(&effects(rules, &[(0, sample)])), ["disk.free@NaN=1.00GB"]);
}

#[test]
fn a_csv_file_that_is_written_anew_raises_no_alarm_of_old_values() {
    let rules = "builtin: false\nrules: [{ name: diverged, when: loss > 3 * min(loss) }]";
    let (old, new) = (SourceId(0), SourceId(1));
    let name = "metrics.csv";
    let effects = effects(
        rules,
        &[
            (0, Input::Opened { source: old, name }),
            (0, Input::Chunk { source: old, bytes: b"step,loss\n1,8.0\n2,2.0\n" }),
            (9, Input::Closed { source: old }),
            (9, Input::Opened { source: new, name }),
            (9, Input::Chunk { source: new, bytes: b"acc,step,loss\n,1,8.0\n,2,2.0\n0.9,2,\n" }),
        ],
    );
    assert!(alerts(&effects).is_empty(), "{effects:?}");
    assert_eq!(samples(&effects).last().map(String::as_str), Some("step@2=2"));
}

#[test]
fn what_is_measured_ends_no_silence_and_an_event_does() {
    let rules = "builtin: false\nrules: [{ name: quiet, silence: 10s }]";
    let source = SourceId(0);
    let line = Input::Chunk { source: SourceId(1), bytes: b"hello\n" };
    let measured = Input::Sample { source, metric: "cpu.util", step: None, value: 3.0 };
    let written = Input::Chunk { source, bytes: EVENTS };
    let opened = Input::Opened { source, name: "events.out.tfevents.1" };
    for (between, fired) in [(measured, 1), (written, 0)] {
        let inputs = [(0, opened.clone()), (1, line.clone()), (8, between), (12, Input::Continued)];
        assert_eq!(alerts(&effects(rules, &inputs)).len(), fired);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_split_of_a_file_gives_the_same_samples(size in 1..400_usize) {
        for (name, bytes) in [("metrics.csv", CSV), ("events.out.tfevents.1", EVENTS)] {
            let source = SourceId(0);
            let whole = file(name, bytes);
            let mut pieces = vec![whole[0].clone()];
            pieces.extend(bytes.chunks(size).map(|bytes| (0, Input::Chunk { source, bytes })));
            pieces.push(whole[2].clone());
            let (whole, pieces) = (effects("builtin: false", &whole), effects("builtin: false", &pieces));
            prop_assert_eq!(samples(&whole), samples(&pieces));
        }
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Follows a file that holds `before` when it starts, then gets `after`: what a source and what
/// the terminal gets.
fn follow(name: &str, before: &[u8], after: &[u8]) -> (Vec<Line>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, before).expect("write");
    let (recorder, out) = (Arc::new(Recorder::default()), Shared::default());
    let options = Options {
        patterns: vec![path.clone().into_os_string()],
        from_start: false,
        echo: Some(Echo::new(Box::new(out.clone()), false)),
        notices: Box::new(|_| {}),
    };
    let sink = Arc::clone(&recorder) as Arc<dyn Sink>;
    let mut follower = Follower::new(options, sink).expect("a follower");
    follower.poll_once(Timestamp::from_secs(1));
    let mut file = OpenOptions::new().append(true).open(&path).expect("open");
    file.write_all(after).expect("write");
    follower.poll_once(Timestamp::from_secs(2));
    follower.finish();
    let sources = recorder.0.lock().expect("no panic");
    let lines = sources.first().map(|source| source.lines.clone()).unwrap_or_default();
    let echoed = out.0.lock().expect("no panic").clone();
    (lines, String::from_utf8(echoed).expect("text"))
}

#[test]
fn a_csv_file_followed_from_its_end_still_has_its_header() {
    let (lines, echoed) = follow("metrics.csv", b"step,loss\n1,0.5\n", b"2,0.4\n3,0.3\n");
    let lines: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["step,loss", "2,0.4", "3,0.3"]);
    assert_eq!(echoed, "step,loss\n2,0.4\n3,0.3\n");
    let (lines, _) = follow("metrics.log", b"step,loss\n1,0.5\n", b"2,0.4\n");
    assert_eq!(lines.len(), 1);
    // The header itself is not there yet, or not ended.
    assert_eq!(follow("metrics.csv", b"", b"step\n1\n").1, "step\n1\n");
    assert_eq!(follow("metrics.csv", b"st", b"ep\n1\n").1, "step\n1\n");
}

#[test]
fn an_event_file_is_echoed_as_values_from_the_next_whole_record_on() {
    let (before, after) = EVENTS.split_at(EVENTS.len() - 250);
    let (_, echoed) = follow("events.out.tfevents.1.vm", before, after);
    let lines: Vec<_> = echoed.lines().collect();
    assert!((3..=6).contains(&lines.len()), "{echoed}");
    assert_eq!(lines.last(), Some(&"step 119: epoch 2"), "{echoed}");
}

#[test]
fn an_event_file_is_replayed_by_its_own_times() {
    let sandbox = Sandbox::new();
    let path = sandbox.work().join("events.out.tfevents.1.vm");
    fs::write(&path, EVENTS).expect("write");
    let outcome = sandbox.watch(["replay", "--json", "events.out.tfevents.1.vm"]);
    outcome.ends_with(0);
    let first = outcome.stdout.lines().next().expect("a sample");
    assert!(
        first.contains(r#""line":2,"time":"2026-11-23T03:04:25.101Z","metric":"train_loss""#),
        "{first}"
    );
    assert!(outcome.stdout.contains(r#""bytes":4210,"samples":87,"#), "{}", outcome.stdout);
}

#[test]
fn a_rule_on_a_host_metric_fires_and_the_run_is_measured_from_start_to_end() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "rules.yaml",
        "builtin: false\nrules:\n  - { name: memory, when: memory.used > 1MB, stop: true }\n",
    );
    let outcome = sandbox.watch(["--", "sleep", "600"]);
    outcome.says("memory.used > 1MB");
    assert_eq!((outcome.code, outcome.signal), (None, Some(15)));
}
