//! Files that a follower meets seldom: replaced by look-alikes, by FIFOs, packed, dated back, found
//! changed after a restart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use trainwatch::engine::{Input, SourceId};
use trainwatch::sources::Sink;
use trainwatch::sources::tail::{Acknowledged, Follower, Notice, Opened, Options, StopFlag, Store};
use trainwatch::sources::tail::{Summary, follow};
use trainwatch::time::Timestamp;

use crate::tail::{Bench, Recorder, append, as_texts};

#[test]
fn a_file_of_one_byte_is_followed_from_its_first_byte() {
    let mut bench = Bench::new(&[], &["a.log"]);
    bench.append("a.log", "x");
    bench.poll();
    bench.append("a.log", "y\n");
    bench.poll();
    assert_eq!(bench.lines(), ["xy"]);
}

#[test]
fn a_replacement_that_only_begins_alike_is_read_from_its_start() {
    let banner = "the same banner of every run, long enough to be known again\n".repeat(30);
    let mut bench = Bench::new(&[], &["a.log"]);
    bench.append("a.log", &format!("{banner}old run\n"));
    bench.poll();
    fs::write(bench.path("a.tmp"), format!("{banner}new run\n")).unwrap();
    bench.rename("a.tmp", "a.log");
    bench.poll();
    let lines = bench.lines();
    assert_eq!(lines.len(), 2 * 31);
    assert_eq!((lines[30].as_str(), lines[61].as_str()), ("old run", "new run"));
}

#[test]
fn a_packed_rotated_file_is_not_followed() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log*"]);
    bench.append("a.log", "one\n");
    bench.poll();
    for packed in ["a.log.1.gz", "a.log.2.zst", "a.log-20261123.xz"] {
        bench.append(packed, "packed\n");
    }
    bench.poll();
    bench.poll_after(Duration::from_secs(20));
    assert_eq!(bench.lines(), ["one"]);
}

#[test]
fn a_fifo_that_takes_the_place_of_a_file_is_not_waited_for() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log"]);
    bench.append("a.log", "one\n");
    bench.poll();
    fs::remove_file(bench.path("a.log")).unwrap();
    assert!(Command::new("mkfifo").arg(bench.path("a.log")).status().unwrap().success());
    bench.poll();
    bench.poll();
    assert_eq!(bench.said(), [Notice::NotAFile { path: bench.path("a.log") }]);
    fs::remove_file(bench.path("a.log")).unwrap();
    bench.append("a.log", "two\n");
    bench.poll();
    assert_eq!(bench.lines(), ["one", "two"]);
}

#[test]
fn times_that_go_backwards_stop_nothing() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log"]);
    for (number, age) in [(1, 0), (2, 86_400), (3, 1_000_000)] {
        bench.append("a.log", &format!("line {number}\n"));
        let file = File::options().append(true).open(bench.path("a.log")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000 - age)).unwrap();
        // The follower's own clock goes back too.
        bench.now = Timestamp::from_secs(1_795_400_000 - age.cast_signed());
        bench.poll();
    }
    assert_eq!(bench.lines(), ["line 1", "line 2", "line 3"]);
}

#[test]
fn a_line_after_an_hour_of_silence_comes_with_the_next_poll() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log"]);
    bench.append("a.log", "one\n");
    bench.poll();
    for _ in 0..60 {
        bench.poll_after(Duration::from_secs(60));
    }
    bench.append("a.log", "two\n");
    bench.follower.poll_once(bench.now);
    assert_eq!(bench.lines(), ["one", "two"]);
}

/// Says that something came.
#[derive(Debug)]
struct Bell(SyncSender<()>);

impl Sink for Bell {
    fn open(&self, _name: &str) -> SourceId {
        SourceId(0)
    }

    fn put(&self, _input: Input<'_>) {
        let _ = self.0.try_send(());
    }
}

#[test]
fn without_any_notice_of_change_a_line_is_found_by_polling() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing below it is there yet, so that no folder can be watched.
    let path = folder.path().join("later/deep/a.log");
    let (bell, rings) = sync_channel(1);
    let options = Options {
        patterns: vec![path.clone().into_os_string()],
        // The thread may begin after the writing.
        from_start: true,
        echo: None,
        notices: Box::new(|_| {}),
    };
    let follower = Follower::new(options, Arc::new(Bell(bell))).unwrap();
    let stop = StopFlag::default();
    let poll = Duration::from_millis(20);
    std::thread::scope(|scope| {
        scope.spawn(|| follow(follower, poll, &|| Timestamp::from_secs(0), &stop));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        append(&path, "found\n");
        let came = rings.recv_timeout(Duration::from_secs(60));
        stop.stop();
        came.unwrap();
    });
}

