//! The metrics of the machine: which ones there are, and how their values are written.
//!
//! Knows names and units only; `sources::host` measures them. They are no output of the run: they
//! end no silence, and stand in messages and charts only where somebody named them.

/// What a host metric's value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    /// From 0 to 100.
    Percent,
    /// Degrees Celsius.
    Celsius,
}

/// All host metrics.
///
/// - `disk.free`, `disk.used`: of the file system of the run's working folder; free is what users
///   other than root may still write.
/// - `memory.free`: what programs can still get without swapping; `memory.used`: the rest. Under a
///   cgroup's memory limit both are those of the limit.
/// - `process.rss`: resident memory of the command and its descendants. Pages that several of
///   them share count in each.
/// - `cpu.util`: of all cores of the machine together.
/// - `gpu.util`: of the least busy GPU, `gpu.memory`: in use on the fullest one,
///   `gpu.temperature`: of the hottest one.
const METRICS: [(&str, Unit); 9] = [
    ("disk.free", Unit::Bytes),
    ("disk.used", Unit::Bytes),
    ("memory.free", Unit::Bytes),
    ("memory.used", Unit::Bytes),
    ("process.rss", Unit::Bytes),
    ("cpu.util", Unit::Percent),
    ("gpu.util", Unit::Percent),
    ("gpu.memory", Unit::Bytes),
    ("gpu.temperature", Unit::Celsius),
];

/// The names of all host metrics.
pub fn names() -> impl Iterator<Item = &'static str> {
    METRICS.iter().map(|(name, _)| *name)
}

/// The unit of a host metric; none if the name is none.
pub fn unit(name: &str) -> Option<Unit> {
    METRICS.iter().find(|(known, _)| *known == name).map(|(_, unit)| *unit)
}

/// Whether this is a host metric's name.
pub fn is_host(name: &str) -> bool {
    unit(name).is_some()
}

/// A value as a person reads it: `9.31GB` and `87%` as conditions are written; a metric that is
/// no host metric as a plain number.
pub(in crate::engine) fn text(name: &str, value: f64) -> String {
    match unit(name) {
        Some(Unit::Bytes) => bytes(value),
        Some(Unit::Percent) => format!("{value:.0}%"),
        Some(Unit::Celsius) => format!("{value:.0}°C"),
        None => value.to_string(),
    }
}

fn bytes(value: f64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB"];
    let mut shown = value / 1000.0;
    let mut unit = units[0];
    for next in &units[1..] {
        if shown < 999.5 {
            break;
        }
        shown /= 1000.0;
        unit = next;
    }
    match shown {
        _ if value < 1000.0 => format!("{value:.0}B"),
        shown if shown < 9.995 => format!("{shown:.2}{unit}"),
        shown if shown < 99.95 => format!("{shown:.1}{unit}"),
        shown => format!("{shown:.0}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_in_conditions() {
        for (name, value, expected) in [
            ("disk.free", 0.0, "0B"),
            ("disk.free", 999.0, "999B"),
            ("disk.free", 1000.0, "1.00kB"),
            ("disk.free", 9_994_000_000.0, "9.99GB"),
            ("disk.free", 9_996_000_000.0, "10.0GB"),
            ("disk.free", 999_600.0, "1.00MB"),
            ("memory.used", 123_456_789_012.0, "123GB"),
            ("memory.used", 5e18, "5000PB"),
            ("cpu.util", 86.6, "87%"),
            ("gpu.temperature", 71.0, "71°C"),
            ("loss", 0.25, "0.25"),
            ("loss", f64::NAN, "NaN"),
        ] {
            assert_eq!(text(name, value), expected, "{name} {value}");
        }
    }
}
