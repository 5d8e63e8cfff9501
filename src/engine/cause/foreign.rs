//! Ends that are no Python traceback: faulthandler, C++, Rust, Go, Java, Julia, and lone exceptions.
//!
//! Each begins with a line that says what it is; some lines after it may say more, or where.

use bstr::ByteSlice;

use super::frame::{Frame, Stack};
use super::text::{MAX_LINE, append, begins_anew, clip, parse_u32, sentence};
use super::traceback::{Exception, HEADER, Step};

/// Lines of evidence that are kept, of all that belong to it.
const MAX_LINES: usize = 8;
/// Lines that may belong to it.
const MAX_LENGTH: u32 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// faulthandler: frames follow, innermost first.
    FatalPython,
    /// `terminate called after throwing …`; `what():` follows.
    Cpp,
    /// A check or an assertion, or the C library's own abort.
    Check,
    /// The shell's or MPI's words for a signal.
    Signal,
    Rust,
    Go,
    Java,
    Julia,
    /// R and MATLAB: `Error in f(x) : `, `Error using f (line 3)`; the message may be on the next line.
    Script,
    /// An exception's line without a traceback.
    Lone,
}

#[derive(Clone, Debug)]
pub(super) struct Foreign {
    pub(super) kind: Kind,
    summary: Vec<u8>,
    place: Option<String>,
    stack: Stack,
    lines: Vec<String>,
    length: u32,
    /// The next line is the message.
    message_follows: bool,
}

impl Foreign {
    pub(super) fn open(text: &[u8]) -> Option<Self> {
        let (kind, summary) = recognize(text)?;
        let mut event = Self {
            kind,
            summary: summary[..summary.len().min(2 * MAX_LINE)].to_vec(),
            place: None,
            stack: Stack::default(),
            lines: vec![clip(text.trim_ascii_end(), MAX_LINE)],
            length: 0,
            message_follows: false,
        };
        if kind == Kind::Rust {
            event.open_rust();
        }
        event.message_follows |= kind == Kind::Script && !has_message(text);
        Some(event)
    }

    /// `thread 'main' panicked at src/main.rs:5:10:` with the message on the next line, or (before
    /// Rust 1.73) `… panicked at 'message', src/main.rs:5:10`.
    fn open_rust(&mut self) {
        let Some((_, rest)) = self.summary.split_once_str("panicked at ") else { return };
        let place = match rest.strip_prefix(b"'") {
            Some(old) => old.rsplit_once_str("', ").map_or(&b""[..], |(_, place)| place),
            None => rest.trim_end_with(|c| c == ':'),
        };
        if !place.is_empty() {
            self.place = Some(sentence(place));
        }
        self.message_follows = !rest.starts_with(b"'");
    }

    pub(super) fn push(&mut self, text: &[u8]) -> Step {
        self.length += 1;
        let trimmed = text.trim_ascii();
        let another = self.length > MAX_LENGTH
            || trimmed.contains_str(HEADER)
            || (begins_anew(trimmed) && !trimmed.starts_with(b"Exception in thread"));
        if another {
            return Step::Ended;
        }
        if trimmed.is_empty() {
            return Step::Taken;
        }
        if self.message_follows {
            self.message_follows = false;
            append(&mut self.summary, trimmed, true);
            self.keep(text);
            return Step::Taken;
        }
        match self.kind {
            Kind::FatalPython => self.push_fatal_python(text, trimmed),
            Kind::Cpp => self.push_cpp(text, trimmed),
            Kind::Rust => self.keep_if(text, trimmed.starts_with(b"note:") || is_numbered(trimmed)),
            Kind::Go => self.push_go(text, trimmed),
            Kind::Java => self.push_java(text, trimmed),
            Kind::Julia => self.push_julia(text, trimmed),
            Kind::Check => {
                let stack = trimmed.starts_with(b"@ ") || trimmed.starts_with(b"***");
                self.keep_if(text, stack)
            }
            Kind::Script => self.keep_if(text, trimmed.starts_with(b"Calls: ")),
            Kind::Signal | Kind::Lone => Step::Ended,
        }
    }

