//! The keeper's line: what it must hold so that the command outlives its supervisor.
//!
//! The keeper is another process of this program. As long as the supervisor runs it does nothing
//! but hold duplicates: of the read ends of the outputs, so that the command gets no SIGPIPE, no
//! EIO and no hang-up when the supervisor dies, and a pidfd. While the supervisor is stopped, it
//! reads them (`stand_in`). They come over a socket, whose end of
//! file without the packet `End` means that the supervisor is gone, in whatever way; then
//! `Estate::carry_on` reads on. What was sent counts from then on, also while the keeper starts:
//! descriptors that are under way are held by the socket.
//!
//! ```text
//!  supervisor                                   keeper
//!    start    ── Hello, what goes with it ──▶   (reads the rules)
//!    outputs  ── Outputs, their read ends, ───▶  holds them
//!                what both have in common
//!    process  ── Process, pidfd and slaves ───▶  holds them
//!    its end  ── Ended ───────────────────────▶  closes the slaves
//!    end      ── End ─────────────────────────▶  exits
//!             ── or Left ─────────────────────▶  reads on as long as somebody writes
//!    (dies: end of file without End) ─────────▶  carries on
//! ```

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::cmsg_space;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{
    FileType, MemfdFlags, SealFlags, fcntl_add_seals, fstat, ftruncate, memfd_create,
};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::process::outsider::Outsider;
use crate::process::spawn::{Output, Spawned};
use crate::process::stand_in::{Seat, Supervisor};
use crate::process::supervise::{input, wait_for};
use crate::process::unix;
use crate::sources::share::{Deputy, Share};
use crate::sources::spill::{self, Reader};
use crate::sources::turn::{MOST_STREAMS, Words};
use crate::sources::wake::{Timer, Wake};

/// The verb of the command line.
pub const VERB: &str = "keeper";
/// Of one packet: below every system's default for a socket's buffer.
const LONGEST: usize = 64 * 1024;
/// Two outputs with what they share, or a pidfd and two slaves; some room.
const MOST_FDS: usize = 8;

#[derive(Debug, Serialize, Deserialize)]
enum Packet {
    /// Instead of those before: one descriptor each. If they are read in the place of a stopped
    /// supervisor, the memory that is shared and an eventfd each follow.
    Outputs {
        held: Vec<Held>,
        reading: Option<Reading>,
    },
    /// A pidfd, and the slaves of the outputs' terminals.
    Process {
        pid: i32,
    },
    /// The process ended: its terminals are to end with whoever else has them open.
    Ended,
    /// Nobody reads our output any more: the command is to notice that.
    Release,
    End,
    /// Instead of `End`: processes that the command left behind still hold its outputs.
    Left,
}

/// Who reads the outputs, and where the keeper can put what it reads instead.
#[derive(Debug, Serialize, Deserialize)]
struct Reading {
    pid: u32,
    folder: String,
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
    /// For what it reads while we are stopped.
    folder: Option<PathBuf>,
    /// It is to end.
    ending: AtomicBool,
    /// The command's outputs have holders that outlive it.
    left: AtomicBool,
}

