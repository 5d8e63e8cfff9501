//! The system calls that no safe wrapper has. The only place with `unsafe`.
//!
//! Each function is a thin cover over calls of its manual page; what they are for is decided
//! elsewhere.
#![expect(
    unsafe_code,
    reason = "signalfd(2), sigprocmask(2), sigaction(2), mmap(2) and pre_exec need it"
)]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::sync::atomic::{AtomicU8, Ordering};

use libc::{c_int, pid_t, sigset_t};

use crate::sources::turn::{MOST_STREAMS, Words};

/// A set of signals, see sigsetops(3).
#[derive(Clone, Copy)]
pub(crate) struct SignalMask(sigset_t);

impl SignalMask {
    /// Numbers that the system does not know are left out.
    pub(crate) fn of(signals: impl IntoIterator<Item = i32>) -> Self {
        let mut set = MaybeUninit::<sigset_t>::uninit();
        // SAFETY: sigemptyset initialises all of the set, sigaddset then works on that.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in signals {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            Self(set.assume_init())
        }
    }
}

impl std::fmt::Debug for SignalMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignalMask")
    }
}

/// Blocks `mask` in this thread and in those it starts; the mask from before.
pub(crate) fn block(mask: &SignalMask) -> io::Result<SignalMask> {
    change_mask(libc::SIG_BLOCK, mask)
}

/// Makes `mask` the thread's mask; what is pending and no longer blocked is delivered here.
pub(crate) fn set_mask(mask: &SignalMask) -> io::Result<SignalMask> {
    change_mask(libc::SIG_SETMASK, mask)
}

/// The process that `command` starts leads a session of its own from its first instruction on: no
/// key of our terminal reaches it, also not while it starts.
pub(crate) fn lead_session(command: &mut std::process::Command) {
    // SAFETY: setsid(2) is safe after fork, see signal-safety(7).
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            Ok(())
        });
    }
}

/// Lets `signal` through for an instant: if it is pending, it is delivered here.
pub(crate) fn deliver(signal: i32) -> io::Result<()> {
    let before = change_mask(libc::SIG_UNBLOCK, &SignalMask::of([signal]))?;
    set_mask(&before).map(|_| ())
}

