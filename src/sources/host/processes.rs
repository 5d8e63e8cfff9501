//! The memory of the command and all its descendants, from /proc/PID/stat (proc_pid_stat(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// To find descendants all processes of the machine are looked at: not each time.
const SEARCH_EVERY: u32 = 4;

#[derive(Debug, Default)]
pub(super) struct Processes {
    root: u32,
    members: BTreeSet<u32>,
    /// Readings since the members were searched.
    readings: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    parent: u32,
    group: u32,
    session: u32,
    /// Resident pages.
    rss: u64,
}

impl Processes {
    /// Resident bytes; none if there is no such process. `root` 0: there is none.
    pub(super) fn rss(&mut self, root: u32) -> Option<f64> {
        if root == 0 {
            return None;
        }
        if self.root != root || self.readings >= SEARCH_EVERY {
            self.members = members(root, &all());
            self.root = root;
            self.readings = 0;
        }
        self.readings += 1;
        let pages: Vec<u64> = self.members.iter().filter_map(|pid| Some(stat(*pid)?.rss)).collect();
        let sum = pages.iter().fold(0_u64, |sum, pages| sum.saturating_add(*pages));
        (!pages.is_empty()).then(|| sum as f64 * rustix::param::page_size() as f64)
    }
}

pub(super) fn all() -> Vec<(u32, Stat)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?))).collect()
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (name) state parent group session …`; the name may hold anything, parentheses too.
fn parse(stat: &[u8]) -> Option<Stat> {
    let behind = memchr::memrchr(b')', stat)? + 1;
    let words: Vec<&str> = str::from_utf8(&stat[behind..]).ok()?.split_ascii_whitespace().collect();
    let number = |at: usize| words.get(at)?.parse::<i64>().ok();
    let id = |at: usize| Some(u32::try_from(number(at)?).unwrap_or(0));
    let rss = u64::try_from(number(21)?).unwrap_or(0);
    Some(Stat { parent: id(1)?, group: id(2)?, session: id(3)?, rss })
}

/// The process, its descendants, and those that it left in its group or session when their parents
/// ended.
pub(super) fn members(root: u32, all: &[(u32, Stat)]) -> BTreeSet<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut open = Vec::new();
    for (pid, stat) in all {
        children.entry(stat.parent).or_default().push(*pid);
        if *pid == root || stat.group == root || stat.session == root {
            open.push(*pid);
        }
    }
    let mut members = BTreeSet::new();
    while let Some(pid) = open.pop() {
        if members.insert(pid) {
            open.extend(children.get(&pid).into_iter().flatten());
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let rest = "S 7 8 9 34817 100 4194304 1 2 3 4 5 6 7 8 20 0 1 0 500 1000000 321 18446744";
        let expected = Stat { parent: 7, group: 8, session: 9, rss: 321 };
        for name in ["python", "a) S 1 1 1 (b", "\u{e9} x"] {
            assert_eq!(parse(format!("10 ({name}) {rest}").as_bytes()), Some(expected), "{name}");
        }
        assert_eq!(parse(format!("10 (\u{0}) {rest}").as_bytes()), Some(expected));
        for broken in ["", "10 (python", "10 (python) S 7 8", "10 (python) S x 8 9"] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn descendants_and_orphans_belong_to_it() {
        let process = |pid, parent, group, session| (pid, Stat { parent, group, session, rss: 1 });
        let all = [
            process(1, 0, 1, 1),
            process(12, 11, 12, 12),
            process(10, 5, 10, 5),
            process(11, 10, 10, 5),
            // Their parents ended.
            process(13, 1, 10, 5),
            process(14, 1, 14, 10),
            // Others, one of which claims to be its own parent.
            process(5, 1, 5, 5),
            process(20, 20, 20, 20),
        ];
        assert_eq!(members(10, &all), BTreeSet::from([10, 11, 12, 13, 14]));
        assert_eq!(members(20, &all), BTreeSet::from([20]));
        assert!(members(99, &all).is_empty());
    }
}
