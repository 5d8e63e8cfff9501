//! `${NAME}` and `${file:PATH}` in values, after the YAML is parsed: what comes from outside can
//! never change the structure of the file.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where values come from.
pub(super) struct Outside<'a> {
    /// An environment variable; none if it is not set.
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    /// The folder of the rules file; relative paths start there.
    pub(super) folder: &'a Path,
}

/// What is wrong with a `${…}`; `part` is in bytes of the value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) part: Range<usize>,
    pub(super) message: String,
    pub(super) hint: String,
}

/// A value with everything filled in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    /// What was read from files: secret for sure.
    pub(super) secrets: Vec<String>,
}

/// Fills in every `${…}`; `$${` stands for a literal `${`.
pub(super) fn fill(value: &str, outside: &Outside<'_>) -> Result<Filled, Vec<Failure>> {
    let mut filled = Filled::default();
    let mut failures = Vec::new();
    let mut at = 0;
    while let Some(start) = value[at..].find("${").map(|found| at + found) {
        if value[at..start].ends_with('$') {
            filled.text.push_str(&value[at..start - 1]);
            filled.text.push_str("${");
            at = start + 2;
            continue;
        }
        filled.text.push_str(&value[at..start]);
        let Some(end) = value[start..].find('}').map(|found| start + found) else {
            failures.push(failure(
                start..value.len(),
                "`${` is not closed",
                "write it like ${NAME}",
            ));
            return Err(failures);
        };
        match resolve(&value[start + 2..end], outside, &mut filled.secrets) {
            Ok(text) => filled.text.push_str(&text),
            Err((message, hint)) => failures.push(failure(start..end + 1, message, hint)),
        }
        at = end + 1;
    }
    filled.text.push_str(&value[at..]);
    if failures.is_empty() { Ok(filled) } else { Err(failures) }
}

fn failure(part: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { part, message: message.into(), hint: hint.into() }
}

fn resolve(
    name: &str,
    outside: &Outside<'_>,
    secrets: &mut Vec<String>,
) -> Result<String, (String, String)> {
    if let Some(path) = name.strip_prefix("file:") {
        let secret = read_secret(path.trim(), outside)?;
        secrets.push(secret.clone());
        return Ok(secret);
    }
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty()
        || !name.chars().all(letter)
        || name.starts_with(|c: char| c.is_ascii_digit())
    {
        let message = "this is no name of an environment variable".to_owned();
        let hint = "write ${NAME} for a variable, ${file:PATH} for a file, $${ for a plain `${`";
        return Err((message, hint.to_owned()));
    }
    match (outside.env)(name) {
        Some(text) if text.is_empty() => {
            Err((format!("the environment variable {name} is empty"), set_it(name)))
        }
        Some(text) => Ok(text),
        None => Err((format!("the environment variable {name} is not set"), set_it(name))),
    }
}

fn set_it(name: &str) -> String {
    format!("set it before the start: export {name}=…")
}

/// The first 64 KiB are the most a secret can be; a newline at the end is not part of it.
fn read_secret(path: &str, outside: &Outside<'_>) -> Result<String, (String, String)> {
    const LONGEST: u64 = 64 * 1024;
    let path = expand(path, outside);
    let shown = path.display();
    let failed = |reason: String, hint: &str| {
        Err((format!("cannot read {shown}: {reason}"), hint.to_owned()))
    };
    let there = "is the path right, and may you read it?";
    if path.is_dir() {
        return failed("it is a folder".to_owned(), "name the file in it");
    }
    let mut text = String::new();
    let read = std::fs::File::open(&path)
        .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
    match read {
        Err(error) => failed(error.to_string(), there),
        Ok(_) if text.len() as u64 > LONGEST => {
            failed("it is longer than 64 KiB".to_owned(), "a secret is a short text")
        }
        Ok(_) if text.trim().is_empty() => {
            failed("it is empty".to_owned(), "put the secret into it")
        }
        Ok(_) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

fn expand(path: &str, outside: &Outside<'_>) -> PathBuf {
    match (path.strip_prefix("~/"), (outside.env)("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => outside.folder.join(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(value: &str) -> Result<String, Vec<String>> {
        let env = |name: &str| match name {
            "USER" => Some("ada".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let outside = Outside { env: &env, folder: Path::new("/nowhere") };
        fill(value, &outside)
            .map(|filled| filled.text)
            .map_err(|failures| failures.iter().map(|f| value[f.part.clone()].to_owned()).collect())
    }

    #[test]
    fn variables_are_filled_in_and_nothing_else_is() {
        for (value, text) in [
            ("", ""),
            ("${USER}", "ada"),
            ("é${USER}-${USER}é", "éada-adaé"),
            ("$USER $ {USER} $", "$USER $ {USER} $"),
            ("$${USER}", "${USER}"),
            ("$$${USER}", "$${USER}"),
        ] {
            assert_eq!(filled(value), Ok(text.to_owned()), "{value}");
        }
    }

    #[test]
    fn every_failure_names_its_place() {
        for (value, parts) in [
            ("é${NO} ${USER} ${EMPTY}", vec!["${NO}", "${EMPTY}"]),
            ("${", vec!["${"]),
            ("${}", vec!["${}"]),
            ("${NAME:-x}", vec!["${NAME:-x}"]),
            ("${1A}", vec!["${1A}"]),
            ("a ${file:gone}", vec!["${file:gone}"]),
        ] {
            assert_eq!(
                filled(value),
                Err(parts.iter().map(|p| (*p).to_owned()).collect()),
                "{value}"
            );
        }
    }

    #[test]
    fn a_secret_from_a_file_loses_its_newline_and_is_known() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "xoxb-1\r\n").unwrap();
        let outside = Outside { env: &|_| None, folder: folder.path() };
        let filled = fill("a${file:token}b", &outside).unwrap();
        assert_eq!(filled.text, "axoxb-1b");
        assert_eq!(filled.secrets, ["xoxb-1"]);
    }
}
