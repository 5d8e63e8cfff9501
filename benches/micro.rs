//! The parts of the hot path one by one: `cargo bench --bench micro`.

mod lines;

use std::path::Path;
use std::time::Duration;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use trainwatch::config;
use trainwatch::engine::expression::Expression;
use trainwatch::engine::metrics::Metrics;
use trainwatch::engine::rules::RuleSet;
use trainwatch::engine::splitter::Splitter;
use trainwatch::engine::{Engine, Input, SourceId};
use trainwatch::time::Timestamp;

const SIZE: usize = 1 << 20;
const SOURCE: SourceId = SourceId(0);

fn main() {
    divan::main();
}

fn rules(text: &str) -> RuleSet {
    let config = config::compile("rules.yaml", text, Path::new(""), &|_| None);
    config.map(|config| config.rules).unwrap_or_default()
}

/// An engine that has one source open.
fn engine(rules: &RuleSet) -> Engine {
    let mut engine = Engine::new(rules.clone(), Timestamp::default(), false);
    let opened = Input::Opened { source: SOURCE, name: "stdout" };
    engine.handle(Timestamp::default(), opened, &mut Vec::new());
    engine
}

#[divan::bench]
fn splitter(bencher: Bencher<'_, '_>) {
    let text = lines::log(SIZE);
    bencher.counter(BytesCount::of_slice(&text)).bench_local(|| {
        let (mut splitter, mut lines) = (Splitter::default(), 0_u64);
        splitter.push(black_box(&text), &mut |_| lines += 1);
        lines
    });
}

/// Twenty patterns, no metrics: the splitter is passed by where nothing matches.
#[divan::bench]
fn scanner(bencher: Bencher<'_, '_>) {
    judged(bencher, &rules(include_str!("rules-20.yaml")));
}

#[divan::bench]
fn everything(bencher: Bencher<'_, '_>) {
    judged(bencher, &rules(include_str!("rules-20-metrics.yaml")));
}

fn judged(bencher: Bencher<'_, '_>, rules: &RuleSet) {
    let text = lines::log(SIZE);
    let mut engine = engine(rules);
    let mut effects = Vec::new();
    bencher.counter(BytesCount::of_slice(&text)).bench_local(|| {
        for bytes in black_box(&text).chunks(64 << 10) {
            engine.handle(
                Timestamp::default(),
                Input::Chunk { source: SOURCE, bytes },
                &mut effects,
            );
        }
        std::mem::take(&mut effects)
    });
}

/// The search for numbers with names in lines that are split already.
#[divan::bench]
fn metrics(bencher: Bencher<'_, '_>) {
    let text = lines::log(SIZE);
    bencher.counter(BytesCount::of_slice(&text)).bench_local(|| {
        let (mut splitter, mut metrics, mut found) =
            (Splitter::default(), Metrics::default(), 0_u64);
        splitter.push(black_box(&text), &mut |line| metrics.scan(&line, &mut |_| found += 1));
        found
    });
}

const CONDITION: &str = "loss > 3 * mean(loss, 100) or is_nan(loss) and elapsed() > 5m";

#[divan::bench]
fn expression_parsed(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Expression::parse(black_box(CONDITION)));
}

/// Each sample has the condition evaluated.
#[divan::bench]
fn expression_evaluated(bencher: Bencher<'_, '_>) {
    const SAMPLES: u32 = 1_000;
    let rules = rules(&format!("builtin: false\nrules: [{{ name: a, when: '{CONDITION}' }}]\n"));
    let mut engine = engine(&rules);
    let (mut effects, mut now) = (Vec::new(), Timestamp::default());
    bencher.counter(ItemsCount::new(SAMPLES)).bench_local(|| {
        for sample in 0..SAMPLES {
            now = now.after(Duration::from_millis(1));
            let value = f64::from(sample % 7);
            let input = Input::Sample { source: SOURCE, metric: "loss", step: None, value };
            engine.handle(now, input, &mut effects);
        }
        effects.clear();
    });
}
