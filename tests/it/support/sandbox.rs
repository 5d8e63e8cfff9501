//! A folder and an environment of its own for each call of the program, as on a fresh machine.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};

use crate::support::bounded::Bounded as _;

pub const WATCH: &str = env!("CARGO_BIN_EXE_watch");

/// Removed with all that is in it.
pub struct Sandbox {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a call gave.
pub struct Outcome {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["home", "state", "config", "work"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Self { folder, variables: Vec::new() }
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The folder in which the program runs.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state/watch")
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    /// The program, not started yet.
    pub fn command<S: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path().join("home"))
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("LANG", "C.UTF-8")
            .env("NO_PROXY", "127.0.0.1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// `watch` with these words, to its end.
    pub fn watch<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        Outcome::of(self.command(WATCH, args).capture().expect("watch runs"))
    }

    /// `watch OPTIONS -- python3 train.py ARGS`.
    pub fn train(&self, options: &[&str], args: &[&str]) -> Outcome {
        let script = train_script();
        let script = script.to_str().expect("a path in UTF-8");
        let words = [options, &["--", "python3", script, "--pause", "0"], args].concat();
        self.watch(words)
    }
}

/// Looks again and again; whoever looks for more than a minute hangs.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let pause = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        let _ = poll(&mut [], Some(&pause));
    }
    panic!("waiting for this: {what}");
}

/// Whether a child of ours has ended that nobody else waits for.
pub fn has_ended(pid: u32) -> bool {
    let pid = Pid::from_raw(pid.cast_signed());
    !matches!(waitpid(pid, WaitOptions::NOHANG), Ok(None))
}

/// A process that does not outlive its test.
pub struct Mortal(pub Child);

impl Mortal {
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it is signalled");
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As when the machine dies, or its last memory is taken: nobody sees the run to its end.
pub fn kill_with_keeper(watch: &mut Child) {
    let keeper = helper(watch, "keeper");
    let pidfd = pidfd_open(keeper, PidfdFlags::empty()).expect("it runs");
    kill_process(keeper, Signal::KILL).expect("it is killed");
    watch.kill().expect("it is killed");
    watch.wait().expect("it is dead");
    // Until then it holds the run's lock.
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None).expect("it is dead too");
}

/// The process that runs this hidden verb beside it.
pub fn helper(watch: &Child, verb: &str) -> Pid {
    let children = format!("/proc/{0}/task/{0}/children", watch.id());
    let children = fs::read_to_string(children).expect("its children");
    let last_word = format!("\0{verb}\0");
    let is_it = |pid: &&str| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.ends_with(last_word.as_bytes())
    };
    let found = children.split_whitespace().find(is_it).expect("a helper");
    found.parse().ok().and_then(Pid::from_raw).expect("a pid")
}

/// The example run that the README starts.
pub fn train_script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/train.py")
}

impl Outcome {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails with both outputs if the text is not on standard error.
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "`{text}` is not in:\n{}", self.shown());
        self
    }

    /// The same of standard output.
    pub fn prints(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "`{text}` is not in:\n{}", self.shown());
        self
    }

    pub fn says_nothing_of(&self, text: &str) -> &Self {
        assert!(!self.stderr.contains(text), "`{text}` is in:\n{}", self.shown());
        self
    }

    pub fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.shown());
        self
    }

    fn shown(&self) -> String {
        format!(
            "status {:?}, signal {:?}\n{}\n--\n{}",
            self.code, self.signal, self.stdout, self.stderr
        )
    }
}

/// Gives bytes to a command's standard input and waits for its end.
pub fn with_input(mut command: Command, input: &[u8]) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .start()
        .expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    // It may end before it has read everything.
    let _ = pipe.write_all(input);
    drop(pipe);
    Outcome::of(child.wait_with_output().expect("it ends"))
}
