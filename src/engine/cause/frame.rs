//! Frames of Python stacks: parsing one line, whose code it is, and the few that are kept.

use std::collections::VecDeque;

use bstr::ByteSlice;

use super::text::{MAX_LINE, clip, parse_u32};

/// One frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) function: String,
    pub(super) code: Option<String>,
}

impl Frame {
    /// Of a traceback (`File "a.py", line 3, in f`), of faulthandler's dump (no comma before `in`)
    /// or of IPython (`File a.py:3, in f(x)`).
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let text = text.strip_prefix(b"> ").unwrap_or(text);
        if text.starts_with(b"Cell In[") {
            let (cell, line) = text.split_once_str(", line ")?;
            return Some(Self::new(cell, parse_u32(line)?, b"<module>"));
        }
        let rest = text.strip_prefix(b"File ")?;
        let Some(rest) = rest.strip_prefix(b"\"") else { return Self::ipython(rest) };
        let (file, rest) = rest.split_once_str("\"")?;
        let rest = rest.strip_prefix(b", line ")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let line = parse_u32(&rest[..digits])?;
        let function = rest[digits..].trim_start_with(|c| c == ',' || c == ' ');
        Some(Self::new(file, line, function.strip_prefix(b"in ").unwrap_or(b"<module>")))
    }

    fn ipython(rest: &[u8]) -> Option<Self> {
        let (place, function) = rest.split_once_str(", in ")?;
        let (file, line) = place.rsplit_once_str(":")?;
        let function = function.split_once_str("(").map_or(function, |(name, _)| name);
        Some(Self::new(file, parse_u32(line)?, function))
    }

    /// Of rich's box: `/path/train.py:86 in <module>`.
    pub(super) fn boxed(text: &[u8]) -> Option<Self> {
        let (place, function) = text.rsplit_once_str(" in ")?;
        let (file, line) = place.rsplit_once_str(":")?;
        Some(Self::new(file.trim_ascii(), parse_u32(line.trim_ascii())?, function.trim_ascii()))
    }

    pub(super) fn new(file: &[u8], line: u32, function: &[u8]) -> Self {
        let (file, function) = (clip(file, MAX_LINE), clip(function.trim_ascii(), 120));
        Self { file, line, function, code: None }
    }

    /// Whether it lies in a library, in Python itself, or in a launcher.
    fn is_library(&self) -> bool {
        const PARTS: [&str; 9] = [
            "/site-packages/",
            "/dist-packages/",
            "/lib/python3",
            "/lib64/python3",
            "\\site-packages\\",
            "/bin/torchrun",
            "/bin/accelerate",
            "/bin/deepspeed",
            "/usr/share/",
        ];
        self.file.starts_with("<frozen")
            || self.file.starts_with("<__array_function__")
            || PARTS.iter().any(|part| self.file.contains(part))
    }

    /// Code without a file of its own: `<string>`, a notebook's cell.
    fn is_nameless(&self) -> bool {
        self.file.starts_with('<')
    }

    /// `train.py:41 in step`.
    pub(super) fn place(&self) -> String {
        let name = short_name(&self.file);
        match self.function.as_str() {
            "<module>" | "" => format!("{name}:{}", self.line),
            function => format!("{name}:{} in {function}", self.line),
        }
    }

    /// As Python prints it, one or two lines.
    pub(super) fn lines(&self, out: &mut Vec<String>) {
        out.push(format!("  File \"{}\", line {}, in {}", self.file, self.line, self.function));
        if let Some(code) = &self.code {
            out.push(format!("    {code}"));
        }
    }
}

/// The file's name; with its folder where the name says nothing.
fn short_name(path: &str) -> &str {
    let mut parts = path.rmatch_indices(['/', '\\']).map(|(at, _)| at + 1);
    let start = parts.next().unwrap_or(0);
    let name = path.get(start..).unwrap_or(path);
    if matches!(name, "__init__.py" | "__main__.py" | "main.py" | "utils.py") {
        let start = parts.next().unwrap_or(start);
        return path.get(start..).unwrap_or(name);
    }
    name
}

