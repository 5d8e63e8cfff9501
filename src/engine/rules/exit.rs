//! `exit: failure`: how the run ended.

use crate::engine::alert::{AlertState, Happening, Outcome, Verdict};
use crate::engine::explain::Why;
use crate::engine::input::ProcessStatus;
use crate::engine::rules::{Change, ExitFilter, Track};
use crate::engine::scene::Scene;
use crate::time::Timestamp;

#[derive(Debug)]
pub(in crate::engine) struct Exit {
    filter: ExitFilter,
}

impl Exit {
    pub(super) fn new(filter: ExitFilter) -> Self {
        Self { filter }
    }

    /// An end of which nothing is known is neither a success nor a failure; only `any` and
    /// `unknown` have it.
    fn includes(&self, verdict: &Verdict) -> bool {
        let success = verdict.status.is_success() || verdict.outcome == Outcome::Finished;
        let unknown =
            verdict.status == ProcessStatus::Unknown && verdict.outcome == Outcome::Unknown;
        match &self.filter {
            ExitFilter::Any => true,
            ExitFilter::Success => success,
            ExitFilter::Failure => !success && !unknown,
            ExitFilter::Signal => matches!(verdict.status, ProcessStatus::Signaled { .. }),
            ExitFilter::Unknown => unknown,
            ExitFilter::Oom => verdict.outcome == Outcome::OutOfMemory,
            ExitFilter::Codes(codes) => match verdict.status {
                ProcessStatus::Exited { code } => codes.contains(&code),
                ProcessStatus::Signaled { signal, .. } => {
                    codes.iter().any(|code| code.checked_sub(128) == Some(signal))
                }
                ProcessStatus::Unknown => false,
            },
        }
    }
}

impl Track for Exit {
    fn finished(&mut self, verdict: Option<&Verdict>, _: &Scene<'_>, out: &mut Vec<Change>) {
        if let Some(verdict) = verdict.filter(|verdict| self.includes(verdict)) {
            let happening = Happening::Ended(verdict.clone());
            out.push(Change { state: AlertState::Firing, happening });
        }
    }

    fn explain(&self, _: &[u8], _: &Scene<'_>, _: &dyn Fn(Timestamp) -> Timestamp) -> Why {
        Why::AtTheEnd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_filtered() {
        use ExitFilter::{Any, Codes, Failure, Oom, Signal, Success, Unknown};
        let exited = |code| ProcessStatus::Exited { code };
        let killed = ProcessStatus::Signaled { signal: 9, core_dumped: false };
        for (status, outcome, filter, included) in [
            (exited(0), Outcome::Finished, Success, true),
            (exited(0), Outcome::Finished, Failure, false),
            (exited(0), Outcome::Finished, Codes(vec![0]), true),
            (exited(1), Outcome::Failed, Success, false),
            (exited(1), Outcome::Failed, Failure, true),
            (exited(1), Outcome::Failed, Signal, false),
            (exited(1), Outcome::OutOfMemory, Oom, true),
            (exited(137), Outcome::Killed, Codes(vec![1, 137]), true),
            (exited(2), Outcome::Failed, Codes(vec![1, 137]), false),
            (killed, Outcome::Killed, Codes(vec![137]), true),
            (killed, Outcome::Killed, Codes(vec![9]), false),
            (killed, Outcome::Killed, Codes(vec![i32::MIN]), false),
            (killed, Outcome::Killed, Signal, true),
            (killed, Outcome::Killed, Failure, true),
            (killed, Outcome::Killed, Oom, false),
            (ProcessStatus::Unknown, Outcome::Unknown, Any, true),
            (ProcessStatus::Unknown, Outcome::Unknown, Failure, false),
            (ProcessStatus::Unknown, Outcome::Unknown, Success, false),
            (ProcessStatus::Unknown, Outcome::Failed, Failure, true),
            (ProcessStatus::Unknown, Outcome::Unknown, Unknown, true),
            (ProcessStatus::Unknown, Outcome::Failed, Unknown, false),
            (exited(1), Outcome::Failed, Unknown, false),
        ] {
            let verdict = Verdict { status, outcome, cause: None, restarts: 0 };
            let exit = Exit::new(filter);
            assert_eq!(exit.includes(&verdict), included, "{exit:?} {verdict:?}");
        }
    }
}
