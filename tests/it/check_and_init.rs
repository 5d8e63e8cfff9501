//! The verbs `check` and `init`, without the command line around them.

use std::path::Path;

use trainwatch::commands::{check, init};
use trainwatch::config;

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn check(path: Option<&Path>, folder: &Path, builtin: bool) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let options = check::Options { path, folder, builtin, color: false };
    let status = check::run(&options, &|_| None, &mut out, &mut err).unwrap();
    (status, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn check_says_what_a_right_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    let text =
        "builtin: false\nmetrics: ['a (?<a>{num}) (?<b>{num})']\nrules: [{ name: x, match: y }]\n";
    std::fs::write(&path, text).unwrap();
    let expected = format!("{}: ok, 1 rule, 2 named metrics\n", path.display());
    assert_eq!(check(None, folder.path(), false), (0, expected.clone(), String::new()));
    assert_eq!(check(Some(&path), Path::new("/nowhere"), false), (0, expected, String::new()));
}

#[test]
fn check_gives_all_problems_and_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.yaml");
    std::fs::write(&path, "rulez: []\nbuiltin: maybe\n").unwrap();
    let (status, out, err) = check(Some(&path), folder.path(), false);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(
        err.contains("`rulez`") && err.contains("`maybe`") && err.contains("r.yaml:2:10"),
        "{err}"
    );
}

#[test]
fn check_works_without_a_file_and_prints_the_builtin_rules() {
    let folder = tempfile::tempdir().unwrap();
    let (status, out, _) = check(None, folder.path(), false);
    assert!(
        status == 0 && out.starts_with("no rules file: ok, ") && out.contains("built-in rule"),
        "{out}"
    );
    assert_eq!(check(None, folder.path(), true), (0, config::BUILTIN.to_owned(), String::new()));
    let printed =
        config::compile("builtin.yaml", config::BUILTIN, folder.path(), &|_| None).unwrap();
    assert!(printed.rules.rules.iter().all(|rule| !rule.builtin), "they replace themselves");
}

#[test]
fn init_writes_a_file_that_is_right_and_never_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = init::run(folder.path()).unwrap();
    assert!(config::load(Some(&path), &|_| None).is_ok());
    std::fs::write(&path, "mine").unwrap();
    let error = init::run(folder.path()).unwrap_err();
    assert!(error.to_string().contains("not overwritten"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert!(init::run(Path::new("/nowhere/at/all")).is_err());
}