/// The frames of one stack that matter: the user's own innermost ones, and the innermost of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Stack {
    /// Of the user's code, a named file.
    user: Option<Frame>,
    /// Of the user's code without a file, called from `user`.
    nameless: Option<Frame>,
    last: VecDeque<Frame>,
    count: u32,
}

const LAST: usize = 3;

impl Stack {
    /// Whether some code of the user is in it.
    pub(super) fn has_user(&self) -> bool {
        self.user.is_some() || self.nameless.is_some()
    }

    /// The next inner frame.
    pub(super) fn push(&mut self, frame: Frame) {
        self.settle();
        self.count = self.count.saturating_add(1);
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(frame);
    }

    /// The source line of the newest frame, if it has none yet.
    pub(super) fn code(&mut self, text: &[u8]) {
        if let Some(frame) = self.last.back_mut()
            && frame.code.is_none()
        {
            frame.code = Some(clip(text.trim_ascii(), MAX_LINE));
        }
    }

    /// The newest frame is complete: remember it if it is the user's.
    pub(super) fn settle(&mut self) {
        let Some(frame) = self.last.back() else { return };
        if frame.is_library() {
            return;
        }
        if frame.is_nameless() {
            self.nameless = Some(frame.clone());
        } else {
            self.user = Some(frame.clone());
            self.nameless = None;
        }
    }

    /// Turns a stack that was given innermost first.
    pub(super) fn push_outer(&mut self, frame: Frame) {
        self.count = self.count.saturating_add(1);
        if self.user.is_none() && !frame.is_library() && !frame.is_nameless() {
            self.user = Some(frame.clone());
        }
        if self.last.len() < LAST {
            self.last.push_front(frame);
        }
    }

    pub(super) fn place(&self) -> Option<String> {
        match (&self.user, &self.nameless) {
            (Some(user), Some(inner)) => Some(format!("{}, from {}", inner.place(), user.place())),
            (Some(frame), None) | (None, Some(frame)) => Some(frame.place()),
            (None, None) => self.last.back().map(Frame::place),
        }
    }

    /// The source line at which the user's code stood.
    pub(super) fn user_code(&self) -> Option<&str> {
        self.nameless.as_ref().or(self.user.as_ref()).or(self.last.back())?.code.as_deref()
    }

    /// The user's frame, then the innermost ones.
    pub(super) fn lines(&self, innermost: usize) -> Vec<String> {
        let mut out = Vec::new();
        let skip = self.last.len().saturating_sub(innermost);
        let shown: Vec<&Frame> = self.last.iter().skip(skip).collect();
        if let Some(user) = &self.user
            && !shown.iter().any(|frame| frame.file == user.file && frame.line == user.line)
        {
            user.lines(&mut out);
            out.push("  …".into());
        }
        shown.iter().for_each(|frame| frame.lines(&mut out));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_all_writers_are_read() {
        let table = [
            ("  File \"/a/train.py\", line 41, in step", "train.py:41 in step"),
            ("File \"train.py\", line 3", "train.py:3"),
            ("  File \"/a/pt_plain.py\", line 118 in <module>", "pt_plain.py:118"),
            ("> File \"a.py\", line 12, in <module>", "a.py:12"),
            ("File ~/pkg/x.py:12, in fit(self, x)", "x.py:12 in fit"),
            ("Cell In[3], line 5", "Cell In[3]:5"),
            ("  File \"/a/pkg/__init__.py\", line 5, in f", "pkg/__init__.py:5 in f"),
        ];
        for (line, place) in table {
            let frame = Frame::parse(line.as_bytes()).map(|frame| frame.place());
            assert_eq!(frame.as_deref(), Some(place), "{line}");
        }
        for line in ["File not found", "File \"x", "File \"x\", line y", ""] {
            assert_eq!(Frame::parse(line.as_bytes()), None, "{line}");
        }
    }
}
