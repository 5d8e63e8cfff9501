//! The whole program, as the README shows it: a real training run in each of its ways to end.

use std::fs;

use crate::support::bounded::Bounded as _;
use crate::support::sandbox::{Outcome, Sandbox, WATCH, train_script, with_input};
use crate::support::slack::FakeSlack;

/// The channel that the fake Slack's bot is in.
const TRAINING: &str = "#training";

/// What the run prints without us.
fn bare(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    let script = train_script();
    let words = [&[script.to_str().expect("UTF-8"), "--pause", "0"], args].concat();
    Outcome::of(sandbox.command("python3", words).capture().expect("python3 runs"))
}

#[test]
fn a_run_that_finishes_ends_with_its_outcome_metrics_and_a_chart() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.train(&[], &[]);
    outcome.ends_with(0).says("train.py finished in").says("val_loss").says("chart.png");
    assert_eq!(outcome.stdout, bare(&sandbox, &[]).stdout);
    let chart = chart_of(&sandbox);
    assert!(chart.starts_with(b"\x89PNG"), "no PNG");
}

/// The chart that the only run of this sandbox left.
fn chart_of(sandbox: &Sandbox) -> Vec<u8> {
    let runs = sandbox.state().join("runs");
    let run = fs::read_dir(runs).expect("runs").next().expect("a run").expect("an entry");
    fs::read(run.path().join("chart.png")).expect("a chart")
}

#[test]
fn a_crash_is_told_with_its_exception_and_place() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.train(&[], &["--fail", "crash"]);
    outcome
        .ends_with(1)
        .says("train.py failed after")
        .says("ValueError: batch 15: expected 32 samples, found 16")
        .says("load_batch");
    // The program's own traceback goes to standard error untouched.
    outcome.says(&bare(&sandbox, &["--fail", "crash"]).stderr);
}

#[test]
fn a_loss_that_turns_nan_is_told_once_though_the_run_exits_with_0() {
    let outcome = Sandbox::new().train(&[], &["--fail", "nan"]);
    outcome.ends_with(0).says("loss is nan").says("train.py finished in");
    assert_eq!(outcome.stderr.matches(" loss is nan").count(), 1, "{}", outcome.stderr);
}

#[test]
fn a_killed_run_is_told_without_a_guess_and_we_die_the_same_way() {
    let outcome = Sandbox::new().train(&[], &["--fail", "kill"]);
    assert_eq!((outcome.code, outcome.signal), (None, Some(9)));
    outcome.says("was killed by SIGKILL").says("not proven").says_nothing_of("out of memory");
}

#[test]
fn a_run_out_of_memory_is_told_in_the_programs_own_words() {
    let outcome = Sandbox::new().train(&[], &["--fail", "memory"]);
    outcome.ends_with(1).says("MemoryError");
}

#[test]
fn a_run_that_gives_up_is_told_with_its_last_words_and_status() {
    let outcome = Sandbox::new().train(&[], &["--fail", "exit"]);
    outcome.ends_with(3).says("validation set is empty").says("exit status 3");
}

#[test]
fn a_run_that_hangs_is_noticed_and_stopped_by_a_rule() {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", "rules:\n  - name: stuck\n    silence: 1s\n    stop: true\n");
    let outcome = sandbox.train(&[], &["--fail", "hang"]);
    assert_eq!(outcome.signal, Some(15), "{}", outcome.stderr);
    outcome.says("no output for 1s").says("SIGTERM").says("stuck");
}

#[test]
fn slack_gets_the_end_with_text_and_image_in_one_message() {
    let slack = FakeSlack::start();
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_BOT_TOKEN", &slack.token);
    sandbox.set("SLACK_CHANNEL_ID", "#training");
    sandbox.set("SLACK_API_URL", &slack.api_url);
    let outcome = sandbox.train(&["--linger", "60s"], &["--fail", "crash"]);
    outcome.ends_with(1).says_nothing_of(&slack.token);
    slack.assert_no_violations();
    let messages = slack.messages(TRAINING);
    let view = slack.view(TRAINING);
    // A run of two seconds or more has a card, to which its end replies.
    let (root, end) = (&messages[0], &messages[messages.len() - 1]);
    assert!(messages.len() <= 2 && root.thread.is_none(), "{view}");
    assert!(messages.len() == 1 || end.thread.as_ref() == Some(&root.ts), "{view}");
    assert_eq!(end.files.len(), 1, "{view}");
    assert!(end.text.contains("ValueError: batch 15"), "{view}");
    assert!(root.text.contains("ValueError: batch 15"), "{view}");
}

#[test]
fn a_webhook_gets_a_message_that_is_complete_in_itself() {
    let slack = FakeSlack::start();
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_WEBHOOK_URL", &slack.webhook_url);
    let outcome = sandbox.train(&["--linger", "60s"], &[]);
    outcome.ends_with(0);
    slack.assert_no_violations();
    let view = slack.view("webhook");
    assert!(view.contains("train.py finished in"), "{view}");
}

