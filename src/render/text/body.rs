//! What stands below the title: where it broke, what is not proven, what was held back.

use crate::engine::alert::{Alert, Happening, Outcome, Verdict};
use crate::render::language::{Phrases, fill};
use crate::render::text::one_line;

/// Rules that are named because they were held back until the end.
const MOST_UNTOLD: usize = 8;

pub(super) fn body(alert: &Alert, phrases: &Phrases) -> Vec<String> {
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
