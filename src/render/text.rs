//! An alert in words: title, body, fields and lines, in the run's language.
//!
//! Text from the run is data: it is masked, bounded, and never evaluated.

use std::time::Duration;

use crate::engine::alert::{
    Alert, AlertState, Cause, Happening, Held, MetricValue, Outcome, Progress, Severity, Sign,
    Verdict,
};
use crate::engine::host;
use crate::engine::input::ProcessStatus;
use crate::engine::signals;
use crate::render::language::{Language, Phrases, fill};
use crate::render::mask::mask;
use crate::render::message::{Field, Message, MessageKind, RunLabel};
use crate::render::template;
use crate::time::format_duration;

/// Longest title and body, in characters; the middle of a longer one is left out.
const TITLE_LIMIT: usize = 400;
const BODY_LIMIT: usize = 2_000;
const LINE_LIMIT: usize = 600;
/// Rules that are named because they were held back until the end.
const MOST_UNTOLD: usize = 8;
/// Metrics that are shown beside a message.
const MOST_FIELDS: usize = 6;
/// Of the last lines, beside the evidence of an end.
const LINES_BESIDE: usize = 10;

/// What rendering needs to know besides the alert.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    pub run: &'a RunLabel,
    pub language: Language,
    /// Values that are masked wherever they appear.
    pub secrets: &'a [String],
}

/// The message for an alert. A template that fails gives the built-in title and says why below it.
pub fn message(alert: &Alert, context: &Context<'_>) -> Message {
    let phrases = context.language.phrases();
    let clean = |text: &str, limit: usize| clip(&mask(text, context.secrets), limit);
    let built_in = title(alert, context.run, phrases);
    let mut body = body(alert, phrases);
    let title = match &alert.message {
        None => built_in,
        Some(source) => template::fill_in(source, alert, context.run).unwrap_or_else(|error| {
            body.push(fill(phrases.template_failed, &[("error", &error)]));
            built_in
        }),
    };
    let mut run = context.run.clone();
    run.elapsed = Some(alert.elapsed);
    run.command = clean(&run.command, LINE_LIMIT);
    Message {
        kind: kind(alert),
        severity: severity(alert),
        state: alert.state,
        run,
        rule: alert.rule.clone(),
        at: alert.at,
        title: clean(&one_line(&title), TITLE_LIMIT),
        body: clean(&body.join("\n"), BODY_LIMIT),
        fields: fields(alert, phrases)
            .into_iter()
            .map(|field| Field { name: clean(&field.name, 80), value: clean(&field.value, 80) })
            .collect(),
        lines: lines(alert).iter().map(|line| clean(line, LINE_LIMIT)).collect(),
        chart_path: None,
        curves: Vec::new(),
        exit: exit(&alert.happening),
    }
}

fn exit(happening: &Happening) -> Option<u8> {
    let Happening::Ended(verdict) = happening else { return None };
    match verdict.status {
        ProcessStatus::Exited { code } => u8::try_from(code).ok(),
        ProcessStatus::Signaled { signal, .. } => {
            signal.checked_add(128).and_then(|code| u8::try_from(code).ok())
        }
        ProcessStatus::Unknown => None,
    }
}

/// Title, body and lines as one text, as `replay` prints it.
pub fn whole(message: &Message) -> String {
    let mut text = String::new();
    if !message.body.is_empty() {
        text.push_str(&message.body);
    }
    for line in &message.lines {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
    }
    text
}

/// A rule for any end is of severity info; a failure looks like none all the same.
fn severity(alert: &Alert) -> Severity {
    match &alert.happening {
        Happening::Ended(verdict) if verdict.outcome != Outcome::Finished => {
            alert.severity.max(Severity::Warning)
        }
        _ => alert.severity,
    }
}

fn kind(alert: &Alert) -> MessageKind {
    match alert.happening {
        Happening::Ended(_) => MessageKind::End,
        Happening::Due => MessageKind::Report,
        _ => MessageKind::Alert,
    }
}

