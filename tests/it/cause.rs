//! Why it ended, as the whole program tells it: a signal and its sender, a job's time limit, a full
//! disk, and no guess where nothing is known.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Outcome, Sandbox, WATCH};

/// A run that is sent SIGTERM, by this process, once it has printed a line.
fn terminated(sandbox: &Sandbox) -> Outcome {
    let words = ["--", "sh", "-c", "echo step 1 loss 0.5; exec sleep 1000"];
    let mut command = sandbox.command(WATCH, words);
    let mut watch =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).start().expect("it starts");
    let mut output = BufReader::new(watch.stdout.take().expect("a pipe"));
    output.read_line(&mut String::new()).expect("a line");
    let pid = Pid::from_raw(watch.id().cast_signed()).expect("a pid");
    kill_process(pid, Signal::TERM).expect("it runs");
    Outcome::of(watch.wait_with_output().expect("it ends"))
}

#[test]
fn whoever_sent_a_signal_is_named() {
    let outcome = terminated(&Sandbox::new());
    assert_eq!(outcome.signal, Some(15));
    // The terminal breaks lines.
    let words = outcome.stderr.split_whitespace().filter(|word| *word != "│");
    let text = words.collect::<Vec<_>>().join(" ");
    let sender = format!("(process {}, user id", std::process::id());
    assert!(text.contains("SIGTERM from ") && text.contains(&sender), "{text}");
    outcome.says_nothing_of("SLURM");
}

#[test]
fn a_signal_within_a_job_of_slurm_may_be_the_batch_systems() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLURM_JOB_ID", "4711");
    let outcome = terminated(&sandbox);
    assert_eq!(outcome.signal, Some(15));
    // It is root that sends them there.
    let is_roots = rustix::process::getuid().is_root();
    assert_eq!(outcome.stderr.contains("SLURM job 4711"), is_roots, "{}", outcome.stderr);
}

#[test]
fn a_time_limit_is_told_in_the_words_of_slurm() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SLURM_JOB_ID", "4711");
    let last = "slurmstepd: error: *** JOB 4711 ON n3 CANCELLED AT 2026-11-25T04:19:23 DUE TO TIME LIMIT ***";
    let script = format!("echo step 1 loss 0.5; echo '{last}' >&2; kill -TERM $$");
    let outcome = sandbox.watch(["--", "sh", "-c", &script]);
    assert_eq!(outcome.signal, Some(15));
    outcome.says("sh was stopped at its time limit after").says("DUE TO TIME LIMIT");
}

#[test]
fn a_full_disk_is_the_cause_of_an_exception() {
    let script = "open('/dev/full', 'w').write('x' * 100000)";
    let outcome = Sandbox::new().watch(["--", "python3", "-c", script]);
    outcome.ends_with(1).says("python3 failed after").says("[Errno 28] No space left on device");
}
