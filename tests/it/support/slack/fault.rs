//! Faults on purpose.

use std::time::Duration;

use super::request::Reply;

/// What goes wrong, and when.
#[derive(Clone, Debug)]
pub struct Fault {
    /// A method's name, `webhook` or `upload`.
    pub on: String,
    pub what: What,
    /// So many calls of it pass first.
    pub skip: u32,
    pub times: u32,
}

#[derive(Clone, Debug)]
pub enum What {
    /// This answer, and nothing is done.
    Answer(Reply),
    /// The connection is cut; nothing was done.
    DropBefore,
    /// All is done, and the connection cut before the answer.
    DropAfter,
    /// No answer for as long as the client waits; nothing was done.
    HangBefore,
    /// All is done, and no answer for as long as the client waits.
    HangAfter,
    /// A late answer.
    Delay(Duration),
}

impl Fault {
    /// The next call of `on`.
    pub fn once(on: &str, what: What) -> Self {
        Self { on: on.to_owned(), what, skip: 0, times: 1 }
    }

    /// Every call of `on`.
    pub fn always(on: &str, what: What) -> Self {
        Self { times: u32::MAX, ..Self::once(on, what) }
    }

    pub fn error(on: &str, code: &str) -> Self {
        Self::once(on, What::Answer(Reply::error(code)))
    }

    pub fn status(on: &str, status: u16) -> Self {
        Self::once(on, What::Answer(Reply::text(status, "<html>Sorry</html>")))
    }

    pub fn too_many(on: &str, seconds: u64) -> Self {
        Self::once(on, What::Answer(Reply::too_many(seconds)))
    }
}

/// The fault that this call meets; used up by it.
pub fn take(faults: &mut Vec<Fault>, name: &str) -> Option<What> {
    let index = faults.iter().position(|fault| fault.on == name)?;
    let fault = &mut faults[index];
    if fault.skip > 0 {
        fault.skip -= 1;
        return None;
    }
    fault.times = fault.times.saturating_sub(1);
    let what = fault.what.clone();
    if fault.times == 0 {
        faults.remove(index);
    }
    Some(what)
}
