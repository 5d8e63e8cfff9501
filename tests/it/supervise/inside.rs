//! What the engine is told of a run, by a sink that records.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, waitpid};
use trainwatch::engine::input::{Clue, ProcessEnd, ProcessStatus};
use trainwatch::engine::rules::Stop;
use trainwatch::engine::{Input, SourceId};
use trainwatch::process::{
    Command, Keeper, PtyMode, Signals, StopQueue, StopRequest, Supervised, supervise,
};
use trainwatch::sources::Sink;

use super::{data, script};

/// Called with what was read until now.
type OnText = Box<dyn Fn(&[u8]) + Send + Sync>;

/// Each input in words; the chunks of a source as one text.
#[derive(Default)]
struct Recorder {
    told: Mutex<Vec<String>>,
    text: Mutex<[Vec<u8>; 2]>,
    ends: Mutex<Vec<ProcessEnd>>,
    on_text: Option<OnText>,
    /// Continued as soon as it is told to be stopped.
    pid: AtomicI32,
    /// Asked to stop the run as soon as this is told.
    stop_on: Option<(&'static str, StopQueue)>,
}

impl Sink for Recorder {
    fn open(&self, name: &str) -> SourceId {
        let mut told = self.told.lock().unwrap();
        let id = told.iter().filter(|it| it.starts_with("opened")).count();
        told.push(format!("opened {name}"));
        SourceId(id.try_into().unwrap())
    }

