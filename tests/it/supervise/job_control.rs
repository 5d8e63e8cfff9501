//! On a terminal: keys, job control, window size, settings.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use super::terminal::Terminal;
use super::{PATIENCE, WATCH, line, script};
use crate::support::bounded::Bounded as _;
use crate::support::sandbox::until;

/// `watch -- child.py ARGS` as a job.
fn start(place: &str, args: &[&str]) -> Terminal {
    let script = script();
    let args = [&["--", "python3", &script], args].concat();
    Terminal::start(place, WATCH, &args)
}

/// The same with its output into `fifo`, so that its input and stderr alone are the terminal.
fn start_into(fifo: &Path, place: &str, args: &[&str]) -> (Terminal, BufReader<File>) {
    assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    let script = script();
    let shell = format!("exec \"$0\" -- python3 \"$@\" > '{}'", fifo.display());
    let args = [&["-c", &shell, WATCH, &script], args].concat();
    let terminal = Terminal::start(place, "sh", &args);
    // Open for both, nobody waits for the other side to be there, see fifo(7).
    let reader = File::options().read(true).write(true).open(fifo).unwrap();
    (terminal, BufReader::new(reader))
}

#[test]
fn its_streams_are_terminals_where_ours_are() {
    let mut terminal = start("fg", &["ttys"]);
    terminal.until("tty tty tty\r\n");
    terminal.until("on stderr\r\n");
    assert_eq!(terminal.report(), "ended 0 cooked");

    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, mut lines) = start_into(&folder.path().join("out"), "fg", &["ttys"]);
    assert_eq!(line(&mut lines), "tty no tty");
    terminal.until("on stderr\r\n");
    assert_eq!(terminal.report(), "ended 0 cooked");
}

#[test]
fn keys_reach_it_and_the_settings_are_restored() {
    let mut terminal = start("fg", &["echo-lines"]);
    terminal.until("ready\r\n");
    terminal.type_keys(b"hello\r");
    terminal.until("<hello>\r\n");
    // Ctrl-D is the end of its input.
    terminal.type_keys(&[4]);
    assert_eq!(terminal.report(), "ended 0 cooked");
}

#[test]
fn the_settings_are_restored_after_any_death() {
    for signal in [2, 9, 11, 15] {
        let mut terminal = start("fg", &["die", &signal.to_string()]);
        assert_eq!(terminal.report(), format!("ended -{signal} cooked"));
    }
    let mut terminal = start("fg", &["wait"]);
    terminal.until("ready\r\n");
    super::kill(terminal.pid, 15);
    assert_eq!(terminal.report(), "ended -15 cooked");
}

#[test]
fn the_window_size_follows_ours() {
    let mut terminal = start("fg", &["size"]);
    terminal.until("size 100x30\r\n");
    terminal.resize(90, 20);
    terminal.until("size 90x20\r\n");
    terminal.resize(120, 40);
    terminal.until("size 120x40\r\n");
}

#[test]
fn without_a_terminal_the_window_is_never_empty() {
    let mut command = Command::new(WATCH);
    super::isolate(&mut command);
    command.args(["--pty", "always", "--", "stty", "size"]);
    let output =
        command.env("COLUMNS", "132").env_remove("LINES").stdin(Stdio::null()).capture().unwrap();
    // stty asks its input, which is no terminal here; so ask the output.
    assert!(!output.status.success());
    let mut command = Command::new(WATCH);
    super::isolate(&mut command);
    let ask = "import os; print(tuple(os.get_terminal_size(1)))";
    command.args(["--pty", "always", "--", "python3", "-c", ask]);
    let output =
        command.env("COLUMNS", "132").env_remove("LINES").stdin(Stdio::null()).capture().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "(132, 24)\n");
}

#[test]
fn ctrl_c_reaches_it_once() {
    let mut terminal = start("fg", &["log-signals", "SIGINT"]);
    terminal.until("ready\r\n");
    for _ in 0..5 {
        terminal.type_keys(&[3]);
        terminal.until("SIGINT\r\n");
    }
    super::kill(terminal.pid, 12);
    assert_eq!(terminal.until("bye\r\n"), "");
    assert_eq!(terminal.report(), "ended 0 cooked");
}

#[test]
fn ctrl_c_reaches_it_once_when_its_output_is_piped() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["log-signals", "SIGINT"];
    let (mut terminal, mut lines) = start_into(&folder.path().join("out"), "fg", &args);
    assert_eq!(line(&mut lines), "ready");
    for _ in 0..5 {
        terminal.type_keys(&[3]);
        assert_eq!(line(&mut lines), "SIGINT");
    }
    super::kill(terminal.pid, 12);
    assert_eq!(line(&mut lines), "bye");
    assert_eq!(terminal.report(), "ended 0 cooked");
}

#[test]
fn ctrl_c_ends_a_script_that_runs_us_in_a_loop() {
    let shell = "for i in 1 2 3; do \"$0\" -- python3 \"$@\"; done; echo survived";
    let mut terminal = Terminal::start("fg", "bash", &["-c", shell, WATCH, &script(), "wait"]);
    terminal.until("ready\r\n");
    terminal.type_keys(&[3]);
    assert_eq!(terminal.report(), "ended -2 cooked");
}

