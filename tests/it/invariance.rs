//! The engine's effects depend neither on how the bytes are split nor on wake-ups too many.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use proptest::prelude::*;
use trainwatch::engine::input::{ProcessEnd, ProcessStatus};
use trainwatch::engine::{Effect, Engine, Input, SourceId};
use trainwatch::time::Timestamp;

const RULES: &str = r"
metrics: ['loss=(?<loss>\S+)', 'epoch (?<epoch>\d+)']
rules:
  - { name: burst, match: error, except: handled, count: 3, within: 20s, cooldown: 30s }
  - { name: bar, match: '\d+%' }
  - { name: high, when: loss > 5, for: 10s, repeat: 15s, resolved: true }
  - { name: trend, when: 'loss > 1.5 * mean(loss, 20s) or since_best(loss) >= 3' }
  - { name: few, when: 'count(loss, 30s) < 2 and elapsed() > 20s', resolved: true }
  - { name: stuck, when: age(loss) > 25s, until: age(loss) < 5s, resolved: true }
  - { name: quiet, silence: 12s, repeat: 20s, resolved: true }
  - { name: no epoch, silence: 40s, match: epoch }
  - { name: report, every: 17s }
  - { name: epochs, every: 2 epoch }
  - { name: long, elapsed: 1m }
  - { name: broken, non_finite: true }
  - { name: end, exit: any, lines: 3 }
";

/// What a run prints, in pieces that may be cut anywhere.
const PIECES: [&[u8]; 14] = [
    b"error\n",
    b"error handled\n",
    b"loss=1.5\n",
    b"loss=7\r\n",
    b"loss=nan\n",
    b"\r10% loss=2",
    b"\r20% loss=9",
    b"\xff\xfe\x00",
    b"epoch 1\n",
    b"epoch 2\n",
    b"\x1b[31mred\x1b[0m\n",
    b"\x08",
    b"unfinished",
    "損失 loss=3\n".as_bytes(),
];

/// Waits before each piece, in milliseconds; which piece; of which source; how it is cut.
type Script = Vec<(u16, usize, u32, usize)>;

fn run(script: &Script, cut: bool, wake: bool) -> Vec<String> {
    let config = trainwatch::config::compile("rules", RULES, Path::new(""), &|_| None);
    let mut engine = Engine::new(config.unwrap().rules, Timestamp::default(), true);
    let mut effects = Vec::new();
    let mut millis = 0_i64;
    let time = |millis: i64| Timestamp::from_nanos(millis * 1_000_000);
    for (wait, piece, source, size) in script {
        for early in (0..*wait).step_by(1_700).filter(|_| wake) {
            engine.handle_deadline(time(millis + i64::from(early)), &mut effects);
        }
        millis += i64::from(*wait);
        engine.live_until(time(millis), &mut effects);
        let bytes = PIECES[piece % PIECES.len()];
        let source = SourceId(source % 2);
        for bytes in bytes.chunks(if cut { 1 + size % 4 } else { usize::MAX }) {
            engine.handle(time(millis), Input::Chunk { source, bytes }, &mut effects);
        }
    }
    let status = ProcessStatus::Exited { code: 1 };
    engine.handle(time(millis), Input::Ended(ProcessEnd { status, clues: vec![] }), &mut effects);
    engine.handle(time(millis), Input::Finished, &mut effects);
    assert_eq!(engine.next_deadline(), None);
    effects.iter().map(told).collect()
}

fn told(effect: &Effect) -> String {
    format!("{effect:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chunks_and_wake_ups_change_nothing(
        script in prop::collection::vec((0_u16..20_000, 0_usize..14, 0_u32..2, 0_usize..4), 1..40)
    ) {
        let whole = run(&script, false, false);
        prop_assert_eq!(&run(&script, true, false), &whole);
        prop_assert_eq!(&run(&script, false, true), &whole);
        prop_assert_eq!(&run(&script, true, true), &whole);
    }
}

/// Anything at all, in any order: sources that were never opened, a time that goes back, an end
/// before the start.
fn any_input(kind: u8, source: u32, value: f64) -> Input<'static> {
    let source = SourceId(source);
    match kind % 11 {
        0 => Input::Started { pid: 1 },
        1 => Input::Opened { source, name: "late" },
        2 => Input::Gap { source, bytes: u64::MAX },
        3 => Input::Closed { source },
        4 => Input::Sample { source, metric: "loss", step: None, value },
        5 => Input::Sample { source, metric: "epoch", step: Some(value), value },
        6 => Input::Stopped,
        7 => Input::Continued,
        8 => Input::Ended(ProcessEnd { status: ProcessStatus::Unknown, clues: vec![] }),
        9 => Input::Finished,
        _ => Input::Chunk { source, bytes: b"loss=3\rloss=4\n50%" },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_inputs_is_survived(
        inputs in prop::collection::vec(
            (-10_000_i64..600_000, any::<u8>(), prop_oneof![0_u32..3, any::<u32>()], any::<f64>()),
            0..60,
        )
    ) {
        let config = trainwatch::config::compile("rules", RULES, Path::new(""), &|_| None);
        let mut engine = Engine::new(config.unwrap().rules, Timestamp::default(), false);
        let mut latest = Timestamp::default();
        for (millis, kind, source, value) in inputs {
            let now = Timestamp::from_nanos(millis * 1_000_000);
            latest = latest.max(now);
            let mut effects = Vec::new();
            engine.handle(now, any_input(kind, source, value), &mut effects);
            prop_assert!(engine.next_deadline().is_none_or(|next| next > latest));
            prop_assert!(effects.len() < 5_000);
        }
        engine.series().curves();
    }
}
