//! Calls that mean procps's `watch`: they go on to it, unchanged.
//!
//! People type `watch -n1 nvidia-smi`. A call is ours if its arguments contain `--`, or the first
//! one is a long option or a verb of ours, or there is none. All others are for the next `watch`
//! on PATH.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::AppError;

/// Procps has long options too; the ones that both might take are ours only with `--`.
const PROCPS_LONG_OPTIONS: &[&str] = &[
    "--beep",
    "--color",
    "--no-color",
    "--differences",
    "--errexit",
    "--chgexit",
    "--equexit",
    "--interval",
    "--precise",
    "--no-rerun",
    "--no-title",
    "--no-wrap",
    "--exec",
    "--shotsdir",
];

/// Whether a call is ours. `args` are the arguments without the program's name.
pub fn is_ours(args: &[OsString], verbs: &[String]) -> bool {
    let Some(first) = args.first() else { return true };
    if args.iter().any(|arg| arg == "--") {
        return true;
    }
    let Some(first) = first.to_str() else { return false };
    let name = first.split('=').next().unwrap_or(first);
    (first.starts_with("--") && !PROCPS_LONG_OPTIONS.contains(&name))
        || verbs.iter().any(|verb| verb == first)
}

/// Becomes the next `watch` on PATH. Returns only if there is none or it cannot be run.
pub fn hand_over(args: &[OsString]) -> AppError {
    let Some(other) = next_on_path() else {
        return AppError {
            exit: crate::error::EXIT_NOT_FOUND,
            ..AppError::own("this call is for procps's `watch`, but no other `watch` is on PATH")
        }
        .hint(format!("to supervise a command, write: watch -- {}", shown(args)));
    };
    let error = Command::new(&other).args(args).exec();
    AppError::own(format!("cannot run {}: {error}", other.display()))
}

fn shown(args: &[OsString]) -> String {
    args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn next_on_path() -> Option<PathBuf> {
    let ours = env::current_exe().ok().and_then(|path| identity(&path));
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(OsStr::new("watch")))
        .find(|candidate| is_program(candidate) && identity(candidate) != ours)
}

/// A copy of us elsewhere on PATH must not hand over to itself for ever.
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|meta| (meta.size(), meta.ino()))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_that_cannot_be_ours_are_handed_over() {
        let verbs = ["check".to_owned(), "replay".to_owned()];
        let ours = |line: &str| {
            let args: Vec<_> = line.split_whitespace().map(OsString::from).collect();
            is_ours(&args, &verbs)
        };
        for line in [
            "",
            "--help",
            "-- python train.py",
            "check rules.yaml",
            "--tail a.log",
            "-n1 -- x",
            "--rules=x.yaml -- y",
        ] {
            assert!(ours(line), "{line}");
        }
        for line in [
            "-n1 nvidia-smi",
            "nvidia-smi",
            "-d ls -l",
            "-h",
            "--interval=2 ls",
            "--differences ls",
            "ls check",
        ] {
            assert!(!ours(line), "{line}");
        }
    }
}
