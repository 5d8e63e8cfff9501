//! From the engine's words to messages, and the wait for their delivery at the end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use super::plural;
use crate::courier::CourierHandle;
use crate::error::say;
use crate::process::{Signals, StopQueue, StopRequest};
use crate::runtime::clock::Clock;
use crate::runtime::driver::{Newest, Word};
use crate::runtime::pace::Pace;
use crate::runtime::reporter::{Reporter, notice_text};
use crate::sources::{host, tail};

/// Alerts between engine and reporter; when full the engine waits, and the queue before it.
pub(in crate::commands) const MOST_REPORTS: usize = 256;
/// After the end of the run: how often it is looked whether we were told to stop waiting.
const GLANCE: Duration = Duration::from_millis(50);

/// A rule's `stop` goes to the supervisor at once, its message to the reporter. What hangs is
/// looked at before it is stopped.
pub(super) fn hand_on(
    mut word: Word,
    stops: &StopQueue,
    reports: &SyncSender<Word>,
    pid: &AtomicU32,
) {
    if let Word::Report(report) = &mut word {
        if report.is_of_a_hang() {
            report.doing = host::evidence::of_hang(pid.load(Ordering::Relaxed));
        }
        if let Some(stop) = report.alert.stop {
            stops.request(StopRequest { rule: report.alert.rule.clone(), stop });
        }
    }
    // It can only fail if the reporter died; then there is nobody to tell it to.
    let _ = reports.send(word);
}

pub(in crate::commands) fn report_all(
    mut reporter: Reporter,
    reports: &Receiver<Word>,
    newest: &Newest,
    told: &tail::Acknowledged,
    unstarted: &OnceLock<String>,
    clock: Clock,
) -> (Option<CourierHandle>, bool) {
    let mut pace = Pace::default();
    let mut mark = None;
    loop {
        let word = reports.recv_timeout(Duration::from_secs(1));
        if let Some(snapshot) = newest.take() {
            reporter.show(&snapshot);
        }
        let over = matches!(word, Err(RecvTimeoutError::Disconnected));
        match word {
            Ok(Word::Report(report)) => pace.put(*report),
            Ok(Word::Mark(reached)) => mark = Some(reached),
            Ok(Word::Untold(rules)) => say_untold(&rules),
            Ok(Word::Unprinted(metrics)) => {
                metrics.iter().for_each(|metric| say(&format!("watch: {metric}")));
            }
            Ok(Word::Broken(at)) => reporter.report_broken(at),
            Err(_) => {}
        }
        let due = if over { pace.take_all() } else { pace.take(clock.now()) };
        due.iter().for_each(|report| reporter.report(report));
        // What is still held back would be lost with us: its lines are not acknowledged yet.
        if pace.is_empty() {
            mark.take().into_iter().for_each(|reached| told.tell(reached));
        }
        if over {
            match unstarted.get() {
                Some(why) => reporter.show_not_started(why),
                None => reporter.close_card(),
            }
            return reporter.into_parts();
        }
        reporter.pass_on_notices();
    }
}

fn say_untold(rules: &[(String, u64)]) {
    let rules: Vec<_> = rules.iter().map(|(rule, count)| format!("{rule} ({count})")).collect();
    say(&format!("watch: held back and told nowhere: {}", rules.join(", ")));
}

pub(super) fn wait_for_deliveries(mut courier: CourierHandle, linger: Duration, signals: &Signals) {
    courier.end();
    let mut waited = Duration::ZERO;
    while waited < linger && !courier.wait(GLANCE) {
        waited += GLANCE;
        if signals.wait_for_end(Duration::from_nanos(1)) {
            break;
        }
    }
    for notice in courier.notices() {
        if let Some(text) = notice_text(&notice) {
            say(&format!("watch: {text}"));
        }
    }
    match courier.outcome() {
        Ok(outcome) if outcome.waiting > 0 => say(&format!(
            "watch: {} not delivered yet; the courier goes on trying (see `watch outbox`)",
            plural(outcome.waiting, "message")
        )),
        Ok(_) => {}
        Err(error) => say(&format!("watch: {error}")),
    }
}
