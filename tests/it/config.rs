//! The rules file from outside: what is right is taken, what is wrong is explained.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use trainwatch::config::{self, Config, ConfigError, EXAMPLE};
use trainwatch::engine::rules::{Rule, Trigger};

fn env(name: &str) -> Option<String> {
    Some(match name {
        "USER" => "ada".to_owned(),
        "SLACK_BOT_TOKEN" => "xoxb-from-env".to_owned(),
        "SLACK_WEBHOOK_URL" => "https://hooks.slack.com/services/T/B/from-env".to_owned(),
        _ => return None,
    })
}

fn compile(text: &str) -> Result<Config, ConfigError> {
    config::compile("rules.yaml", text, Path::new("/nowhere"), &env)
}

fn bad_rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bad_rules")
}

/// Each file there holds mistakes of one sort; beside it stands what the user is told.
#[test]
fn mistakes_are_explained() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(bad_rules())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() > 20);
    insta::allow_duplicates! {
        for file in files {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&file).unwrap();
            let Err(error) = compile(&text) else { panic!("{name} is right") };
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path("bad_rules");
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| insta::assert_snapshot!(name, error.render(false)));
        }
    }
}

fn rule_names(config: &Config) -> Vec<&str> {
    config.rules.rules.iter().map(|rule| rule.name.as_str()).collect()
}

#[expect(clippy::panic, reason = "a helper of tests")]
fn rule<'a>(config: &'a Config, name: &str) -> &'a Rule {
    let found = config.rules.rules.iter().find(|rule| rule.name == name);
    found.unwrap_or_else(|| panic!("no rule {name}"))
}

#[test]
fn the_example_is_right_as_it_stands() {
    let config = compile(EXAMPLE).unwrap();
    assert_eq!(config.channels.len(), 1);
    assert_eq!(config.secrets, Vec::<String>::new());
    assert_eq!(config.charts.len(), 2);
    assert_eq!(rule(&config, "diverged").stop, None);
    assert!(!rule(&config, "non-finite").builtin);
}

#[test]
fn the_example_is_right_with_all_its_settings_switched_on() {
    let on: String = EXAMPLE
        .lines()
        .map(|line| match line.split_once('#') {
            Some((indent, rest)) if indent.trim().is_empty() && !rest.starts_with([' ', '\n']) => {
                format!("{indent}{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let config = compile(&on).unwrap();
    assert_eq!(config.name.as_deref(), Some("resnet50"));
    assert_eq!(config.channels.len(), 4);
    assert_eq!(
        config.secrets[..2],
        ["xoxb-from-env", "https://hooks.slack.com/services/T/B/from-env"]
    );
    assert!(rule(&config, "diverged").stop.is_some());
}

/// Every key that can be written is shown in the example.
#[test]
fn the_example_shows_every_key() {
    let schema: serde_json::Value = serde_json::from_str(&config::schema::text()).unwrap();
    let mut keys = Vec::new();
    collect_keys(&schema, &mut keys);
    assert!(keys.len() > 30);
    for key in keys {
        assert!(EXAMPLE.contains(&format!("{key}:")), "{key} is missing");
    }
}

fn collect_keys(schema: &serde_json::Value, keys: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) {
        keys.extend(properties.keys().cloned());
    }
    match schema {
        serde_json::Value::Object(fields) => fields.values().for_each(|v| collect_keys(v, keys)),
        serde_json::Value::Array(items) => items.iter().for_each(|v| collect_keys(v, keys)),
        _ => {}
    }
}

/// After a change of the keys: UPDATE_SCHEMA=1 cargo test --test it schema
#[test]
fn the_schema_that_is_checked_in_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, config::schema::text()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), config::schema::text());
}

#[test]
fn a_file_without_content_means_the_builtin_rules() {
    let none = config::load(None, &env).unwrap();
    assert!(none.rules.auto_metrics);
    assert!(none.rules.rules.iter().all(|rule| rule.builtin));
    for text in ["", "\n", "# nothing\n", "---\n", "~", "{}", "rules:\n", "\u{feff}rules: []\r\n"] {
        let config = compile(text).unwrap();
        assert_eq!(rule_names(&config), rule_names(&none), "{text:?}");
        assert!(config.rules.auto_metrics);
    }
}

#[test]
fn a_rule_replaces_the_builtin_one_of_its_name() {
    let builtin = rule_names(&config::load(None, &env).unwrap()).len();
    let config = compile("rules: [{ name: b, match: x }, { name: stalled, silence: 5m }]").unwrap();
    assert_eq!(rule_names(&config)[..2], ["b", "stalled"]);
    assert_eq!(rule_names(&config).len(), builtin + 1);
    assert!(!rule(&config, "stalled").builtin);
    let config = compile("builtin: false\nrules: [{ name: b, match: x }]").unwrap();
    assert_eq!(rule_names(&config), ["b"]);
}

