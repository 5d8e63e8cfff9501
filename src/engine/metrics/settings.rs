//! Settings that are printed one below the other: a configuration file as it was read, the
//! arguments of a command. What a run is told to do was not measured. It does not know how metrics
//! are written.
//!
//! ```text
//! DATASET: cityscapes
//! CUDNN:
//!   BENCHMARK: True
//! LR: 0.05
//! ```

use bstr::ByteSlice;

use super::mapping;
use super::names::{self, Class};

/// A longer line is no entry.
const LONGEST: usize = 240;
/// So many entries that nobody measures make it settings.
const ENOUGH: u32 = 3;
/// More measured values than these make it a report.
const MOST_MEASURED: u32 = 2;

/// A line that is a key and its value, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// `BENCHMARK: True`, `batch_size: 32`: nobody measures it.
    Told,
    /// `DATASET:`, `ALPHA: 0.5`, `- item`
    Open,
    /// `loss: 0.5`, `epoch: 3`
    Measured,
}

#[derive(Debug, Default)]
pub(super) struct Settings {
    told: u32,
    measured: u32,
}

impl Settings {
    /// Whether the lines may be settings: the next is looked at then, whatever it is.
    pub(super) fn may_hold(&self) -> bool {
        self.told > 0
    }

    /// Takes a line; whether it is a setting.
    pub(super) fn take(&mut self, line: &[u8]) -> bool {
        let Some(entry) = read(line) else {
            *self = Self::default();
            return false;
        };
        match entry {
            Entry::Told => self.told += 1,
            // Before, lines may pass that are known and not looked at.
            Entry::Measured if self.told > 0 => self.measured += 1,
            Entry::Measured | Entry::Open => {}
        }
        if self.measured > MOST_MEASURED {
            *self = Self::default();
        }
        self.told >= ENOUGH && entry != Entry::Measured
    }
}

fn read(line: &[u8]) -> Option<Entry> {
    let text = line.trim_ascii_end();
    if text.len() > LONGEST {
        return None;
    }
    if text.trim_ascii_start().starts_with(b"- ") {
        return Some(Entry::Open);
    }
    let (key, value) = signs(text).find_map(|sign| entry_at(text, sign))?;
    let counts = names::is_counter(names::class(key));
    let is_setting = names::is_setting(key) || names::ends_as_setting(key);
    match value {
        b"" => Some(Entry::Open),
        _ if counts => Some(Entry::Measured),
        _ if is_setting && !value.contains(&b'=') => Some(Entry::Told),
        _ if mapping::whole_number(value).is_some() => {
            let measured = names::class(key) == Class::Measured && !names::is_of_run(key);
            Some(if measured { Entry::Measured } else { Entry::Open })
        }
        b"True" | b"False" | b"true" | b"false" => Some(Entry::Told),
        _ if names::class(key) == Class::Measured => None,
        [b'[' | b'(' | b'{' | b'\'' | b'"', ..] => is_closed(value).then_some(Entry::Told),
        [first, ..] if first.is_ascii_alphabetic() || b"/.~".contains(first) => {
            let one = !value.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'=');
            one.then_some(Entry::Told)
        }
        _ if value.iter().any(|byte| b":=[({".contains(byte)) => None,
        _ => Some(Entry::Open),
    }
}

/// `[2048, 1024]`, `'adam'`, `{}`: one list or text, with no pairs in it, and nothing behind it.
fn is_closed(value: &[u8]) -> bool {
    let [open, inner @ .., close] = value else { return false };
    let pair = [[b'[', b']'], [b'(', b')'], [b'{', b'}'], [b'\'', b'\''], [b'"', b'"']];
    pair.contains(&[*open, *close]) && !inner.iter().any(|byte| b":=[]()\"{}".contains(byte))
}

/// Where signs stand that a key may end with.
fn signs(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    text.find_iter(b":").chain(text.find_iter(b" = ").map(|at| at + 1)).take(8)
}

/// The key that ends at the sign, and its value, if nothing but a logger's header stands before.
fn entry_at(text: &[u8], sign: usize) -> Option<(&str, &[u8])> {
    let value = &text[sign + 1..];
    if !matches!(value.first(), None | Some(b' ' | b'\t')) {
        return None;
    }
    let before = text[..sign].trim_ascii_end();
    // `'clip_ratio': 0.2,` of a dict that is printed over many lines.
    let quoted = before.strip_suffix(b"'").or_else(|| before.strip_suffix(b"\""));
    let before = quoted.unwrap_or(before);
    let value = value.trim_ascii();
    let value = value.strip_suffix(b",").filter(|_| quoted.is_some()).unwrap_or(value);
    let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(byte);
    let start = before.iter().rposition(|byte| !is_of_key(byte)).map_or(0, |at| at + 1);
    let key = before[start..].to_str().ok().filter(|key| {
        key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !names::is_level(key)
    })?;
    let header = text[..start - usize::from(quoted.is_some() && start > 0)].trim_ascii_end();
    let ends = matches!(header.last(), None | Some(b']' | b'-' | b'|' | b'>' | b':' | b')'));
    ends.then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_key_and_its_value_alone() {
        for (line, entry) in [
            ("BENCHMARK: True", Some(Entry::Told)),
            ("  batch_size : 32", Some(Entry::Told)),
            ("lstm_dim = 100", Some(Entry::Told)),
            ("  BASE_SIZE: [2048, 1024]", Some(Entry::Told)),
            ("INFO:root:emb_file: wiki_100.utf8", Some(Entry::Told)),
            (
                "2020-02-10 21:02:21,147 - log\\train.log - INFO - num_tags       :\t7",
                Some(Entry::Told),
            ),
            ("[12/25 14:22:26]     momentum : 0.9", Some(Entry::Told)),
            (
                "2022-06-24 15:53:43.292 | INFO | __main__:<module>:9 - arch: resnet",
                Some(Entry::Told),
            ),
            ("OPTIMIZER:", Some(Entry::Open)),
            ("(TaskRunner pid=625502)      'clip_max': 0.2,", Some(Entry::Open)),
            ("(TaskRunner pid=625502)      'adv_estimator': 'grpo',", Some(Entry::Told)),
            ("CUDNN:", Some(Entry::Open)),
            ("- item", Some(Entry::Open)),
            ("MOMENT: 0.9", Some(Entry::Open)),
            ("time: 00:12", None),
            ("Test: [0/48] Loss 0.5 (0.5)", None),
            ("train: {'seg': 0.5}", None),
            ("[Epoch 0] Training: accuracy=0.621250", None),
            ("x = [2.7 2.1]  f(x) = 11.9", None),
            ("custom: {}", Some(Entry::Told)),
            ("momentum: 0.9 loss=0.5", None),
            ("epoch: 3", Some(Entry::Measured)),
            ("loss: 0.5", Some(Entry::Measured)),
            ("lr: 0.5", Some(Entry::Open)),
            ("loss: 0.5 acc: 0.9", None),
            ("loss: improved", None),
            ("Saving the model: done", None),
            ("note: the model was saved", None),
            ("12:30:05", None),
            ("", None),
        ] {
            assert_eq!(read(line.as_bytes()), entry, "{line}");
        }
    }
}
