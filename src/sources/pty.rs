//! Pseudo-terminals: what a command's stream is connected to where without us it were a terminal.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::io;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    OptionalActions, OutputModes, Termios, Winsize, isatty, tcgetattr, tcgetwinsize, tcsetattr,
    tcsetwinsize,
};

#[derive(Debug)]
pub struct Pty {
    /// Non-blocking.
    pub master: Arc<OwnedFd>,
    pub slave: OwnedFd,
}

/// The settings that it begins with.
#[derive(Debug)]
pub enum Modes {
    /// Those of the terminal that it stands for.
    Of(Termios),
    /// The system's.
    Default,
    /// The system's with bytes passed on unchanged (no `\n` to `\r\n`), since a real terminal or a
    /// file follows.
    Unchanged,
}

impl Pty {
    pub fn open(size: Winsize, modes: &Modes) -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags)?;
        unlockpt(&master)?;
        let slave = ioctl_tiocgptpeer(&master, flags)?;
        match modes {
            Modes::Of(modes) => tcsetattr(&slave, OptionalActions::Now, modes)?,
            Modes::Default => {}
            Modes::Unchanged => {
                let mut modes = tcgetattr(&slave)?;
                modes.output_modes.remove(OutputModes::OPOST);
                tcsetattr(&slave, OptionalActions::Now, &modes)?;
            }
        }
        tcsetwinsize(&slave, size)?;
        io::ioctl_fionbio(&master, true)?;
        Ok(Self { master: Arc::new(master), slave })
    }
}

/// The size of our terminal, whichever descriptor is one; else of COLUMNS and LINES; else 80x24.
/// Never 0 (a pseudo-terminal that nobody sized is 0x0).
pub fn window_size() -> Winsize {
    let fds = [rustix::stdio::stdout(), rustix::stdio::stderr(), rustix::stdio::stdin()];
    let real = fds.iter().filter(|fd| isatty(fd)).find_map(|fd| tcgetwinsize(fd.as_fd()).ok());
    let or = |value: u16, name: &str, default: u16| {
        let from_env = || std::env::var(name).ok()?.parse().ok();
        Some(value).filter(|&v| v > 0).or_else(from_env).filter(|&v| v > 0).unwrap_or(default)
    };
    Winsize {
        ws_row: or(real.map_or(0, |size| size.ws_row), "LINES", 24),
        ws_col: or(real.map_or(0, |size| size.ws_col), "COLUMNS", 80),
        ws_xpixel: real.map_or(0, |size| size.ws_xpixel),
        ws_ypixel: real.map_or(0, |size| size.ws_ypixel),
    }
}
