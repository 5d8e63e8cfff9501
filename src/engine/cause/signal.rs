//! What signals mean, see signal(7); the numbers are Linux's on x86 and ARM.

use crate::engine::signals::name;

/// What a signal means by itself.
pub(super) fn meaning(signal: i32) -> Option<&'static str> {
    Some(match signal {
        2 => "SIGINT, as of Ctrl-C",
        4 => "illegal instruction",
        6 => "aborted",
        7 => "bus error",
        8 => "floating-point exception",
        11 => "segmentation fault",
        13 => "nobody read its output any more",
        24 => "CPU time limit reached",
        25 => "file size limit reached",
        31 => "forbidden system call",
        _ => return None,
    })
}

/// Signals by which a program ends itself: its own fault, not sent from outside.
pub(super) fn is_own_fault(signal: i32) -> bool {
    matches!(signal, 4 | 5 | 6 | 7 | 8 | 11 | 31)
}

/// Both readings of an exit code that may hide a signal or another program's failure.
pub(super) fn reading(code: i32) -> Option<String> {
    match code {
        124 => Some("timeout(1) ends with 124 when the time is over".into()),
        126 => Some("a shell ends with 126 if it cannot execute a command".into()),
        127 => Some("a shell ends with 127 if it does not find a command".into()),
        129..=159 => {
            let signal = code - 128;
            let name = name(signal);
            Some(format!("a process killed by {name} (128 + {signal}), or the program's own code"))
        }
        _ => None,
    }
}
