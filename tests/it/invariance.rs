//! The engine's effects depend neither on how the bytes are split nor on wake-ups too many.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use proptest::prelude::*;
use trainwatch::engine::input::{ProcessEnd, ProcessStatus};
use trainwatch::engine::{Effect, Engine, Input, Searched, SourceId};
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

/// Runs of lines that are taken at once where nothing is in them, among others that matter.
const BLOCKS: [&[u8]; 26] = [
    b"loading shard\n",
    b"step 10 | loss=2.5 | lr=1e-4\n",
    b"\n",
    b"rank 3 of 8 is ready\n",
    b"Epoch 3/10\n",
    b"Epoch 5 OF 10 step 1 / 7\n",
    b"error\n",
    b"epoch 2 error handled loss=9\n",
    b"Traceback (most recent call last):\n",
    b"  File \"train.py\", line 3, in <module>\n    main()\n",
    b"ValueError: bad shape\n",
    b"[rank1]: Traceback (most recent call last):\n",
    b"Root Cause (first observed failure):\n",
    b"  rank      : 3 (local_rank: 1)\n  exitcode  : 1 (pid: 85)\n",
    b"fatal error: no data\n",
    b"^C\n",
    b"10%|#  | 1/10\r20%|## | 2/10\n",
    b"carriage\r\n",
    b"\x1b[1A\x1b[2Kloading shard\n",
    b"\x1b[31mERROR\x1b[0m out of memory\n",
    b"iter\tloss\tacc\n1\t0.5\t0.9\n2\t0.4\t0.91\n",
    b"\xff\x00 nan=\xfe",
    b"loss=8 acc=0.5 loss=1\n",
    b"step 11 | loss=nan | lr=1e-5\n",
    b"step 12 | loss=3.5 | CODE 100\n",
    b"step 12 | loss=3.5 | CODE 137\n",
];

/// Effects, the last snapshot and the curves of a run whose bytes come in chunks of that size.
fn run_in_chunks(rules: &str, script: &[(usize, usize)], size: usize, trace: bool) -> Vec<String> {
    let config = trainwatch::config::compile("rules", rules, Path::new(""), &|_| None);
    let mut engine = Engine::new(config.unwrap().rules, Timestamp::default(), trace);
    let mut effects = Vec::new();
    let bytes: Vec<u8> =
        script.iter().flat_map(|(piece, times)| BLOCKS[*piece].repeat(*times)).collect();
    let (source, now) = (SourceId(0), Timestamp::from_secs(1));
    for bytes in bytes.chunks(size) {
        engine.handle(now, Input::Chunk { source, bytes }, &mut effects);
    }
    let status = ProcessStatus::Exited { code: 1 };
    engine.handle(now, Input::Ended(ProcessEnd { status, clues: vec![] }), &mut effects);
    engine.handle(now, Input::Finished, &mut effects);
    effects.iter().map(told).chain(last_words(&engine, now)).collect()
}

