//! One Python traceback as one event: its header, frames, exception, message and chain.
//!
//! Gets the lines of one speaker only (the prefix is off). Knows nothing of how a run ended.

use bstr::ByteSlice;

use super::boxed::Box;
use super::frame::{Frame, Stack};
use super::text::{MAX_LINE, append, begins_anew, clip, indent, sentence};

pub(super) const HEADER: &[u8] = b"Traceback (most recent call last)";

/// Lines of a message after its first one.
const MAX_MESSAGE: usize = 8;
/// Exceptions of a chain that are kept; of longer ones the newest.
const MAX_LINKS: usize = 6;
/// Foreign lines between the frames, before it is given up.
const MAX_STRAY: u32 = 40;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It belongs to the event.
    Taken,
    /// It belongs to the event, and ends it.
    Last,
    /// It was written in between by somebody else.
    Stray,
    /// The event had ended before it.
    Ended,
}

/// How an exception hangs together with the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    First,
    /// "The above exception was the direct cause of the following exception".
    CausedBy,
    /// "During handling of the above exception, another exception occurred".
    WhileHandling,
    /// The other one's text is in its message: a worker's original traceback.
    Nested,
}

/// One exception of a chain.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) relation: Relation,
    /// `ValueError: bad batch`, one line.
    pub(super) exception: Vec<u8>,
    /// The further lines of its message.
    pub(super) message: Vec<String>,
    pub(super) stack: Stack,
}

#[derive(Clone, Debug)]
enum State {
    Frames {
        file_indent: Option<usize>,
        strays: u32,
    },
    Boxed(Box),
    /// After the exception's first line. `width`: the writer breaks lines at this column.
    Message {
        blank: bool,
        width: Option<usize>,
        last_width: usize,
    },
    /// After the words that announce the next exception.
    Chained(Relation),
}

#[derive(Clone, Debug)]
pub(super) struct Traceback {
    links: Vec<Link>,
    relation: Relation,
    stack: Stack,
    state: State,
    margin: Margin,
}

/// Something before each line, as long as what stood before the header: a log's time.
#[derive(Clone, Copy, Debug)]
enum Margin {
    /// The first line after the header will tell.
    Unknown(usize),
    Width(usize),
}

impl Traceback {
    /// `text` holds `HEADER` at `at`.
    pub(super) fn open(text: &[u8], at: usize) -> Self {
        let state = match Box::open(text, at) {
            Some(frame) => State::Boxed(frame),
            None => State::Frames { file_indent: None, strays: 0 },
        };
        Self {
            links: Vec::new(),
            relation: Relation::First,
            stack: Stack::default(),
            state,
            margin: Margin::Unknown(at),
        }
    }

    /// The chain, oldest first. Empty if no exception's line came.
    pub(super) fn into_links(self) -> Vec<Link> {
        self.links
    }

    pub(super) fn push(&mut self, text: &[u8]) -> Step {
        let width = match self.margin {
            Margin::Width(width) => width,
            Margin::Unknown(at) => {
                let begins = |text: &[u8]| text.starts_with(b"  File ");
                let width = if text.get(at..).is_some_and(begins) { at } else { 0 };
                self.margin = Margin::Width(width);
                width
            }
        };
        let text = text.get(width..).unwrap_or(text);
        match &mut self.state {
            State::Frames { .. } => self.in_frames(text),
            State::Boxed(_) => self.in_box(text),
            State::Message { .. } => self.in_message(text),
            State::Chained(_) => self.in_chain(text),
        }
    }

