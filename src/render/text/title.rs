//! The one line that says what happened. Knows nothing of what stands below it.

use std::time::Duration;

use crate::engine::alert::{
    Alert, AlertState, Cause, Happening, Held, MetricValue, Outcome, Sign, Verdict,
};
use crate::engine::input::ProcessStatus;
use crate::engine::signals;
use crate::render::language::{Phrases, fill};
use crate::render::message::RunLabel;
use crate::render::text::fields::important;
use crate::time::format_duration;

pub(super) fn title(alert: &Alert, run: &RunLabel, phrases: &Phrases) -> String {
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
