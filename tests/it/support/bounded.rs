//! Children that end: what a test starts is killed with all that it has started, once it has run for
//! longer than any test takes. Then whoever waits for it, or for its output, goes on and fails.

use std::fs;
use std::io;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// On a machine that is busy.
const LONGEST: Timespec = Timespec { tv_sec: 240, tv_nsec: 0 };

pub trait Bounded {
    /// As `spawn`.
    fn start(&mut self) -> io::Result<Child>;

    /// As `status`.
    fn to_end(&mut self) -> io::Result<ExitStatus> {
        self.start()?.wait()
    }

    /// As `output`, but standard input is what it was set to.
    fn capture(&mut self) -> io::Result<Output>;
}

impl Bounded for Command {
    fn start(&mut self) -> io::Result<Child> {
        let child = self.spawn()?;
        watch_over(Pid::from_child(&child), LONGEST)?;
        Ok(child)
    }

    fn capture(&mut self) -> io::Result<Output> {
        self.stdout(Stdio::piped()).stderr(Stdio::piped()).start()?.wait_with_output()
    }
}

fn watch_over(pid: Pid, longest: Timespec) -> io::Result<()> {
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    thread::Builder::new().name("bound".to_owned()).spawn(move || {
        if poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&longest)) == Ok(0) {
            kill_tree(pid);
        }
    })?;
    Ok(())
}

/// First itself, so that it starts no more.
fn kill_tree(pid: Pid) {
    let below = children(pid);
    let _ = kill_process(pid, Signal::KILL);
    below.into_iter().for_each(kill_tree);
}

/// Of all its threads.
fn children(pid: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()));
    let threads = threads.into_iter().flatten().flatten();
    let lists = threads.filter_map(|it| fs::read_to_string(it.path().join("children")).ok());
    let lists: String = lists.collect();
    lists.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

#[test]
fn a_child_that_does_not_end_is_killed_with_what_it_has_started() {
    let mut shell = Command::new("sh");
    // Its output ends only when what it has started is dead too.
    shell.args(["-c", "sleep 1000; echo 1"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let child = shell.spawn().unwrap();
    let has_started = || !children(Pid::from_child(&child)).is_empty();
    crate::support::sandbox::until("it has started one", has_started);
    watch_over(Pid::from_child(&child), Timespec::default()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
}
