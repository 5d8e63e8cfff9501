//! `watch check [RULES] [--builtin]`: is the rules file right?

use std::io::{self, Write};
use std::path::Path;

use crate::config::{self, Config, Env};
use crate::engine::rules::Rule;

/// What the verb was called with.
#[derive(Debug)]
pub struct Options<'a> {
    /// The rules file as named; none: the one that a run in `folder` would use.
    pub path: Option<&'a Path>,
    pub folder: &'a Path,
    /// Print the built-in rules instead.
    pub builtin: bool,
    /// Whether problems are coloured.
    pub color: bool,
}

/// Writes a summary to `out`, or every problem to `err`. The exit status: 0, or 1 with problems.
pub fn run(
    options: &Options<'_>,
    env: Env<'_>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    if options.builtin {
        out.write_all(config::BUILTIN.as_bytes())?;
        return Ok(0);
    }
    let found = match options.path {
        Some(path) => Some(path.to_owned()),
        None => config::find_rules_file(options.folder, env),
    };
    match config::load(found.as_deref(), env) {
        Ok(config) => {
            let file =
                found.map_or_else(|| "no rules file".to_owned(), |p| p.display().to_string());
            writeln!(out, "{file}: {}", summary(&config))?;
            Ok(0)
        }
        Err(error) => {
            err.write_all(error.render(options.color).as_bytes())?;
            Ok(1)
        }
    }
}

/// `ok, 3 rules and 4 built-in ones, 1 channel, 2 metrics, 1 chart`.
fn summary(config: &Config) -> String {
    let is_builtin = |rule: &&Rule| rule.builtin;
    let builtin = config.rules.rules.iter().filter(is_builtin).count();
    let own = config.rules.rules.len() - builtin;
    let rules = match (own, builtin) {
        (own, 0) => counted(own, "rule"),
        (0, builtin) => counted(builtin, "built-in rule"),
        (own, builtin) => format!("{} and {builtin} built in", counted(own, "rule")),
    };
    let metrics: usize =
        config.rules.metrics.iter().map(|m| m.capture_names().flatten().count()).sum();
    let others = [
        (config.channels.len(), "channel"),
        (metrics, "named metric"),
        (config.charts.len(), "chart"),
    ];
    let others = others.iter().filter(|(count, _)| *count > 0).map(|(n, what)| counted(*n, what));
    std::iter::once(format!("ok, {rules}")).chain(others).collect::<Vec<_>>().join(", ")
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
