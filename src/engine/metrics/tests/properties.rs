//! What holds for any bytes, and for lines whose shape is known.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn no_bytes_make_it_fail(
        pieces in prop::collection::vec(prop::sample::select(vec![
            &b"loss"[..], b"=", b":", b" ", b"  ", b"\t", b"0.5", b"12", b"nan", b"{'a': ", b"}", b"(", b")", b"[",
            b"]", b"'", b"\"", b"\\", b"%", b"|", b"\xff", "━━━".as_bytes(), "│".as_bytes(), b"[00:00<", b"tensor(",
            b"val", b"best", b"value", b",", b"/", b"-", b"e5", b"Error: ", b"\n", b"\r", b"1,234", b"k", "：".as_bytes(),
        ]), 0..40),
    ) {
        let bytes = pieces.concat();
        let mut metrics = Metrics::default();
        let mut each = |line: Line<'_>| metrics.scan(&line, &mut |f| {
            assert!(!f.name.is_empty());
            assert!(f.text.bytes().any(|b| b.is_ascii_alphanumeric()));
        });
        let mut splitter = Splitter::default();
        splitter.push(&bytes, &mut each);
        splitter.close(&mut each);
    }

    #[test]
    fn a_number_comes_back_as_written(value in any::<f64>(), step in 0_u32..1_000_000) {
        let line = format!("step {step} | loss {value:e} | x={value:.6}");
        let mut got = Vec::new();
        let line = Line { number: 1, kind: LineKind::Whole, text: line.as_bytes() };
        Metrics::default().scan(&line, &mut |f| got.push((f.name.to_owned(), f.value.to_string())));
        let rounded: f64 = format!("{value:.6}").parse().unwrap();
        let expected = [("step", f64::from(step)), ("loss", value), ("x", rounded)]
            .map(|(name, value)| (name.to_owned(), value.to_string()));
        if value.is_finite() {
            prop_assert_eq!(got, expected);
        }
    }
}

/// Pieces of lines, of which some have digits that say something; a blank stands for itself.
const WORDS: &str = "loss~acc~epoch~Epoch~step~lr~time~top1~acc5~top~f1~train~val~mem~E3~\
    layer.2.weight~layer.12.weights~created~rank0~=~: ~:~ ~ ~  ~\t~, ~|~/~[~]~(~)~{~}~'~\"~{'loss': ~\
    {\"a1\": ~loss[~('loss', ~=[~No~IS: ~errD~N/A~ | ~did~avg,~-~.~%~e-05~e+09~nan~nan.0~inf.~ms~MB~it/s~INFO~tensor(";

/// Pieces that belong to several names, to data, or to words that hold a known one: few, so that
/// they meet.
const NEAR_WORDS: &str = "loss, ~acc ~mae, ~val ~train ~loss ~loss_1 ~loss_1: n/a ~valTop1 ~valTop1, ~valF1: ~0.5 ~\
    0.25, ~12 ~, ~: ~=~| ~16_h1=~CV ~Test ~tick ~did ~is ~in epoch 3 ~iteration 20: ~learning rate ~\
    of group 0 ~to 1e-3 ~45.5%| ~epoch=3_acc=0.5 ~3.5eV ~best ~with ";

/// Pieces of headings, and of what is told by words around a name.
const HEADINGS: &str = "Running ~validation~Evaluating~ results:~.~train ~loss ~acc ~val ~step 3 ~epoch 3 ~Train~\
    0.5 ~12 ~: ~=~| ~ | output:~eval ~[val: 1, ~train (1/10) ~Completed eval ~ over val set: ~ set ~Accuracy~ on ~\
    the ~ after 250 iterations~ over epoch: ~Chain [1] ~(+1.5) | ~per-word bound~-8.2 ~50%|█████| ~  ~n_gen | ~\
    loss 0.5 acc:~         0.5 ";

/// Pieces of settings, one below the other and side by side.
const SETTINGS: &str = "batch_size: ~num_layers: ~momentum: ~weight_decay=~model: resnet~CUDNN:~  ALPHA: ~True~lr: ~lr=~\
    loss: ~acc: ~val_acc: ~0.5~12~[1, 2]~INFO - ~] ~ ~, ~epoch: ~--lr ~{'batch_size': ~, 'lr': ~}~- item~=====~top 5 acc~\
    pal1 conf loss:~spectro loss=~mel loss=~        PER: precision: ~validating...: ~learning rate is: ~after ~\
    Test: [0/9] ~ * Acc@1 ~Acc@1 ~EP0_train, ~valid (~, val, ~- (Validation) ~ Training - ";

