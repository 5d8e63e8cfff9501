//! Our own terminal: raw while a command on a pseudo-terminal uses it, restored after any end.

use std::sync::{Mutex, PoisonError};

use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// The settings to go back to; none: our terminal is not raw.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// Our terminal is raw now: a newline needs a carriage return before it.
pub fn is_raw() -> bool {
    saved().is_some()
}

/// Our job is the one that the terminal belongs to now.
pub(crate) fn is_foreground() -> bool {
    tcgetpgrp(stdin()) == Ok(getpgrp())
}

/// Passes keys on as they are typed, and output as it comes. Every other setting is kept. Again
/// while it is raw: whoever had the terminal meanwhile may have changed it.
pub(crate) fn enter_raw() {
    let mut saved = saved();
    let Some(before) = saved.take().or_else(|| tcgetattr(stdin()).ok()) else { return };
    let mut raw = before.clone();
    raw.make_raw();
    if tcsetattr(stdin(), OptionalActions::Now, &raw).is_ok() {
        *saved = Some(before);
    }
}

/// Makes Ctrl-C and the like ours again; what is still to be shown comes as before.
pub(crate) fn restore_keys() {
    if let Some(before) = &*saved() {
        let Ok(mut modes) = tcgetattr(stdin()) else { return };
        modes.local_modes = before.local_modes;
        modes.input_modes = before.input_modes;
        let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
    }
}

/// Safe to call at any time, from any thread, also from a panic hook. In the background the
/// settings belong to somebody else and stay.
pub fn restore() {
    if let Some(before) = saved().take()
        && is_foreground()
    {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
    }
}

fn saved() -> std::sync::MutexGuard<'static, Option<Termios>> {
    SAVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Restores on drop, thus also when a panic unwinds.
#[derive(Debug)]
pub(crate) struct RestoreOnDrop;

impl Drop for RestoreOnDrop {
    fn drop(&mut self) {
        restore();
    }
}
