//! Ends us as the command ended, so that whoever waits for us sees what it would have seen.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getpid, set_dumpable_behavior, setrlimit,
};

use crate::engine::input::ProcessStatus;
use crate::process::{terminal, unix};

/// The exit code for "we failed ourselves", also for "nobody knows how it ended".
const UNKNOWN: i32 = 125;

/// Exits with the code, or dies of the signal, without a core file of our own.
///
/// Where the signal does not kill us (we are process 1 of a container), the code is 128 + signal,
/// as a shell would say.
pub fn die_like(status: ProcessStatus) -> ! {
    terminal::restore();
    let code = match status {
        ProcessStatus::Exited { code } => code,
        ProcessStatus::Unknown => UNKNOWN,
        ProcessStatus::Signaled { signal, .. } => {
            // A core file that is piped to a program knows no limit; for that we are not dumpable.
            let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
            let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
            let _ = unix::set_default(signal);
            let _ = unix::kill(getpid().as_raw_nonzero().get(), signal);
            let _ = unix::deliver(signal);
            128 + signal
        }
    };
    std::process::exit(code)
}