#[test]
fn a_dead_endpoint_changes_neither_the_run_nor_its_status() {
    let mut sandbox = Sandbox::new();
    // Nobody listens on the discard port of this machine.
    sandbox.set("SLACK_WEBHOOK_URL", "http://127.0.0.1:9/services/T000/B000/nobody-is-here");
    let outcome = sandbox.train(&["--linger", "1s"], &["--fail", "exit"]);
    outcome.ends_with(3).says("1 message not delivered yet").says_nothing_of("nobody-is-here");
    assert_eq!(outcome.stdout, bare(&sandbox, &["--fail", "exit"]).stdout);
}

#[test]
fn dry_run_shows_the_messages_and_sends_none() {
    let slack = FakeSlack::start();
    let mut sandbox = Sandbox::new();
    sandbox.set("SLACK_WEBHOOK_URL", &slack.webhook_url);
    sandbox.train(&["--dry-run"], &[]).ends_with(0).says("train.py finished in");
    assert!(slack.calls().is_empty());
}

#[test]
fn replay_of_the_same_output_shows_the_same_alerts() {
    let sandbox = Sandbox::new();
    for (fail, exit) in [("nan", "0"), ("crash", "1"), ("exit", "3")] {
        let live = sandbox.train(&["--log", "train.log"], &["--fail", fail]);
        let replay = sandbox.watch(["replay", "--exit", exit, "train.log"]);
        replay.ends_with(0);
        for title in
            ["loss is nan", "ValueError: batch 15", "validation set is empty", "finished in"]
        {
            assert_eq!(
                live.stderr.contains(title),
                replay.stdout.contains(title),
                "{title}: {}\n--\n{}",
                live.stderr,
                replay.stdout
            );
        }
        fs::remove_file(sandbox.work().join("train.log")).expect("the log");
    }
}

#[test]
fn the_line_that_is_to_be_explained_is_itself_looked_at() {
    let sandbox = Sandbox::new();
    sandbox.write("a.log", "step 1 loss 2.5\nstep 2 loss nan\nstep 3 loss 0.5\n");
    let explained = |line| sandbox.watch(["replay", "--explain", line, "a.log"]);
    explained("1").prints("metrics: step = 1, loss = 2.5").prints("[non-finite] does not fire");
    explained("2").prints("metrics: step = 2, loss = nan").prints("[non-finite] fires");
    explained("3").prints("metrics: step = 3, loss = 0.5");
}

#[test]
fn a_rule_that_names_a_metric_in_another_way_than_the_run_is_told_of() {
    let sandbox = Sandbox::new();
    sandbox.write("rules.yaml", "rules:\n  - name: high\n    when: loss > 3\n");
    let printing = |text: &str| sandbox.watch(["--", "sh", "-c", &format!("echo '{text}'")]);
    let hint = "a rule names `loss`, which was not printed so far; did you mean `Train/Loss`?";
    printing("Train: Loss=5.0 lr=0.1").ends_with(0).says(hint);
    printing("loss=5.0 train_loss=6.0").ends_with(0).says_nothing_of("did you mean");
    sandbox.write("a.log", "Train: Loss=5.0 lr=0.1\n");
    sandbox.watch(["replay", "a.log"]).ends_with(0).prints(hint);
}

#[test]
fn replay_in_json_has_one_object_a_line_and_ends_with_the_figures() {
    let sandbox = Sandbox::new();
    sandbox.write("a.log", "step 1 loss 2.5\nstep 2 loss nan\n");
    let outcome = sandbox.watch(["replay", "--json", "--exit", "0", "a.log"]);
    let objects: Vec<serde_json::Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kind = |index: usize| objects[index]["type"].as_str().unwrap_or_default().to_owned();
    assert_eq!(kind(objects.len() - 1), "end");
    let loss = objects.iter().find(|object| object["metric"] == "loss").expect("a sample");
    assert_eq!(
        (loss["value"].as_f64(), loss["text"].as_str(), loss["line"].as_u64()),
        (Some(2.5), Some("2.5"), Some(1))
    );
    let alerts = objects.iter().filter(|object| object["type"] == "alert").count();
    assert_eq!(objects[objects.len() - 1]["alerts"], alerts);
    assert!(alerts >= 2, "{}", outcome.stdout);
}

