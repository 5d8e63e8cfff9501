//! Following files: scripted writers, every kind of rotation, and a model with random steps.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use trainwatch::engine::{Input, SourceId};
use trainwatch::sources::Sink;
use trainwatch::sources::tail::{
    Echo, Follower, Notice, Options, StopFlag, Summary, TailError, follow,
};
use trainwatch::time::Timestamp;

use crate::support::bounded::Bounded as _;

/// What a source gave, as lines: its bytes cut at newlines, gaps and its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) lines: Vec<Line>,
    pending: Vec<u8>,
    /// The pending line began when it was said that lines may have come before.
    repeat: bool,
    pub(crate) gaps: usize,
    closed: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// It was not ended when a gap or the end came.
    pub(crate) open: bool,
    /// It was said that it may have come before.
    pub(crate) repeat: bool,
}

/// What came from each source; and whether what comes now may have come before.
#[derive(Debug, Default)]
pub(crate) struct Recorder(pub(crate) Mutex<Vec<Source>>, AtomicBool);

impl Source {
    fn end_line(&mut self, open: bool, repeat: bool) {
        if !open || !self.pending.is_empty() {
            let text = String::from_utf8_lossy(&self.pending).into_owned();
            self.lines.push(Line { text, open, repeat: repeat || self.repeat });
            self.repeat = false;
            self.pending.clear();
        }
    }

    pub(crate) fn without_pending(mut self) -> Self {
        self.pending.clear();
        self
    }
}

impl Sink for Recorder {
    fn open(&self, name: &str) -> SourceId {
        let mut sources = self.0.lock().unwrap();
        sources.push(Source { name: name.to_owned(), ..Source::default() });
        SourceId(sources.len() as u32 - 1)
    }

    fn put(&self, input: Input<'_>) {
        let mut sources = self.0.lock().unwrap();
        let repeat = self.1.load(Ordering::Relaxed);
        match input {
            Input::Mark { .. } => {}
            Input::Repeats { on } => self.1.store(on, Ordering::Relaxed),
            Input::Chunk { source, bytes } => {
                let source = &mut sources[source.0 as usize];
                assert!(!source.closed && !bytes.is_empty());
                for byte in bytes {
                    if *byte == b'\n' {
                        source.end_line(false, repeat);
                    } else {
                        source.repeat |= repeat;
                        source.pending.push(*byte);
                    }
                }
            }
            Input::Gap { source, .. } => {
                let source = &mut sources[source.0 as usize];
                source.end_line(true, repeat);
                source.gaps += 1;
            }
            Input::Closed { source } => {
                let source = &mut sources[source.0 as usize];
                source.end_line(true, repeat);
                source.closed = true;
            }
            other => panic!("a follower does not give {other:?}"),
        }
    }
}

/// A folder, a follower of files in it, and what it said.
pub(crate) struct Bench {
    folder: TempDir,
    pub(crate) follower: Follower,
    recorder: Arc<Recorder>,
    notices: Arc<Mutex<Vec<Notice>>>,
    pub(crate) now: Timestamp,
}

fn options(folder: &Path, patterns: &[&str], notices: &Arc<Mutex<Vec<Notice>>>) -> Options {
    let said = Arc::clone(notices);
    Options {
        patterns: patterns.iter().map(|pattern| folder.join(pattern).into_os_string()).collect(),
        from_start: false,
        echo: None,
        notices: Box::new(move |notice| said.lock().unwrap().push(notice.clone())),
    }
}

impl Bench {
    /// Writes the files, then begins to follow.
    pub(crate) fn new(files: &[(&str, &str)], patterns: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self::in_folder(folder, patterns, |_| {})
    }

