//! `watch init`: a commented `rules.yaml` for this folder.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::config::EXAMPLE;

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{0} is there already, and is not overwritten; move it away to begin anew")]
    Exists(PathBuf),
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, #[source] io::Error),
}

/// Writes `rules.yaml` into `folder`, never over another one, and gives its path.
pub fn run(folder: &Path) -> Result<PathBuf, InitError> {
    let path = folder.join("rules.yaml");
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| file.write_all(EXAMPLE.as_bytes()));
    match written {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(InitError::Exists(path)),
        Err(error) => Err(InitError::Write(path, error)),
    }
}