    fn keep(&mut self, text: &[u8]) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(clip(text.trim_ascii_end(), MAX_LINE));
        }
    }

    fn keep_if(&mut self, text: &[u8], belongs: bool) -> Step {
        if !belongs {
            return Step::Ended;
        }
        self.keep(text);
        Step::Taken
    }

    fn push_fatal_python(&mut self, text: &[u8], trimmed: &[u8]) -> Step {
        if let Some(frame) = Frame::parse(trimmed) {
            // Only of the thread that died, which comes first.
            if self.lines.iter().filter(|line| line.contains("most recent call first")).count() <= 1
            {
                self.stack.push_outer(frame);
            }
            self.keep(text);
            return Step::Taken;
        }
        let belongs = trimmed.contains_str("most recent call first")
            || trimmed.starts_with(b"Python runtime state")
            || trimmed.starts_with(b"Extension modules")
            || trimmed.starts_with(b"<");
        if trimmed.starts_with(b"Extension modules") {
            return Step::Taken;
        }
        self.keep_if(text, belongs)
    }

    fn push_cpp(&mut self, text: &[u8], trimmed: &[u8]) -> Step {
        if let Some((_, what)) = trimmed.split_once_str("what():") {
            let what = what.trim_ascii();
            let kind = self.summary.split_once_str("instance of ").map(|(_, kind)| kind.to_vec());
            let mut summary = kind.unwrap_or_default();
            summary.retain(|byte| *byte != b'\'');
            summary.extend_from_slice(b": ");
            append(&mut summary, what, false);
            self.summary = summary;
            self.keep(text);
            return Step::Taken;
        }
        if self.lines.len() >= MAX_LINES {
            return Step::Ended;
        }
        self.keep(text);
        Step::Taken
    }

    fn push_go(&mut self, text: &[u8], trimmed: &[u8]) -> Step {
        if self.place.is_none()
            && text.starts_with(b"\t")
            && !trimmed.starts_with(b"/usr/local/go/")
            && let Some((place, _)) = trimmed.split_once_str(" +0x")
        {
            self.place = Some(sentence(place.rsplit(|byte| *byte == b'/').next().unwrap_or(place)));
        }
        self.keep(text);
        Step::Taken
    }

    fn push_java(&mut self, text: &[u8], trimmed: &[u8]) -> Step {
        if let Some(cause) = trimmed.strip_prefix(b"Caused by: ") {
            self.summary = cause.to_vec();
            self.place = None;
            if self.lines.len() == MAX_LINES {
                self.lines.truncate(2);
            }
        } else if !trimmed.starts_with(b"at ") && !trimmed.starts_with(b"... ") {
            return Step::Ended;
        } else if self.place.is_none() && !trimmed.starts_with(b"at java") {
            let inner =
                trimmed.split_once_str("(").map(|(_, place)| place.trim_end_with(|c| c == ')'));
            self.place = inner.map(sentence);
        }
        self.keep(text);
        Step::Taken
    }

    fn push_julia(&mut self, text: &[u8], trimmed: &[u8]) -> Step {
        if let Some(place) = trimmed.strip_prefix(b"@ Main ")
            && self.place.is_none()
        {
            self.place = Some(sentence(place));
        }
        self.keep(text);
        Step::Taken
    }

    pub(super) fn summary(&self) -> String {
        sentence(&self.summary)
    }

    pub(super) fn place(&self) -> Option<String> {
        self.place.clone().or_else(|| self.stack.place())
    }

    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// A shell's or a C library's words for a signal say less than any other reason.
    pub(super) fn is_vague(&self) -> bool {
        self.kind == Kind::Signal
            || self.summary.contains_str("without an active exception")
            || self.summary.ends_with(b"Fatal Python error: Aborted")
            || self.summary.starts_with(b"Timeout (")
    }
}