    fn in_folder(folder: TempDir, patterns: &[&str], change: impl Fn(&mut Options)) -> Self {
        let (recorder, notices) = (Arc::new(Recorder::default()), Arc::default());
        let mut options = options(folder.path(), patterns, &notices);
        change(&mut options);
        let follower = Follower::new(options, Arc::clone(&recorder) as Arc<dyn Sink>).unwrap();
        let now = Timestamp::from_secs(1_795_400_000);
        let mut bench = Self { folder, follower, recorder, notices, now };
        bench.poll();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn append(&self, name: &str, text: &str) {
        append(&self.path(name), text);
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(crate) fn poll(&mut self) {
        self.poll_after(Duration::from_millis(100));
    }

    pub(crate) fn poll_after(&mut self, pause: Duration) {
        self.now = self.now.after(pause);
        while self.follower.poll_once(self.now) {}
    }

    /// What came so far: the lines of each source; one that is not ended has `…` behind it.
    pub(crate) fn lines(&self) -> Vec<String> {
        let sources = self.recorder.0.lock().unwrap().clone();
        sources.into_iter().flat_map(as_texts).collect()
    }

    pub(crate) fn said(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }

    pub(crate) fn finish(self) -> (Vec<Source>, Summary) {
        let summary = self.follower.finish();
        let sources = self.recorder.0.lock().unwrap().clone();
        (sources, summary)
    }
}

pub(crate) fn as_texts(mut source: Source) -> Vec<String> {
    source.end_line(true, false);
    let mark = |line: Line| {
        line.text + if line.open { "…" } else { "" } + if line.repeat { " (again)" } else { "" }
    };
    source.lines.into_iter().map(mark).collect()
}

pub(crate) fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_file_that_is_there_is_followed_from_its_end_and_a_later_one_from_its_start() {
    let mut bench = Bench::new(&[("a.log", "old\n")], &["*.log"]);
    bench.append("a.log", "new\n");
    bench.append("b.log", "b");
    bench.poll();
    assert_eq!(bench.lines(), ["new", "b…"]);
}

#[test]
fn from_start_reads_all() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.log"), "one\ntwo\n").unwrap();
    let bench = Bench::in_folder(folder, &["a.log"], |options| options.from_start = true);
    assert_eq!(bench.lines(), ["one", "two"]);
}

#[test]
fn the_line_that_is_unfinished_at_the_start_comes_whole() {
    let mut bench = Bench::new(&[("a.log", "old\nhalf a ")], &["a.log"]);
    bench.append("a.log", "line\n");
    bench.poll();
    assert_eq!(bench.lines(), ["half a line"]);
}

#[test]
fn the_rest_of_an_endless_line_is_skipped_up_to_the_next_line() {
    let long = "x".repeat(200_000);
    let mut bench = Bench::new(&[("a.log", &long)], &["a.log"]);
    bench.append("a.log", "xx\nline\n");
    bench.poll();
    assert_eq!(bench.lines(), ["line"]);
}

#[test]
fn a_missing_file_is_waited_for_and_that_is_said_once() {
    let mut bench = Bench::new(&[], &["a.log", "sub/*.log"]);
    bench.poll();
    let waiting = |name: &str| Notice::Waiting { path: bench.path(name) };
    assert_eq!(bench.said(), [waiting("sub/*.log"), waiting("a.log")]);
    bench.append("a.log", "x");
    fs::create_dir(bench.path("sub")).unwrap();
    bench.append("sub/b.log", "y\n");
    bench.poll();
    assert_eq!(bench.lines(), ["x…", "y"]);
    assert_eq!(bench.said().len(), 2);
}

#[test]
fn what_can_never_be_followed_is_an_error_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let new = |pattern: &str| {
        let options = options(folder.path(), &[pattern], &Arc::default());
        Follower::new(options, Arc::new(Recorder::default())).map(drop)
    };
    let error = new("").unwrap_err();
    assert!(matches!(error, TailError::IsFolder { .. }) && error.to_string().contains("/*.log"));
    let error = new("run[.log").unwrap_err();
    assert!(matches!(error, TailError::BadPattern { .. }), "{error}");
    let error = new("/dev/null").unwrap_err();
    assert!(error.to_string().contains("watch -- cat /dev/null"), "{error}");
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_its_tail_is_not_glued_to_the_new_file() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log"]);
    bench.append("a.log", "one\n");
    bench.poll();
    let mut writer = OpenOptions::new().append(true).open(bench.path("a.log")).unwrap();
    bench.append("a.log", "two\n");
    bench.rename("a.log", "a.log.1");
    bench.append("a.log", "four\n");
    bench.poll();
    writer.write_all(b"three, unterminated").unwrap();
    bench.poll();
    bench.append("a.log", "five\n");
    bench.poll();
    assert_eq!(bench.lines(), ["one", "two", "three, unterminated…", "four", "five"]);
    bench.poll_after(Duration::from_secs(61));
    let (sources, summary) = bench.finish();
    assert_eq!(sources.iter().map(|source| source.closed).collect::<Vec<_>>(), [true, true]);
    assert_eq!((summary.rotations, summary.gaps, summary.lost_bytes), (1, 0, 0));
}