    fn put(&self, input: Input<'_>) {
        let word = match input {
            Input::Started { pid } => {
                self.pid.store(pid.cast_signed(), Ordering::Relaxed);
                "started".to_owned()
            }
            Input::Stopped => {
                super::kill(self.pid.load(Ordering::Relaxed), 18);
                "stopped".to_owned()
            }
            Input::Chunk { source, bytes } => {
                let mut text = self.text.lock().unwrap();
                let text = &mut text[source.0 as usize];
                text.extend_from_slice(bytes);
                if let Some(on_text) = &self.on_text {
                    on_text(text);
                }
                return;
            }
            Input::Closed { source } => format!("closed {}", source.0),
            Input::Ended(end) => {
                self.ends.lock().unwrap().push(end);
                "ended".to_owned()
            }
            Input::Restarting { attempt, .. } => format!("restart {attempt}"),
            other => format!("{other:?}"),
        };
        if let Some((_, stops)) = self.stop_on.as_ref().filter(|(on, _)| *on == word) {
            assert!(stops.request(request()));
        }
        self.told.lock().unwrap().push(word);
    }
}

fn request() -> StopRequest {
    StopRequest { rule: "diverged".to_owned(), stop: Stop { signal: 15, grace: None } }
}

fn command(args: &[&str], pty: PtyMode) -> Command {
    let script = script();
    Command {
        argv: ["python3", &script].iter().chain(args).map(Into::into).collect(),
        extra_env: Vec::new(),
        pty,
        quiet: true,
        leak_timeout: Duration::from_secs(1),
        log: None,
        restarts: 0,
        keeper: None,
    }
}

fn run(args: &[&str], pty: PtyMode, recorder: Arc<dyn Sink>, stops: StopQueue) -> Supervised {
    let command = command(args, pty);
    supervise(command, &Signals::block().unwrap(), recorder, stops).unwrap()
}

fn record(args: &[&str], pty: PtyMode) -> (Arc<Recorder>, ProcessEnd) {
    let recorder = Arc::new(Recorder::default());
    let run = run(args, pty, recorder.clone(), StopQueue::new().unwrap());
    (recorder, run.end)
}

#[test]
fn a_run_is_told_from_its_start_to_its_end() {
    let (recorder, end) = record(&["both", "2"], PtyMode::Never);
    let told = recorder.told.lock().unwrap().clone();
    let mut rest = told.clone();
    rest.sort();
    let text = recorder.text.lock().unwrap().clone();
    // As the tests were started: by `2>&1`, say.
    if told[1] == "opened output" {
        assert_eq!(told[..2], ["started", "opened output"]);
        assert_eq!(rest, ["closed 0", "ended", "opened output", "started"]);
        assert_eq!(text[0], b"out 0\nerr 0\nout 1\nerr 1\n");
    } else {
        assert_eq!(told[..3], ["started", "opened stdout", "opened stderr"]);
        assert_eq!(rest[..3], ["closed 0", "closed 1", "ended"]);
        assert_eq!(text, [b"out 0\nout 1\n", b"err 0\nerr 1\n"]);
    }
    assert_eq!(recorder.ends.lock().unwrap().as_slice(), std::slice::from_ref(&end));
    assert_eq!(end.status, ProcessStatus::Exited { code: 0 });
}

/// No time of the run passes between the two.
#[test]
fn that_it_is_stopped_and_continued_is_told() {
    let argv = ["sh", "-c", "kill -STOP $$; exit 3"].map(Into::into).to_vec();
    let command = Command { argv, ..command(&[], PtyMode::Never) };
    let recorder = Arc::new(Recorder::default());
    let (signals, stops) = (Signals::block().unwrap(), StopQueue::new().unwrap());
    let run = supervise(command, &signals, recorder.clone(), stops).unwrap();
    assert_eq!(run.end.status, ProcessStatus::Exited { code: 3 });
    let told = recorder.told.lock().unwrap();
    let about_it = |word: &&String| !word.starts_with("opened") && !word.starts_with("closed");
    let told: Vec<_> = told.iter().filter(about_it).collect();
    assert_eq!(told, ["started", "stopped", "Continued", "ended"]);
}

#[test]
fn death_by_a_signal_is_told_as_such() {
    for pty in [PtyMode::Never, PtyMode::Always] {
        let (recorder, end) = record(&["last-words", "9"], pty);
        assert_eq!(end.status, ProcessStatus::Signaled { signal: 9, core_dumped: false });
        assert_eq!(recorder.text.lock().unwrap()[0], b"the last words");
    }
}

#[test]
fn who_holds_the_output_after_the_end_is_named() {
    let (recorder, end) = record(&["leak", "60"], PtyMode::Never);
    assert_eq!(end.status, ProcessStatus::Exited { code: 5 });
    let text = String::from_utf8(recorder.text.lock().unwrap()[0].clone()).unwrap();
    let pid: u32 = text.trim_end().strip_prefix("grandchild ").unwrap().parse().unwrap();
    super::kill(pid.cast_signed(), 9);
    // Between fork and exec what another test is starting holds all that this process has open.
    let named = |clue: &Clue| matches!(clue, Clue::OutputHeldBy { pids } if pids.contains(&pid));
    assert!(end.clues.iter().any(named), "{:?}", end.clues);
    let told = recorder.told.lock().unwrap();
    let ended = told.iter().position(|it| it == "ended");
    assert!(ended < told.iter().position(|it| it == "closed 0"), "{told:?}");
}

/// Runs `args` and asks to stop it as soon as it says `ready`.
fn stopped(args: &[&str], stop: Stop) -> ProcessEnd {
    let stops = StopQueue::new().unwrap();
    let queue = stops.clone();
    let request = StopRequest { rule: "diverged".to_owned(), stop };
    let on_text = move |text: &[u8]| {
        if text == b"ready\n" {
            assert!(queue.request(request.clone()));
        }
    };
    let recorder = Recorder { on_text: Some(Box::new(on_text)), ..Recorder::default() };
    run(args, PtyMode::Never, Arc::new(recorder), stops).end
}

#[test]
fn a_rule_stops_the_run_with_its_signal() {
    let end = stopped(&["wait"], Stop { signal: 15, grace: None });
    assert_eq!(end.status, ProcessStatus::Signaled { signal: 15, core_dumped: false });
    let clue = Clue::StoppedByRule { rule: "diverged".to_owned(), signal: 15 };
    assert!(end.clues.contains(&clue), "{:?}", end.clues);
}

#[test]
fn a_run_that_does_not_end_in_the_time_of_grace_is_killed() {
    let grace = Some(Duration::from_millis(20));
    let end = stopped(&["ignore-term"], Stop { signal: 15, grace });
    assert_eq!(end.status, ProcessStatus::Signaled { signal: 9, core_dumped: false });
}

/// It held the terminal's slaves until the supervisor's end, and each end came a leak timeout late.
#[test]
fn the_keeper_hears_of_the_end_of_a_command_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (program, heard) = (folder.path().join("keeper"), folder.path().join("heard"));
    let text =
        format!("#!/bin/sh\nexec python3 {} {}\n", data("keeper.py").display(), heard.display());
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let keeper = Arc::new(Keeper::start(&program, &"hello", &[], None).unwrap());
    let mut command = command(&["exit", "3"], PtyMode::Always);
    command.keeper = Some(Arc::clone(&keeper));
    let (recorder, stops) = (Arc::new(Recorder::default()), StopQueue::new().unwrap());
    let run = supervise(command, &Signals::block().unwrap(), recorder, stops).unwrap();
    assert_eq!(run.end.status, ProcessStatus::Exited { code: 3 });
    keeper.end();
    let pid = Pid::from_raw(keeper.id().cast_signed());
    waitpid(pid, WaitOptions::empty()).unwrap();
    assert_eq!(fs::read_to_string(heard).unwrap(), "hello\nOutputs\nProcess\nEnded\nEnd\n");
}

#[test]
fn a_rule_that_stops_the_run_in_the_pause_leaves_no_next_process() {
    let stops = StopQueue::new().unwrap();
    let stop_on = Some(("restart 1", stops.clone()));
    let recorder = Recorder { stop_on, ..Recorder::default() };
    let recorder = Arc::new(recorder);
    let command = Command { restarts: 5, ..command(&["exit", "3"], PtyMode::Never) };
    let signals = Signals::block().unwrap();
    let run = supervise(command, &signals, recorder.clone(), stops).unwrap();
    assert_eq!(run.end.status, ProcessStatus::Exited { code: 3 });
    let told = recorder.told.lock().unwrap();
    let starts = told.iter().filter(|it| *it == "started").count();
    assert_eq!((starts, told.last().map(String::as_str)), (1, Some("restart 1")), "{told:?}");
}

#[test]
fn a_sink_that_panics_does_not_hurt_the_run() {
    struct Broken;
    impl Sink for Broken {
        fn open(&self, _name: &str) -> SourceId {
            panic!("in open")
        }
        fn put(&self, _input: Input<'_>) {
            panic!("in put")
        }
    }
    let stops = StopQueue::new().unwrap();
    let run = run(&["exit", "3"], PtyMode::Never, Arc::new(Broken), stops);
    assert_eq!(run.end.status, ProcessStatus::Exited { code: 3 });
}