impl Keeper {
    /// Starts `program keeper`. `hello` and `fds` are for the one who carries on. Our output is
    /// passed on only where it is a file: a pipe's reader would wait for the keeper too. Without a
    /// `folder` that is there and of our own, it does not read while we are stopped.
    pub fn start<T: Serialize>(
        program: &Path,
        hello: &T,
        fds: &[BorrowedFd<'_>],
        folder: Option<PathBuf>,
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
        let (ending, left) = (AtomicBool::new(false), AtomicBool::new(false));
        let keeper = Self { line: ours, id: child.id(), folder, ending, left };
        keeper.try_send(hello, fds)?;
        Ok(keeper)
    }

    /// The keeper's process.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits for its end. Whether that came too early: it was killed.
    pub fn was_lost(&self) -> bool {
        // The hang-up, which is always told.
        let mut line = [PollFd::from_borrowed_fd(self.line.as_fd(), PollFlags::empty())];
        while line[0].revents().is_empty() {
            wait_for(&mut line, None);
        }
        !self.ending.load(Ordering::Relaxed)
    }

    /// Gives each output what it shares with the keeper.
    pub(super) fn outputs(
        self: &Arc<Self>,
        outputs: &[Output],
    ) -> io::Result<Vec<(Share, Option<Reader>)>> {
        let name =
            |output: &Output| Held { name: output.name.to_owned(), is_stderr: output.is_stderr };
        let held: Vec<_> = outputs.iter().map(name).collect();
        let inputs = outputs.iter().map(|output| output.input.as_fd());
        let folder = self.folder.as_deref().and_then(Path::to_str);
        let (Some(folder), Ok((memory, words))) = (folder, memory()) else {
            self.send(&Packet::Outputs { held, reading: None }, &inputs.collect::<Vec<_>>());
            return outputs.iter().map(|_| Ok((Share::alone(None)?, None))).collect();
        };
        let share = |(output, words): (&Output, _)| {
            let deputy = Some(Arc::<Self>::clone(self) as Arc<dyn Deputy>);
            let share = Share { words, handed_back: Wake::new()?, deputy };
            Ok((share, Some(Reader::new(spill::path(Path::new(folder), output.name)))))
        };
        let shares: Vec<_> = outputs.iter().zip(words).map(share).collect::<io::Result<_>>()?;
        let wakes = shares.iter().map(|(share, _)| share.handed_back.as_fd());
        let fds: Vec<_> = inputs.chain([memory.as_fd()]).chain(wakes).collect();
        let reading = Some(Reading { pid: std::process::id(), folder: folder.to_owned() });
        self.send(&Packet::Outputs { held, reading }, &fds);
        Ok(shares)
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
        self.send(&Packet::Outputs { held: Vec::new(), reading: None }, &[]);
        self.send(&Packet::Process { pid: outsider.pid() }, &[outsider.as_fd()]);
    }

    pub(super) fn ended(&self) {
        self.send(&Packet::Ended, &[]);
    }

    pub(super) fn release(&self) {
        self.send(&Packet::Release, &[]);
    }

    /// Processes that the command left behind are to find somebody who reads, also after `end`.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// All about the run is told, or in the outbox.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
        let left = self.left.load(Ordering::Relaxed);
        self.send(if left { &Packet::Left } else { &Packet::End }, &[]);
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

impl Deputy for Keeper {
    fn line(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }

    fn kill(&self) {
        // It is our child, never reaped, so that its pid is nobody else's.
        let _ = unix::kill(self.id.cast_signed(), libc::SIGKILL);
    }
}

/// Shared by those who have its descriptor.
fn memory() -> io::Result<(OwnedFd, &'static [Words; MOST_STREAMS])> {
    let memory = memfd_create("turns", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&memory, size_of::<[Words; MOST_STREAMS]>() as u64)?;
    fcntl_add_seals(&memory, SealFlags::SHRINK)?;
    let words = unix::share(memory.as_fd())?;
    Ok((memory, words))
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
    /// The same, and there are outputs to read on, see `Estate::drain`.
    Left,
    Gone,
    /// It lives.
    Long,
}

/// What a supervisor that is gone left behind.
#[derive(Debug, Default)]
pub struct Estate {
    pub(super) outputs: Vec<Kept>,
    pub(super) process: Option<Outsider>,
    pub(super) slaves: Vec<OwnedFd>,
    supervisor: Option<Supervisor>,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) held: Held,
    pub(super) stream: OwnedFd,
    pub(super) seat: Option<Seat>,
}

impl Estate {
    /// Of new outputs, which come instead of all that was there.
    fn new(held: Vec<Held>, reading: Option<Reading>, fds: Vec<OwnedFd>) -> Self {
        let mut fds = fds.into_iter();
        let streams: Vec<_> = fds.by_ref().take(held.len()).collect();
        let shared = reading.and_then(|reading| {
            let words = unix::share(fds.next()?.as_fd()).ok()?;
            Some((reading, words.iter().zip(fds)))
        });
        let (reading, mut shared) = shared.unzip();
        let folder = reading.as_ref().map(|reading| Path::new(&reading.folder));
        let keep = |(held, stream): (Held, OwnedFd)| {
            let seat = folder.zip(shared.as_mut().and_then(Iterator::next));
            let seat = seat.map(|(folder, (words, wake))| {
                Seat::new(words, Wake::from(wake), spill::path(folder, &held.name))
            });
            Kept { held, stream, seat }
        };
        let outputs = held.into_iter().zip(streams).map(keep).collect();
        let supervisor = reading.as_ref().map(|reading| Supervisor::new(reading.pid));
        Self { outputs, supervisor, ..Self::default() }
    }

    /// Reads for a moment what a supervisor that is stopped does not.
    fn stand_in(&mut self) {
        let Some(supervisor) = &mut self.supervisor else { return };
        let seats = self.outputs.iter_mut();
        supervisor.stand_in(seats.filter_map(|kept| Some((&kept.stream, kept.seat.as_mut()?))));
    }

    /// What we read at the moment.
    fn reading(&self) -> impl Iterator<Item = &OwnedFd> {
        let reads = |kept: &&Kept| kept.seat.as_ref().is_some_and(Seat::is_reading);
        self.outputs.iter().filter(reads).map(|kept| &kept.stream)
    }
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
            let mut fds = vec![input(&self.0), input(&timer)];
            fds.extend(estate.reading().map(input));
            wait_for(&mut fds, estate.supervisor.as_ref().map(Supervisor::pause));
            let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
            let (line, late) =
                (fds.first().is_some_and(is_ready), fds.get(1).is_some_and(is_ready));
            estate.stand_in();
            if !line {
                if late {
                    return Ok(Waited::Long);
                }
                continue;
            }
            let Some((bytes, fds)) = self.receive()? else { return Ok(Waited::Gone) };
            match serde_json::from_slice(&bytes)? {
                Packet::Outputs { held, reading } => *estate = Estate::new(held, reading, fds),
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
                Packet::Left => return Ok(Waited::Left),
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