#[test]
fn a_truncated_file_is_read_from_its_start() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log"]);
    bench.append("a.log", "one\ntwo\n");
    bench.poll();
    fs::write(bench.path("a.log"), "three\n").unwrap();
    bench.poll();
    let (sources, summary) = bench.finish();
    assert_eq!(sources.len(), 2);
    assert_eq!(as_texts(sources[1].clone()), ["three"]);
    assert_eq!((summary.truncations, summary.gaps), (1, 1));
}

#[test]
fn a_file_that_was_truncated_and_grew_beyond_the_old_offset_is_seen_by_its_content() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log"]);
    bench.append("a.log", "short\n");
    bench.poll();
    fs::write(bench.path("a.log"), "a much longer first line\nand a second\n").unwrap();
    bench.poll();
    assert_eq!(bench.lines(), ["short", "a much longer first line", "and a second"]);
    assert_eq!(bench.finish().1.gaps, 1);
}

#[test]
fn lines_that_only_the_copy_of_a_copytruncate_holds_are_read_from_it() {
    for patterns in [&["a.log"][..], &["a.log*"]] {
        let mut bench = Bench::new(&[("a.log", "")], patterns);
        bench.append("a.log", "one\n");
        bench.poll();
        bench.append("a.log", "two\n");
        fs::copy(bench.path("a.log"), bench.path("a.log.1")).unwrap();
        fs::write(bench.path("a.log"), "three\n").unwrap();
        bench.poll();
        bench.poll_after(Duration::from_secs(20));
        assert_eq!(bench.lines(), ["one", "two", "three"], "{patterns:?}");
    }
}

#[test]
fn a_generation_that_came_and_went_between_two_polls_is_found_beside_the_file() {
    for patterns in [&["a.log"][..], &["a.log*"]] {
        let mut bench = Bench::new(&[("a.log", ""), ("a.log.5", "old\n")], patterns);
        bench.append("a.log", "one\n");
        bench.poll();
        bench.rename("a.log", "a.log.2");
        bench.append("a.log", "two\n");
        bench.rename("a.log", "a.log.1");
        bench.append("a.log", "three\n");
        bench.poll();
        let mut lines = bench.lines();
        lines.sort();
        assert_eq!(lines, ["one", "three", "two"], "{patterns:?}");
        assert_eq!(bench.finish().1.gaps, 0);
    }
}

#[test]
fn a_symbolic_link_that_moves_is_a_rotation() {
    let mut bench = Bench::new(&[("run1.log", ""), ("run2.log", "")], &["latest.log"]);
    std::os::unix::fs::symlink("run1.log", bench.path("latest.log")).unwrap();
    bench.append("run1.log", "one\n");
    bench.poll();
    fs::remove_file(bench.path("latest.log")).unwrap();
    std::os::unix::fs::symlink("run2.log", bench.path("latest.log")).unwrap();
    bench.append("run1.log", "last words\n");
    bench.append("run2.log", "two\n");
    bench.poll();
    assert_eq!(bench.lines(), ["one", "last words", "two"]);
}

#[test]
fn one_file_under_several_names_is_read_once() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log", "*.log", "link*"]);
    fs::hard_link(bench.path("a.log"), bench.path("b.log")).unwrap();
    std::os::unix::fs::symlink("a.log", bench.path("link.log")).unwrap();
    bench.append("a.log", "once\n");
    bench.poll();
    assert_eq!(bench.lines(), ["once"]);
}

#[test]
fn files_that_begin_alike_are_different_files() {
    let banner = "banner of all ranks\n".repeat(100);
    let mut bench = Bench::new(&[], &["*.log"]);
    bench.append("rank.log", &banner);
    bench.poll();
    bench.append("rank-1.log", &banner);
    bench.poll();
    bench.append("rank-1.log", "one\n");
    bench.append("rank-2.log", &banner);
    bench.poll();
    bench.poll_after(Duration::from_secs(11));
    let (sources, summary) = bench.finish();
    assert_eq!(summary.bytes as usize, 3 * banner.len() + 4);
    assert_eq!(sources.len(), 3);
}

