//! Lines of the run beside a message: the evidence of an end, and the last lines. In no language.

use crate::engine::alert::{Alert, Happening, Verdict};

/// Of the last lines, beside the evidence of an end.
const LINES_BESIDE: usize = 10;

/// The evidence of an end comes before the last lines; what stands in both is shown once.
pub(super) fn lines(alert: &Alert) -> Vec<String> {
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