fn change_mask(how: c_int, mask: &SignalMask) -> io::Result<SignalMask> {
    let mut before = MaybeUninit::<sigset_t>::uninit();
    // SAFETY: both pointers are to valid sets; on success `before` is written.
    unsafe {
        match libc::pthread_sigmask(how, &mask.0, before.as_mut_ptr()) {
            0 => Ok(SignalMask(before.assume_init())),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// A non-blocking signalfd(2) of the blocked signals `mask`.
pub(crate) fn signal_fd(mask: &SignalMask) -> io::Result<OwnedFd> {
    // SAFETY: the pointer is to a valid set; the descriptor is new and ours.
    unsafe {
        let fd = libc::signalfd(-1, &mask.0, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// One signal as signalfd(2) tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignalInfo {
    pub(crate) signal: i32,
    /// From the kernel itself, as for a key typed at the terminal; not sent by a process.
    pub(crate) from_kernel: bool,
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

/// The next signal, if one is pending.
pub(crate) fn read_signal(fd: BorrowedFd<'_>) -> Option<SignalInfo> {
    const SIZE: usize = size_of::<libc::signalfd_siginfo>();
    let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
    // SAFETY: SIZE bytes may be written; the struct is of integers, so that any bytes are valid.
    unsafe {
        loop {
            let count = libc::read(fd.as_raw_fd(), info.as_mut_ptr().cast(), SIZE);
            if usize::try_from(count) == Ok(SIZE) {
                break;
            }
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return None;
            }
        }
        let info = info.assume_init();
        Some(SignalInfo {
            signal: i32::try_from(info.ssi_signo).ok()?,
            from_kernel: info.ssi_code > 0,
            pid: info.ssi_pid,
            uid: info.ssi_uid,
        })
    }
}

/// The greatest number of a signal.
pub(crate) fn last_signal() -> i32 {
    libc::SIGRTMAX()
}

pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: it takes no pointer.
    check(unsafe { libc::kill(pid as pid_t, signal) })
}

/// How the process of a pidfd ended, as wait(2) has it; none if it did not, or if the system does
/// not tell: `PIDFD_GET_INFO` with `PIDFD_INFO_EXIT`, since Linux 6.15, once it was reaped.
pub(crate) fn exit_status(pidfd: BorrowedFd<'_>) -> Option<i32> {
    const GET_INFO: libc::c_ulong = 0xc040_ff0b;
    const INFO_EXIT: u64 = 1 << 3;
    /// `struct pidfd_info` of linux/pidfd.h, in its first version.
    #[repr(C)]
    struct Info {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        exit_code: i32,
    }
    let mut info = Info { mask: INFO_EXIT, cgroup: 0, ids: [0; 11], exit_code: 0 };
    // SAFETY: the size within the request is that of the struct, all of which is integers.
    let done = unsafe { libc::ioctl(pidfd.as_raw_fd(), GET_INFO as _, &raw mut info) } == 0;
    (done && info.mask & INFO_EXIT != 0).then_some(info.exit_code)
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets the default action of `signal`. True: it was ignored.
pub(crate) fn set_default(signal: i32) -> io::Result<bool> {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all-zero is SIG_DFL without flags; `before` is written on success.
    unsafe {
        let action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        check(libc::sigaction(signal, &action, before.as_mut_ptr()))?;
        Ok(before.assume_init().sa_sigaction == libc::SIG_IGN)
    }
}

/// Whether `signal` is ignored, as it then is in what we start.
pub(crate) fn is_ignored(signal: i32) -> bool {
    let mut now = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null action changes nothing; all-zero is a valid `now`, written on success.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr()) == 0
            && now.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Ignores `signal`, also in what is started from now on. True: it was ignored.
pub(crate) fn ignore(signal: i32) -> bool {
    // SAFETY: no handler of ours is called.
    unsafe { libc::signal(signal, libc::SIG_IGN) == libc::SIG_IGN }
}

/// What we were started with and Rust's runtime changes before `main`: it ignores SIGPIPE, and puts
/// /dev/null in the place of a standard stream that is closed. A bit for each.
static STARTED_WITH: AtomicU8 = AtomicU8::new(0);
const SIGPIPE_IGNORED: u8 = 1 << 3;

/// The functions in this section are called before that, see the System V ABI.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look_at_start;

extern "C" fn look_at_start() {
    // SAFETY: it takes no pointer.
    let is_closed = |fd: &RawFd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } < 0;
    let closed = (0..3).filter(is_closed).fold(0, |bits, fd| bits | 1 << fd);
    let ignored = if is_ignored(libc::SIGPIPE) { SIGPIPE_IGNORED } else { 0 };
    STARTED_WITH.store(closed | ignored, Ordering::Relaxed);
}

/// Whether we were started with SIGPIPE ignored, as by systemd.
pub(crate) fn sigpipe_was_ignored() -> bool {
    STARTED_WITH.load(Ordering::Relaxed) & SIGPIPE_IGNORED != 0
}

/// Whether we were started with this standard stream closed.
fn was_closed(fd: RawFd) -> bool {
    STARTED_WITH.load(Ordering::Relaxed) & 1 << fd != 0
}

/// Signals, and whether each is ignored or has its default action.
pub(crate) type Dispositions = [(i32, bool); 3];

/// What the child does between fork and exec.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChildSetup {
    pub(crate) mask: SignalMask,
    pub(crate) dispositions: Dispositions,
    pub(crate) group: ChildGroup,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ChildGroup {
    Inherited,
    Own,
    /// A session of its own, whose controlling terminal is `slave`.
    Session {
        slave: RawFd,
    },
}

/// Has `command` do `setup`. Failures are let go: the command runs, if not quite as wanted.
pub(crate) fn prepare(command: &mut std::process::Command, setup: ChildSetup) {
    let work = move || {
        // SAFETY: only calls that signal-safety(7) allows after fork; pointers are to valid sets.
        unsafe {
            match setup.group {
                ChildGroup::Inherited => {}
                ChildGroup::Own => {
                    libc::setpgid(0, 0);
                }
                ChildGroup::Session { slave } => {
                    libc::setsid();
                    libc::ioctl(slave, libc::TIOCSCTTY, 0);
                }
            }
            for (signal, ignored) in setup.dispositions {
                libc::signal(signal, if ignored { libc::SIG_IGN } else { libc::SIG_DFL });
            }
            for fd in (0..3).filter(|fd| was_closed(*fd)) {
                libc::close(fd);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &setup.mask.0, std::ptr::null_mut());
        }
        Ok(())
    };
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(work);
    }
}

/// Memory that everybody has in common who maps `memory`, of which that much must be there, for
/// good (F_SEAL_SHRINK). It stays until the process ends.
pub(crate) fn share(memory: BorrowedFd<'_>) -> io::Result<&'static [Words; MOST_STREAMS]> {
    let (size, access) = (size_of::<[Words; MOST_STREAMS]>(), libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping at a place that the system chooses, so that it overlaps nothing. It is
    // aligned to a page, never unmapped, and of atomic integers only, which others may change and
    // for which all bytes are valid.
    unsafe {
        let fd = memory.as_raw_fd();
        let at = libc::mmap(std::ptr::null_mut(), size, access, libc::MAP_SHARED, fd, 0);
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(&*at.cast::<[Words; MOST_STREAMS]>())
    }
}