#[test]
fn a_file_that_was_saved_anew_goes_on_at_the_same_place() {
    let text = "a line that is long enough to be known again by its content alone\n";
    let mut bench = Bench::new(&[], &["a.log"]);
    bench.append("a.log", text);
    bench.poll();
    fs::write(bench.path("a.tmp"), format!("{text}new\n")).unwrap();
    bench.rename("a.tmp", "a.log");
    bench.poll();
    bench.append("a.log", "more\n");
    bench.poll();
    assert_eq!(bench.lines(), [text.trim_end(), "new", "more"]);
}

#[test]
fn a_ring_of_lines_is_not_read_again_each_time() {
    let ring =
        |from: usize| (from..from + 20).map(|n| format!("line number {n}\n")).collect::<String>();
    for by_rename in [false, true] {
        let mut bench = Bench::new(&[], &["a.log"]);
        for from in 0..10 {
            let target = if by_rename { "a.tmp" } else { "a.log" };
            fs::write(bench.path(target), ring(from)).unwrap();
            if by_rename {
                bench.rename("a.tmp", "a.log");
            }
            bench.poll();
        }
        let expected: Vec<String> = ring(0).lines().map(str::to_owned).collect();
        let expected = [expected, (20..29).map(|n| format!("line number {n}")).collect()].concat();
        assert_eq!(bench.lines(), expected, "by rename: {by_rename}");
        assert_eq!(bench.said().last(), Some(&Notice::NotAppendOnly { path: bench.path("a.log") }));
    }
}

#[test]
fn a_deleted_file_is_read_to_its_end_and_its_successor_from_its_start() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log"]);
    let mut writer = OpenOptions::new().append(true).open(bench.path("a.log")).unwrap();
    fs::remove_file(bench.path("a.log")).unwrap();
    bench.poll();
    writer.write_all(b"last words").unwrap();
    bench.poll();
    bench.poll_after(Duration::from_secs(6));
    assert_eq!(bench.said(), [Notice::Deleted { path: bench.path("a.log") }]);
    bench.append("a.log", "new\n");
    bench.poll();
    assert_eq!(bench.lines(), ["last words…", "new"]);
    assert!(bench.finish().0[0].closed);
}

#[test]
fn an_inode_that_is_used_again_is_a_new_file() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log"]);
    // A deletion frees the inode once the follower has closed the file; ext4 then uses it again.
    for round in 0..5 {
        bench.append("a.log", &format!("run {round}\n"));
        bench.poll();
        fs::remove_file(bench.path("a.log")).unwrap();
        bench.poll();
        bench.poll_after(Duration::from_secs(6));
    }
    assert_eq!(bench.lines(), ["run 0", "run 1", "run 2", "run 3", "run 4"]);
}

#[test]
fn names_that_are_not_utf8_are_followed() {
    let mut bench = Bench::new(&[], &["*.log"]);
    let name = OsStr::from_bytes(b"rank\xff.log");
    fs::write(bench.folder.path().join(name), "here\n").unwrap();
    bench.poll();
    assert_eq!(bench.lines(), ["here"]);
}

#[test]
fn any_bytes_pass_as_they_are() {
    let mut bench = Bench::new(&[], &["a.log"]);
    fs::write(bench.path("a.log"), b"\0\xff\xfe\x1b[").unwrap();
    bench.poll();
    let sources = bench.recorder.0.lock().unwrap().clone();
    assert_eq!(sources[0].pending, b"\0\xff\xfe\x1b[");
}

#[test]
fn a_file_that_cannot_be_read_for_a_moment_is_read_later() {
    if rustix::process::geteuid().is_root() {
        println!("SKIPPED: root may read everything");
        return;
    }
    let mut bench = Bench::new(&[], &["a.log"]);
    bench.append("a.log", "one\n");
    let path = bench.path("a.log");
    let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode));
    mode(0).unwrap();
    bench.follower.poll_once(bench.now);
    assert_eq!(bench.lines(), [""; 0]);
    mode(0o600).unwrap();
    bench.poll();
    assert_eq!(bench.lines(), ["one"]);
}

