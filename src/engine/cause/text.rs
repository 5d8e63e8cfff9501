//! Small tools on bytes: clipping, indentation, and who speaks in a line.
//!
//! Knows no language and no framework beyond the prefixes that launchers put before lines.

use bstr::{ByteSlice, ByteVec};
use regex::bytes::Regex;

/// Bytes kept of one remembered line.
pub(super) const MAX_LINE: usize = 400;
/// Bytes kept of the one sentence.
pub(super) const MAX_SUMMARY: usize = 300;

/// A constant pattern of this module. All of them are compiled by its tests.
#[expect(clippy::expect_used, reason = "the pattern is a constant, no input can make it fail")]
pub(super) fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// Lossy UTF-8 without control characters (a tab becomes a space), at most `max` bytes of the input.
pub(super) fn clip(bytes: &[u8], max: usize) -> String {
    let cut = bytes.len() > max;
    let mut end = bytes.len().min(max);
    if cut {
        // Not in the middle of a character: its other bytes begin with the bits 10.
        while end > 0 && bytes.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
            end -= 1;
        }
    }
    let mut text = String::with_capacity(end + 3);
    for chunk in bytes[..end].utf8_chunks() {
        text.extend(chunk.valid().chars().filter_map(|c| match c {
            '\t' => Some(' '),
            c if c.is_control() => None,
            c => Some(c),
        }));
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    if cut {
        text.push('…');
    }
    text
}

/// The same for one sentence: also without white space at its ends.
pub(super) fn sentence(bytes: &[u8]) -> String {
    clip(bytes.trim_ascii(), MAX_SUMMARY)
}

/// Number of blanks at the beginning.
pub(super) fn indent(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Which of several processes wrote a line, as far as a prefix says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Speaker {
    pub(super) rank: Option<u32>,
    pub(super) pid: Option<u32>,
}

/// Splits off what launchers put before each line of a process: `[rank1]:`, `[default1]:`,
/// `[trainer3]:`, `3: ` (srun -l), `[1,3]<stderr>:` (mpirun), `(train pid=77)` (Ray).
pub(super) fn split_speaker(line: &[u8]) -> (Speaker, &[u8]) {
    let mut speaker = Speaker::default();
    let mut rest = line;
    // torchrun's prefix may stand before the one of the process itself.
    for _ in 0..2 {
        let Some((found, after)) =
            bracket(rest).or_else(|| number(rest)).or_else(|| parenthesis(rest))
        else {
            break;
        };
        speaker = Speaker { rank: found.rank.or(speaker.rank), pid: found.pid.or(speaker.pid) };
        rest = after;
    }
    (speaker, rest)
}

fn bracket(line: &[u8]) -> Option<(Speaker, &[u8])> {
    let inner = line.strip_prefix(b"[")?;
    let end = inner.iter().take(40).position(|&byte| byte == b']')?;
    let (label, after) = (&inner[..end], &inner[end + 1..]);
    let digits = label.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (name, digits) = label.split_at(label.len() - digits);
    let rank = parse_u32(digits)?;
    let after = if name.ends_with(b",") {
        after.strip_prefix(b"<stderr>:").or_else(|| after.strip_prefix(b"<stdout>:"))?
    } else if name.is_empty() {
        after.strip_prefix(b":")?
    } else if name.iter().all(|byte| byte.is_ascii_alphabetic() || b"_- ".contains(byte)) {
        after.strip_prefix(b":").or_else(|| is_rank_word(name).then_some(after))?
    } else {
        return None;
    };
    Some((Speaker { rank: Some(rank), pid: None }, after.strip_prefix(b" ").unwrap_or(after)))
}

fn is_rank_word(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    [&b"rank"[..], b"default", b"trainer", b"worker", b"local_rank", b"localrank"]
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word))
}

fn number(line: &[u8]) -> Option<(Speaker, &[u8])> {
    let line = line.trim_start_with(|c| c == ' ');
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 5 {
        return None;
    }
    let rank = parse_u32(&line[..digits])?;
    let after = line[digits..].strip_prefix(b":")?;
    let after = if after.is_empty() { after } else { after.strip_prefix(b" ")? };
    Some((Speaker { rank: Some(rank), pid: None }, after))
}

fn parenthesis(line: &[u8]) -> Option<(Speaker, &[u8])> {
    let inner = line.strip_prefix(b"(")?;
    let end = inner.iter().take(120).position(|&byte| byte == b')')?;
    let at = inner[..end].find(b"pid=")?;
    let digits = inner[at + 4..end].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let pid = parse_u32(&inner[at + 4..at + 4 + digits])?;
    let after = &inner[end + 1..];
    Some((Speaker { rank: None, pid: Some(pid) }, after.strip_prefix(b" ").unwrap_or(after)))
}