#[test]
fn ctrl_z_stops_it_and_us_and_fg_continues_both() {
    let mut terminal = start("fg", &["echo-lines"]);
    terminal.until("ready\r\n");
    for word in ["one", "two"] {
        terminal.type_keys(&[26]);
        assert_eq!(terminal.report(), "stopped SIGTSTP cooked");
        terminal.order("fg");
        terminal.type_keys(format!("{word}\r").as_bytes());
        terminal.until(&format!("<{word}>\r\n"));
    }
    terminal.type_keys(&[4]);
    assert_eq!(terminal.report(), "ended 0 cooked");
}

#[test]
fn ctrl_z_works_when_its_output_is_piped() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, mut lines) = start_into(&folder.path().join("out"), "fg", &["echo-lines"]);
    assert_eq!(line(&mut lines), "ready");
    terminal.type_keys(&[26]);
    assert_eq!(terminal.report(), "stopped SIGTSTP cooked");
    terminal.order("fg");
    terminal.type_keys(b"one\n");
    assert_eq!(line(&mut lines), "<one>");
    terminal.type_keys(&[4]);
    assert_eq!(terminal.report(), "ended 0 cooked");
}

#[test]
fn ctrl_z_in_the_pause_before_a_restart_stops_us_and_fg_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let life = format!(
        "[ -e '{0}' ] || {{ touch '{0}'; exit 3; }}; read line; echo \"<$line>\"",
        folder.path().join("mark").display()
    );
    let args = ["--restart", "on-failure", "--", "sh", "-c", &life];
    let mut terminal = Terminal::start("fg", WATCH, &args);
    terminal.until("started again in");
    // Where this machine is slow, it stops the next process instead.
    terminal.type_keys(&[26]);
    assert_eq!(terminal.report(), "stopped SIGTSTP cooked");
    terminal.order("fg");
    terminal.type_keys(b"hello\r");
    terminal.until("<hello>");
    assert_eq!(terminal.report(), "ended 0 cooked");
}

#[test]
fn a_job_of_the_background_runs_and_takes_keys_when_it_comes_to_the_front() {
    for order in ["fg", "front"] {
        let mut terminal = start("bg", &["echo-lines"]);
        // The shell's settings hold, which may add a carriage return.
        terminal.until("ready\r");
        terminal.order(order);
        terminal.type_keys(b"hello\n");
        terminal.until("<hello>\r\n");
        terminal.type_keys(&[4]);
        assert_eq!(terminal.report(), "ended 0 cooked");
    }
}

/// Its input had no end of line and no end.
#[test]
fn a_job_of_the_background_was_given_the_settings_with_which_the_shell_edits_its_line() {
    let mut terminal = start("bg", &["echo-lines"]);
    terminal.until("ready\r");
    terminal.order("fg");
    terminal.type_keys(b"hello\r");
    terminal.until("<hello>\r\n");
    terminal.type_keys(&[4]);
    assert_eq!(terminal.report(), "ended 0 cooked");
}

#[test]
fn a_job_of_the_background_that_reads_the_terminal_itself_stops_as_without_us() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, mut lines) = start_into(&folder.path().join("out"), "bg", &["echo-lines"]);
    // On a machine that is very busy it may have stopped before it has shown the first line.
    assert!(terminal.report().starts_with("stopped "));
    terminal.order("fg");
    assert_eq!(line(&mut lines), "ready");
    terminal.type_keys(b"hello\n");
    assert_eq!(line(&mut lines), "<hello>");
    terminal.type_keys(&[4]);
    assert_eq!(terminal.report(), "ended 0 cooked");
}

#[test]
fn a_signal_to_a_job_reaches_it_once() {
    let mut terminal = start("fg", &["log-signals", "SIGTERM"]);
    terminal.until("ready\r\n");
    for _ in 0..5 {
        terminal.order("kill SIGTERM");
        terminal.until("SIGTERM\r\n");
    }
    super::kill(terminal.pid, 12);
    assert_eq!(terminal.until("bye\r\n"), "");
}

#[test]
fn a_terminal_that_is_gone_ends_the_command_but_with_nohup() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let script = script();
    let args = |option: &'static [&'static str]| {
        [option, &["--", "python3", &script, "ticks", mark.to_str().unwrap()]].concat()
    };
    let mut terminal = Terminal::start("fg", WATCH, &args(&["--nohup"]));
    let pid: i32 = first_line(&mut terminal);
    terminal.hang_up();
    let before = std::fs::metadata(&mark).unwrap().len();
    until("it goes on", || std::fs::metadata(&mark).unwrap().len() >= before + 100);
    super::kill(pid, 9);

    let mut terminal = Terminal::start("fg", WATCH, &args(&[]));
    let pid = first_line(&mut terminal);
    let process = rustix::process::Pid::from_raw(pid).unwrap();
    let process = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty());
    let process = process.unwrap();
    terminal.hang_up();
    let fds = &mut [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
    assert_eq!(rustix::event::poll(fds, Some(&PATIENCE)), Ok(1), "it ends");
}

/// The process that `ticks` names.
fn first_line(terminal: &mut Terminal) -> i32 {
    terminal.until("\r\n").trim().parse().unwrap()
}