    fn in_frames(&mut self, text: &[u8]) -> Step {
        let State::Frames { file_indent, strays } = &mut self.state else { return Step::Ended };
        let text = without_margin(text);
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            return Step::Taken;
        }
        if text.contains_str(HEADER) {
            self.stack = Stack::default();
            return Step::Taken;
        }
        if let Some(frame) = Frame::parse(trimmed) {
            *file_indent = Some(indent(text));
            self.stack.push(frame);
            return Step::Taken;
        }
        let depth = indent(text);
        let frames_at = file_indent.unwrap_or(4);
        // IPython's frames are not indented, so that an exception is only known by its name.
        let ends = frames_at == 0 && Exception::parse(trimmed).is_some_and(|e| e.is_certain());
        if depth >= frames_at && !ends {
            if depth > frames_at && !is_decoration(trimmed) {
                self.stack.code(trimmed);
            }
            return Step::Taken;
        }
        if let Some(exception) = Exception::parse(trimmed) {
            let last = exception.is_launchers();
            self.begin_exception(trimmed, None);
            return if last { Step::Last } else { Step::Taken };
        }
        *strays += 1;
        if *strays > MAX_STRAY { Step::Ended } else { Step::Stray }
    }

    fn in_box(&mut self, text: &[u8]) -> Step {
        let State::Boxed(frame) = &mut self.state else { return Step::Ended };
        if frame.is_open() {
            frame.push(text, &mut self.stack);
            return Step::Taken;
        }
        let width = frame.width();
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            return Step::Taken;
        }
        if Exception::parse(trimmed).is_none() {
            return Step::Ended;
        }
        self.begin_exception(trimmed, Some(width));
        if let State::Message { last_width, .. } = &mut self.state {
            *last_width = text.trim_ascii_end().chars().count();
        }
        Step::Taken
    }

    fn begin_exception(&mut self, exception: &[u8], width: Option<usize>) {
        self.stack.settle();
        if self.links.len() == MAX_LINKS {
            self.links.remove(0);
        }
        self.links.push(Link {
            relation: self.relation,
            exception: exception[..exception.len().min(4 * MAX_LINE)].to_vec(),
            message: Vec::new(),
            stack: std::mem::take(&mut self.stack),
        });
        self.state = State::Message { blank: false, width, last_width: 0 };
    }

    fn in_message(&mut self, text: &[u8]) -> Step {
        let State::Message { blank, width, last_width } = &mut self.state else {
            return Step::Ended;
        };
        let Some(link) = self.links.last_mut() else { return Step::Ended };
        if is_group_ruler(text) {
            // The first one of a group says why: it follows, with or without frames.
            if !link.exception.contains_str("ExceptionGroup") {
                return Step::Ended;
            }
            self.relation = Relation::Nested;
            self.state = State::Frames { file_indent: None, strays: 0 };
            return Step::Taken;
        }
        let text = without_margin(text);
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            *blank = true;
            return Step::Taken;
        }
        if let Some(relation) = announced(trimmed) {
            self.state = State::Chained(relation);
            return Step::Taken;
        }
        if let Some(at) = text.find(HEADER) {
            return self.header_in_message(text, at);
        }
        if link.exception.contains_str("ray::")
            && let Some(frame) = Frame::parse(trimmed)
        {
            // Ray repeats the worker's frames without a header.
            self.relation = Relation::Nested;
            self.stack.push(frame);
            self.state = State::Frames { file_indent: Some(indent(text)), strays: 0 };
            return Step::Taken;
        }
        if let Some(width) = *width
            && !*blank
        {
            let word = trimmed.iter().take_while(|byte| **byte != b' ').count();
            if *last_width + 1 + word > width {
                append(&mut link.exception, trimmed, true);
                *last_width = text.trim_ascii_end().chars().count();
                return Step::Taken;
            }
            return Step::Ended;
        }
        let fresh = Exception::parse(trimmed).is_some_and(|exception| exception.is_certain());
        if link.message.len() >= MAX_MESSAGE || begins_anew(trimmed) || (fresh && !*blank) {
            return Step::Ended;
        }
        *blank = false;
        if Frame::parse(trimmed).is_some() || (indent(text) >= 4 && link.message.len() < 2) {
            // TensorFlow tells where its graph was built, before it says what is wrong.
            return Step::Taken;
        }
        link.message.push(clip(text.trim_ascii_end(), MAX_LINE));
        Step::Taken
    }

    /// A header after an exception: the original of a worker's exception, or another event.
    fn header_in_message(&mut self, text: &[u8], at: usize) -> Step {
        let Some(link) = self.links.last() else { return Step::Ended };
        let quotes = |line: &String| line.contains("\"\"\"") || line.contains("following error");
        let nested = text[..at].ends_with(b"Original ")
            || link.message.last().is_some_and(quotes)
            || link.exception.contains_str("Caught ")
            || (indent(text) > 0 && text[..at].trim_ascii().is_empty());
        if !nested {
            return Step::Ended;
        }
        self.relation = Relation::Nested;
        self.state = State::Frames { file_indent: None, strays: 0 };
        Step::Taken
    }

    fn in_chain(&mut self, text: &[u8]) -> Step {
        let State::Chained(relation) = self.state else { return Step::Ended };
        if let Some(at) = text.find(HEADER) {
            self.relation = relation;
            self.state = match Box::open(text, at) {
                Some(frame) => State::Boxed(frame),
                None => State::Frames { file_indent: None, strays: 0 },
            };
            return Step::Taken;
        }
        if text.trim_ascii().is_empty() { Step::Taken } else { Step::Stray }
    }
}

