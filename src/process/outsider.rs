//! A process that is not our child: seen to its end through a pidfd, and how it ended as far as the
//! system tells that to others than its parent.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::engine::input::{ProcessEnd, ProcessStatus};
use crate::process::signals::{Signals, ends_us};
use crate::process::supervise::{input, wait_for};
use crate::process::{clues, unix};

/// How long its parent is waited for, which must reap it before the system tells its status.
const REAPING: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// Readable as a descriptor once it has ended, see pidfd_open(2).
#[derive(Debug)]
pub struct Outsider {
    pid: i32,
    fd: OwnedFd,
}

/// Its words, see proc_pid_cmdline(5); its name where it has none, as a kernel's thread.
pub fn command_line(pid: i32) -> Vec<String> {
    let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = read("cmdline");
    let words = line.strip_suffix(b"\0").unwrap_or(&line).split(|byte| *byte == 0);
    let words: Vec<_> = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    if line.is_empty() {
        return vec![String::from_utf8_lossy(&read("comm")).trim().to_owned()];
    }
    words
}

/// Why a process cannot be watched. `Display` is one line for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    #[error("there is no process {0}")]
    NoProcess(i32),
    #[error("{0} is a thread, no process; `ps -o tgid= -p {0}` names its process")]
    Thread(i32),
    #[error("the system does not let us watch process {0}")]
    NoPermission(i32),
    #[error("process {0} cannot be watched: {1}")]
    Failed(i32, io::Error),
}

impl Outsider {
    pub fn attach(pid: i32) -> Result<Self, AttachError> {
        let id = (pid > 0).then(|| Pid::from_raw(pid)).flatten();
        let id = id.ok_or(AttachError::NoProcess(pid))?;
        let fd = pidfd_open(id, PidfdFlags::empty()).map_err(|error| match error {
            Errno::SRCH => AttachError::NoProcess(pid),
            // EINVAL until Linux 6.9, then ENOENT.
            Errno::INVAL | Errno::NOENT => AttachError::Thread(pid),
            Errno::PERM | Errno::ACCESS => AttachError::NoPermission(pid),
            error => AttachError::Failed(pid, error.into()),
        })?;
        Ok(Self { pid, fd })
    }

    /// `fd` is a pidfd of `pid`.
    pub(crate) fn new(pid: i32, fd: OwnedFd) -> Self {
        Self { pid, fd }
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    pub fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        let _ = poll(&mut fds, Some(&Timespec::default()));
        !fds[0].revents().is_empty()
    }

    /// Waits for its end; false: somebody asked us to end before.
    pub fn wait(&self, signals: &Signals) -> bool {
        loop {
            while let Some(info) = signals.next() {
                if ends_us(info.signal) {
                    return false;
                }
            }
            if self.has_ended() {
                return true;
            }
            wait_for(&mut [input(self), input(signals)], None);
        }
    }

    /// What can be seen of its end, once it is there.
    pub fn end(&self) -> ProcessEnd {
        let clues = [clues::disk_full(), clues::slurm_job(&[])];
        ProcessEnd { status: self.status(), clues: clues.into_iter().flatten().collect() }
    }

    /// How it ended; to be asked when it has. Linux tells it since 6.15, once its parent has reaped
    /// it; before that only while it is a zombie, of a parent that does not care for it.
    fn status(&self) -> ProcessStatus {
        let zombie = || self.zombie_status().filter(|_| !self.is_reaped(None));
        let status = unix::exit_status(self.as_fd())
            .or_else(zombie)
            .or_else(|| self.is_reaped(Some(&REAPING)).then(|| unix::exit_status(self.as_fd()))?);
        status.map_or(ProcessStatus::Unknown, from_wait_status)
    }

    /// A pidfd hangs up when the process was reaped. Without `patience`: now.
    fn is_reaped(&self, patience: Option<&Timespec>) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::empty())];
        let _ = poll(&mut fds, Some(patience.unwrap_or(&Timespec::default())));
        fds[0].revents().contains(PollFlags::HUP)
    }

    /// `exit_code` of proc_pid_stat(5), the last field.
    fn zombie_status(&self) -> Option<i32> {
        zombie_status(&fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?)
    }
}

impl AsFd for Outsider {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn zombie_status(stat: &str) -> Option<i32> {
    // The name stands in parentheses and may contain any byte.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.starts_with('Z').then(|| fields.split_whitespace().next_back()?.parse().ok())?
}

/// See wait(2), of which this is the status as an integer.
fn from_wait_status(status: i32) -> ProcessStatus {
    match status & 0x7f {
        0 => ProcessStatus::Exited { code: (status >> 8) & 0xff },
        signal => ProcessStatus::Signaled { signal, core_dumped: status & 0x80 != 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_is_a_code_or_a_signal() {
        for (status, expected) in [
            (0, ProcessStatus::Exited { code: 0 }),
            (3 << 8, ProcessStatus::Exited { code: 3 }),
            (9, ProcessStatus::Signaled { signal: 9, core_dumped: false }),
            (0x80 | 11, ProcessStatus::Signaled { signal: 11, core_dumped: true }),
        ] {
            assert_eq!(from_wait_status(status), expected);
        }
    }

    #[test]
    fn only_a_zombies_stat_has_its_status() {
        assert_eq!(zombie_status("7 (a) b) Z 1 7 7 0 -1 0 0 768\n"), Some(768));
        assert_eq!(zombie_status("7 (a) Z 2) S 1 7 7 0 -1 0 0 768\n"), None);
        assert_eq!(zombie_status("7 (a) X 1 7"), None);
        assert_eq!(zombie_status(""), None);
    }

    #[test]
    fn a_child_that_nobody_reaps_still_tells_how_it_ended() {
        let mut child = std::process::Command::new("sh").args(["-c", "exit 5"]).spawn().unwrap();
        let outsider = Outsider::attach(child.id().cast_signed()).unwrap();
        let _ = poll(&mut [PollFd::new(&outsider.fd, PollFlags::IN)], None);
        assert_eq!(outsider.status(), ProcessStatus::Exited { code: 5 });
        child.wait().unwrap();
    }

    #[test]
    fn what_is_no_process_is_said() {
        for pid in [0, -1, i32::MIN] {
            assert!(matches!(Outsider::attach(pid), Err(AttachError::NoProcess(_))), "{pid}");
        }
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let gone = Outsider::attach(child.id().cast_signed());
        assert!(matches!(gone, Err(AttachError::NoProcess(_))), "{gone:?}");
    }
}
