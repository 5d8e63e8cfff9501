//! Starts the command: what its streams are connected to, and which process group it is in.
//!
//! Each output stream is to the command what ours is to us: a pseudo-terminal where ours is a
//! terminal, a pipe where it is not; one for both where ours are one. Its input is ours, untouched. Only if our input and our
//! output both are terminals does the command get a session of its own on one pseudo-terminal,
//! with our input copied into it.
//!
//! Three layouts, so that every signal reaches the command once:
//! - **session**: the keys reach it through its own terminal, everything else is forwarded.
//! - **shared**: in our process group, where there is a controlling terminal but no session: the
//!   terminal's signals (Ctrl-C, Ctrl-Z, hang-up) reach it by the kernel, as without us, and it
//!   may read the terminal; only signals sent by processes are forwarded. One that is sent to the
//!   whole group reaches it twice, since nobody can tell that from one sent to us alone.
//! - **own**: a group of its own, where there is no terminal: everything is forwarded.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::{fs, io};

use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::termios::{isatty, tcgetattr};

use crate::process::signals::Signals;
use crate::process::unix::{self, ChildGroup, ChildSetup};
use crate::process::{Command, PtyMode, terminal};
use crate::sources::pipe::pipe;
use crate::sources::pty::{Modes, Pty, window_size};

/// See python(1).
const UNBUFFERED: &str = "PYTHONUNBUFFERED";

/// The names of the outputs.
const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";
/// Of both in one.
const BOTH: &str = "output";

/// The command could not be started. `Display` is one line for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{command}: command not found")]
    NotFound { command: String },
    #[error("{command}: cannot be executed: {reason}")]
    NotExecutable { command: String, reason: String },
    #[error("the command could not be started: {0}")]
    Failed(String),
}

impl StartError {
    /// What a shell exits with: 127, 126; 125 for our own failure.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            Self::Failed(_) => 125,
        }
    }
}

/// See the top of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Session,
    Shared,
    Own,
}

/// One output of the command, not yet read.
#[derive(Debug)]
pub(crate) struct Output {
    /// The source's name.
    pub(crate) name: &'static str,
    /// Our end, non-blocking.
    pub(crate) input: Arc<OwnedFd>,
    /// How /proc names the other end.
    pub(crate) link: PathBuf,
    pub(crate) is_pty: bool,
    /// It goes to our stderr, not to our stdout.
    pub(crate) is_stderr: bool,
}

/// All descriptors of a command that is about to be started.
#[derive(Debug)]
pub(crate) struct Wiring {
    pub(crate) layout: Layout,
    pub(crate) outputs: Vec<Output>,
    /// Our keyboard is copied to the command: into the first output's terminal.
    pub(crate) copies_stdin: bool,
    /// Kept open until the command has ended: without a holder the terminal would say EIO while
    /// the command may still open it again.
    pub(crate) slaves: Vec<OwnedFd>,
    child: ChildEnds,
}

#[derive(Debug)]
struct ChildEnds {
    stdin: Option<OwnedFd>,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// Connects everything. A pseudo-terminal that cannot be had is replaced by a pipe.
pub(crate) fn wire(mode: PtyMode) -> io::Result<Wiring> {
    let ours = OurStreams::look();
    let wants_session = match mode {
        PtyMode::Auto => ours.stdin && ours.stdout,
        PtyMode::Always => true,
        PtyMode::Never => false,
    };
    match wants_session.then(|| Pty::open(window_size(), &ours.modes()).ok()).flatten() {
        Some(pty) => wire_session(mode, ours, pty),
        None => wire_streams(mode, ours),
    }
}

/// Which of our streams are terminals.
#[derive(Clone, Copy)]
struct OurStreams {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    /// Our outputs are one pipe, file or terminal, as after `2>&1`: in two streams the order of what
    /// the command writes would be lost.
    one_output: bool,
}

impl OurStreams {
    fn look() -> Self {
        let (stdout, stderr) = (rustix::stdio::stdout(), rustix::stdio::stderr());
        let identity = |fd| fstat(fd).ok().map(|stat| (stat.st_dev, stat.st_ino));
        let one_output = identity(stdout).is_some_and(|it| identity(stderr) == Some(it));
        Self {
            stdin: isatty(rustix::stdio::stdin()),
            stdout: isatty(stdout),
            stderr: isatty(stderr),
            one_output,
        }
    }

