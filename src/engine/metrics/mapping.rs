//! Python dicts and JSON objects: `{'loss': '4.1', 'eval': {"acc": tensor(0.5)}}`.
//!
//! Nested keys are joined by `/`. What cannot be read ends the object; what was read until there
//! counts. Strings are not searched, except a log record's message.

use bstr::ByteSlice;

use super::found::{Candidates, Form};
use super::names::{self, Class};
use super::number::{self, Lexed, Number};
use super::pairs::is_wrapper;

const DEEPEST: usize = 6;
/// A key of settings: what stands under it was not measured.
const SETTINGS: &[&str] = &[
    "config",
    "configuration",
    "parameters",
    "params",
    "hyperparameters",
    "hparams",
    "args",
    "arguments",
    "settings",
    "options",
    "kwargs",
];
/// A log record's own text, which may hold pairs.
const MESSAGES: &[&str] = &["message", "msg", "text", "log", "event"];

/// Where an object begins: a brace and a quoted key.
pub(super) fn start(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'{', &text[from..]) {
        let at = from + found;
        let inner = text[at + 1..].trim_ascii_start();
        if matches!(inner.first(), Some(b'"' | b'\'')) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Reads the object that begins at `at`; where it ends, and where a message in it stands.
pub(super) fn read(
    text: &[u8],
    at: usize,
    out: &mut Candidates,
) -> (usize, Option<(usize, usize)>) {
    let before = text[..at].trim_end_with(|c| c == ' ' || c == ':' || c == '=');
    let word = before.rfind_byteset(b" .,;:=([|\t").map_or(before, |i| &before[i + 1..]);
    let quiet = is_one_of(SETTINGS, word);
    let signed = matches!(text[..at].trim_ascii_end().last(), Some(b':' | b'='));
    let name = word.to_str().ok().filter(|word| signed && names::class(word) == Class::Measured);
    let path = Vec::new();
    let mut reader = Reader { text, at, out, name, path, quiet, message: None };
    let _ = reader.object();
    (reader.at.max(at + 1), reader.message)
}

fn is_one_of(list: &[&str], word: &[u8]) -> bool {
    list.iter().any(|x| word.eq_ignore_ascii_case(x.as_bytes()))
}

struct Reader<'a, 'o> {
    text: &'a [u8],
    at: usize,
    out: &'o mut Candidates,
    /// What was measured, if it stands before the object: `IoU: {'road': 0.9}`.
    name: Option<&'a str>,
    path: Vec<&'a str>,
    quiet: bool,
    message: Option<(usize, usize)>,
}

impl<'a> Reader<'a, '_> {
    fn object(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.blanks();
            if self.eat(b'}') {
                return Some(());
            }
            let key = self.string()?;
            self.out.fix(key.0, key.1);
            let key = self.text[key.0..key.1].to_str().unwrap_or_default();
            self.blanks();
            if !self.eat(b':') {
                return None;
            }
            self.blanks();
            if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                self.out.see_key(key);
            }
            self.path.push(key);
            let quiet = self.quiet;
            self.quiet |= is_one_of(SETTINGS, key.as_bytes());
            let read = self.value();
            self.quiet = quiet;
            self.path.pop();
            read?;
            self.blanks();
            if !self.eat(b',') && self.peek() != Some(b'}') {
                return None;
            }
        }
    }

    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'{' if self.path.len() < DEEPEST => self.object(),
            b'"' | b'\'' => {
                let (start, end) = self.string()?;
                let whole = &self.text[start..end];
                let key = self.path.last().copied().unwrap_or_default();
                if let Some(number) = whole_number(whole) {
                    self.offer(number, start);
                } else if self.path.len() == 1 && is_one_of(MESSAGES, key.as_bytes()) {
                    self.message = Some((start, end));
                }
                Some(())
            }
            _ => self.other(),
        }
    }

    /// A number, a wrapped number, or anything else up to the next comma or brace.
    fn other(&mut self) -> Option<()> {
        let start = self.at;
        self.skip()?;
        let raw = self.text[start..self.at].trim_ascii_end();
        if let Some(number) = whole_number(raw) {
            self.offer(number, start);
        } else if let Some(shown) = raw.strip_suffix(b">").and_then(|raw| raw.rfind(b"numpy=")) {
            // `<tf.Tensor: shape=(), dtype=float32, numpy=0.5>`
            let value = shown + b"numpy=".len();
            if let Some(number) = whole_number(&raw[value..raw.len() - 1]) {
                self.offer(number, start + value);
            }
        } else if let Some(open) = raw.find_byte(b'(')
            && is_wrapper(raw[..open].to_str().unwrap_or_default())
        {
            // `array([0.5])`: a list of one.
            let list = usize::from(raw[open + 1..].starts_with(b"["));
            let inner = &raw[open + 1 + list..];
            let end = inner.find_byteset(b",)]").unwrap_or(inner.len());
            let ends = list == 0 || inner.get(end) == Some(&b']');
            let number = whole_number(inner[..end].trim_ascii_end()).filter(|_| ends);
            if let Some(number) = number {
                self.offer(number, start + open + 1 + list);
            }
        }
        Some(())
    }

    /// To the comma or brace that ends the value, over brackets and strings.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_u32;
        loop {
            match self.peek()? {
                b'"' | b'\'' => {
                    self.string()?;
                    continue;
                }
                b'[' | b'(' | b'{' | b'<' => depth += 1,
                b',' | b'}' if depth == 0 => return Some(()),
                b']' | b')' | b'}' | b'>' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
    }

    fn offer(&mut self, number: Number, start: usize) {
        let key = self.path.last().copied().unwrap_or_default();
        if self.quiet || is_one_of(SETTINGS, key.as_bytes()) {
            return;
        }
        let name = self.name.filter(|_| self.path.len() == 1);
        if let Some(name) = name.filter(|_| names::is_part_of_data(key)) {
            self.out.offer(&[key, name], "_", Form::Entry, number, start);
        } else if let Some(name) = name.filter(|_| names::class(key) == Class::Unknown) {
            self.out.offer(&[name, key], "/", Form::Entry, number, start);
        } else if !names::is_prose(key) {
            self.out.offer(&self.path, "/", Form::Entry, number, start);
        }
    }

    /// The inside of the string here.
    fn string(&mut self) -> Option<(usize, usize)> {
        let quote = self.peek().filter(|b| matches!(b, b'"' | b'\''))?;
        let start = self.at + 1;
        let mut at = start;
        loop {
            at += memchr::memchr2(quote, b'\\', self.text.get(at..)?)?;
            if self.text[at] == quote {
                self.at = at + 1;
                return Some((start, at));
            }
            at += 2;
        }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        self.at += usize::from(eaten);
        eaten
    }
}

/// The number that the text is, and nothing else.
pub(super) fn whole_number(text: &[u8]) -> Option<Number> {
    match number::lex(text)? {
        Lexed::Number(number) if number.len == text.len() && !number.glued => Some(number),
        _ => None,
    }
}