fn title(alert: &Alert, run: &RunLabel, phrases: &Phrases) -> String {
    if alert.state == AlertState::Resolved {
        return resolved_title(alert, phrases);
    }
    match &alert.happening {
        Happening::Matched { text, count, within, .. } => {
            let times = match within {
                Some(within) if *count > 1 => fill(
                    phrases.times_within,
                    &[("count", &count.to_string()), ("time", &format_duration(*within))],
                ),
                _ => String::new(),
            };
            format!("{}{times}", text.trim())
        }
        Happening::Condition { condition, values, held } => {
            let values = list(values);
            let text = fill(phrases.condition, &[("values", &values), ("condition", condition)]);
            text + &held.map(|held| for_so_long(held, phrases)).unwrap_or_default()
        }
        Happening::NonFinite { metric, text } => {
            fill(phrases.non_finite, &[("metric", metric), ("value", text)])
        }
        Happening::Silent { quiet, lacks, pattern, .. } => {
            let time = format_duration(*quiet);
            let phrase = match lacks {
                Sign::Output => phrases.silent,
                Sign::Line => phrases.silent_lines,
                Sign::Step => phrases.silent_steps,
            };
            match pattern {
                None => fill(phrase, &[("time", &time)]),
                Some(pattern) => {
                    fill(phrases.silent_pattern, &[("pattern", pattern), ("time", &time)])
                }
            }
        }
        Happening::Due => {
            let values = list(&important(alert, 3));
            fill(phrases.due, &[("run", &run.name), ("values", &values)])
        }
        Happening::Elapsed { limit } => {
            fill(phrases.elapsed, &[("run", &run.name), ("time", &format_duration(*limit))])
        }
        Happening::Ended(verdict) => end_title(verdict, alert.elapsed, run, phrases),
        Happening::Restarting { verdict, attempt, most, after } => {
            let end = end_title(verdict, alert.elapsed, run, phrases);
            let (attempt, most) = (attempt.to_string(), most.to_string());
            let after = format_duration(*after);
            let values =
                [("end", end.as_str()), ("time", &after), ("attempt", &attempt), ("most", &most)];
            fill(phrases.restarting, &values)
        }
    }
}

fn resolved_title(alert: &Alert, phrases: &Phrases) -> String {
    match &alert.happening {
        Happening::Condition { condition, values, .. } => {
            fill(phrases.resolved, &[("condition", condition), ("values", &list(values))])
        }
        Happening::Silent { .. } => phrases.output_resumed.to_owned(),
        _ => fill(phrases.resolved, &[("condition", &alert.rule), ("values", "")]),
    }
}

fn end_title(verdict: &Verdict, elapsed: Duration, run: &RunLabel, phrases: &Phrases) -> String {
    let elapsed = format_duration(elapsed);
    let status = status(verdict.status);
    let cause = verdict.cause.as_ref().map(|cause| cause_text(cause, phrases));
    let phrase = match (verdict.outcome, &cause) {
        (Outcome::Finished, _) => phrases.finished,
        (Outcome::Unknown, _) => phrases.ended_unknown,
        (Outcome::Killed, None) => phrases.killed,
        (Outcome::Killed, Some(_)) => phrases.killed_because,
        (_, None) => phrases.failed,
        (Outcome::Failed, Some(_)) => phrases.failed_because,
        (Outcome::OutOfMemory, Some(_)) => phrases.out_of_memory,
        (Outcome::Interrupted, Some(_)) => phrases.interrupted,
        (Outcome::TimeLimit, Some(_)) => phrases.time_limit,
        (Outcome::Preempted, Some(_)) => phrases.preempted,
    };
    let cause = cause.unwrap_or_default();
    let values =
        [("run", run.name.as_str()), ("elapsed", &elapsed), ("status", &status), ("cause", &cause)];
    fill(phrase, &values)
}

