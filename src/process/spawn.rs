//! Starts the command: what its streams are connected to, and which process group it is in.
//!
//! Each output stream is to the command what ours is to us: a pseudo-terminal where ours is a
//! terminal, a pipe where it is not. Its input is ours, untouched. Only if our input and our
//! output both are terminals does the command get a session of its own on one pseudo-terminal,
//! with our input copied into it.
//!
//! Three layouts, so that every signal reaches the command once:
//! - **session**: the keys reach it through its own terminal, everything else is forwarded.
//! - **shared**: in our process group, where there is a controlling terminal but no session: the
//!   terminal's signals (Ctrl-C, Ctrl-Z, hang-up) reach it by the kernel, as without us, and it
//!   may read the terminal; only signals sent by processes are forwarded.
//! - **own**: a group of its own, where there is no terminal: everything is forwarded.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::{fs, io};

use rustix::io::Errno;
use rustix::termios::{isatty, tcgetattr};

use crate::process::signals::Signals;
use crate::process::unix::{self, ChildGroup, ChildSetup};
use crate::process::{Command, PtyMode};
use crate::sources::pipe::pipe;
use crate::sources::pty::{Pty, window_size};

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
    let [stdin, stdout, stderr] =
        [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()]
            .map(|fd| isatty(fd));
    let wants_session = match mode {
        PtyMode::Auto => stdin && stdout,
        PtyMode::Always => true,
        PtyMode::Never => false,
    };
    let modes = (stdin && stdout).then(|| tcgetattr(rustix::stdio::stdin()).ok()).flatten();
    let session = wants_session.then(|| Pty::open(window_size(), modes.as_ref()).ok()).flatten();
    let as_terminal = |ours: bool| match mode {
        PtyMode::Auto => ours,
        PtyMode::Always => true,
        PtyMode::Never => false,
    };
    let Some(pty) = session else {
        let (out, out_end, out_slave) = output("stdout", as_terminal(stdout), false)?;
        let (err, err_end, err_slave) = output("stderr", as_terminal(stderr), true)?;
        let has_terminal = fs::File::open("/dev/tty").is_ok();
        return Ok(Wiring {
            layout: if has_terminal { Layout::Shared } else { Layout::Own },
            outputs: vec![out, err],
            copies_stdin: false,
            slaves: [out_slave, err_slave].into_iter().flatten().collect(),
            child: ChildEnds { stdin: None, stdout: out_end, stderr: err_end },
        });
    };
    let mut out = Output {
        name: "stdout",
        input: pty.master,
        link: link_of(&pty.slave),
        is_pty: true,
        is_stderr: false,
    };
    let stdin_end = stdin.then(|| pty.slave.try_clone()).transpose()?;
    let stdout_end = pty.slave.try_clone()?;
    let mut slaves = vec![pty.slave];
    let (outputs, stderr_end) = if stderr {
        out.name = "output";
        (vec![out], stdout_end.try_clone()?)
    } else {
        let (err, err_end, err_slave) = output("stderr", as_terminal(stderr), true)?;
        slaves.extend(err_slave);
        (vec![out, err], err_end)
    };
    Ok(Wiring {
        layout: Layout::Session,
        outputs,
        copies_stdin: stdin,
        slaves,
        child: ChildEnds { stdin: stdin_end, stdout: stdout_end, stderr: stderr_end },
    })
}

fn output(
    name: &'static str,
    as_terminal: bool,
    is_stderr: bool,
) -> io::Result<(Output, OwnedFd, Option<OwnedFd>)> {
    let pty = as_terminal.then(|| Pty::open(window_size(), None).ok()).flatten();
    let (input, end, slave) = match pty {
        Some(pty) => (pty.master, pty.slave.try_clone()?, Some(pty.slave)),
        None => {
            let (reader, writer) = pipe()?;
            (Arc::new(reader), writer, None)
        }
    };
    let link = link_of(&end);
    Ok((Output { name, input, link, is_pty: slave.is_some(), is_stderr }, end, slave))
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
    builder
        .args(args)
        .envs(command.extra_env.iter().map(|(name, value)| (name, value)))
        .stdin(wiring.child.stdin.map_or_else(Stdio::inherit, Stdio::from))
        .stdout(wiring.child.stdout)
        .stderr(wiring.child.stderr);
    let setup = ChildSetup {
        mask: signals.mask_before(),
        ignore_sigchld: signals.sigchld_was_ignored(),
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