fn last_words(engine: &Engine, now: Timestamp) -> [String; 2] {
    [format!("{:?}", engine.snapshot(now)), format!("{:?}", engine.series().curves())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Single bytes never make a block of lines: they show what is to come of each line.
    #[test]
    fn blocks_are_judged_as_line_by_line(
        script in prop::collection::vec(
            (0..BLOCKS.len(), prop_oneof![8 => 1_usize..3, 1 => 1_usize..200]),
            1..40,
        ),
        size in prop_oneof![2_usize..400, Just(usize::MAX)],
        auto_metrics in any::<bool>(),
        trace in any::<bool>(),
        words in any::<bool>(),
    ) {
        // Where each pattern needs a word, lines of a known shape are not searched.
        let rules = if words { RULES.replace(r"'\d+%'", "'(?i)code 137'") } else { RULES.to_owned() };
        let rules = format!("auto_metrics: {auto_metrics}\n{rules}");
        let expected = run_in_chunks(&rules, &script, 1, trace);
        prop_assert_eq!(run_in_chunks(&rules, &script, size, trace), expected);
    }
}

/// The same run, the times of whose lines go forward: searched at once and then handled in parts,
/// or chunk by chunk.
fn run_in_parts(
    rules: &str,
    script: &[(usize, usize, u16)],
    searched: bool,
    trace: bool,
) -> Vec<String> {
    let config = trainwatch::config::compile("rules", rules, Path::new(""), &|_| None);
    let mut engine = Engine::new(config.unwrap().rules, Timestamp::default(), trace);
    let (mut effects, mut found) = (Vec::new(), Searched::default());
    let pieces = script.iter().map(|(piece, times, _)| BLOCKS[*piece].repeat(*times));
    let pieces: Vec<Vec<u8>> = pieces.collect();
    let bytes = pieces.concat();
    engine.searcher().search(&bytes, &mut found);
    let (source, mut millis, mut from, mut at) = (SourceId(0), 0, 0, 0);
    let times: Vec<Timestamp> = script
        .iter()
        .map(|(_, _, wait)| {
            millis += i64::from(*wait);
            Timestamp::from_nanos(millis * 1_000_000)
        })
        .collect();
    for (number, (piece, now)) in pieces.iter().zip(&times).enumerate() {
        let present = at..at + piece.len();
        at = present.end;
        if !searched {
            engine.live_until(*now, &mut effects);
            engine.handle(*now, Input::Chunk { source, bytes: piece }, &mut effects);
            continue;
        }
        let next = pieces.get(number + 1).map_or(&[][..], Vec::as_slice);
        let next = next.split_inclusive(|byte| b"\r\n".contains(byte)).next();
        if let (Some(line), Some(then)) = (next, times.get(number + 1))
            && engine.put_off(*now, source, (&bytes, present), &mut found, (at + line.len(), *then))
        {
            continue;
        }
        engine.live_until(*now, &mut effects);
        engine.handle_searched(*now, source, (&bytes, from..at), &found, &mut effects);
        from = at;
    }
    let now = Timestamp::from_nanos(millis * 1_000_000);
    engine.handle(now, Input::Finished, &mut effects);
    effects.iter().map(told).chain(last_words(&engine, now)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_log_may_be_searched_before_its_lines_have_their_times(
        script in prop::collection::vec(
            (prop_oneof![Just(0), Just(4), 0..BLOCKS.len()], 1_usize..4, prop_oneof![3 => Just(0_u16), 4 => 1_u16..900, 1 => 0_u16..20_000]),
            1..40,
        ),
        auto_metrics in any::<bool>(),
        trace in any::<bool>(),
    ) {
        let rules = format!("auto_metrics: {auto_metrics}\n{RULES}");
        let expected = run_in_parts(&rules, &script, false, trace);
        prop_assert_eq!(run_in_parts(&rules, &script, true, trace), expected);
    }
}

/// A count was taken for told when the beginning of its line was printed.
#[test]
fn a_line_that_is_completed_later_counts_at_its_end() {
    let script = [(6, 1, 0), (21, 1, 0), (4, 1, 1), (5, 1, 0), (0, 1, 0)];
    let rules = format!("auto_metrics: false\n{RULES}");
    assert_eq!(
        run_in_parts(&rules, &script, true, true),
        run_in_parts(&rules, &script, false, true)
    );
}

/// A bar was taken for news again when the line that told it was handled, at a later time.
#[test]
fn a_count_that_was_put_off_is_told_once() {
    let rules = format!("auto_metrics: false\n{RULES}");
    for script in [
        &[(5, 1, 0), (15, 1, 0), (4, 1, 0), (0, 1, 349), (0, 1, 852), (0, 1, 10_799), (0, 2, 1211)]
            [..],
        &[(0, 1, 0), (4, 1, 0), (5, 1, 0), (17, 1, 198), (0, 1, 11_802)],
    ] {
        assert_eq!(
            run_in_parts(&rules, script, true, true),
            run_in_parts(&rules, script, false, true)
        );
    }
}

/// What was searched by the rules of before is searched again by those that hold.
#[test]
fn what_was_searched_before_the_rules_changed_is_judged_by_the_new_ones() {
    let rules = |text: &str| {
        let config = trainwatch::config::compile("rules", text, Path::new(""), &|_| None);
        config.unwrap().rules
    };
    let bytes = b"step 1 loss=2\nboom\nstep 2 loss=1\n";
    let (now, source) = (Timestamp::from_secs(1), SourceId(0));
    let (mut effects, mut found) = (Vec::new(), Searched::default());
    let mut engine = Engine::new(rules("auto_metrics: false"), now, true);
    engine.searcher().search(bytes, &mut found);
    engine.replace_rules(now, rules("rules: [{ name: boom, match: boom }]"), &mut effects);
    engine.handle_searched(now, source, (bytes, 0..bytes.len()), &found, &mut effects);
    let told: Vec<String> = effects.iter().map(told).collect();
    assert!(told.iter().any(|effect| effect.contains("boom")), "{told:?}");
    let sampled = effects.iter().filter(|effect| matches!(effect, Effect::Sample(_))).count();
    assert_eq!(sampled, 4, "{told:?}");
}

/// A line is known by its shape, whatever its digits are, and by the rules that held.
#[test]
fn a_line_of_a_known_shape_is_searched_for_its_digits_and_for_the_words_of_new_rules() {
    let rules = |text: &str| {
        let config = trainwatch::config::compile("rules", text, Path::new(""), &|_| None);
        config.unwrap().rules
    };
    let (now, source) = (Timestamp::from_secs(1), SourceId(0));
    let quiet = b"step 7 loss=2.5 code 100 oddly\n".repeat(3);
    let hit = b"step 8 loss=2.5 code 137 oddly\n";
    let mut effects = Vec::new();
    let mut engine = Engine::new(rules("rules: [{ name: killed, match: 'code 137' }]"), now, false);
    for bytes in [&quiet, &quiet[..], hit] {
        engine.handle(now, Input::Chunk { source, bytes }, &mut effects);
    }
    engine.replace_rules(now, rules("rules: [{ name: odd, match: oddly }]"), &mut effects);
    engine.handle(now, Input::Chunk { source, bytes: &quiet }, &mut effects);
    let fired: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Alert(alert) => Some((alert.rule.as_str(), alert.origin.as_ref()?.line)),
            _ => None,
        })
        .collect();
    assert_eq!(fired, [("killed", 7), ("odd", 8), ("odd", 9), ("odd", 10)]);
}
