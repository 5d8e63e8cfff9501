//! What can be seen outside of the output that may explain an end.
//!
//! Cheap looks at /proc, /sys and statvfs, each of which may fail: then there is no clue.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use crate::engine::input::Clue;

/// A file system with less left than this is full.
const FULL: u64 = 1024 * 1024;
/// Holders of the output that are named at most.
const HOLDERS: usize = 16;
/// Descriptors that are looked at at most.
const LOOKS: usize = 200_000;

/// Watches `oom_kill` of our cgroup: in memory.events, see the kernel's cgroup-v2 document, or with
/// version 1 in memory.oom_control, see its memory document (since Linux 4.13). The counter may be
/// above zero long before the run, so that only its rise says something.
#[derive(Debug)]
pub(crate) struct OomWatch {
    events: PathBuf,
    before: u64,
}

impl OomWatch {
    /// None where no such counter can be read.
    pub(crate) fn start() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        events_paths(&groups, Path::new("/sys/fs/cgroup")).into_iter().find_map(|events| {
            let before = oom_kills(&fs::read_to_string(&events).ok()?)?;
            Some(Self { events, before })
        })
    }

    pub(crate) fn clue(&self) -> Option<Clue> {
        let now = oom_kills(&fs::read_to_string(&self.events).ok()?)?;
        let count = now.checked_sub(self.before).filter(|&count| count > 0)?;
        Some(Clue::OomKills { count })
    }
}

/// Where the counter may be, the best first. `groups` is /proc/self/cgroup, see cgroups(7): `0::/path`
/// is the line of version 2, `4:memory:/path` one of version 1, whose path a container may not see:
/// there its own group is the root.
fn events_paths(groups: &str, root: &Path) -> Vec<PathBuf> {
    let new = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let old = groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(":/")?;
        controllers.split(',').any(|controller| controller == "memory").then_some(path)
    });
    let new = new.map(|path| root.join(path).join("memory.events"));
    let old = old.into_iter().flat_map(|path| [path, ""]);
    let old = old.map(|path| root.join("memory").join(path).join("memory.oom_control"));
    new.into_iter().chain(old).collect()
}

fn oom_kills(events: &str) -> Option<u64> {
    events.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// No space is left where the run works.
pub(crate) fn disk_full() -> Option<Clue> {
    let path = std::env::current_dir().ok()?;
    let stat = statvfs(&path).ok()?;
    // Some file systems count no blocks at all.
    let full = stat.f_blocks > 0 && stat.f_bavail.saturating_mul(stat.f_frsize) < FULL;
    full.then(|| Clue::DiskFull { path: path.to_string_lossy().into_owned() })
}

/// Of a process, as the kernel has it: 15 bytes at most, see proc_pid_comm(5).
pub(crate) fn program_name(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(&name).trim_end().to_owned();
    (!name.is_empty()).then_some(name)
}

/// The batch job that the run executes under; `extra_env` goes before our own environment.
pub(crate) fn slurm_job(extra_env: &[(OsString, OsString)]) -> Option<Clue> {
    let name = "SLURM_JOB_ID";
    let extra = extra_env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let id = extra.or_else(|| std::env::var_os(name))?.to_string_lossy().into_owned();
    (!id.is_empty()).then_some(Clue::SlurmJob { id })
}

/// Who still holds one of `outputs` open, as /proc/PID/fd names them: `pipe:[4711]`, `/dev/pts/3`.
/// Processes of others cannot be looked into. `ours` are not meant.
pub(crate) fn held_by(outputs: &[PathBuf], ours: &[u32]) -> BTreeSet<u32> {
    let (mut pids, mut looks) = (BTreeSet::new(), 0);
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        for descriptor in descriptors.flatten() {
            looks += 1;
            if !ours.contains(&pid)
                && fs::read_link(descriptor.path()).is_ok_and(|to| outputs.contains(&to))
            {
                pids.insert(pid);
                break;
            }
        }
        if pids.len() >= HOLDERS || looks >= LOOKS {
            break;
        }
    }
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_cgroups_are_read() {
        for (groups, expected) in [
            ("0::/user.slice/run.scope\n", &["user.slice/run.scope/memory.events"][..]),
            ("0::/\n", &["memory.events"]),
            (
                "5:hugetlb,memory:/slurm/job_1\n1:name=systemd:/\n0::/\n",
                &[
                    "memory.events",
                    "memory/slurm/job_1/memory.oom_control",
                    "memory/memory.oom_control",
                ],
            ),
            ("5:cpu:/docker/1\nmemory\n", &[]),
        ] {
            let paths = events_paths(groups, Path::new("/cgroup"));
            let expected: Vec<_> =
                expected.iter().map(|path| Path::new("/cgroup").join(path)).collect();
            assert_eq!(paths, expected, "{groups}");
        }
    }

    #[test]
    fn oom_kill_is_not_taken_from_its_neighbours() {
        assert_eq!(oom_kills("low 0\noom 7\noom_kill 3\noom_group_kill 9\n"), Some(3));
        assert_eq!(oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"), Some(1));
        assert_eq!(oom_kills("oom 7\noom_group_kill 9\n"), None);
        assert_eq!(oom_kills("oom_kill x\n"), None);
    }

    #[test]
    fn an_oom_kill_from_before_the_run_is_no_clue() {
        let folder = tempfile::tempdir().unwrap();
        let events = folder.path().join("memory.events");
        fs::write(&events, "oom_kill 3\n").unwrap();
        let watch = OomWatch { events: events.clone(), before: 3 };
        assert_eq!(watch.clue(), None);
        fs::write(&events, "oom_kill 5\n").unwrap();
        assert_eq!(watch.clue(), Some(Clue::OomKills { count: 2 }));
        fs::remove_file(&events).unwrap();
        assert_eq!(watch.clue(), None);
    }

    #[test]
    fn the_environment_of_the_command_names_the_job() {
        let env = [("SLURM_JOB_ID".into(), "42".into())];
        assert_eq!(slurm_job(&env), Some(Clue::SlurmJob { id: "42".into() }));
    }
}
