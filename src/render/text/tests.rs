//! Alerts of every kind in words.

use std::time::Duration;

use super::*;
use crate::engine::alert::{AlertState, Cause, Held, MetricValue, Progress, Sign, Verdict};
use crate::engine::rules::Attach;
use crate::time::Timestamp;

fn run() -> RunLabel {
    RunLabel {
        id: "20261123-023323-045-77".into(),
        name: "resnet50".into(),
        host: "gpu-7".into(),
        command: "python train.py --token=abcdefgh".into(),
        elapsed: None,
    }
}

fn alert(happening: Happening) -> Alert {
    Alert {
        rule: "diverged".into(),
        severity: Severity::Critical,
        state: AlertState::Firing,
        at: Timestamp::from_secs(1_795_401_203),
        origin: None,
        happening,
        message: None,
        lines: vec!["step 40 loss nan".into()],
        metrics: vec![
            metric("lr", 1e-3, "1e-3"),
            metric("loss", f64::NAN, "nan"),
            metric("epoch", 3.0, "3"),
        ],
        progress: Some(Progress {
            unit: "epoch".into(),
            done: 3.0,
            total: Some(10.0),
            remaining: None,
        }),
        elapsed: Duration::from_secs(7_500),
        held_back: 0,
        untold: Vec::new(),
        to: Vec::new(),
        attach: Attach::default(),
        stop: None,
    }
}

fn metric(name: &str, value: f64, text: &str) -> MetricValue {
    MetricValue { name: name.into(), value, text: text.into() }
}

fn render(alert: &Alert, language: Language) -> Message {
    message(alert, &Context { run: &run(), language, secrets: &[] })
}

fn ended(status: ProcessStatus, outcome: Outcome, cause: Option<Cause>) -> Happening {
    Happening::Ended(Verdict { status, outcome, cause, restarts: 0 })
}

fn cause(summary: &str) -> Cause {
    Cause {
        summary: summary.into(),
        place: Some("train.py:41 in step".into()),
        rank: Some(1),
        likely: false,
        evidence: vec!["Traceback (most recent call last):".into(), "ValueError: bad batch".into()],
    }
}

#[test]
fn titles_say_what_happened_with_the_values() {
    let failed = ended(
        ProcessStatus::Exited { code: 1 },
        Outcome::Failed,
        Some(cause("ValueError: bad batch")),
    );
    let killed =
        ended(ProcessStatus::Signaled { signal: 9, core_dumped: false }, Outcome::Killed, None);
    let condition = Happening::Condition {
        condition: "loss > 3 * min(loss)".into(),
        values: vec![metric("loss", 12.3, "12.3")],
        held: Some(Held::Samples(5)),
    };
    let matched = Happening::Matched {
        text: " worker 3 timed out ".into(),
        captures: vec![],
        count: 5,
        within: Some(Duration::from_secs(600)),
    };
    for (happening, expected) in [
        (failed, "resnet50 failed after 2h 05m: ValueError: bad batch (exit status 1)"),
        (killed, "resnet50 was killed by SIGKILL after 2h 05m"),
        (
            ended(ProcessStatus::Exited { code: 0 }, Outcome::Finished, None),
            "resnet50 finished in 2h 05m",
        ),
        (condition, "loss 12.3: loss > 3 * min(loss), for 5 samples"),
        (matched, "worker 3 timed out (5 times within 10m)"),
        (Happening::NonFinite { metric: "loss".into(), text: "nan".into() }, "loss is nan"),
        (
            Happening::Silent {
                quiet: Duration::from_secs(1_800),
                lacks: Sign::Output,
                pattern: None,
                last_line: None,
            },
            "no output for 30m",
        ),
        (
            Happening::Silent {
                quiet: Duration::from_secs(1_800),
                lacks: Sign::Step,
                pattern: None,
                last_line: None,
            },
            "lines are printed, but no step was made for 30m",
        ),
        (Happening::Due, "resnet50 is running: loss nan, epoch 3, lr 1e-3"),
    ] {
        assert_eq!(render(&alert(happening), Language::En).title, expected);
    }
}

#[test]
fn a_failure_looks_like_none_whatever_rule_tells_it() {
    for (code, outcome, severity, shown) in [
        (0, Outcome::Finished, Severity::Info, Severity::Info),
        (1, Outcome::Failed, Severity::Info, Severity::Warning),
        (1, Outcome::Failed, Severity::Critical, Severity::Critical),
    ] {
        let mut alert = alert(ended(ProcessStatus::Exited { code }, outcome, None));
        alert.severity = severity;
        assert_eq!(render(&alert, Language::En).severity, shown, "{code} {severity:?}");
    }
}

#[test]
fn an_end_carries_its_status_as_a_shell_shows_it() {
    for (status, exit) in [
        (ProcessStatus::Exited { code: 0 }, Some(0)),
        (ProcessStatus::Exited { code: 3 }, Some(3)),
        (ProcessStatus::Signaled { signal: 9, core_dumped: false }, Some(137)),
        (ProcessStatus::Unknown, None),
    ] {
        let alert = alert(ended(status, Outcome::Failed, None));
        assert_eq!(render(&alert, Language::En).exit, exit, "{status:?}");
    }
    assert_eq!(render(&alert(Happening::Due), Language::En).exit, None);
}