#[test]
fn our_own_failures_have_their_own_status_and_come_before_the_start() {
    let sandbox = Sandbox::new();
    let touched = sandbox.work().join("touched");
    let touch = ["--", "touch", touched.to_str().expect("UTF-8")];
    sandbox.write("bad.yaml", "rules:\n  - name: a\n    mtach: x\n");
    let outcome = sandbox.watch([&["--rules", "bad.yaml"], &touch[..]].concat());
    outcome.ends_with(125).says("bad.yaml:3").says("match");
    assert!(!touched.exists());
    sandbox.watch([&["--to", "nowhere"], &touch[..]].concat()).ends_with(125).says("nowhere");
    sandbox
        .watch([&["--rules", "missing.yaml"], &touch[..]].concat())
        .ends_with(125)
        .says("missing.yaml");
    sandbox.watch(["--nonsense", "--", "true"]).ends_with(125);
    sandbox.watch(["--quiet"]).ends_with(125).says("watch -- COMMAND");
    assert!(!touched.exists());
    sandbox.watch(["--", "no-such-program"]).ends_with(127).says("no-such-program");
    let script = sandbox.write("script.sh", "true\n");
    sandbox.watch(["--", script.to_str().expect("UTF-8")]).ends_with(126).says("script.sh");
    sandbox.watch(["--", "/"]).ends_with(126);
}

#[test]
fn calls_of_the_other_watch_are_handed_over() {
    use std::os::unix::fs::PermissionsExt;
    let mut sandbox = Sandbox::new();
    let bin = sandbox.work().join("bin");
    fs::create_dir(&bin).expect("a folder");
    let other = bin.join("watch");
    fs::write(&other, "#!/bin/sh\necho procps \"$@\"\n").expect("a script");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).expect("executable");
    sandbox.set("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
    assert_eq!(sandbox.watch(["-n1", "nvidia-smi", "-L"]).stdout, "procps -n1 nvidia-smi -L\n");
    sandbox.watch(["--help"]).ends_with(0);
    sandbox.set("PATH", "/nowhere");
    sandbox.watch(["-n1", "ls"]).ends_with(127).says("watch -- -n1 ls");
}

#[test]
fn every_rule_of_the_example_file_runs() {
    let sandbox = Sandbox::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/rules.example.yaml");
    let mut sandbox = sandbox;
    for name in ["SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL"] {
        sandbox.set(name, "https://hooks.slack.com/services/T000/B000/example");
    }
    sandbox.watch(["check", example]).ends_with(0);
    sandbox.train(&["--rules", example, "--dry-run"], &["--fail", "nan"]).ends_with(0);
}

#[test]
fn init_writes_a_file_that_check_accepts_and_never_overwrites() {
    let sandbox = Sandbox::new();
    sandbox.watch(["init"]).ends_with(0);
    sandbox.watch(["check"]).ends_with(0);
    sandbox.watch(["init"]).ends_with(1).says("rules.yaml");
}

#[test]
fn standard_input_reaches_the_command_to_its_end() {
    let sandbox = Sandbox::new();
    let input: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let outcome = with_input(sandbox.command(WATCH, ["--", "sha256sum"]), &input);
    let bare = with_input(sandbox.command("sha256sum", [] as [&str; 0]), &input);
    assert_eq!(outcome.stdout, bare.stdout);
}

#[test]
fn the_output_is_byte_exact_whatever_it_is() {
    let sandbox = Sandbox::new();
    let input: Vec<u8> =
        (0..3_000_000u32).map(|x| (x.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let path = sandbox.work().join("noise");
    fs::write(&path, &input).expect("a file");
    let output = sandbox.command(WATCH, ["--", "cat", "noise"]).capture().expect("watch runs");
    assert!(output.stdout == input, "{} of {} bytes", output.stdout.len(), input.len());
}

#[test]
fn secrets_of_the_command_line_are_masked() {
    let sandbox = Sandbox::new();
    let outcome =
        sandbox.watch(["--", "sh", "-c", "echo api_key=s3cr3t-from-arguments >&2; exit 1"]);
    let ours = outcome.stderr.replacen("api_key=s3cr3t-from-arguments\n", "", 1);
    assert!(!ours.contains("s3cr3t-from-arguments"), "{ours}");
}

#[test]
fn what_was_held_back_is_said_at_an_end_that_no_message_tells() {
    let sandbox = Sandbox::new();
    let rule = "rules: [{ name: skipped, match: skipped, cooldown: 1h }]\n";
    for (builtin, said) in [(false, true), (true, false)] {
        sandbox.write("rules.yaml", &format!("builtin: {builtin}\n{rule}"));
        let words = ["--rules", "rules.yaml", "--", "printf", "skipped\n\nskipped\nskipped\n"];
        let seen = sandbox.watch(words);
        assert_eq!(seen.stderr.contains("told nowhere: skipped (2)"), said, "{}", seen.stderr);
        seen.ends_with(0);
    }
}

#[test]
fn a_run_whose_command_was_not_found_was_listed_as_unwatched() {
    let sandbox = Sandbox::new();
    sandbox.watch(["--", "no-such-command"]).ends_with(127);
    let list = sandbox.watch(["runs"]);
    list.prints("not started").prints("no-such-command: command not found");
    let id = list.stdout.lines().last().and_then(|line| line.split(' ').next()).expect("a run");
    let detail = sandbox.watch(["runs", id]);
    detail.prints("no-such-command could not be started").prints("command not found");
}