/// Lines made of such pieces; the shape of each line, and its digits.
fn pieces(words: &'static str) -> impl Strategy<Value = Vec<Vec<String>>> {
    let word = prop::sample::select(words.split('~').collect::<Vec<_>>()).prop_map(str::to_owned);
    let piece = prop_oneof![
        3 => word,
        2 => "[0-9]{1,3}([.][0-9]{1,3})?",
        1 => "[0-9]{9,11}|2026-10-0[0-9][T ]00:0[0-9]|[0-9a-f]{7}|[a-f][0-9]",
    ];
    prop::collection::vec(prop::collection::vec(piece, 1..14), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Lines of a few shapes, in any order, with other digits in each.
    #[test]
    fn a_known_shape_holds_what_is_found_without_knowing_it(
        shapes in prop_oneof![pieces(WORDS), pieces(NEAR_WORDS), pieces(HEADINGS), pieces(SETTINGS)],
        lines in prop::collection::vec((0_usize..4, "[0-9]{40}"), 1..24),
    ) {
        let (mut plain, mut quick, memory) = (Metrics::default(), Metrics::default(), Shapes::default());
        for (number, (shape, digits)) in (1..).zip(lines) {
            let text = shapes[shape % shapes.len()].concat();
            // One line in three is as it is.
            let mut digits = digits.bytes().cycle();
            let mut other = |byte: u8| if byte.is_ascii_digit() { digits.next().unwrap() } else { byte };
            let text: Vec<u8> = match number % 3 {
                0 => text.into_bytes(),
                _ => text.bytes().map(&mut other).collect(),
            };
            let line = Line { number, kind: LineKind::Whole, text: &text };
            let told = |f: Found<'_>| format!("{}={}={:?}", f.name, f.text, f.value.to_bits());
            let (mut expected, mut got) = (Vec::new(), Vec::new());
            plain.scan(&line, &mut |f| expected.push(told(f)));
            quick.scan_known(&line, None, &memory, &mut |f| got.push(told(f)));
            prop_assert_eq!(got, expected, "{}", String::from_utf8_lossy(&text));
        }
    }
}

/// A time of a billion is a clock's. Of Julia's exponent it was not known that it makes one.
#[test]
fn a_clock_with_any_exponent_hides_no_metric_of_its_shape() {
    for (clock, metric) in [("time=1.1f9", "time=0.5f0"), ("time=1.1e9", "time=0.5e0")] {
        let (mut metrics, memory, mut got) = (Metrics::default(), Shapes::default(), Vec::new());
        for (number, text) in (1..).zip([clock, metric]) {
            let line = Line { number, kind: LineKind::Whole, text: text.as_bytes() };
            metrics.scan_known(&line, None, &memory, &mut |f| {
                got.push(format!("{}={}", f.name, f.text))
            });
        }
        assert_eq!(got, [metric]);
    }
}

/// Digits of a word that a number touches, and of a name before brackets, were taken for a number's.
#[test]
fn words_with_digits_are_known_wherever_they_stand() {
    for pair in [
        ["00.00top2 lr: 0.0time", "00.00top1 lr: 0.0time"],
        ["loss0loss[loss=0]", "loss1loss[loss=0]"],
        ["the valTop3 is 0.5", "the valTop1 is 0.5"],
        [
            "loss_1: n/a val acc 0.5 loss_1: n/a acc 0.9",
            "loss_1: n/a val acc 0.5 loss_2: n/a acc 0.9",
        ],
    ] {
        let (mut plain, mut quick, memory) =
            (Metrics::default(), Metrics::default(), Shapes::default());
        for (number, text) in (1..).zip(pair) {
            let line = Line { number, kind: LineKind::Whole, text: text.as_bytes() };
            let told = |f: Found<'_>| format!("{}={}", f.name, f.text);
            let (mut expected, mut got) = (Vec::new(), Vec::new());
            plain.scan(&line, &mut |f| expected.push(told(f)));
            quick.scan_known(&line, None, &memory, &mut |f| got.push(told(f)));
            assert_eq!(got, expected, "{text}");
        }
    }
}

/// Digits that say nothing must not make a line unknown: it was searched again each time.
#[test]
fn lines_with_paths_and_times_were_unknown_each_time() {
    let memory = Shapes::default();
    let mut metrics = Metrics::default();
    for (one, other) in [
        (
            "Loading shard /data/fineweb/train-01313-of-04096.parquet into the cache of worker 0",
            "Loading shard /data/fineweb/train-02707-of-04096.parquet into the cache of worker 4",
        ),
        (
            "[2026-10-01 00:18:47] Epoch 26 [2266/4000]  loss: 1.422 (2.238)  acc: 94.45",
            "[2026-10-01 00:21:33] Epoch 26 [3184/4000]  loss: 2.350 (0.846)  acc: 95.54",
        ),
        (
            "2026-10-01 00:23:28,052 - INFO - train - step 107826 | loss=3.8849 | lr=1.73e-04",
            "2026-10-01 00:34:35,067 - INFO - train - step 111532 | loss=1.1347 | lr=6.00e-05",
        ),
        (
            r#"{"ts": "2026-10-01T00:09:05Z", "step": 103028, "train/loss": 2.17122}"#,
            r#"{"ts": "2026-10-01T00:20:00Z", "step": 106672, "train/loss": 0.89672}"#,
        ),
    ] {
        let line = Line { number: 1, kind: LineKind::Whole, text: one.as_bytes() };
        metrics.scan_known(&line, None, &memory, &mut |_| {});
        assert!(memory.read_line(other.as_bytes(), &mut Readings::default()).is_some(), "{other}");
    }
}