fn cause_text(cause: &Cause, phrases: &Phrases) -> String {
    if cause.likely {
        fill(phrases.likely, &[("cause", &cause.summary)])
    } else {
        cause.summary.clone()
    }
}

/// `exit status 3`, `SIGSEGV, core dumped`. Terms of POSIX, the same in every language.
fn status(status: ProcessStatus) -> String {
    match status {
        ProcessStatus::Exited { code } => format!("exit status {code}"),
        ProcessStatus::Signaled { signal, core_dumped } => {
            let core = if core_dumped { ", core dumped" } else { "" };
            format!("{}{core}", signals::name(signal))
        }
        ProcessStatus::Unknown => "status unknown".to_owned(),
    }
}

fn body(alert: &Alert, phrases: &Phrases) -> Vec<String> {
    let mut body = Vec::new();
    match &alert.happening {
        Happening::Ended(Verdict { cause: Some(cause), .. })
        | Happening::Restarting { verdict: Verdict { cause: Some(cause), .. }, .. } => {
            if let Some(rank) = cause.rank {
                body.push(fill(phrases.on_rank, &[("rank", &rank.to_string())]));
            }
            if let Some(place) = &cause.place {
                body.push(fill(phrases.at_place, &[("place", place)]));
            }
        }
        Happening::Ended(Verdict { outcome: Outcome::Killed, cause: None, .. })
        | Happening::Restarting {
            verdict: Verdict { outcome: Outcome::Killed, cause: None, .. },
            ..
        } => {
            body.push(phrases.not_proven.to_owned());
        }
        Happening::Silent { last_line: Some(line), .. } => {
            body.push(fill(phrases.last_line, &[("line", line)]));
        }
        _ => {}
    }
    if let Happening::Ended(Verdict { restarts: restarts @ 1.., .. }) = &alert.happening {
        body.push(fill(phrases.restarts, &[("count", &restarts.to_string())]));
    }
    if alert.held_back > 0 {
        body.push(fill(phrases.held_back, &[("count", &alert.held_back.to_string())]));
    }
    if !alert.untold.is_empty() {
        body.push(fill(phrases.untold, &[("rules", &untold(&alert.untold))]));
    }
    body
}

/// `37 × worker died, 5 × disk`
fn untold(rules: &[(String, u64)]) -> String {
    let mut parts: Vec<String> = rules
        .iter()
        .take(MOST_UNTOLD)
        .map(|(rule, count)| format!("{count} × {}", one_line(rule)))
        .collect();
    if rules.len() > MOST_UNTOLD {
        parts.push("…".to_owned());
    }
    parts.join(", ")
}

/// The evidence of an end comes before the last lines; what stands in both is shown once.
fn lines(alert: &Alert) -> Vec<String> {
    let (Happening::Ended(Verdict { cause: Some(cause), .. })
    | Happening::Restarting { verdict: Verdict { cause: Some(cause), .. }, .. }) = &alert.happening
    else {
        return alert.lines.clone();
    };
    let told = told(&alert.lines, &cause.evidence);
    let others = alert.lines.iter().enumerate().filter(|(at, _)| !told.contains(at));
    let others: Vec<_> = others.map(|(_, line)| line.clone()).collect();
    let mut lines = cause.evidence.clone();
    if !(lines.is_empty() || others.is_empty()) {
        // Else they look like what came after it.
        lines.push(String::new());
    }
    lines.extend_from_slice(&others[others.len().saturating_sub(LINES_BESIDE)..]);
    lines
}

/// Which of the lines the evidence tells: from the head of its traceback to its last line. The
/// evidence itself has only the frames that matter.
fn told(lines: &[String], evidence: &[String]) -> std::ops::Range<usize> {
    let is_evidence = |line: &String| evidence.iter().any(|known| known.trim() == line.trim());
    let Some(first) = lines.iter().position(is_evidence) else { return 0..0 };
    let last = lines.iter().rposition(is_evidence).unwrap_or(first);
    let is_head = |line: &String| line.contains("Traceback (most recent call last)");
    let head = lines[..first].iter().rposition(is_head).unwrap_or(first);
    head..last + 1
}

