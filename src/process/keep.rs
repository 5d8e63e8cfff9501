//! The keeper's line: what it must hold so that the command outlives its supervisor.
//!
//! The keeper is another process of this program. As long as the supervisor lives it does nothing
//! but hold duplicates: of the read ends of the outputs, so that the command gets no SIGPIPE, no
//! EIO and no hang-up when the supervisor dies, and a pidfd. They come over a socket, whose end of
//! file without the packet `End` means that the supervisor is gone, in whatever way; then
//! `Estate::carry_on` reads on. What was sent counts from then on, also while the keeper starts:
//! descriptors that are under way are held by the socket.
//!
//! ```text
//!  supervisor                                   keeper
//!    start    ── Hello, what goes with it ──▶   (reads the rules)
//!    outputs  ── Outputs, their read ends ────▶  holds them
//!    process  ── Process, pidfd and slaves ───▶  holds them
//!    its end  ── Ended ───────────────────────▶  closes the slaves
//!    end      ── End ─────────────────────────▶  exits
//!    (dies: end of file without End) ─────────▶  carries on
//! ```

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::cmsg_space;
use rustix::fs::{FileType, fstat};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::process::outsider::Outsider;
use crate::process::spawn::{Output, Spawned};
use crate::process::supervise::{input, wait_for};
use crate::process::unix;
use crate::sources::wake::Timer;

/// The verb of the command line.
pub const VERB: &str = "keeper";
/// Of one packet: below every system's default for a socket's buffer.
const LONGEST: usize = 64 * 1024;
/// Two outputs, or a pidfd and two slaves; some room.
const MOST_FDS: usize = 8;

#[derive(Debug, Serialize, Deserialize)]
enum Packet {
    /// Instead of those before: one descriptor each.
    Outputs(Vec<Held>),
    /// A pidfd, and the slaves of the outputs' terminals.
    Process {
        pid: i32,
    },
    /// The process ended: its terminals are to end with whoever else has them open.
    Ended,
    /// Nobody reads our output any more: the command is to notice that.
    Release,
    End,
}

/// An output that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The source's name.
    pub name: String,
    pub is_stderr: bool,
}

/// The supervisor's side. Dropped without `end`, the keeper takes the supervisor for dead.
///
/// Nothing here waits or fails: without a keeper the run is as good, until we are killed.
#[derive(Debug)]
pub struct Keeper {
    line: OwnedFd,
    id: u32,
}

impl Keeper {
    /// Starts `program keeper`. `hello` and `fds` are for the one who carries on. Our output is
    /// passed on only where it is a file: a pipe's reader would wait for the keeper too.
    pub fn start<T: Serialize>(
        program: &Path,
        hello: &T,
        fds: &[BorrowedFd<'_>],
    ) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let file_or_null =
            |fd: BorrowedFd<'_>| if is_file(fd) { Stdio::inherit() } else { Stdio::null() };
        let mut command = Command::new(program);
        unix::lead_session(&mut command);
        let child = command
            .arg(VERB)
            .stdin(theirs)
            .stdout(file_or_null(rustix::stdio::stdout()))
            .stderr(file_or_null(rustix::stdio::stderr()))
            .spawn()?;
        let keeper = Self { line: ours, id: child.id() };
        keeper.try_send(hello, fds)?;
        Ok(keeper)
    }

    /// The keeper's process.
    pub fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn outputs(&self, outputs: &[Output]) {
        let name =
            |output: &Output| Held { name: output.name.to_owned(), is_stderr: output.is_stderr };
        let fds: Vec<_> = outputs.iter().map(|output| output.input.as_fd()).collect();
        self.send(&Packet::Outputs(outputs.iter().map(name).collect()), &fds);
    }

    pub(super) fn process(&self, spawned: &Spawned) {
        let pid = spawned.pid;
        let pidfd = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // Without one its end is the end of its outputs.
        let Some(pidfd) = pidfd else { return };
        let slaves = spawned.slaves.iter().map(AsFd::as_fd);
        let fds: Vec<_> = std::iter::once(pidfd.as_fd()).chain(slaves).collect();
        self.send(&Packet::Process { pid }, &fds);
    }

