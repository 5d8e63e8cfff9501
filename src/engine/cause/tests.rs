//! Whole ends, each a file in tests/data/cause: what is expected, `---`, and what was printed.

use std::fs;
use std::path::Path;

use super::*;
use crate::engine::alert::Outcome;
use crate::engine::input::{Clue, ProcessStatus, Sender};

fn whole(number: u64, text: &[u8]) -> Line<'_> {
    Line { number, kind: LineKind::Whole, text }
}

fn read(text: &str) -> Investigator {
    let mut investigator = Investigator::default();
    for (number, line) in (1..).zip(text.lines()) {
        investigator.line(SourceId(0), &whole(number, line.as_bytes()));
    }
    investigator
}

fn end(status: &str, clue: Option<&str>) -> ProcessEnd {
    let (kind, number) = status.split_once(' ').expect("a kind and a number");
    let number = number.parse().expect("a number");
    let status = match kind {
        "exit" => ProcessStatus::Exited { code: number },
        _ => ProcessStatus::Signaled { signal: number, core_dumped: false },
    };
    let clue = clue.map(|clue| match clue {
        "oom" => Clue::OomKills { count: 1 },
        "rule" => Clue::StoppedByRule { rule: "diverged".into(), signal: 15 },
        "known sender" => {
            let name = Some("bash".to_owned());
            Clue::Forwarded { signal: 15, sender: Some(Sender { pid: 77, uid: 1000, name }) }
        }
        _ => {
            Clue::Forwarded { signal: 15, sender: Some(Sender { pid: 77, uid: 1000, name: None }) }
        }
    });
    ProcessEnd { status, clues: clue.into_iter().collect() }
}

#[test]
fn only_signals_that_a_batch_system_sends_are_taken_for_its_own() {
    let root = |uid| Some(Sender { pid: 77, uid, name: None });
    for (signal, sender, is_slurms) in [
        (15, root(0), true),
        (10, root(0), true),
        // From outside of a container.
        (15, None, true),
        (15, root(1000), false),
        // A terminal that is gone.
        (1, None, false),
        (2, root(0), false),
    ] {
        let status = ProcessStatus::Signaled { signal, core_dumped: false };
        let clues = vec![Clue::Forwarded { signal, sender }, Clue::SlurmJob { id: "4711".into() }];
        let cause = read("step 1 loss 0.5").verdict(&ProcessEnd { status, clues }).cause;
        let summary = cause.expect("a cause").summary;
        assert_eq!(summary.contains("SLURM job 4711"), is_slurms, "{summary}");
    }
}

/// What the verdict says against what the file expects; empty if they agree.
fn differences(text: &str) -> Vec<String> {
    let (expected, log) = text.split_once("\n---\n").expect("expectations, ---, output");
    let field =
        |name: &str| expected.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let end = end(field("status").expect("a status"), field("clue"));
    let verdict = read(log).verdict(&end);
    let outcome = serde_json::to_value(verdict.outcome).expect("JSON");
    let cause = verdict.cause.as_ref();
    let found = [
        ("outcome", outcome.as_str().map(str::to_owned)),
        ("summary", Some(cause.map_or("none".into(), |cause| cause.summary.clone()))),
        ("place", cause.and_then(|cause| cause.place.clone())),
        ("rank", cause.and_then(|cause| cause.rank).map(|rank| rank.to_string())),
        ("likely", cause.filter(|cause| cause.likely).map(|_| "true".into())),
    ];
    let mut wrong: Vec<String> = found
        .into_iter()
        .filter(|(name, found)| found.as_deref() != field(name))
        .map(|(name, found)| format!("{name}: {found:?}, expected {:?}", field(name)))
        .collect();
    let evidence = cause.map(|cause| cause.evidence.as_slice()).unwrap_or_default();
    if let Some(line) = field("evidence")
        && !evidence.iter().any(|shown| shown.contains(line))
    {
        wrong.push(format!("evidence: {evidence:#?}, expected {line:?}"));
    }
    if evidence.len() > finding::MAX_EVIDENCE {
        wrong.push(format!("{} lines of evidence", evidence.len()));
    }
    wrong
}