#[test]
fn an_end_counts_what_was_told_nowhere() {
    let finished = ended(ProcessStatus::Exited { code: 0 }, Outcome::Finished, None);
    let mut alert = alert(finished);
    alert.untold = vec![("oops".to_owned(), 37), ("disk".to_owned(), 5)];
    let body = render(&alert, Language::En).body;
    assert_eq!(body, "Held back until the end: 37 × oops, 5 × disk.");
    alert.untold = (0..20).map(|n| (format!("rule {n}"), 1)).collect();
    let body = render(&alert, Language::En).body;
    assert!(body.ends_with("1 × rule 7, …."), "{body}");
}

#[test]
fn the_end_carries_the_evidence_before_the_last_lines() {
    let end = ended(
        ProcessStatus::Exited { code: 1 },
        Outcome::Failed,
        Some(cause("ValueError: bad batch")),
    );
    let mut alert = alert(end);
    let traceback =
        ["Traceback (most recent call last):", "  deep in a library", "ValueError: bad batch"];
    alert.lines.extend(traceback.map(str::to_owned));
    alert.held_back = 3;
    let message = render(&alert, Language::En);
    assert_eq!(
        message.lines,
        ["Traceback (most recent call last):", "ValueError: bad batch", "", "step 40 loss nan"]
    );
    assert_eq!(
        message.body,
        "On rank 1.\nAt train.py:41 in step.\n3 more were held back since the last message."
    );
    assert_eq!(message.kind, MessageKind::End);
    assert_eq!(message.run.command, "python train.py --token=****");
}

#[test]
fn losses_come_first_among_the_fields() {
    let names: Vec<_> = render(&alert(Happening::Due), Language::En)
        .fields
        .into_iter()
        .map(|field| field.name)
        .collect();
    assert_eq!(names, ["loss", "lr", "progress", "elapsed"]);
}

#[test]
fn host_metrics_stand_among_the_fields_only_of_an_alert_about_them() {
    let condition = |name| Happening::Condition {
        condition: String::new(),
        values: vec![metric(name, 1.0, "1")],
        held: None,
    };
    for (happening, shown) in
        [(Happening::Due, false), (condition("loss"), false), (condition("disk.free"), true)]
    {
        let mut alert = alert(happening);
        alert.metrics.push(metric("disk.free", 1e9, "1.00GB"));
        let message = render(&alert, Language::En);
        let is_shown = message.fields.iter().any(|field| field.name == "disk.free");
        assert_eq!(is_shown, shown, "{:?}", alert.happening);
        assert!(!message.title.contains("disk.free 1.00GB"), "{}", message.title);
    }
}

#[test]
fn a_template_is_filled_in_and_captured_text_is_never_evaluated() {
    let mut alert = alert(Happening::Matched {
        text: "eval {{ run.host }}".into(),
        captures: vec![("what".into(), "{{ 7 * 7 }}".into())],
        count: 1,
        within: None,
    });
    alert.message = Some("{{ run.name }}: {{ what }} {{ loss }} {{ metrics['lr'] | round(2) }} {{ nothing }} {{ epoch }}".into());
    assert_eq!(render(&alert, Language::En).title, "resnet50: {{ 7 * 7 }} nan 0.0 ? 3");
}

#[test]
fn a_template_that_fails_gives_the_built_in_title_and_the_reason() {
    let mut alert = alert(Happening::NonFinite { metric: "loss".into(), text: "nan".into() });
    alert.message = Some("{% for i in range(100000000) %}{{ i }}{% endfor %}".into());
    let message = render(&alert, Language::En);
    assert_eq!(message.title, "loss is nan");
    assert!(
        message.body.starts_with("The rule's `message` could not be filled in: "),
        "{}",
        message.body
    );
}

#[test]
fn every_language_names_run_and_cause() {
    for language in [Language::En, Language::Zh, Language::Ja, Language::Ko] {
        let end = ended(
            ProcessStatus::Exited { code: 1 },
            Outcome::Failed,
            Some(cause("ValueError: bad batch")),
        );
        let title = render(&alert(end), language).title;
        assert!(
            title.contains("resnet50")
                && title.contains("ValueError: bad batch")
                && !title.contains('{'),
            "{title}"
        );
    }
}

#[test]
fn a_title_has_no_newline_and_a_bounded_length() {
    let mut alert = alert(Happening::Matched {
        text: "a\nb\u{1b}[31m".repeat(1_000),
        captures: vec![],
        count: 1,
        within: None,
    });
    alert.lines = vec!["é".repeat(10_000)];
    let message = render(&alert, Language::En);
    assert!(message.title.chars().count() <= TITLE_LIMIT && !message.title.contains('\n'));
    assert!(message.lines[0].chars().count() <= LINE_LIMIT);
}