#[test]
fn triggers_are_read_as_they_are_written() {
    for (written, read) in [
        ("when: x > 1, for: 5 samples", "hold: Samples(5)"),
        ("when: x > 1, for: 1 sample", "hold: Samples(1)"),
        ("when: x > 1, for: 1h30m", "hold: Time(5400s)"),
        ("silence: 15m", "Silence { quiet: 900s, pattern: None, patient: false }"),
        ("silence: 15m, patient: true", "patient: true"),
        ("silence: 15m, match: saved", "pattern: Some(Regex(\"saved\"))"),
        ("exit: failure", "Exit(Failure)"),
        ("exit: 137", "Exit(Codes([137]))"),
        ("exit: [1, 137]", "Exit(Codes([1, 137]))"),
        ("every: 1h", "Every(Time(3600s))"),
        ("every: 10 epoch", "Every(Metric { amount: 10.0, metric: \"epoch\" })"),
        ("every: 10 epochs", "Every(Metric { amount: 10.0, metric: \"epoch\" })"),
        ("every: 10 m", "Every(Time(600s))"),
        ("every: 0.5 train/epoch", "Every(Metric { amount: 0.5, metric: \"train/epoch\" })"),
        ("elapsed: 2d", "Elapsed(172800s)"),
        ("match: 5", "Match { pattern: Regex(\"5\"), except: None, when: None, count: 1"),
        ("match: a, count: 2, within: 1m", "count: 2, within: Some(60s)"),
        ("non_finite: true", "NonFinite"),
    ] {
        let text = format!("rules: [{{ name: a, {written} }}]");
        let config = compile(&text).unwrap_or_else(|error| panic!("{error}"));
        let trigger = format!("{:?}", rule(&config, "a").trigger);
        assert!(trigger.contains(read), "{written}: {trigger}");
    }
}

#[test]
fn a_stop_has_a_signal_and_maybe_a_grace() {
    for (written, signal, grace) in [
        ("true", Some(15), None),
        ("{ grace: 30s }", Some(15), Some(30)),
        ("{ signal: SIGINT, grace: 1m }", Some(2), Some(60)),
        ("{ signal: kill }", Some(9), None),
        ("false", None, None),
    ] {
        let text = format!("rules: [{{ name: a, match: x, stop: {written} }}]");
        let stop = rule(&compile(&text).unwrap(), "a").stop;
        assert_eq!(stop.map(|stop| stop.signal), signal, "{written}");
        assert_eq!(stop.and_then(|stop| stop.grace).map(|g| g.as_secs()), grace, "{written}");
    }
}

#[test]
fn a_bot_has_a_heartbeat_unless_it_is_off() {
    use std::time::Duration;
    use trainwatch::channels::Settings;
    for (written, minutes) in [
        ("", Some(10)),
        (", heartbeat: 5m", Some(5)),
        (", heartbeat: off", None),
        (", heartbeat: false", None),
    ] {
        let text =
            format!("channels: {{ lab: {{ slack: {{ token: t, channel: C1{written} }} }} }}");
        let Settings::SlackBot { heartbeat, .. } = compile(&text).unwrap().channels[0].settings
        else {
            panic!("a bot")
        };
        assert_eq!(heartbeat, minutes.map(Duration::from_mins), "{written}");
    }
}

#[test]
fn what_comes_from_the_environment_cannot_change_the_structure() {
    let env = |_: &str| Some("x\nrules: [{ name: evil, match: x }]\n#".to_owned());
    let text = "builtin: false\nrules: [{ name: a, match: x, message: \"${A}\" }]\n";
    let config = config::compile("rules.yaml", text, Path::new(""), &env).unwrap();
    assert_eq!(rule_names(&config), ["a"]);
    assert!(rule(&config, "a").message.as_ref().is_some_and(|text| text.contains("evil")));
}

#[test]
fn merged_and_repeated_settings_are_those_of_the_anchor() {
    let text =
        "rules:\n  - &a { name: a, match: x, lines: 5 }\n  - { <<: *a, name: b, lines: 7 }\n";
    let config = compile(text).unwrap();
    assert_eq!((rule(&config, "a").lines, rule(&config, "b").lines), (5, 7));
    assert!(matches!(rule(&config, "b").trigger, Trigger::Match { .. }));
}

#[test]
fn a_pattern_in_a_block_has_no_newline_at_its_end() {
    let config = compile("rules:\n  - name: a\n    match: |\n      worker \\d+\n").unwrap();
    let Trigger::Match { pattern, .. } = &rule(&config, "a").trigger else { panic!() };
    assert!(pattern.is_match(b"worker 17"));
}

#[test]
fn files_that_are_none_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for (path, words) in [
        (folder.path().join("gone.yaml"), "there is no such file"),
        (folder.path().to_owned(), "this is a folder"),
        (write("large", &vec![b'#'; (1 << 20) + 1]), "larger than 1 MiB"),
        (write("latin", b"rules:\n# caf\xe9\n"), "line 2 holds bytes that are no UTF-8"),
        (write("nul", b"rules: \0"), "rules: "),
    ] {
        let error = config::load(Some(&path), &env).unwrap_err();
        assert_eq!(error.count(), 1);
        let text = error.render(false);
        assert!(text.contains(words) && text.contains(&path.display().to_string()), "{text}");
    }
}