pub(super) fn parse_u32(digits: &[u8]) -> Option<u32> {
    digits.to_str().ok()?.parse().ok()
}

pub(super) fn parse_i32(digits: &[u8]) -> Option<i32> {
    digits.to_str().ok()?.parse().ok()
}

/// A line that a logger, a progress bar or a scheduler began: no continuation of a message.
pub(super) fn begins_anew(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    if text.contains_str("%|") || text.contains_str("it/s") || text.contains_str("s/it") {
        return true;
    }
    let starts = [
        "[20",
        "[I ",
        "[W ",
        "[E ",
        "[D ",
        "INFO",
        "WARNING",
        "ERROR",
        "DEBUG",
        "CRITICAL",
        "Epoch",
        "epoch",
        "step",
        "Step",
        "iter",
        "Iter",
        "{\"",
        "{'",
        "wandb:",
        "slurmstepd:",
        "srun:",
        "FATAL",
        "Exception in thread",
        "Exception ignored in",
        "==> ",
        "Process ",
        "Train ",
    ];
    starts.iter().any(|start| text.starts_with(start.as_bytes())) || begins_with_time(text)
}

/// `2026-11-23 …`, `11/23/2026 …`, `03:20:57 …`, glog's `W1123 02:59:02 …`.
fn begins_with_time(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"[").unwrap_or(text);
    let shape = |shape: &[u8]| {
        text.len() >= shape.len()
            && text.iter().zip(shape).all(|(byte, want)| match want {
                b'0' => byte.is_ascii_digit(),
                b'A' => byte.is_ascii_uppercase(),
                other => byte == other,
            })
    };
    shape(b"0000-00-00") || shape(b"00/00/") || shape(b"00:00:00") || shape(b"A0000 00:")
}

/// What was written behind a progress bar that was not ended by a newline; else all of it.
pub(super) fn after_bar(text: &[u8]) -> &[u8] {
    let bar = text.contains_str("%|") || text.contains_str("it/s");
    let end = text.rfind(b"[rank").or_else(|| text.rfind_byte(b']').map(|at| at + 1));
    match end.filter(|_| bar) {
        Some(at) if at < text.len() => &text[at..],
        _ => text,
    }
}

/// Without what C++'s logger of PyTorch puts before its words: `[E1123 03:00:33.8 file.cpp:632] `.
pub(super) fn after_log_prefix(text: &[u8]) -> &[u8] {
    match text {
        [b'[', b'A'..=b'Z', b'0'..=b'9', ..] => {
            text.split_once_str("] ").map_or(text, |(_, words)| words)
        }
        _ => text,
    }
}

/// Appends a piece of a sentence that its program broke into lines.
pub(super) fn append(sentence: &mut Vec<u8>, piece: &[u8], space: bool) {
    if sentence.len() < 2 * MAX_SUMMARY {
        if space {
            sentence.push_byte(b' ');
        }
        sentence.push_str(piece.trim_ascii());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_launchers_name_the_speaker() {
        let table: &[(&str, Option<u32>, Option<u32>, &str)] = &[
            ("[rank1]: Traceback", Some(1), None, "Traceback"),
            ("[rank1]:   File \"x\"", Some(1), None, "  File \"x\""),
            ("[default3]:[rank3]: ValueError", Some(3), None, "ValueError"),
            ("[trainer12]: x", Some(12), None, "x"),
            (" 3: ValueError: x", Some(3), None, "ValueError: x"),
            ("[1,7]<stderr>:Traceback", Some(7), None, "Traceback"),
            ("[rank0] step 0: loss", Some(0), None, "step 0: loss"),
            ("(train pid=77, ip=10.0.0.1) x", None, Some(77), "x"),
            ("[12]\ttrain-auc:0.5", None, None, "[12]\ttrain-auc:0.5"),
            ("[2026-11-23 02:39:55,110][train]", None, None, "[2026-11-23 02:39:55,110][train]"),
            ("03:20:57 x", None, None, "03:20:57 x"),
            ("", None, None, ""),
        ];
        for (line, rank, pid, rest) in table {
            let (speaker, after) = split_speaker(line.as_bytes());
            assert_eq!((speaker.rank, speaker.pid), (*rank, *pid), "{line}");
            assert_eq!(after.as_bstr(), rest.as_bytes().as_bstr(), "{line}");
        }
    }

    #[test]
    fn clipping_keeps_whole_characters_and_drops_control_characters() {
        assert_eq!(clip("a\u{7}b\tc".as_bytes(), 99), "ab c");
        assert_eq!(clip("ééé".as_bytes(), 3), "é…");
        assert_eq!(clip(b"\xff\xfex", 99), "\u{fffd}\u{fffd}x");
        assert_eq!(clip(b"", 0), "");
    }
}