fn fields(alert: &Alert, phrases: &Phrases) -> Vec<Field> {
    // What the progress says already would stand there twice.
    let counted = alert.progress.as_ref().map(|progress| progress.unit.to_lowercase());
    let mut fields: Vec<_> = important(alert, MOST_FIELDS + 1)
        .into_iter()
        .filter(|metric| counted.as_ref() != Some(&metric.name.to_lowercase()))
        .take(MOST_FIELDS)
        .map(|metric| Field { name: metric.name, value: metric.text })
        .collect();
    if let Some(progress) = &alert.progress {
        let ended = matches!(alert.happening, Happening::Ended(_));
        // Nothing remains of what is over.
        let remaining = progress.remaining.filter(|_| !ended);
        let value = progress_text(&Progress { remaining, ..progress.clone() }, phrases);
        fields.push(Field { name: phrases.field_progress.to_owned(), value });
    }
    let value = format_duration(alert.elapsed);
    fields.push(Field { name: phrases.field_elapsed.to_owned(), value });
    fields
}

pub(super) fn progress_text(progress: &Progress, phrases: &Phrases) -> String {
    let done = progress.done.to_string();
    let mut text = match progress.total {
        None => format!("{} {done}", progress.unit),
        Some(total) => fill(
            phrases.progress,
            &[("unit", &progress.unit), ("done", &done), ("total", &total.to_string())],
        ),
    };
    if let Some(remaining) = progress.remaining.filter(|time| !time.is_zero()) {
        text += &fill(phrases.remaining, &[("time", &format_duration(remaining))]);
    }
    text
}

/// The metrics that people look at first: losses, then scores, then the rest as they came. Host
/// metrics only where the alert is about them.
fn important(alert: &Alert, most: usize) -> Vec<MetricValue> {
    let named: &[MetricValue] = match &alert.happening {
        Happening::Condition { values, .. } => values,
        _ => &[],
    };
    let is_wanted = |metric: &&MetricValue| {
        !host::is_host(&metric.name) || named.iter().any(|named| named.name == metric.name)
    };
    let rank = |metric: &MetricValue| {
        let name = metric.name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if has(&["loss", "perplexity", "ppl"]) => 0,
            () if has(&["acc", "f1", "map", "auc", "reward", "score", "bleu", "iou"]) => 1,
            () if name == "epoch" || name == "step" => 2,
            () if has(&["lr", "learning_rate", "grad"]) => 3,
            () if has(&["time", "eta", "it/s", "mem", "elapsed"]) => 5,
            () => 4,
        }
    };
    let mut sorted: Vec<_> = alert.metrics.iter().filter(is_wanted).collect();
    sorted.sort_by_key(|metric| rank(metric));
    sorted.into_iter().take(most).cloned().collect()
}

fn list(values: &[MetricValue]) -> String {
    let pairs: Vec<_> =
        values.iter().map(|metric| format!("{} {}", metric.name, metric.text)).collect();
    pairs.join(", ")
}

fn for_so_long(held: Held, phrases: &Phrases) -> String {
    match held {
        Held::Samples(count) => fill(phrases.held_samples, &[("count", &count.to_string())]),
        Held::Time(time) => fill(phrases.held_time, &[("time", &format_duration(time))]),
    }
}

/// Newlines and control characters would break a title on a phone.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `limit` characters: of a longer text the middle is left out.
fn clip(text: &str, limit: usize) -> String {
    let count = text.chars().count();
    if count <= limit {
        return text.to_owned();
    }
    let head = limit * 2 / 3;
    let tail = limit - head - 3;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start} … {end}")
}

#[cfg(test)]
mod tests {
    use super::*;
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
            evidence: vec![
                "Traceback (most recent call last):".into(),
                "ValueError: bad batch".into(),
            ],
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
}
