//! The one error that reaches the person at the terminal, and the one place that prints it.

use std::fmt::Write as _;
use std::process::ExitCode;

/// Exit status of our own failures, beside the child's own. The numbers are those of env(1).
pub const EXIT_PROBLEM: u8 = 1;
pub const EXIT_OWN_FAILURE: u8 = 125;
pub const EXIT_NOT_EXECUTABLE: u8 = 126;
pub const EXIT_NOT_FOUND: u8 = 127;

/// What went wrong, for a person: what happened and where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppError {
    pub exit: u8,
    /// One sentence, or a whole report of problems with their places.
    pub message: String,
    pub hint: Option<String>,
}

impl AppError {
    /// We failed before anything was started: bad options, a bad rules file.
    pub fn own(message: impl Into<String>) -> Self {
        Self { exit: EXIT_OWN_FAILURE, message: message.into(), hint: None }
    }

    /// A verb that is not a supervisor found a problem.
    pub fn problem(message: impl Into<String>) -> Self {
        Self { exit: EXIT_PROBLEM, message: message.into(), hint: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints the error to standard error and gives the exit status.
    pub fn report(&self) -> ExitCode {
        let mut text = String::new();
        if self.message.starts_with("error") {
            text.push_str(&self.message);
        } else {
            let _ = write!(text, "watch: {}", self.message);
        }
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\n  hint: {hint}");
        }
        say(&text);
        ExitCode::from(self.exit)
    }
}

/// Writes a line to standard error; a closed standard error is nobody's problem.
///
/// On a terminal, which may be in raw mode while a command runs, the cursor is brought back to the
/// first column.
pub fn say(text: &str) {
    use std::io::{IsTerminal as _, Write as _};
    let error = std::io::stderr();
    let line = match error.is_terminal() {
        true => format!("\r{}\r\n", text.replace('\n', "\r\n")),
        false => format!("{text}\n"),
    };
    let _ = error.lock().write_all(line.as_bytes());
}
