//! Which of the events that were found explains the end best.

use super::finding::{Finding, Weight};
use super::signal::is_own_fault;

/// Lines between an exception and the abort that it led to, and the like.
const RIGHT_BEFORE: u64 = 10;

/// The root cause among `findings`, for a process that died of `signal` (if it did), when `at`
/// lines were read. Fatal events that are further than `near` from the end do not count.
pub(super) fn root(
    findings: &[Finding],
    signal: Option<i32>,
    at: u64,
    near: u64,
) -> Option<&Finding> {
    if !signal.is_some_and(is_own_fault) {
        return raised(findings);
    }
    let fatal = || {
        findings.iter().filter(|found| found.fatal && at.saturating_sub(found.span.last) <= near)
    };
    let clear = fatal().find(|found| !found.vague && found.weight == Weight::Primary);
    let vague = fatal().next_back();
    clear
        .or_else(|| vague.and_then(|vague| exception_before(findings, vague)))
        .or(vague)
        .or_else(|| raised(findings).filter(|found| at - found.span.last < RIGHT_BEFORE))
}

/// An exception right before the abort that it led to.
fn exception_before<'a>(findings: &'a [Finding], vague: &Finding) -> Option<&'a Finding> {
    let right_before = |found: &&Finding| {
        !found.fatal
            && found.weight == Weight::Primary
            && found.span.last <= vague.span.first
            && vague.span.first - found.span.last < RIGHT_BEFORE
    };
    findings.iter().rfind(right_before)
}

/// Of parallel processes the first that failed, each by its last event; of one the last event.
fn raised(findings: &[Finding]) -> Option<&Finding> {
    let clear = || findings.iter().filter(|found| !found.vague);
    let best = clear().map(|found| found.weight).min();
    let heavy = || clear().filter(move |found| Some(found.weight) == best);
    let is_last = |found: &&Finding| {
        let mut others = heavy();
        !others.any(|other| {
            other.span.speaker == found.span.speaker && other.span.first > found.span.first
        })
    };
    let parallel = heavy().filter(is_parallel).filter(is_last).min_by_key(|f| f.span.first);
    let single = || match best {
        // The first that noticed is nearest to what it was.
        Some(Weight::Peer) => heavy().next(),
        _ => heavy().rfind(|found| !is_parallel(found)),
    };
    parallel.or_else(single).or_else(|| findings.iter().rfind(|found| found.vague))
}

/// One of several processes that are told apart.
fn is_parallel(found: &&Finding) -> bool {
    found.span.speaker.rank.is_some() || found.span.speaker.pid.is_some()
}
