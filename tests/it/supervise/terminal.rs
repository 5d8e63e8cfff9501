//! A terminal with a small shell on it (tests/data/job.py), in which a job runs.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{PATIENCE, data, isolate, line};

use crate::support::bounded::Bounded as _;

pub(crate) struct Terminal {
    master: File,
    shell: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
    /// The job's process, and its group.
    pub(crate) pid: i32,
    /// Shown on the screen and not yet looked at.
    screen: Vec<u8>,
}

impl Terminal {
    /// Starts `program ARGS` as a job, `fg` or `bg`, on a terminal of 100x30.
    pub(crate) fn start(place: &str, program: &str, args: &[&str]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        unlockpt(&master).unwrap();
        let tty = ptsname(&master, Vec::new()).unwrap();
        let mut shell = Command::new("python3");
        isolate(&mut shell);
        shell.arg(data("job.py")).arg(tty.to_str().unwrap()).arg(place).arg(program).args(args);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        let master = File::from(master);
        set_size(&master, 100, 30);
        let mut shell = shell.start().unwrap();
        let orders = shell.stdin.take().unwrap();
        let reports = BufReader::new(shell.stdout.take().unwrap());
        let mut terminal = Self { master, shell, orders, reports, pid: 0, screen: Vec::new() };
        let started = terminal.report();
        terminal.pid = started.strip_prefix("started ").unwrap().parse().unwrap();
        terminal
    }

    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        set_size(&self.master, columns, lines);
    }

    /// As when a connection is lost: the terminal is gone, and its shell with it.
    pub(crate) fn hang_up(mut self) {
        self.master = File::open("/dev/null").unwrap();
    }

    /// What the shell says next.
    pub(crate) fn report(&mut self) -> String {
        line(&mut self.reports)
    }

    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    pub(crate) fn type_keys(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    /// Reads the screen until `text` was shown; what came before it.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let found = self.screen.windows(text.len()).position(|it| it == text.as_bytes());
            if let Some(at) = found {
                let before = String::from_utf8_lossy(&self.screen[..at]).into_owned();
                self.screen.drain(..at + text.len());
                return before;
            }
            let ready = poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&PATIENCE));
            let shown = String::from_utf8_lossy(&self.screen).into_owned();
            assert_eq!(ready, Ok(1), "waiting for {text:?}; shown until now: {shown:?}");
            match self.master.read(&mut buffer) {
                Ok(count) => self.screen.extend_from_slice(&buffer[..count]),
                Err(error) => panic!("waiting for {text:?}: {error}; shown until now: {shown:?}"),
            }
        }
    }
}

fn set_size(master: &File, columns: u16, lines: u16) {
    let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).unwrap();
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