impl Link {
    /// `ValueError: bad batch`; an empty first line of a message is filled from the next ones, an
    /// exception without a message from its place.
    pub(super) fn summary(&self) -> String {
        let mut text = self.exception.trim_ascii().to_vec();
        let bare = Exception::parse(&text).is_some_and(|exception| exception.message.is_empty());
        let after_node = self.message.iter().skip_while(|line| !line.starts_with("Node: ")).nth(1);
        if let Some(line) = after_node {
            append(&mut text, line.as_bytes(), true);
            return sentence(&text);
        }
        let unfinished = bare || text.ends_with(b":") || text.contains_str("encountered when call");
        if unfinished && let Some(line) = self.message.iter().find(|line| !is_ruler(line)) {
            if bare && !text.ends_with(b":") {
                text.push(b':');
            }
            append(&mut text, line.as_bytes(), true);
        } else if bare && let Some(code) = self.stack.user_code() {
            while text.ends_with(b":") {
                text.pop();
            }
            append(&mut text, format!("at `{code}`").as_bytes(), true);
        }
        sentence(&text)
    }

    /// All words of it, for judging its class.
    pub(super) fn words(&self) -> Vec<u8> {
        let mut text = self.exception.clone();
        self.message.iter().for_each(|line| {
            text.push(b'\n');
            text.extend_from_slice(line.as_bytes());
        });
        text
    }
}

fn is_ruler(line: &str) -> bool {
    line.chars().all(|c| !c.is_alphanumeric()) || line.contains("terminated with the following")
}

/// The line that stands between two tracebacks of a chain.
fn announced(text: &[u8]) -> Option<Relation> {
    if text.contains_str("The above exception was the direct cause of") {
        Some(Relation::CausedBy)
    } else if text.contains_str("During handling of the above exception") {
        Some(Relation::WhileHandling)
    } else {
        None
    }
}

/// Without the bar that exception groups draw at the left.
fn without_margin(text: &[u8]) -> &[u8] {
    let start = indent(text);
    match text.get(start..) {
        Some([b'|' | b'+', rest @ ..]) => rest.strip_prefix(b" ").unwrap_or(rest),
        _ => text,
    }
}

/// `+-+---------------- 1 ----------------`, before each exception of a group.
fn is_group_ruler(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let inner = text.trim_with(|c| "+- ".contains(c));
    text.starts_with(b"+-") && text.ends_with(b"---") && inner.iter().all(u8::is_ascii_digit)
}

/// Carets under a source line, and loguru's values.
fn is_decoration(trimmed: &[u8]) -> bool {
    trimmed.iter().all(|byte| b"^~ |".contains(byte))
        || trimmed.starts_with("└".as_bytes())
        || trimmed.starts_with("│".as_bytes())
}

/// `module.Name: message`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exception<'a> {
    pub(super) name: &'a [u8],
    pub(super) message: &'a [u8],
}

impl<'a> Exception<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.<>()[]".contains(byte);
        let end = text.iter().take_while(|byte| allowed(byte)).count().min(160);
        let (name, rest) = text.split_at(end);
        let message = match rest {
            [] => rest,
            [b':'] => &rest[1..],
            [b':', b' ', message @ ..] => message,
            _ => return None,
        };
        let first = name.first()?;
        let exception = Self { name, message };
        let named = first.is_ascii_uppercase() || (name.contains(&b'.') && !name.ends_with(b"."));
        // `Epoch: 3` is none; `__main__.TooFew: 3 of 5` is one.
        let number = message.first().is_some_and(|byte| byte.is_ascii_digit());
        let figure = number && !name.contains(&b'.');
        let plausible = exception.is_certain() || (named && !figure && end > 2);
        let opens = first.is_ascii_alphabetic() || *first == b'_';
        (opens && plausible).then_some(exception)
    }

    fn last_name(&self) -> &'a [u8] {
        let name = self.name.split(|byte| *byte == b'(').next().unwrap_or(self.name);
        name.rsplit(|byte| *byte == b'.').next().unwrap_or(name)
    }

    /// Whether its name is one that only exceptions have.
    pub(super) fn is_certain(&self) -> bool {
        const ENDINGS: [&[u8]; 6] = [
            b"Error",
            b"Exception",
            b"Interrupt",
            b"SystemExit",
            b"ExceptionGroup",
            b"TimeoutExpired",
        ];
        let name = self.last_name();
        name != b"Error" && ENDINGS.iter().any(|ending| name.ends_with(ending))
    }

    /// torchrun's own: its table says more.
    pub(super) fn is_launchers(&self) -> bool {
        self.last_name() == b"ChildFailedError"
    }
}
