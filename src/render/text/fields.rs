//! Metrics and progress beside a message: which are looked at first, and how they are written.

use crate::engine::alert::{Alert, Happening, MetricValue, Progress};
use crate::engine::host;
use crate::render::language::{Phrases, fill};
use crate::render::message::Field;
use crate::time::format_duration;

/// Metrics that are shown beside a message.
const MOST_FIELDS: usize = 6;

pub(super) fn fields(alert: &Alert, phrases: &Phrases) -> Vec<Field> {
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

pub(in crate::render) fn progress_text(progress: &Progress, phrases: &Phrases) -> String {
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
pub(super) fn important(alert: &Alert, most: usize) -> Vec<MetricValue> {
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