    /// A process that is not our child.
    pub fn outsider(&self, outsider: &Outsider) {
        self.send(&Packet::Outputs(Vec::new()), &[]);
        self.send(&Packet::Process { pid: outsider.pid() }, &[outsider.as_fd()]);
    }

    pub(super) fn ended(&self) {
        self.send(&Packet::Ended, &[]);
    }

    pub(super) fn release(&self) {
        self.send(&Packet::Release, &[]);
    }

    /// All about the run is told, or in the outbox.
    pub fn end(&self) {
        self.send(&Packet::End, &[]);
    }

    fn send(&self, packet: &Packet, fds: &[BorrowedFd<'_>]) {
        // It fails if the keeper is gone or stopped.
        let _ = self.try_send(packet, fds);
    }

    fn try_send<T: Serialize>(&self, packet: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(packet)?;
        if bytes.len() > LONGEST || fds.len() > MOST_FDS {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(fds));
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        sendmsg(&self.line, &[IoSlice::new(&bytes)], &mut control, flags)?;
        Ok(())
    }
}

/// Whether writing to it never waits for somebody else.
pub(super) fn is_file(fd: BorrowedFd<'_>) -> bool {
    fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

/// The keeper's side.
#[derive(Debug)]
pub struct Line(BorrowedFd<'static>);

/// What became of the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It told all that there is.
    Ended,
    Gone,
    /// It lives.
    Long,
}

/// What a supervisor that is gone left behind.
#[derive(Debug, Default)]
pub struct Estate {
    pub(super) outputs: Vec<(Held, OwnedFd)>,
    pub(super) process: Option<Outsider>,
    pub(super) slaves: Vec<OwnedFd>,
}

impl Line {
    pub fn stdin() -> Self {
        Self(rustix::stdio::stdin())
    }

    /// What `Keeper::start` was given. None: the supervisor was gone before it said that.
    pub fn hello<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let Some((bytes, fds)) = self.receive()? else { return Ok(None) };
        Ok(Some((serde_json::from_slice(&bytes)?, fds)))
    }

    /// Collects what is to be held until the supervisor ends, or `patience` is over.
    pub fn wait(&self, estate: &mut Estate, patience: Option<Duration>) -> io::Result<Waited> {
        let timer = Timer::new()?;
        if let Some(patience) = patience {
            timer.start(patience);
        }
        loop {
            let mut fds = [input(&self.0), input(&timer)];
            wait_for(&mut fds, None);
            if fds[0].revents().is_empty() {
                if fds[1].revents().is_empty() {
                    continue;
                }
                return Ok(Waited::Long);
            }
            let Some((bytes, fds)) = self.receive()? else { return Ok(Waited::Gone) };
            match serde_json::from_slice(&bytes)? {
                Packet::Outputs(held) => {
                    let outputs = held.into_iter().zip(fds).collect();
                    *estate = Estate { outputs, ..Estate::default() };
                }
                Packet::Process { pid } => {
                    let mut fds = fds.into_iter();
                    estate.process = fds.next().map(|fd| Outsider::new(pid, fd));
                    estate.slaves = fds.collect();
                }
                Packet::Ended => estate.slaves.clear(),
                Packet::Release => {
                    estate.outputs.clear();
                    estate.slaves.clear();
                }
                Packet::End => return Ok(Waited::Ended),
            }
        }
    }

    /// None at the end of the line.
    fn receive(&self) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
        let mut bytes = vec![0; LONGEST];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got = loop {
            let mut slices = [IoSliceMut::new(&mut bytes)];
            match recvmsg(self.0, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(rustix::io::Errno::INTR) => {}
                // The supervisor died before it had read what is never sent.
                Err(rustix::io::Errno::CONNRESET) => return Ok(None),
                got => break got?,
            }
        };
        bytes.truncate(got.bytes);
        let fds = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        let fds = fds.flatten().collect();
        Ok((!bytes.is_empty()).then_some((bytes, fds)))
    }
}