/// A follower that goes on from the checkpoint of the last one; all it gives counts as told.
fn life(folder: &Path, poll: impl FnOnce(&mut Follower)) -> (Vec<String>, Summary) {
    life_of(folder, "a.log", poll)
}

fn life_of(
    folder: &Path,
    pattern: &str,
    poll: impl FnOnce(&mut Follower),
) -> (Vec<String>, Summary) {
    let recorder = Arc::new(Recorder::default());
    let options = Options {
        patterns: vec![folder.join(pattern).into_os_string()],
        from_start: true,
        echo: None,
        notices: Box::new(|_| {}),
    };
    let opened = Store::open(&folder.join("state"), b"key".to_vec()).unwrap();
    let Opened::Mine(store, found) = opened else { panic!("{opened:?}") };
    let told = Acknowledged::default();
    told.tell(u64::MAX);
    let follower = Follower::new(options, Arc::clone(&recorder) as Arc<dyn Sink>).unwrap();
    let mut follower = follower.keep(store, told, found);
    poll(&mut follower);
    let summary = follower.finish();
    let sources = recorder.0.lock().unwrap().clone();
    (sources.into_iter().flat_map(as_texts).collect(), summary)
}

fn look(follower: &mut Follower) {
    while follower.poll_once(Timestamp::from_secs(1_795_400_000)) {}
}

#[test]
fn what_comes_while_nobody_watches_is_read_by_the_next_watcher() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    append(&log, "one\nhalf a ");
    assert_eq!(life(folder.path(), look).0, ["one", "half a …"]);
    append(&log, "line\n");
    fs::rename(&log, folder.path().join("a.log.1")).unwrap();
    append(&log, "three\n");
    let (lines, summary) = life(folder.path(), look);
    assert_eq!(lines, ["half a line (again)", "three (again)"]);
    assert_eq!(summary.gaps, 0);
}

/// Ways to name `runs/a.log` that also name files that come later.
const PATTERNS: [&str; 5] = ["runs/a.log", "runs/*.log", "runs/a*g", "r*/a.log", "**/*.log"];

#[test]
fn what_came_and_was_rotated_after_the_last_checkpoint_is_read_by_the_next_watcher() {
    for pattern in PATTERNS {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("runs")).unwrap();
        let log = folder.path().join("runs/a.log");
        append(&folder.path().join("runs/a.log.7"), "old\n");
        let life = || life_of(folder.path(), pattern, look).0;
        assert_eq!(life(), [""; 0]);
        append(&log, "one\n");
        fs::rename(&log, folder.path().join("runs/a.log.1")).unwrap();
        append(&log, "two\n");
        let mut lines = life();
        lines.sort();
        assert_eq!(lines, ["one", "two"], "{pattern}");
        assert_eq!(life(), [""; 0], "{pattern}");
    }
}

#[test]
fn what_came_and_was_rotated_before_it_was_seen_is_read() {
    for pattern in PATTERNS {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("runs")).unwrap();
        append(&folder.path().join("runs/a.log.7"), "old\n");
        let (mut lines, _) = life_of(folder.path(), pattern, |follower| {
            look(follower);
            append(&folder.path().join("runs/a.log"), "one\n");
            let log = folder.path().join("runs/a.log");
            fs::rename(&log, folder.path().join("runs/a.log.1")).unwrap();
            // A look at a moment when no file has the name.
            look(follower);
            append(&log, "two\n");
            look(follower);
        });
        lines.sort();
        assert_eq!(lines, ["one", "two"], "{pattern}");
    }
}

#[test]
fn the_rotations_in_a_folder_that_comes_later_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, _) = life_of(folder.path(), "*/a.log", |follower| {
        look(follower);
        fs::create_dir(folder.path().join("later")).unwrap();
        append(&folder.path().join("later/a.log.1"), "one\n");
        append(&folder.path().join("later/a.log"), "two\n");
        look(follower);
    });
    assert_eq!(lines, ["one", "two"]);
}

#[test]
fn a_rotated_file_that_is_still_written_when_its_path_is_seen_first_is_read() {
    let mut bench = Bench::new(&[], &["*.log"]);
    bench.append("a.log", "one\n");
    bench.rename("a.log", "a.log.1");
    bench.append("a.log", "three\n");
    bench.append("a.log.1", "two\n");
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let rotated = File::options().append(true).open(bench.path("a.log.1")).unwrap();
    rotated.set_modified(later).unwrap();
    bench.poll();
    assert_eq!(bench.lines(), ["one", "two", "three"]);
}

