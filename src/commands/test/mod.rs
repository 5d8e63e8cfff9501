//! `watch test FILE...`: tests of rules, with virtual time. Nothing is sent, and nobody waits.

mod compare;
mod describe;
mod play;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::config::scenario::{self, Scenario};
use crate::config::{ConfigError, Env};

use compare::compare;
pub use play::{Told, Way, play};

/// Runs all tests of the files. Writes what failed, and how many did; gives the exit status: 0, or
/// 1 if something failed or a file is wrong.
pub fn run(
    files: &[PathBuf],
    env: Env<'_>,
    color: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let mut status = 0;
    for path in files {
        let name = path.display().to_string();
        let scenarios = match scenario::load(path, env) {
            Ok(scenarios) => scenarios,
            Err(error) => {
                err.write_all(ConfigError::render(&error, color).as_bytes())?;
                status = 1;
                continue;
            }
        };
        let mut failed = 0;
        for scenario in &scenarios {
            if let Some(report) = check(&name, scenario, Way::Whole) {
                failed += 1;
                writeln!(out, "{report}")?;
            }
        }
        let count = scenarios.len();
        let tests = if count == 1 { "1 test".to_owned() } else { format!("{count} tests") };
        match failed {
            0 => writeln!(out, "{name}: {tests} ok")?,
            _ => {
                status = 1;
                writeln!(out, "{name}: {failed} of {tests} failed")?;
            }
        }
    }
    out.flush()?;
    Ok(status)
}

/// What is wrong with a test of the file `file`, ready to print; nothing if it is right.
pub fn check(file: &str, scenario: &Scenario, way: Way) -> Option<String> {
    let told = play(scenario, way);
    let report = compare(file, scenario, &told)?;
    Some(format!("FAIL {file}:{}: {}\n{report}", scenario.line, scenario.name))
}