#[test]
fn a_broken_condition_is_shown_where_it_breaks() {
    for condition in ["max(loss > 3", "'max(loss > 3'", "|\n      max(loss\n      > 3"] {
        let text = format!("rules:\n  - name: a\n    when: {condition}\n");
        let error = compile(&text).unwrap_err();
        let report = error.render(false);
        assert_eq!(error.count(), 1);
        assert!(report.contains("`when` is no valid condition: "), "{report}");
        assert!(
            ["--> rules.yaml:3:", "--> rules.yaml:4:", "--> rules.yaml:5:"]
                .iter()
                .any(|place| report.contains(place)),
            "{report}"
        );
    }
}

#[test]
fn control_characters_of_the_file_do_not_reach_the_terminal() {
    for text in
        ["run: { name: x }\nrul\u{1b}[31mez: []\n", "a: \u{1b}]0;title\u{7}\n", "\"\\e[31m\": 1\n"]
    {
        let report = compile(text).unwrap_err().render(false);
        assert!(!report.contains(['\u{1b}', '\u{7}']), "{report:?}");
    }
}

#[test]
fn a_long_rules_file_has_a_bounded_report() {
    let text = "rules:\n".to_owned() + &"  - { name: a, mach: x }\n".repeat(400);
    let error = compile(&text).unwrap_err();
    assert_eq!(error.count(), 400 + 399);
    let report = error.render(false);
    assert!(report.contains("(the first 40 are shown)"), "{report}");
    assert!(report.lines().count() < 400);
}

#[test]
fn the_rules_file_is_searched_where_the_user_expects_it() {
    let here = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let of_home = home.path().join(".config/watch/rules.yaml");
    let home_text = home.path().display().to_string();
    let env = |name: &str| (name == "HOME").then(|| home_text.clone());
    assert_eq!(config::find_rules_file(here.path(), &env), None);

    std::fs::create_dir_all(of_home.parent().unwrap()).unwrap();
    std::fs::write(&of_home, "").unwrap();
    assert_eq!(config::find_rules_file(here.path(), &env), Some(of_home));

    let own = here.path().join("rules.yaml");
    std::fs::write(&own, "").unwrap();
    assert_eq!(config::find_rules_file(here.path(), &env), Some(own));

    let named = |name: &str| (name == "WATCH_RULES").then(|| "gone.yaml".to_owned());
    assert_eq!(config::find_rules_file(here.path(), &named), Some("gone.yaml".into()));
}

/// What people do to a file: cut, repeat, put something in the wrong place.
fn mutated() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\t",
        "\n",
        "- ",
        ": ",
        "#",
        "'",
        "\"",
        "{",
        "}",
        "[",
        "]",
        "*a",
        "&a ",
        "<<: *a",
        "!x ",
        "|\n",
        "${",
        "${USER}",
        "${file:/}",
        "{{",
        "}}",
        "{num}",
        "é",
        "\u{feff}",
        "\r",
        "\0",
        "---\n",
        "(",
        ")",
        "\\",
        "0",
        "-1",
        "99999999999999999999",
        "~",
        "%",
        "@",
        "😀",
    ]);
    let edit = (any::<prop::sample::Index>(), 0..40_usize, pieces);
    prop::collection::vec(edit, 1..8).prop_map(|edits| {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for (place, cut, piece) in edits {
            let start = place.index(text.len());
            let end = (start + cut / 2).min(text.len());
            text.splice(start..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

/// Pieces of YAML and of rules in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "rules:",
        "\n",
        "  ",
        "- ",
        "name: ",
        "a",
        "match: ",
        "when: ",
        "channels:",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "'",
        "\"",
        "&a ",
        "*a",
        "<<: ",
        "|",
        ">",
        "\n    ",
        "\n  - ",
        "${USER}",
        "${",
        "{num}",
        "(?<x>",
        ")",
        "stop: ",
        "exit: ",
        "for: ",
        "5m",
        "é",
        ": ",
        "? ",
        "!!str ",
        "# ",
        "~",
        "---\n",
        "\r\n",
        "\t",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_it_panic_and_every_place_is_one_of_the_file(
        text in prop_oneof![mutated(), soup()],
    ) {
        if let Err(error) = compile(&text) {
            prop_assert!(error.count() > 0);
            let lines = text.lines().count().max(1);
            let report = error.render(false);
            prop_assert!(error.render(true).len() >= report.len());
            let places = report.lines().filter_map(|line| line.trim_start().strip_prefix("--> rules.yaml:"));
            for place in places {
                let line: usize = place.split(':').next().unwrap().parse().unwrap();
                prop_assert!((1..=lines + 1).contains(&line), "{}", report);
            }
        }
    }
}
