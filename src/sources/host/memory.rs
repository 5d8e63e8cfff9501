//! Memory that is left: of the machine (proc_meminfo(5)), or of the control group whose limit is
//! nearer (the kernel's cgroup-v2 document).

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

/// The groups with a limit. `list` is /proc/self/cgroup: `0::/path` is the line of version 2.
fn groups_of(list: &str, root: &Path) -> Vec<Memory> {
    let path = list.lines().find_map(|line| line.strip_prefix("0::/"));
    let Some(folder) = path.map(|path| root.join(path)) else { return Vec::new() };
    let folders = folder.ancestors().take_while(|folder| folder.starts_with(root));
    folders.filter_map(group).collect()
}

/// What is left below the limit; files that were read long ago can be dropped at once.
fn group(folder: &Path) -> Option<Memory> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    // `max`: no limit.
    let all = read("memory.max")?.trim().parse::<u64>().ok()?;
    let current = read("memory.current")?.trim().parse::<u64>().ok()?;
    let stat = read("memory.stat").unwrap_or_default();
    let inactive = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
    let inactive = inactive.and_then(|number| number.trim().parse().ok()).unwrap_or(0);
    let used = current.saturating_sub(inactive);
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

    #[test]
    fn each_group_with_a_limit_counts_up_to_the_root() {
        let root = tempfile::tempdir().unwrap();
        let write = |folder: &str, max: &str, current: &str, stat: &str| {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            for (name, text) in
                [("memory.max", max), ("memory.current", current), ("memory.stat", stat)]
            {
                fs::write(folder.join(name), text).unwrap();
            }
        };
        write("job/step", "max\n", "300\n", "");
        write("job", "1000\n", "300\n", "anon 100\ninactive_file 50\n");
        write("", "2000\n", "2500\n", "inactive_file 3000\n");
        let groups = groups_of("5:cpu:/x\n0::/job/step\n", root.path());
        let expected = [Memory { free: 750.0, all: 1000.0 }, Memory { free: 2000.0, all: 2000.0 }];
        assert_eq!(groups, expected);
        for list in ["", "0::", "5:memory:/job\n", "0::/../../job\n"] {
            assert!(groups_of(list, &root.path().join("none")).is_empty(), "{list}");
        }
    }
}
