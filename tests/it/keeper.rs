//! The keeper is killed, or stopped: the run goes on as if it had none.

use std::fs;
use std::io::Read as _;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::stopped::Counting;
use crate::support::sandbox::{helper, until};

/// What the keeper reads at once.
const BLOCK: usize = 64 * 1024;
const TERMINALS: [&str; 2] = ["never", "always"];

/// Kills or stops the keeper, and waits until that is done.
fn signal(keeper: Pid, signal: Signal) {
    let stat = format!("/proc/{}/stat", keeper.as_raw_nonzero());
    kill_process(keeper, signal).expect("it is signalled");
    until("it is done", || {
        let stat = fs::read_to_string(&stat).expect("stat");
        stat.contains(") T ") || stat.contains(") Z ")
    });
}

#[test]
fn without_its_keeper_the_run_goes_on_and_its_output_is_exact() {
    for (how, pty) in
        [Signal::KILL, Signal::STOP].into_iter().flat_map(|how| TERMINALS.map(|pty| (how, pty)))
    {
        let mut run = Counting::start(&["--pty", pty]);
        run.read(1_000);
        let keeper = helper(&run.watch.0, "keeper");
        signal(keeper, how);
        run.read(1_000);
        let count = run.finish_command();
        let said = run.finish(count);
        let told = said.contains("the keeper was killed; if we are killed too, so is the run");
        assert_eq!(told, how == Signal::KILL, "{said}");
        // Nobody else continues it.
        let _ = kill_process(keeper, Signal::KILL);
    }
}

/// The keeper is lost while it reads.
fn lose_it_within_its_turn(pty: &str, how: Signal) {
    let mut run = Counting::start(&["--pty", pty]);
    run.read(1);
    run.stop();
    run.until_spilled();
    signal(helper(&run.watch.0, "keeper"), how);
    run.go_on();
    run.sandbox.write("enough", "");
    let mut text = String::new();
    run.lines.read_to_string(&mut text).expect("output");
    assert_eq!(run.watch.0.wait().expect("it ends").code(), Some(0));
    let marker = run.sandbox.work().join("marker");
    let count: u64 = fs::read_to_string(marker).expect("a count").parse().expect("a count");
    let all: String = (1..count).map(|number| format!("{number}\n")).collect();
    let got = text.replace('\r', "");
    // Where they part, a block may be missing, and nothing else.
    let begin = all.bytes().zip(got.bytes()).take_while(|(all, got)| all == got).count();
    assert!(all.ends_with(&got[begin..]), "{how:?} with {pty}: not the rest, or out of order");
    assert!(all.len() - got.len() <= BLOCK, "{} bytes are missing", all.len() - got.len());
    assert!(!run.spill().exists());
    let mut said = String::new();
    run.messages.read_to_string(&mut said).expect("messages");
    assert!(said.contains("the keeper was killed"), "{said}");
}

#[test]
fn a_keeper_that_dies_within_its_turn_loses_one_block_at_most() {
    TERMINALS.into_iter().for_each(|pty| lose_it_within_its_turn(pty, Signal::KILL));
}

#[test]
fn a_keeper_that_does_not_answer_within_its_turn_is_killed_and_loses_one_block_at_most() {
    // Each waits until the run's patience is over.
    thread::scope(|scope| {
        for pty in TERMINALS {
            scope.spawn(move || lose_it_within_its_turn(pty, Signal::STOP));
        }
    });
}