    /// For a terminal in the place of ours. Whoever starts us in the background may be editing a line
    /// on it, with settings that are not for a command.
    fn modes(self) -> Modes {
        let both = self.stdin && self.stdout;
        match tcgetattr(rustix::stdio::stdin()) {
            Ok(modes) if both && terminal::is_foreground() => Modes::Of(modes),
            Ok(_) if both => Modes::Default,
            _ => Modes::Unchanged,
        }
    }
}

/// All on one pseudo-terminal, but for a stderr of ours that goes elsewhere.
fn wire_session(mode: PtyMode, ours: OurStreams, pty: Pty) -> io::Result<Wiring> {
    let stdin = ours.stdin.then(|| pty.slave.try_clone()).transpose()?;
    let stdout = pty.slave.try_clone()?;
    let link = link_of(&pty.slave);
    let is_one = ours.stderr || ours.one_output;
    let name = if is_one { BOTH } else { STDOUT };
    let mut slaves = vec![pty.slave];
    let mut outputs =
        vec![Output { name, input: pty.master, link, is_pty: true, is_stderr: false }];
    let stderr = if is_one {
        stdout.try_clone()?
    } else {
        let stream = wire_stream(STDERR, mode, false)?;
        slaves.extend(stream.slave);
        outputs.push(stream.output);
        stream.end
    };
    Ok(Wiring {
        layout: Layout::Session,
        outputs,
        copies_stdin: ours.stdin,
        slaves,
        child: ChildEnds { stdin, stdout, stderr },
    })
}

/// Each output for itself, the input as it is.
fn wire_streams(mode: PtyMode, ours: OurStreams) -> io::Result<Wiring> {
    let stdout = wire_stream(if ours.one_output { BOTH } else { STDOUT }, mode, ours.stdout)?;
    let (mut outputs, mut slaves) = (vec![stdout.output], stdout.slave.into_iter().collect());
    let stderr = if ours.one_output {
        stdout.end.try_clone()?
    } else {
        let stream = wire_stream(STDERR, mode, ours.stderr)?;
        outputs.push(stream.output);
        Vec::extend(&mut slaves, stream.slave);
        stream.end
    };
    // It can be opened by those who have a controlling terminal, see tty(4).
    let has_terminal = fs::File::open("/dev/tty").is_ok();
    Ok(Wiring {
        layout: if has_terminal { Layout::Shared } else { Layout::Own },
        outputs,
        copies_stdin: false,
        slaves,
        child: ChildEnds { stdin: None, stdout: stdout.end, stderr },
    })
}

struct WiredStream {
    output: Output,
    /// The command's end.
    end: OwnedFd,
    slave: Option<OwnedFd>,
}

fn wire_stream(name: &'static str, mode: PtyMode, ours: bool) -> io::Result<WiredStream> {
    let as_terminal = match mode {
        PtyMode::Auto => ours,
        PtyMode::Always => true,
        PtyMode::Never => false,
    };
    let pty = as_terminal.then(|| Pty::open(window_size(), &Modes::Unchanged).ok()).flatten();
    let (input, end, slave) = match pty {
        Some(pty) => (pty.master, pty.slave.try_clone()?, Some(pty.slave)),
        None => {
            let (reader, writer) = pipe()?;
            (Arc::new(reader), writer, None)
        }
    };
    let (link, is_pty, is_stderr) = (link_of(&end), slave.is_some(), name == STDERR);
    Ok(WiredStream { output: Output { name, input, link, is_pty, is_stderr }, end, slave })
}

fn link_of(fd: &OwnedFd) -> PathBuf {
    fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap_or_default()
}

/// What is left of a wiring once the command runs.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) pid: i32,
    pub(crate) layout: Layout,
    pub(crate) outputs: Vec<Output>,
    pub(crate) copies_stdin: bool,
    pub(crate) slaves: Vec<OwnedFd>,
}

/// Starts the command in our environment, folder, limits, and with the signal mask from before.
/// PYTHONUNBUFFERED is set where an output is a pipe, unless it is set already.
pub(crate) fn spawn(
    command: &Command,
    wiring: Wiring,
    signals: &Signals,
) -> Result<Spawned, StartError> {
    let Some((program, args)) = command.argv.split_first() else {
        return Err(StartError::Failed("there is no command".to_owned()));
    };
    let group = match (wiring.layout, wiring.slaves.first()) {
        (Layout::Session, Some(slave)) => ChildGroup::Session { slave: slave.as_fd().as_raw_fd() },
        (Layout::Own, _) => ChildGroup::Own,
        _ => ChildGroup::Inherited,
    };
    let mut builder = std::process::Command::new(program);
    // Into a pipe Python writes only when 8 KiB are full, and a kill loses them.
    let piped = wiring.outputs.iter().any(|output| !output.is_pty);
    if piped && std::env::var_os(UNBUFFERED).is_none() {
        builder.env(UNBUFFERED, "1");
    }
    builder
        .args(args)
        .envs(command.extra_env.iter().map(|(name, value)| (name, value)))
        .stdin(wiring.child.stdin.map_or_else(Stdio::inherit, Stdio::from))
        .stdout(wiring.child.stdout)
        .stderr(wiring.child.stderr);
    let setup = ChildSetup {
        mask: signals.mask_before(),
        dispositions: signals.dispositions_before(),
        group,
    };
    unix::prepare(&mut builder, setup);
    let child = builder.spawn().map_err(|error| start_error(command, program, &error))?;
    Ok(Spawned {
        pid: child.id().cast_signed(),
        layout: wiring.layout,
        outputs: wiring.outputs,
        copies_stdin: wiring.copies_stdin,
        slaves: wiring.slaves,
    })
}

fn start_error(command: &Command, program: &OsStr, error: &io::Error) -> StartError {
    let name = program.to_string_lossy().into_owned();
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT) if exists(command, program) => StartError::NotExecutable {
            command: name,
            reason: "the interpreter in its first line, or a library loader, does not exist"
                .to_owned(),
        },
        Some(Errno::NOENT) => StartError::NotFound { command: name },
        // From fork, not from exec.
        None | Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE) => {
            StartError::Failed(error.to_string())
        }
        Some(_) => StartError::NotExecutable { command: name, reason: error.to_string() },
    }
}

/// The file is there, so that "no such file" means something else.
fn exists(command: &Command, program: &OsStr) -> bool {
    if program.as_encoded_bytes().contains(&b'/') {
        return Path::new(program).symlink_metadata().is_ok();
    }
    let extra = command.extra_env.iter().find(|(name, _)| name == "PATH");
    let path: Option<OsString> =
        extra.map(|(_, value)| value.clone()).or_else(|| std::env::var_os("PATH"));
    path.is_some_and(|path| {
        !program.is_empty() && std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
    })
}
