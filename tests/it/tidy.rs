//! House rules that a reader of one file cannot see: which room may use which, and the like.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from left to right; each may use itself, its own group, and what stands left of it.
const ROOMS: &[&[&str]] = &[
    &["error", "time"],
    &["engine"],
    &["render"],
    &["outbox"],
    &["channels", "sources", "process"],
    &["config"],
    &["runtime", "courier"],
    &["cli", "handover"],
    &["commands"],
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join(folder), &mut found);
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root).expect("below the root").display().to_string();
            (name, fs::read_to_string(path).expect("UTF-8"))
        })
        .collect()
}

fn group(room: &str) -> Option<usize> {
    ROOMS.iter().position(|group| group.contains(&room))
}

/// The code before the tests of a file: tests may use what they like.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

#[test]
fn each_room_uses_only_what_stands_left_of_it() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        let room = file.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
        let Some(own) = group(room) else { continue };
        for (number, line) in code(&text).lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for used in line.split("crate::").skip(1) {
                let used = used.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
                if group(used).is_some_and(|other| other > own) {
                    wrong.push(format!("{file}:{}: {room} uses {used}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_file_says_what_it_is_for() {
    let wrong: Vec<_> = sources("src")
        .into_iter()
        .chain(sources("tests"))
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(file, _)| file)
        .collect();
    assert!(wrong.is_empty(), "no `//!` at the top: {wrong:?}");
}

#[test]
fn unsafe_code_is_in_one_file_and_has_its_reasons() {
    for (file, text) in sources("src") {
        let lines: Vec<_> = code(&text).lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if !line.contains("unsafe {") && !line.contains("unsafe fn") {
                continue;
            }
            assert_eq!(file, "src/process/unix.rs", "line {}", index + 1);
            let before = &lines[index.saturating_sub(6)..index];
            assert!(
                before.iter().any(|line| line.contains("SAFETY")),
                "{file}:{}: no SAFETY comment",
                index + 1
            );
        }
    }
}

#[test]
fn every_test_file_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let listed = fs::read_to_string(root.join("main.rs")).expect("main.rs");
    for entry in fs::read_dir(&root).expect("tests/it") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let is_module = path.extension().is_some_and(|extension| extension == "rs")
            || path.join("mod.rs").exists();
        if is_module && name != "main" {
            assert!(
                listed.contains(&format!("mod {name};")),
                "tests/it/main.rs lacks `mod {name};`"
            );
        }
    }
}

#[test]
fn tests_do_not_sleep() {
    let allowed = ["slack/server.rs", "it/kill.rs"];
    // A fault of the fake Slack may be that it takes its time; kills at random instants wait for them.
    let allowed = |file: &str| allowed.iter().any(|name| file.ends_with(name));
    for (file, text) in sources("tests").into_iter().filter(|(file, _)| !allowed(file)) {
        let needle = concat!("thread::", "sleep");
        assert!(!text.contains(needle), "{file} sleeps: wait for the event instead");
    }
}

/// What stands between backquotes in the documents.
fn quoted() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).expect("docs").flatten().map(|it| it.path());
    let docs = docs.chain([root.join("README.md"), root.join("ARCHITECTURE.md")]);
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    docs.flat_map(|path| {
        let text = fs::read_to_string(&path).expect("UTF-8");
        let words = text.split('`').skip(1).step_by(2).map(str::to_owned);
        words.map(|word| (path.display().to_string(), word)).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn every_test_that_the_docs_name_exists() {
    let all: String =
        ["src", "tests"].iter().flat_map(|f| sources(f)).map(|(_, text)| text).collect();
    let is_name = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        word.bytes().all(plain) && word.matches('_').count() >= 2
    };
    let mut count = 0;
    for (file, word) in quoted() {
        let name = word.rsplit("::").next().unwrap_or_default();
        if is_name(name) {
            count += 1;
            assert!(all.contains(&format!("fn {name}(")), "{file}: there is no test `{name}`");
        }
    }
    assert!(count > 100, "{count} names were found");
}

#[test]
fn every_file_that_the_docs_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, word) in quoted() {
        let is_path = word.contains('/') && !word.contains([' ', '*', '~', ':', '$']);
        if is_path && [".rs", ".yaml", ".py"].iter().any(|end| word.ends_with(end)) {
            let there = ["", "src", "tests/it"].iter().any(|at| root.join(at).join(&word).exists());
            assert!(there || word.starts_with("./"), "{file}: there is no file `{word}`");
        }
    }
}
