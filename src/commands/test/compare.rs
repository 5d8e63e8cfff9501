//! What was said beside what was expected, as a diff that leads back to the file.

use std::fmt::Write as _;

use super::describe::{describe, seconds, state};
use super::play::{Told, title};
use crate::commands::replay::reason;
use crate::config::scenario::{Expectation, Expected, Scenario};
use crate::engine::Effect;

/// Larger tables are not made to find the shortest diff.
const MOST_CELLS: usize = 4_000_000;
/// A diff with more lines helps nobody.
const MOST_SHOWN: usize = 60;

/// The differences; nothing if there are none.
pub(super) fn compare(file: &str, scenario: &Scenario, told: &Told) -> Option<String> {
    let effects = looked_at(scenario, &told.effects);
    let diff = diff(&scenario.expect, &effects, |expectation, effect| {
        is_as_expected(scenario, expectation, effect)
    });
    let mut report = String::new();
    if diff.iter().any(|line| !matches!(line, Line::Both(_))) {
        report.push_str("  (- expected, did not happen; + happened, not expected)\n");
        for line in diff.iter().take(MOST_SHOWN) {
            show(file, scenario, line, &mut report);
        }
        if diff.len() > MOST_SHOWN {
            let _ = writeln!(report, "    and {} more lines", diff.len() - MOST_SHOWN);
        }
    }
    if let Some(expected) = scenario.unmatched.as_ref().filter(|e| **e != told.unmatched) {
        let names = |names: &[String]| format!("[{}]", names.join(", "));
        let _ = writeln!(report, "  - unmatched: {}", names(expected));
        let _ = writeln!(report, "  + unmatched: {}", names(&told.unmatched));
    }
    (!report.is_empty()).then_some(report)
}

/// What is held back is compared only in a test that speaks of it.
fn looked_at<'a>(scenario: &Scenario, effects: &'a [Effect]) -> Vec<&'a Effect> {
    let all = scenario.expect.iter().any(|e| !matches!(e.what, Expected::Alert { .. }));
    let wanted = |effect: &&Effect| all || !matches!(effect, Effect::Suppressed(_));
    effects.iter().filter(wanted).collect()
}

fn is_as_expected(scenario: &Scenario, expectation: &Expectation, effect: &Effect) -> bool {
    match (&expectation.what, effect) {
        (Expected::Line(line), effect) => *line == describe(effect),
        (Expected::Alert { at, rule, state, title: part }, Effect::Alert(alert)) => {
            alert.rule == *rule
                && alert.state == *state
                && at.is_none_or(|at| at == alert.at)
                && part.as_ref().is_none_or(|part| {
                    title(scenario, effect).is_some_and(|title| title.contains(part.as_str()))
                })
        }
        (Expected::HeldBack { at, rule, reason: why }, Effect::Suppressed(suppressed)) => {
            suppressed.rule == *rule
                && at.is_none_or(|at| at == suppressed.at)
                && why.as_ref().is_none_or(|why| why == reason(suppressed.reason).0)
        }
        _ => false,
    }
}

enum Line<'a> {
    Expected(&'a Expectation),
    Happened(&'a Effect),
    Both(&'a Effect),
}

/// The longest common subsequence; of a very long one only what is the same at its start.
fn diff<'a>(
    expected: &'a [Expectation],
    happened: &[&'a Effect],
    same: impl Fn(&Expectation, &Effect) -> bool,
) -> Vec<Line<'a>> {
    let start = expected.iter().zip(happened).take_while(|(e, h)| same(e, h)).count();
    let (rest, news) = (&expected[start..], &happened[start..]);
    let mut lines: Vec<Line<'a>> = happened[..start].iter().map(|h| Line::Both(h)).collect();
    if rest.len().saturating_mul(news.len()) > MOST_CELLS {
        lines.extend(rest.iter().map(Line::Expected));
        lines.extend(news.iter().map(|h| Line::Happened(h)));
        return lines;
    }
    let lengths = common_lengths(rest, news, &same);
    let length = |e: usize, h: usize| lengths[e * (news.len() + 1) + h];
    let (mut e, mut h) = (0, 0);
    while e < rest.len() || h < news.len() {
        if e < rest.len() && h < news.len() && same(&rest[e], news[h]) {
            lines.push(Line::Both(news[h]));
            (e, h) = (e + 1, h + 1);
        } else if h == news.len() || (e < rest.len() && length(e + 1, h) >= length(e, h + 1)) {
            lines.push(Line::Expected(&rest[e]));
            e += 1;
        } else {
            lines.push(Line::Happened(news[h]));
            h += 1;
        }
    }
    lines
}

/// For each pair of tails how much they have in common, row by row.
fn common_lengths(
    expected: &[Expectation],
    happened: &[&Effect],
    same: impl Fn(&Expectation, &Effect) -> bool,
) -> Vec<u32> {
    let width = happened.len() + 1;
    let mut lengths = vec![0; (expected.len() + 1) * width];
    for e in (0..expected.len()).rev() {
        for h in (0..happened.len()).rev() {
            lengths[e * width + h] = if same(&expected[e], happened[h]) {
                lengths[(e + 1) * width + h + 1] + 1
            } else {
                lengths[(e + 1) * width + h].max(lengths[e * width + h + 1])
            };
        }
    }
    lengths
}

fn show(file: &str, scenario: &Scenario, line: &Line<'_>, report: &mut String) {
    let _ = match line {
        Line::Both(effect) => writeln!(report, "    {}", describe(effect)),
        Line::Expected(expectation) => {
            let place = format!("{file}:{}", expectation.line);
            writeln!(report, "  - {}    ({place})", written(&expectation.what))
        }
        Line::Happened(effect) => {
            let title = title(scenario, effect);
            let title = title.map(|title| format!("\n      titled: {title}")).unwrap_or_default();
            writeln!(report, "  + {}{title}", describe(effect))
        }
    };
}

fn written(expected: &Expected) -> String {
    let time = |at: &Option<_>| at.map_or_else(|| "at any time".to_owned(), seconds);
    match expected {
        Expected::Line(line) => line.clone(),
        Expected::Alert { at, rule, state: wanted, title } => {
            let title = title.as_ref().map(|t| format!(", titled …{t}…")).unwrap_or_default();
            format!("{} {rule} {}{title}", time(at), state(*wanted))
        }
        Expected::HeldBack { at, rule, reason } => {
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{} {rule} held back{reason}", time(at))
        }
    }
}