/// What kind of end begins with this line, and its words.
fn recognize(text: &[u8]) -> Option<(Kind, &[u8])> {
    let trimmed = text.trim_ascii();
    if let Some(at) = trimmed.find("Fatal Python error: ") {
        return Some((Kind::FatalPython, &trimmed[at..]));
    }
    if trimmed.starts_with(b"Timeout (") && trimmed.ends_with(b")!") {
        // faulthandler's; the process may well live on.
        return Some((Kind::FatalPython, trimmed));
    }
    let starts = |words: &[&str]| words.iter().any(|word| trimmed.starts_with(word.as_bytes()));
    let holds = |words: &[&str]| words.iter().any(|word| trimmed.contains_str(word));
    if starts(&["terminate called", "libc++abi: terminating"]) {
        return Some((Kind::Cpp, trimmed));
    }
    if trimmed.contains_str("thread '") && trimmed.contains_str("panicked at ") {
        return Some((Kind::Rust, &trimmed[trimmed.find("thread '").unwrap_or(0)..]));
    }
    if starts(&["panic: ", "fatal error: "]) {
        return Some((Kind::Go, trimmed));
    }
    if starts(&["ERROR: LoadError: "]) {
        return Some((Kind::Julia, &trimmed[b"ERROR: LoadError: ".len()..]));
    }
    if let Some(rest) = trimmed.strip_prefix(b"Exception in thread \"") {
        return Some((Kind::Java, rest.split_once_str("\" ").map_or(rest, |(_, words)| words)));
    }
    if starts(&["Unhandled exception. ", "Unhandled Exception: "]) {
        return Some((Kind::Java, &trimmed[b"Unhandled exception. ".len()..]));
    }
    let is_r = trimmed.starts_with(b"Error in ") && trimmed.contains_str(" :");
    if is_r || trimmed.starts_with(b"Error using ") && trimmed.contains_str("(line ") {
        return Some((Kind::Script, trimmed));
    }
    if is_check(trimmed) {
        return Some((Kind::Check, trimmed));
    }
    if holds(&["Segmentation fault", "(core dumped)", "Bus error", "Illegal instruction"])
        || trimmed == b"Killed"
        || trimmed == b"Aborted"
    {
        return Some((Kind::Signal, trimmed));
    }
    let lone = Exception::parse(trimmed).filter(|exception| exception.is_certain())?;
    (!lone.message.is_empty() || trimmed == b"KeyboardInterrupt").then_some((Kind::Lone, trimmed))
}

/// Whether R's line says what went wrong: `Error in f(x) : no such object`.
fn has_message(text: &[u8]) -> bool {
    text.trim_ascii().split_once_str(" : ").is_some_and(|(_, message)| !message.is_empty())
}

fn is_check(text: &[u8]) -> bool {
    const STARTS: [&str; 9] = [
        "free(): ",
        "double free or corruption",
        "malloc(): ",
        "realloc(): ",
        "munmap_chunk(): ",
        "corrupted size vs. prev_size",
        "corrupted double-linked list",
        "*** stack smashing detected",
        "[LightGBM] [Fatal]",
    ];
    let glog = text.first() == Some(&b'F')
        && text.get(1..5).is_some_and(|day| day.iter().all(u8::is_ascii_digit));
    STARTS.iter().any(|start| text.starts_with(start.as_bytes()))
        || glog
        || text.contains_str("Check failed: ")
        || text.contains_str("GGML_ASSERT")
        || text.contains_str("ERROR: AddressSanitizer")
        || text.contains_str("Assertion failed: ")
        || (text.contains_str("Assertion ")
            && text.trim_end_with(|c| c == '.').ends_with(b"failed"))
}

/// `   3: core::panicking::panic`, a frame of Rust's backtrace, or the file below it.
fn is_numbered(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let frame = text.get(digits) == Some(&b':') && parse_u32(&text[..digits]).is_some();
    frame || text.starts_with(b"at ") || text.starts_with(b"stack backtrace")
}
