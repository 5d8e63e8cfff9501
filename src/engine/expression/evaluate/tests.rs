//! Functions, unknown values and the instants of change, on small series.

use proptest::prelude::*;

use super::*;
use crate::engine::context::Context;
use crate::engine::progress::Counters;

/// The samples of `x` (second, value), a condition, and its truth at second `now`.
fn truth(samples: &[(i64, f64)], text: &str, now: i64) -> Option<bool> {
    with(samples, text, now, |bound, scene| bound.holds(scene))
}

fn with<T>(
    samples: &[(i64, f64)],
    text: &str,
    now: i64,
    run: impl FnOnce(&Bound, &Scene<'_>) -> T,
) -> T {
    let mut store = SeriesStore::default();
    let bound = Expression::parse(text).unwrap().bind(&mut store);
    let id = store.look_back_at("x");
    for &(second, value) in samples {
        let point = Point { at: Timestamp::from_secs(second), step: None, value };
        store.push(id, point, "".into());
    }
    let scene = Scene {
        at: Timestamp::from_secs(now),
        started: Timestamp::default(),
        series: &store,
        context: &Context::default(),
        passed: None,
        counters: &Counters::default(),
    };
    run(&bound, &scene)
}

fn sampled(values: &[f64]) -> Vec<(i64, f64)> {
    (1..).zip(values.iter().copied()).collect()
}

#[test]
fn functions_have_the_values_of_the_table() {
    let samples = sampled(&[4.0, 2.0, 8.0, 6.0, 10.0]);
    for condition in [
        "x == 10",
        "min(x) == 2",
        "max(x) == 8",
        "mean(x) == 5",
        "median(x) == 5",
        "count(x) == 4",
        "stddev(x) > 2.5819 and stddev(x) < 2.582",
        "min(x, 2) == 6",
        "mean(x, 3) > 5.33 and mean(x, 3) < 5.34",
        "median(x, 3) == 6",
        "count(x, 3) == 3",
        "count(x, 100) == 4",
        "count(x, 3s) == 2",
        "max(x, 2s) == 6",
        "ema(x, 1) == 10",
        "ema(x, 3) == 7.875",
        "prev(x) == 6",
        "delta(x, 1) == 4 and delta(x, 4) == 6",
        "slope(x, 2) == 4 and slope(x, 3) == 1",
        "zscore(x, 2) > 2.12 and zscore(x, 2) < 2.13",
        "since_best(x) == 3",
        "since_best(x, max) == 0",
        "age(x) == 0s or age(x) < 1s",
        "elapsed() > 4s",
        "x / 4 == 2.5 and -x == -10 and x - 1 - 1 == 8 and x + 2 * 3 == 16",
    ] {
        assert_eq!(truth(&samples, condition, 5), Some(true), "{condition}");
    }
}

#[test]
fn a_function_without_enough_samples_is_missing() {
    let samples = sampled(&[1.0, 2.0, 3.0]);
    for condition in [
        "missing > 1",
        "missing < 1",
        "not (missing > 1)",
        "is_nan(missing)",
        "not is_finite(missing)",
        "delta(x, 3) > 0",
        "slope(x, 4) > 0",
        "zscore(x, 3) > 0",
        "age(missing) > 1s",
        "x > 100 or missing > 1",
        "x < 100 and missing > 1",
        "x + missing > 0",
    ] {
        assert_eq!(truth(&samples, condition, 9), None, "{condition}");
    }
    for condition in ["min(x) > 0", "prev(x) > 0", "mean(x, 5) > 0", "stddev(x) > 0"] {
        assert_eq!(truth(&samples[..1], condition, 9), None, "{condition}");
    }
    assert_eq!(truth(&[], "count(x) == 0", 9), Some(true));
    assert_eq!(truth(&samples, "x > 100 and missing > 1", 9), Some(false));
    assert_eq!(truth(&samples, "x < 100 or missing > 1", 9), Some(true));
}

#[test]
fn a_broken_number_makes_comparisons_unknown_and_poisons_no_mean() {
    let samples = sampled(&[1.0, f64::NAN, 3.0, f64::NAN]);
    for condition in ["x > 1", "x < 1", "x != 1", "not (x > 1)", "x * 0 == 0"] {
        assert_eq!(truth(&samples, condition, 9), None, "{condition}");
    }
    for condition in ["is_nan(x)", "not is_finite(x)", "mean(x) == 2", "count(x) == 3"] {
        assert_eq!(truth(&samples, condition, 9), Some(true), "{condition}");
    }
    let infinite = sampled(&[1.0, f64::INFINITY]);
    assert_eq!(truth(&infinite, "x > 5 and not is_nan(x)", 9), Some(true));
    assert_eq!(truth(&infinite, "is_finite(x)", 9), Some(false));
}

#[test]
fn constants_of_a_series_have_no_zscore() {
    assert_eq!(truth(&sampled(&[1.0, 1.0, 1.0, 5.0]), "zscore(x, 3) > 1", 9), None);
}

/// Condition, now, when it may change next, and its truth then.
#[test]
fn the_instant_of_a_change_is_known() {
    let samples = [(10, 1.0), (20, 2.0), (25, 3.0)];
    for (condition, now, next, truth_then) in [
        ("age(x) > 5m", 30, Some(325), Some(true)),
        ("age(x) <= 5m", 30, Some(325), Some(false)),
        ("elapsed() >= 1h", 30, Some(3600), Some(true)),
        ("2 * elapsed() + 10s > 110s", 30, Some(50), Some(true)),
        ("elapsed() / 2 > age(x)", 30, Some(50), Some(false)),
        ("count(x, 30s) < 1", 30, Some(40), Some(false)),
        ("count(x, 30s) < 1", 40, Some(50), Some(true)),
        ("x > 5", 30, None, Some(false)),
        ("age(x) > 5m", 400, None, Some(true)),
        // A quotient of times is found in several steps; this is the first one.
        ("100 / elapsed() < 0.5", 100, Some(150), Some(false)),
    ] {
        let found = with(&samples, condition, now, |bound, scene| bound.next_change(scene));
        let seconds = found.map(|at| at.as_nanos() / 1_000_000_000);
        assert_eq!(seconds, next, "{condition}");
        assert_eq!(truth(&samples, condition, next.unwrap_or(now)), truth_then, "{condition}");
    }
}

#[test]
fn the_change_of_a_quotient_is_found_in_few_steps() {
    let mut now = Timestamp::from_secs(1);
    let mut store = SeriesStore::default();
    let bound = Expression::parse("1000 / elapsed() < 1").unwrap().bind(&mut store);
    for step in 0.. {
        let (started, context) = (Timestamp::default(), &Context::default());
        let counters = &Counters::default();
        let scene = Scene { at: now, started, series: &store, context, passed: None, counters };
        if bound.holds(&scene) == Some(true) {
            break;
        }
        assert!(step < 20, "still at {now}");
        now = bound.next_change(&scene).unwrap();
    }
    assert!(now.since(Timestamp::from_secs(1000)) < Duration::from_secs(1));
}

proptest! {
    /// Windows against sums over a plain list.
    #[test]
    fn windows_agree_with_a_naive_implementation(
        gaps in proptest::collection::vec((0_i64..5, -100_i32..100), 1..60),
        samples in 1_usize..20,
        seconds in 1_i64..40,
    ) {
        let mut now = 0;
        let points: Vec<(i64, f64)> = gaps
            .iter()
            .map(|&(gap, value)| {
                now += gap;
                (now, f64::from(value))
            })
            .collect();
        let before = &points[..points.len() - 1];
        let last = &before[before.len().saturating_sub(samples)..];
        let recent: Vec<_> =
            before.iter().copied().filter(|(at, _)| *at > now - seconds).collect();
        for (window, list) in
            [(format!("{samples}"), last), (format!("{seconds}s"), recent.as_slice())]
        {
            let expect = |text: String, expected: bool| {
                let found = truth(&points, &text, now);
                prop_assert_eq!(found.unwrap_or(false), expected, "{}", text);
                Ok(())
            };
            expect(format!("count(x, {window}) == {}", list.len()), true)?;
            let values: Vec<f64> = list.iter().map(|point| point.1).collect();
            let some = !values.is_empty();
            let min = values.iter().copied().fold(f64::INFINITY, f64::min);
            let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (min, max) = if some { (min, max) } else { (0.0, 0.0) };
            expect(format!("min(x, {window}) == {min}"), some)?;
            expect(format!("max(x, {window}) == {max}"), some)?;
            let mean = if some { values.iter().sum::<f64>() / values.len() as f64 } else { 0.0 };
            expect(format!("mean(x, {window}) - {mean} < 1e-9"), some)?;
            expect(format!("mean(x, {window}) - {mean} > -1e-9"), some)?;
        }
    }
}
