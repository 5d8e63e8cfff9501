//! Memory that is left: of the machine (proc_meminfo(5)), or of the control group whose limit is
//! nearer (the kernel's documents on cgroup v2 and on the memory controller of v1).

use std::fs;
use std::path::Path;

/// In bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Memory {
    pub(super) free: f64,
    all: f64,
}

impl Memory {
    pub(super) fn used(self) -> f64 {
        (self.all - self.free).max(0.0)
    }
}

/// Of the machine and all control groups that we are in, the one with the least left.
pub(super) fn read() -> Option<Memory> {
    let machine = machine(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = groups_of(&groups, Path::new("/sys/fs/cgroup"));
    groups.into_iter().chain([machine]).min_by(|a, b| a.free.total_cmp(&b.free))
}

fn machine(meminfo: &str) -> Option<Memory> {
    let bytes = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? as f64 * 1024.0)
    };
    Some(Memory { free: bytes("MemAvailable:")?, all: bytes("MemTotal:")? })
}

/// Where a version of control groups keeps a group's limit and use, and the line of `memory.stat`
/// with what was read from files long ago and can be dropped at once.
struct Files {
    limit: &'static str,
    used: &'static str,
    droppable: &'static str,
}

const V2: Files =
    Files { limit: "memory.max", used: "memory.current", droppable: "inactive_file " };
const V1: Files = Files {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    droppable: "total_inactive_file ",
};

/// The groups with a limit. `list` is /proc/self/cgroup: `0::/path` is the line of version 2,
/// `4:memory:/path` that of version 1, whose groups lie below `memory` (or what it is mounted
/// together with).
fn groups_of(list: &str, root: &Path) -> Vec<Memory> {
    let mut found = Vec::new();
    for line in list.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let Some(path) = path.strip_prefix('/') else { continue };
        let (root, files) = match controllers {
            "" => (root.to_owned(), &V2),
            list if list.split(',').any(|name| name == "memory") => (root.join(list), &V1),
            _ => continue,
        };
        let folder = root.join(path);
        let folders = folder.ancestors().take_while(|folder| folder.starts_with(&root));
        found.extend(folders.filter_map(|folder| group(folder, files)));
    }
    found
}

/// What is left below the limit.
fn group(folder: &Path, files: &Files) -> Option<Memory> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    // `max`, and with version 1 more than any machine has: no limit.
    let all = read(files.limit)?.trim().parse::<u64>().ok().filter(|all| *all < 1 << 60)?;
    let current = read(files.used)?.trim().parse::<u64>().ok()?;
    let stat = read("memory.stat").unwrap_or_default();
    let droppable = stat.lines().find_map(|line| line.strip_prefix(files.droppable));
    let droppable = droppable.and_then(|number| number.trim().parse().ok()).unwrap_or(0);
    let used = current.saturating_sub(droppable);
    Some(Memory { free: all.saturating_sub(used) as f64, all: all as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_what_programs_can_get() {
        let text = "MemTotal:       16000 kB\nMemFree:  100 kB\nMemAvailable:    4000 kB\n";
        let memory = machine(text).unwrap();
        assert_eq!((memory.free, memory.used()), (4_096_000.0, 12_288_000.0));
        assert_eq!(machine("MemTotal: 1 kB\n"), None);
        assert_eq!(machine("MemTotal: x kB\nMemAvailable: 1 kB\n"), None);
    }

    /// A tree of groups: folder, limit, use, and `memory.stat` of each.
    fn tree(files: &Files, groups: &[(&str, &str, &str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (folder, limit, used, stat) in groups {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            for (name, text) in [(files.limit, limit), (files.used, used), ("memory.stat", stat)] {
                fs::write(folder.join(name), text).unwrap();
            }
        }
        root
    }

    #[test]
    fn each_group_with_a_limit_counts_up_to_the_root() {
        let root = tree(
            &V2,
            &[
                ("job/step", "max\n", "300\n", ""),
                ("job", "1000\n", "300\n", "anon 100\ninactive_file 50\n"),
                ("", "2000\n", "2500\n", "inactive_file 3000\n"),
            ],
        );
        let groups = groups_of("5:cpu:/x\n0::/job/step\n", root.path());
        let expected = [Memory { free: 750.0, all: 1000.0 }, Memory { free: 2000.0, all: 2000.0 }];
        assert_eq!(groups, expected);
        for list in ["", "0::", "5:memory:/job\n", "0::/../../job\n", "x", ":", "::"] {
            assert!(groups_of(list, &root.path().join("none")).is_empty(), "{list}");
        }
    }

    #[test]
    fn the_groups_of_version_1_lie_below_their_controller() {
        let stat = "inactive_file 7\ntotal_inactive_file 50\n";
        let groups = |at: &str| {
            let none = "9223372036854771712\n";
            let (job, top) = (format!("{at}/job"), at.to_owned());
            tree(&V1, &[(&job, "1000\n", "300\n", stat), (&top, none, "9\n", stat)])
        };
        let left = |list: &str, root: &Path| {
            groups_of(list, root).iter().map(|memory| memory.free).collect::<Vec<_>>()
        };
        let own = groups("memory");
        for list in ["3:cpu,cpuacct:/job\n4:memory:/job\n0::/\n", "4:memory:/job/not/seen\n"] {
            assert_eq!(left(list, own.path()), [750.0], "{list}");
        }
        for list in ["4:memory:/\n", "4:memory:/other\n", "0::/job\n", "4:cpu:/job\n"] {
            assert!(left(list, own.path()).is_empty(), "{list}");
        }
        let shared = groups("memory,hugetlb");
        assert_eq!(left("4:memory,hugetlb:/job\n", shared.path()), [750.0]);
    }
}
