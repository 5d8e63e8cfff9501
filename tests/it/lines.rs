//! Bytes to lines to alerts, where the bytes are not what one would like.

use std::path::Path;

use trainwatch::engine::alert::Happening;
use trainwatch::engine::input::{ProcessEnd, ProcessStatus};
use trainwatch::engine::{Effect, Engine, Input, SourceId};
use trainwatch::time::Timestamp;

const SOURCE: SourceId = SourceId(0);

/// What the rule `error` (pattern: `pattern`) fires on, given these chunks at once.
fn fires(pattern: &str, chunks: &[&[u8]]) -> Vec<u64> {
    let rules = format!(
        "builtin: false\nauto_metrics: false\nrules:\n  - {{ name: error, match: '{pattern}' }}\n"
    );
    let config = trainwatch::config::compile("rules", &rules, Path::new(""), &|_| None).unwrap();
    let mut engine = Engine::new(config.rules, Timestamp::from_secs(0), false);
    let mut effects = Vec::new();
    for bytes in chunks {
        engine.handle(
            Timestamp::from_secs(1),
            Input::Chunk { source: SOURCE, bytes },
            &mut effects,
        );
    }
    engine.handle(Timestamp::from_secs(1), Input::Closed { source: SOURCE }, &mut effects);
    effects.iter().filter_map(origin).collect()
}

/// The number of the line that an alert comes from.
fn origin(effect: &Effect) -> Option<u64> {
    match effect {
        Effect::Alert(alert) => alert.origin.as_ref().map(|origin| origin.line),
        _ => None,
    }
}

#[test]
fn bad_bytes_stop_no_rule() {
    let bad: &[&[u8]] =
        &[b"\xff", b"\0\0", b"\xe2\x96", b"\xc3\x28", b"\xef\xbb\xbf", b"\x9b", &[0x80; 300]];
    for before in bad {
        let text = [before, &b" error 7\nfine\nerror 8 "[..], before, b"\n"].concat();
        assert_eq!(fires("error [0-9]", &[&text]), [1, 3], "{}", before.escape_ascii());
    }
}

#[test]
fn a_character_that_is_split_over_two_reads_is_one() {
    assert_eq!(fires("^über█$", &[b"\xc3", b"\xbcber\xe2", b"\x96", b"\x88\r", b"\n"]), [1]);
}

#[test]
fn the_head_and_the_tail_of_an_endless_line_are_both_matched() {
    let line = [&b"begins here "[..], &vec![b'x'; 3 << 20], b" ends here\nnext\n"].concat();
    let chunks: Vec<&[u8]> = line.chunks(65_536).collect();
    assert_eq!(fires("^begins here", &chunks), [1]);
    assert_eq!(fires("ends here$", &chunks), [1]);
    assert_eq!(fires("^next$", &chunks), [2]);
}

#[test]
fn a_sequence_without_an_end_eats_no_later_line() {
    for begun in [&b"\x1b]0;title"[..], b"\x1bPdevice", b"\x1b[31;1", b"\x1b_app", b"\x1b"] {
        let text = [begun, b"\nerror\n"].concat();
        assert_eq!(fires("^error$", &[&text]), [2], "{}", begun.escape_ascii());
    }
}

#[test]
fn keras_bars_drawn_with_backspaces_are_one_line() {
    let mut text = b"Epoch 1/2\n".to_vec();
    for step in 1..=50_u8 {
        let bar = format!("{step:2}/50 [====>.....] - loss: 0.{step:02}");
        text.extend_from_slice(bar.as_bytes());
        text.extend(std::iter::repeat_n(b'\x08', bar.len()));
    }
    text.extend_from_slice(b"50/50 [==========] - loss: 0.50\nEpoch 2/2\n");
    assert_eq!(fires("^50/50 .* loss: 0.50$", &[&text]), [2]);
    assert_eq!(fires("^Epoch 2/2$", &[&text]), [3]);
}

#[test]
fn an_error_in_a_table_that_rich_draws_again_fires_once() {
    let mut text = Vec::new();
    for frame in 0..30 {
        if frame > 0 {
            text.extend_from_slice(b"\x1b[2A");
        }
        let row = format!("\x1b[2K│ rank 0 │ error: lost │\n\x1b[2K│ rank 1 │ step {frame} │\n");
        text.extend_from_slice(row.as_bytes());
    }
    assert_eq!(fires("error: lost", &[&text]).len(), 1);
}

/// The summary of the cause when a command ends with status 1 after this output.
fn cause(text: &[u8]) -> Option<String> {
    let rules = "builtin: false\nrules:\n  - { name: bad, exit: failure }\n";
    let config = trainwatch::config::compile("rules", rules, Path::new(""), &|_| None).unwrap();
    let mut engine = Engine::new(config.rules, Timestamp::from_secs(0), false);
    let mut effects = Vec::new();
    let now = Timestamp::from_secs(1);
    engine.handle(now, Input::Chunk { source: SOURCE, bytes: text }, &mut effects);
    let end = ProcessEnd { status: ProcessStatus::Exited { code: 1 }, clues: Vec::new() };
    engine.handle(now, Input::Ended(end), &mut effects);
    engine.handle(now, Input::Finished, &mut effects);
    effects.iter().find_map(|effect| match effect {
        Effect::Alert(alert) => match &alert.happening {
            Happening::Ended(verdict) => verdict.cause.as_ref().map(|cause| cause.summary.clone()),
            _ => None,
        },
        _ => None,
    })
}

#[test]
fn a_traceback_that_is_open_at_the_end_is_in_its_message() {
    let text = b"Traceback (most recent call last):\n  File \"/a/train.py\", line 3, in <module>\n    main()\nValueError: bad batch";
    assert_eq!(cause(text).as_deref(), Some("ValueError: bad batch"));
}

#[test]
fn a_traceback_of_each_rank_is_one_event_though_their_lines_alternate() {
    let rank = |rank: &str, error: &str| {
        let lines = [
            "Traceback (most recent call last):".to_owned(),
            "  File \"/a/train.py\", line 3, in <module>".to_owned(),
            "    main()".to_owned(),
            error.to_owned(),
        ];
        lines.map(|line| format!("{rank}{line}\n"))
    };
    for prefix in ["[rank{}]: ", "[trainer{}]: ", "{}: ", "[{}]: "] {
        let name = |n: &str| prefix.replace("{}", n);
        let ranks =
            [rank(&name("0"), "ValueError: bad batch"), rank(&name("3"), "ValueError: bad batch")];
        let mut text = String::new();
        for line in 0..4 {
            for rank in &ranks {
                text += &rank[line];
                text += "step 7 loss 0.5\n";
            }
        }
        assert_eq!(cause(text.as_bytes()).as_deref(), Some("ValueError: bad batch"), "{prefix}");
    }
}