#[test]
fn each_end_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cause");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(paths.len() > 40);
    let mut wrong = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("UTF-8");
        for difference in differences(&text) {
            wrong.push(format!("{}: {difference}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn an_unterminated_last_line_counts() {
    let mut investigator = read("step 1 loss 0.2");
    let text = b"FATAL: no data";
    investigator.line(SourceId(0), &Line { number: 2, kind: LineKind::Partial, text });
    let verdict = investigator.verdict(&end("exit 3", None));
    assert_eq!(verdict.cause.map(|cause| cause.summary).as_deref(), Some("FATAL: no data"));
}

#[test]
fn memory_stays_bounded_whatever_is_printed() {
    let mut investigator = Investigator::default();
    let long = vec![b'x'; 300_000];
    for number in 0..3_000_u64 {
        let rank = number % 200;
        let header = format!("[rank{rank}]: Traceback (most recent call last):");
        let source = SourceId((number % 100) as u32);
        investigator.line(source, &whole(number, header.as_bytes()));
        investigator.line(source, &whole(number, &long));
        let error = format!("[rank{rank}]: ValueError: {number}");
        investigator.line(source, &whole(number, error.as_bytes()));
        investigator.line(source, &whole(number, b"Error: x"));
        investigator.line(source, &Line { number, kind: LineKind::Partial, text: &long });
    }
    assert!(investigator.lanes.len() <= MAX_LANES);
    assert!(investigator.findings.len() <= MAX_FINDINGS);
    assert!(investigator.tails.len() <= MAX_SOURCES);
    assert!(investigator.partials.len() <= MAX_SOURCES);
    assert!(investigator.notes.len() <= 16);
}

/// Pieces of which the lines of ends are made, to reach the states that lie between.
fn pieces() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let known = prop::sample::select(vec![
        "Traceback (most recent call last):",
        "[rank1]: Traceback (most recent call last):",
        "╭── Traceback (most recent call last) ──╮",
        "│ /a/b.py:3 in f │",
        "│",
        "╰──╯",
        "  File \"/a/b.py\", line 3, in f",
        "    code()",
        "ValueError: x",
        "[rank1]: ValueError",
        "During handling of the above exception, another exception occurred:",
        "Original Traceback (most recent call last):",
        "Root Cause (first observed failure):",
        "  rank      : 1",
        "  exitcode  : -9 (pid: 1)",
        "  traceback : Traceback (most recent call last):",
        "thread 'main' panicked at src/main.rs:5:10:",
        "terminate called after throwing an instance of 'x'",
        "{\"exc_type\": \"X",
        "Fatal Python error: x",
        "",
    ]);
    prop_oneof![
        known.clone().prop_map(|text| text.as_bytes().to_vec()),
        known.prop_map(|text| text.as_bytes()[..text.len() / 2].to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}

#[test]
fn events_that_end_in_another_order_than_they_began_do_not_overflow() {
    let lines = [
        "Original Traceback (most recent call last):",
        "terminate called after throwing an instance of 'x'",
        "terminate called after throwing an instance of 'x'",
        "ValueE",
        "╭── Traceback (most recent call last) ──╮",
        "╭── Traceback (most recent ",
    ];
    let mut investigator = Investigator::default();
    for (number, line) in (1..).zip(lines) {
        investigator.line(SourceId(0), &whole(number, line.as_bytes()));
    }
    let end = ProcessEnd { status: ProcessStatus::Exited { code: 0 }, clues: Vec::new() };
    assert_eq!(investigator.verdict(&end).outcome, Outcome::Finished);
}

proptest::proptest! {
    #[test]
    fn no_output_makes_it_panic(
        lines in proptest::collection::vec(pieces(), 0..40),
        code in -1..260_i32,
        signal in 0..70_i32,
    ) {
        let mut investigator = Investigator::default();
        for (number, line) in (1..).zip(&lines) {
            investigator.line(SourceId(0), &whole(number, line));
        }
        for status in [
            ProcessStatus::Exited { code },
            ProcessStatus::Signaled { signal, core_dumped: true },
            ProcessStatus::Unknown,
        ] {
            let verdict = investigator.verdict(&ProcessEnd { status, clues: Vec::new() });
            let evidence = verdict.cause.map_or(0, |cause| cause.evidence.len());
            proptest::prop_assert!(evidence <= finding::MAX_EVIDENCE);
        }
    }
}
