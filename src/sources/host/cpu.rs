//! How busy the processors are, from /proc/stat (proc_stat(5)).

use std::fs;

#[derive(Debug, Default)]
pub(super) struct Cpu {
    before: Option<Ticks>,
}

/// Since the machine was started, of all processors together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl Cpu {
    /// Percent of all processors since the call before; none at the first one.
    pub(super) fn utilization(&mut self) -> Option<f64> {
        self.since_before(ticks(&fs::read_to_string("/proc/stat").ok()?)?)
    }

    fn since_before(&mut self, now: Ticks) -> Option<f64> {
        let before = self.before.replace(now)?;
        let all = now.all.checked_sub(before.all).filter(|all| *all > 0)?;
        // The time in which it waited for a disk may go backwards, says the manual.
        let busy = now.busy.saturating_sub(before.busy).min(all);
        Some(100.0 * busy as f64 / all as f64)
    }
}

/// `cpu  user nice system idle iowait irq softirq steal guest guest_nice`; guests are in user.
fn ticks(stat: &str) -> Option<Ticks> {
    let mut words = stat.lines().next()?.split_ascii_whitespace();
    words.next().filter(|word| *word == "cpu")?;
    let numbers: Vec<u64> = words.take(8).map_while(|word| word.parse().ok()).collect();
    let idle = numbers.get(3)?.saturating_add(numbers.get(4).copied().unwrap_or(0));
    let all = numbers.iter().fold(0_u64, |sum, number| sum.saturating_add(*number));
    Some(Ticks { busy: all.saturating_sub(idle), all })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_not_busy_and_guests_count_once() {
        let stat = "cpu  100 10 50 800 40 0 0 0 60 0\ncpu0 1 2 3 4\n";
        assert_eq!(ticks(stat), Some(Ticks { busy: 160, all: 1000 }));
        for broken in ["", "cpu", "cpu 1 2 3", "intr 1 2 3 4 5"] {
            assert_eq!(ticks(broken), None, "{broken}");
        }
    }

    #[test]
    fn it_is_the_share_since_the_reading_before() {
        let mut cpu = Cpu::default();
        assert_eq!(cpu.since_before(Ticks { busy: 100, all: 1000 }), None);
        assert_eq!(cpu.since_before(Ticks { busy: 150, all: 1200 }), Some(25.0));
        assert_eq!(cpu.since_before(Ticks { busy: 150, all: 1200 }), None);
        assert_eq!(cpu.since_before(Ticks { busy: 140, all: 1300 }), Some(0.0));
        assert_eq!(cpu.since_before(Ticks { busy: 1, all: 2 }), None);
    }
}