#[test]
fn more_files_than_descriptors_are_followed() {
    let mut bench = Bench::new(&[], &["*.log"]);
    let name = |n: usize| format!("rank{n:04}.log");
    for n in 0..3000 {
        bench.append(&name(n), "first\n");
    }
    bench.poll();
    for n in 0..3000 {
        bench.append(&name(n), "second\n");
    }
    bench.poll();
    // Tests beside this one, in the same process, have descriptors of their own.
    let folder = bench.path("");
    let ours = |fd: &fs::DirEntry| fs::read_link(fd.path()).is_ok_and(|to| to.starts_with(&folder));
    let open = fs::read_dir("/proc/self/fd").unwrap().flatten().filter(ours).count();
    assert!(open < 2100, "{open} descriptors are open");
    let (sources, summary) = bench.finish();
    assert_eq!((sources.len(), summary.bytes), (3000, 3000 * 13));
    assert_eq!((summary.gaps, summary.read_errors), (0, 0));
}

#[test]
fn one_busy_file_does_not_keep_the_others_waiting() {
    let mut bench = Bench::new(&[], &["*.log"]);
    bench.append("a.log", &"busy\n".repeat(1_000_000));
    bench.append("b.log", "b\n");
    assert!(bench.follower.poll_once(bench.now));
    let sources = bench.recorder.0.lock().unwrap().clone();
    assert_eq!(as_texts(sources[1].clone()), ["b"]);
}

#[test]
fn echo_names_the_file_when_it_changes() {
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let out = Shared::default();
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::in_folder(folder, &["*.log"], |options| {
        options.echo = Some(Echo::new(Box::new(out.clone()), true));
    });
    bench.append("a.log", "one\n");
    bench.append("b.log", "two\n");
    bench.poll();
    bench.append("b.log", "three\n");
    bench.poll();
    let (a, b) = (bench.path("a.log"), bench.path("b.log"));
    let expected = format!("==> {} <==\none\n\n==> {} <==\ntwo\nthree\n", a.display(), b.display());
    assert_eq!(String::from_utf8(out.0.lock().unwrap().clone()).unwrap(), expected);
}

#[test]
fn follow_reads_once_more_when_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    append(&path, "old\n");
    let (recorder, stop) = (Arc::new(Recorder::default()), StopFlag::default());
    let options = options(folder.path(), &["a.log", "b.log"], &Arc::default());
    let sink = Arc::clone(&recorder) as Arc<dyn Sink>;
    let follower = Follower::new(options, sink).unwrap();
    let poll = Duration::from_secs(1);
    let summary = std::thread::scope(|scope| {
        let thread = scope.spawn(|| follow(follower, poll, &|| Timestamp::from_secs(0), &stop));
        append(&folder.path().join("b.log"), "last words");
        stop.stop();
        thread.join().unwrap()
    });
    let sources = recorder.0.lock().unwrap().clone();
    assert!(sources.iter().all(|source| source.closed));
    // If the thread began after the writing, `b.log` was there at the start: its last line counts.
    assert_eq!(as_texts(sources[0].clone()), ["last words…"]);
    assert_eq!(summary.sources, 1);
}

/// Runs the real logrotate on `a.log`, in the state folder of the bench.
fn logrotate(bench: &Bench, mode: &str) -> bool {
    let log = bench.path("a.log");
    let config = format!("{} {{\n  {mode}\n  rotate 30\n  missingok\n}}\n", log.display());
    fs::write(bench.path("rotate.conf"), config).unwrap();
    fs::set_permissions(bench.path("rotate.conf"), fs::Permissions::from_mode(0o644)).unwrap();
    let mut command = Command::new("/usr/sbin/logrotate");
    command.arg("--force").arg("--state").arg(bench.path("state")).arg(bench.path("rotate.conf"));
    match command.stdin(Stdio::null()).capture() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(error) => {
            println!("SKIPPED: /usr/sbin/logrotate cannot be run: {error}");
            false
        }
    }
}

#[test]
fn the_real_logrotate_loses_nothing() {
    for mode in ["create 0644", "copytruncate"] {
        for patterns in [&["a.log"][..], &["a.log*"]] {
            let mut bench = Bench::new(&[("a.log", "")], patterns);
            let mut expected = Vec::new();
            for round in 0..8 {
                for half in ["seen", "unseen"] {
                    let line = format!("round {round}, {half} before the rotation");
                    bench.append("a.log", &format!("{line}\n"));
                    expected.push(line);
                    if half == "seen" && round % 2 == 0 {
                        bench.poll();
                    }
                }
                if !logrotate(&bench, mode) {
                    return;
                }
            }
            bench.poll();
            let mut lines = bench.lines();
            lines.sort();
            expected.sort();
            assert_eq!(lines, expected, "{mode} {patterns:?}");
        }
    }
}
