//! What is a condition, and where the error stands in what is none.

use proptest::prelude::*;

use super::*;

#[test]
fn conditions_are_read_with_their_metrics() {
    for (text, metrics) in [
        ("loss > 5", vec!["loss"]),
        ("is_nan(loss) or loss > 3 * min(loss)", vec!["loss"]),
        ("train/loss / 2 > eval.acc@1", vec!["train/loss", "eval.acc@1"]),
        ("disk.free < 10GB", vec!["disk.free"]),
        ("not (a < 1 and b >= 95%) or c != -2", vec!["a", "b", "c"]),
        ("age(loss) > 5m and elapsed() > 1h30m", vec!["loss"]),
        ("zscore(x, 50) > 6 or slope(x, 100) >= 0", vec!["x"]),
        ("since_best(acc, max) >= 10", vec!["acc"]),
        ("mean(loss, 10m) > 2 * mean(loss)", vec!["loss"]),
        ("count(loss, 5m) < 1 and (elapsed()) / 2 > 3", vec!["loss"]),
        ("'val loss' > ema(\"val loss\", 20)", vec!["val loss"]),
        ("min > 3", vec!["min"]),
        ("time_per_step > 2s", vec!["time_per_step"]),
    ] {
        match parse(text) {
            Ok((_, found)) => assert_eq!(found, metrics, "{text}"),
            Err(error) => panic!("{text}: {error:?}"),
        }
    }
}

#[test]
fn precedence_is_that_of_mathematics() {
    let same = [
        ("a + 2 * b > 1 and c > 1 or d > 1", "(((a + (2 * b)) > 1) and (c > 1)) or (d > 1)"),
        ("not a > 1 and b > 1", "(not (a > 1)) and (b > 1)"),
        ("a - b - c > 1", "((a - b) - c) > 1"),
        ("-a * b > 1", "((-a) * b) > 1"),
    ];
    for (one, other) in same {
        assert_eq!(parse(one).unwrap().0, parse(other).unwrap().0, "{one}");
    }
}

/// The text, where the error stands, and a word of its message or hint.
#[test]
fn errors_know_their_place_and_help() {
    for (text, offset, length, word) in [
        ("", 0, 0, "missing"),
        ("loss >", 6, 0, "missing"),
        ("loss", 0, 4, "loss > 5"),
        ("loss > 3 and acc", 13, 3, "compare it"),
        ("loss > 3 acc", 9, 3, "`and`"),
        ("loss > (3", 9, 0, "`)`"),
        ("0 < loss < 5", 9, 1, "and loss"),
        ("(a > 1) > 2", 0, 7, "not a value"),
        ("media(loss) > 1", 0, 5, "`median`"),
        ("isnan(loss)", 0, 5, "`is_nan`"),
        ("frobnicate(loss) > 1", 0, 10, "there are"),
        ("min(3) > 1", 4, 1, "name of a metric"),
        ("min(a, b) > 1", 7, 1, "one metric"),
        ("min(a, 0) > 1", 7, 1, "number of samples"),
        ("min(a, 2.5) > 1", 7, 3, "number of samples"),
        ("mean(a, 5000) > 1", 8, 4, "4096"),
        ("ema(a, 4000) > 1", 7, 4, "1000"),
        ("zscore(a) > 1", 0, 6, "number of samples"),
        ("zscore(a, 10m) > 1", 10, 3, "number of samples"),
        ("since_best(a, best) > 1", 14, 4, "`max`"),
        ("elapsed(a) > 1h", 8, 1, "elapsed()"),
        ("age(loss) > 300", 0, 15, "5m"),
        ("elapsed() > 5GB", 0, 15, "compared"),
        ("elapsed() * age(a) > 5", 0, 18, "multiplied"),
        ("loss == nan", 5, 2, "is_nan"),
        ("loss > 3 AND acc > 1", 9, 3, "`and`"),
        ("and > 3", 0, 3, "value"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.offset, error.len), (offset, length), "{text}: {error:?}");
        let said = format!("{} {}", error.message, error.hint.unwrap_or_default());
        assert!(said.contains(word), "{text}: {said}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |n: usize| format!("{}a > 1{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
    assert!(parse(&nested(1_000)).is_err());
    assert!(parse(&format!("{}a > 1", "not ".repeat(1_000))).is_err());
    assert!(parse(&format!("a > {}1", "-".repeat(1_000))).is_err());
    assert!(parse(&format!("a{} > 1", " + a".repeat(500))).is_err());
    assert!(parse(&format!("a > 1{}", " or a > 1".repeat(50))).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_place_in_it(
        text in "(loss|min|is_nan|and|or|not|\\(|\\)|,|5m|3GB|[-+*/<>=!&'.%§0-9a-z]| ){0,20}"
    ) {
        if let Err(error) = parse(&text) {
            let end = error.offset + error.len;
            prop_assert!(text.get(error.offset..end).is_some(), "{:?}: {:?}", text, error);
        }
    }
}