#[test]
fn where_too_many_old_files_are_to_be_told_from_new_ones_a_gap_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    for number in 0..10_001 {
        File::create(folder.path().join(format!("b.log.{number}"))).unwrap();
    }
    let (lines, summary) = life_of(folder.path(), "*.log", |follower| {
        look(follower);
        append(&log, "one\n");
        fs::rename(&log, folder.path().join("a.log.1")).unwrap();
        append(&log, "two\n");
        look(follower);
    });
    assert_eq!((lines, summary.gaps), (vec!["two".to_owned()], 1));
}

#[test]
fn a_rotated_file_that_was_let_go_is_not_read_again_when_its_path_names_a_file_once_more() {
    for pattern in ["a.log", "*.log"] {
        let folder = tempfile::tempdir().unwrap();
        let (log, one) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
        append(&log, "one\n");
        let lines = life_of(folder.path(), pattern, |follower| {
            look(follower);
            fs::rename(&log, &one).unwrap();
            look(follower);
            follower.poll_once(Timestamp::from_secs(1_795_400_100));
        });
        assert_eq!(lines.0, ["one"]);
        append(&log, "two\n");
        fs::rename(&log, folder.path().join("a.log.2")).unwrap();
        append(&log, "three\n");
        let (mut lines, _) = life_of(folder.path(), pattern, look);
        lines.sort();
        assert_eq!(lines, ["three", "two"], "{pattern}");
    }
}

#[test]
fn the_log_of_another_process_that_comes_with_the_first_file_is_not_its_rotation() {
    let mut bench = Bench::new(&[], &["a.log"]);
    bench.append("a.log", "main\n");
    bench.append("a-1.log", "rank 1\n");
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    File::options().append(true).open(bench.path("a-1.log")).unwrap().set_modified(later).unwrap();
    bench.poll();
    assert_eq!(bench.lines(), ["main"]);
}

#[test]
fn a_rotated_file_that_waits_long_for_a_larger_one_is_read() {
    let mut bench = Bench::new(&[("a.log", "")], &["a.log"]);
    let large = "x\n".repeat(4 << 20);
    bench.append("a.log", &large);
    bench.rename("a.log", "a.log.1");
    bench.append("a.log", "waits\n");
    bench.follower.poll_once(bench.now);
    bench.rename("a.log", "a.log.2");
    for _ in 0..3 {
        bench.now = bench.now.after(Duration::from_secs(40));
        bench.follower.poll_once(bench.now);
    }
    bench.poll();
    assert_eq!(bench.lines().last().map(String::as_str), Some("waits"));
}

#[test]
fn a_copy_whose_original_is_gone_after_a_restart_is_read_in_its_place_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    append(&log, "a line that is long enough to be known again by what it says alone\n");
    assert_eq!(life(folder.path(), look).0.len(), 1);
    append(&log, "unseen\n");
    fs::copy(&log, folder.path().join("a.log.1")).unwrap();
    fs::remove_file(&log).unwrap();
    append(&log, "new\n");
    let (lines, summary) = life(folder.path(), look);
    assert_eq!(lines, ["unseen", "new"]);
    assert_eq!(summary.gaps, 1);
    assert_eq!(life(folder.path(), look).0, [""; 0]);
}

#[test]
fn a_copy_is_read_whole_where_the_original_is_gone_and_too_short_to_be_known_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    append(&log, "short\n");
    assert_eq!(life(folder.path(), look).0, ["short"]);
    append(&log, "unseen\n");
    fs::copy(&log, folder.path().join("a.log.1")).unwrap();
    fs::remove_file(&log).unwrap();
    append(&log, "new\n");
    let (lines, summary) = life(folder.path(), look);
    assert_eq!(lines, ["short", "unseen", "new"]);
    assert_eq!(summary.gaps, 1);
}

#[test]
fn a_file_that_was_emptied_while_nobody_watched_is_a_gap_and_read_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    append(&log, "one\ntwo\n");
    assert_eq!(life(folder.path(), look).0, ["one", "two"]);
    fs::write(&log, "a longer third line than both\n").unwrap();
    let (lines, summary) = life(folder.path(), look);
    assert_eq!(lines, ["a longer third line than both"]);
    assert_eq!((summary.truncations, summary.gaps), (1, 1));
}
