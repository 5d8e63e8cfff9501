//! What launchers say about the processes that they started: torchrun's table, DeepSpeed, mpirun,
//! srun, Python's own multiprocessing.

use std::sync::LazyLock;

use bstr::ByteSlice;
use regex::bytes::Regex;

use super::text::{MAX_LINE, clip, parse_i32, parse_u32, pattern};

/// A process of the run that failed, as its launcher tells it.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure {
    pub(super) at: u64,
    pub(super) rank: Option<u32>,
    /// Negative: the number of the signal.
    pub(super) code: Option<i32>,
    pub(super) lines: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Launcher {
    /// torchrun's root cause.
    root: Option<Failure>,
    /// Lines of the table that may still come.
    reading: u32,
    /// The first word of another launcher.
    word: Option<Failure>,
}

const TABLE: u32 = 14;

impl Launcher {
    pub(super) fn is_reading(&self) -> bool {
        self.reading > 0
    }

    /// The rank whose traceback a table's line begins.
    pub(super) fn rank(&self) -> Option<u32> {
        self.root.as_ref().and_then(|root| root.rank)
    }

    /// torchrun's table, else another launcher's first word.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.root.as_ref().filter(|root| root.code.is_some()).or(self.word.as_ref())
    }

    /// A line of the table, while one is being read.
    pub(super) fn read(&mut self, text: &[u8]) {
        self.reading -= 1;
        let Some(root) = &mut self.root else { return };
        let trimmed = text.trim_ascii();
        if trimmed.starts_with(b"=====") {
            self.reading = 0;
            return;
        }
        let Some((key, value)) = trimmed.split_once_str(":") else { return };
        match key.trim_ascii() {
            b"rank" => root.rank = parse_u32(leading_number(value.trim_ascii())),
            b"exitcode" => root.code = parse_i32(leading_number(value.trim_ascii())),
            b"traceback" | b"msg" => self.reading = 0,
            _ => return,
        }
        if !value.contains_str("Traceback (most") && !value.contains_str("To enable traceback") {
            root.lines.push(clip(trimmed, MAX_LINE));
        }
    }

    /// A line with news: does a launcher speak?
    pub(super) fn look(&mut self, at: u64, text: &[u8]) {
        let trimmed = text.trim_ascii();
        if trimmed.starts_with(b"Root Cause") {
            // Of several tables (restarts, nodes) the newest tells of this end.
            self.root = Some(Failure { at, ..Failure::default() });
            self.reading = TABLE;
            return;
        }
        let Some(found) = WORDS.captures(trimmed) else { return };
        let number = |names: &[&str]| {
            let found = names.iter().find_map(|name| found.name(name))?;
            parse_i32(found.as_bytes())
        };
        let signal = number(&["signal"]).map(|signal| -signal);
        let killed = found.name("killed").map(|_| -9);
        let code = number(&["code1", "code2", "code3", "code4"]).or(signal).or(killed);
        if code == Some(0) || code == Some(-15) {
            return;
        }
        let rank = number(&["rank1", "rank2", "rank3", "rank4"]);
        let rank = rank.and_then(|rank| u32::try_from(rank).ok());
        let near = self.word.as_ref().is_some_and(|word| at - word.at < 200);
        if !near {
            self.word = Some(Failure { at, rank, code, lines: vec![clip(trimmed, MAX_LINE)] });
        }
    }
}

fn leading_number(text: &[u8]) -> &[u8] {
    let sign = usize::from(text.starts_with(b"-"));
    let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    &text[..sign + digits]
}

static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)
        failed\ \(exitcode:\ (?P<code1>-?\d+)\)\ local_rank:\ (?P<rank1>\d+)
        | exits\ with\ return\ code\ =\ (?P<code2>-?\d+)
        | process\ rank\ (?P<rank2>\d+)\ .*exited\ on\ signal\ (?P<signal>\d+)
        | srun:\ error:\ .*\ tasks?\ (?P<rank3>\d+)[\d,\ -]*:\ (?:Exited\ with\ exit\ code\ (?P<code3>\d+)|(?P<killed>Killed)|Segmentation|Out\ Of\ Memory|Bus)
        | ^-*\ ?[Pp]rocess\ (?P<rank4>\d+)\ (?:exit\ with\ status\ code\ (?P<code4>\d+)|terminated\ with\ (?:exit\ code|signal))",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Launcher {
        let mut launcher = Launcher::default();
        for (at, line) in text.lines().enumerate() {
            if launcher.is_reading() {
                launcher.read(line.as_bytes());
            } else {
                launcher.look(at as u64, line.as_bytes());
            }
        }
        launcher
    }

    #[test]
    fn the_table_of_torchrun_names_rank_and_code() {
        let launcher = read(
            "Root Cause (first observed failure):\n[0]:\n  time      : 2026-11-23_03:00:02\n  host      : localhost\n  rank      : 3 (local_rank: 1)\n  exitcode  : -9 (pid: 8569)\n  error_file: <N/A>\n  traceback : Signal 9 (SIGKILL) received by PID 8569\n=====",
        );
        let failure = launcher.failure().unwrap();
        assert_eq!((failure.rank, failure.code), (Some(3), Some(-9)));
        assert_eq!(failure.lines.len(), 3);
    }

    #[test]
    fn other_launchers_name_their_first_failure() {
        let table = [
            (
                "E1123 api.py:1002] failed (exitcode: 7) local_rank: 0 (pid: 8569) of binary: python",
                Some(0),
                Some(7),
            ),
            (
                "[launch.py:322:sigkill_handler] ['python', 'a.py'] exits with return code = -9",
                None,
                Some(-9),
            ),
            (
                "mpirun noticed that process rank 1 with PID 0 on node x exited on signal 11 (Segmentation fault).",
                Some(1),
                Some(-11),
            ),
            ("srun: error: n1: task 3: Exited with exit code 5", Some(3), Some(5)),
            ("srun: error: n1: tasks 2-3: Killed", Some(2), Some(-9)),
        ];
        for (line, rank, code) in table {
            let launcher = read(line);
            let failure = launcher.failure().unwrap();
            assert_eq!((failure.rank, failure.code), (rank, code), "{line}");
        }
    }
}
