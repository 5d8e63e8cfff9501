//! A file to its text, or what keeps it from being one. Bounded before anything is parsed.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::diagnostic::ConfigError;

/// A rules file of 1 MiB has no reader; it is a log or a data file by mistake.
const LARGEST: u64 = 1 << 20;

/// `name` is what messages call it. Pipes (`/dev/fd/63`) are read as well.
pub(super) fn read(path: &Path, name: &str) -> Result<String, ConfigError> {
    let failed =
        |message: String, hint: &str| Err(ConfigError::whole_file(name.to_owned(), message, hint));
    if path.is_dir() {
        return failed("this is a folder, not a rules file".to_owned(), "name the file in it");
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let hint = "look at its path; `watch init` writes a rules file to start from";
            failed("there is no such file".to_owned(), hint)
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            failed("you may not read this file".to_owned(), "look at its owner and mode: ls -l")
        }
        Err(error) => {
            failed(format!("this file cannot be read: {error}"), "try to open it yourself")
        }
        Ok(_) if bytes.len() as u64 > LARGEST => {
            failed("this file is larger than 1 MiB".to_owned(), "is it really a rules file?")
        }
        Ok(_) => text(bytes).or_else(|message| {
            failed(message, "save the file as UTF-8 (iconv -f LATIN1 -t UTF-8, or in your editor)")
        }),
    }
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} holds bytes that are no UTF-8 text")
    })
}
