//! The engine's scenarios, as `watch test` runs them: rules, what happens when, and what is said.
//!
//! Each is run whole, byte by byte, and with wake-ups in between: the effects must be the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use trainwatch::commands::test::{Way, check};
use trainwatch::config::scenario;

/// Runs all scenarios of a file in all ways.
pub(crate) fn run(path: &Path) {
    let name = path.display().to_string();
    let scenarios =
        scenario::load(path, &|_| None).unwrap_or_else(|error| panic!("{}", error.render(false)));
    let mut wrong = String::new();
    for scenario in &scenarios {
        for way in [Way::Whole, Way::ByteByByte, Way::WithWakeUps] {
            if let Some(report) = check(&name, scenario, way) {
                wrong.push_str(&format!("\n{way:?}: {report}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios")
}

macro_rules! scenarios {
    ($($name:ident),*) => {
        $(#[test] fn $name() { run(&folder().join(concat!(stringify!($name), ".yaml"))); })*

        #[test]
        fn every_file_is_run() {
            let run = [$(concat!(stringify!($name), ".yaml")),*];
            for entry in std::fs::read_dir(folder()).unwrap() {
                let name = entry.unwrap().file_name();
                assert!(run.iter().any(|known| **known == *name), "{name:?} is not in the list");
            }
        }
    };
}

scenarios!(
    matching, when, silence, exit, every, elapsed, non_finite, run_time, metrics, flood, hang,
    restart
);

#[test]
fn the_example_rules_do_what_they_say() {
    run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.example.test.yaml"));
}

#[test]
fn the_builtin_rules_do_what_they_say() {
    run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/builtin_rules.yaml"));
}
