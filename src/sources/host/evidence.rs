//! What the processes of a run that prints nothing are doing: the states of their threads and what
//! they wait in (proc_pid_stat(5), proc_pid_wchan(5)), and how busy the GPUs are. A look, no judgement.

use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use super::gpu::Gpus;
use super::processes::{all, members};

/// Processes and threads that are looked at; a data loader has dozens.
const MOST_PROCESSES: usize = 8;
const MOST_THREADS: usize = 512;
/// A driver that hangs must not hold up what is to be told.
const PATIENCE: Duration = Duration::from_secs(2);

/// One line for each process of the command `root`, and one for the GPUs; empty where nothing can
/// be seen. `root` 0: there is no command.
pub fn of_hang(root: u32) -> Vec<String> {
    if root == 0 {
        return Vec::new();
    }
    let (tell, told) = sync_channel(1);
    let look = move || {
        let mut lines = processes(root);
        lines.extend(gpus());
        let _ = tell.send(lines);
    };
    if thread::Builder::new().name("evidence".to_owned()).spawn(look).is_err() {
        return Vec::new();
    }
    told.recv_timeout(PATIENCE).unwrap_or_default()
}

fn processes(root: u32) -> Vec<String> {
    let members = members(root, &all());
    let mut lines: Vec<String> =
        members.iter().take(MOST_PROCESSES).filter_map(|pid| process(*pid)).collect();
    if members.len() > MOST_PROCESSES {
        lines.push(format!("and {} more processes", members.len() - MOST_PROCESSES));
    }
    lines
}

/// `python3 (4711): 1 thread runs, 17 threads sleep in futex_wait_queue`.
fn process(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let mut doing: BTreeMap<String, usize> = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten().take(MOST_THREADS) {
        let Ok(stat) = fs::read(task.path().join("stat")) else { continue };
        let waits_in = fs::read_to_string(task.path().join("wchan")).unwrap_or_default();
        if let Some(state) = state(&stat) {
            *doing.entry(activity(state, &waits_in)).or_default() += 1;
        }
    }
    let count = |(activity, count): (&String, &usize)| match count {
        1 => format!("1 thread {activity}"),
        count => format!("{count} threads {activity}"),
    };
    let doing: Vec<String> = doing.iter().map(count).collect();
    Some(format!("{} ({pid}): {}", name.trim_end(), doing.join(", ")))
}

/// The letter behind `pid (name)`, whose name may hold anything.
fn state(stat: &[u8]) -> Option<u8> {
    let behind = memchr::memrchr(b')', stat)?;
    stat.get(behind + 2).copied()
}

/// `waits_in`: a function of the kernel; `0` or nothing where it is not told.
fn activity(state: u8, waits_in: &str) -> String {
    let doing = match state {
        b'R' => return "running".to_owned(),
        b'S' => "sleeping",
        b'D' => "waiting for a device",
        b'T' => return "stopped by a signal".to_owned(),
        b't' => return "stopped by a debugger".to_owned(),
        b'Z' | b'X' => return "dead".to_owned(),
        _ => "idle",
    };
    match waits_in.trim() {
        "" | "0" => doing.to_owned(),
        place => format!("{doing} in {place}"),
    }
}

fn gpus() -> Option<String> {
    let measured = Gpus::default().measure();
    let (_, busy) = measured.iter().find(|(name, _)| *name == "gpu.util")?;
    Some(format!("GPU: {busy} % busy (the least busy one)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_do_the_same_are_counted() {
        assert_eq!(activity(b'S', "futex_wait_queue"), "sleeping in futex_wait_queue");
        assert_eq!(activity(b'D', "0"), "waiting for a device");
        assert_eq!(activity(b'R', "0"), "running");
        assert_eq!(state(b"12 (a) b) S 1 2"), Some(b'S'));
        assert_eq!(state(b"12 (a"), None);
    }

    #[test]
    fn our_own_threads_are_seen() {
        let own = process(std::process::id()).unwrap();
        assert!(own.contains("running"), "{own}");
        assert!(of_hang(0).is_empty() && processes(u32::MAX).is_empty());
    }
}
