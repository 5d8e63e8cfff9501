//! The rules file: read, checked, compiled. Every problem is reported, with its place.
//!
//! ```text
//! file ─ source ─▶ text ─ yaml ─▶ tree with places ─ reader ─▶ values ─▶ Config
//!                                  └───────── problem, all of them ─────────▶ ConfigError
//! ```
//!
//! The tree is read by hand instead of by serde: serde stops at the first problem. `keys` lists
//! what can stand in the file; the JSON Schema is made from it.

mod channel;
mod chart;
mod diagnostic;
mod interpolate;
mod keys;
mod pattern;
mod place;
mod problem;
mod reader;
mod rule;
pub mod scenario;
pub mod schema;
mod source;
mod syntax;
mod trigger;
mod yaml;

use std::path::{Path, PathBuf};

use crate::channels::ChannelConfig;
use crate::engine::rules::{Rule, RuleSet};
use crate::render::Language;

pub use diagnostic::ConfigError;

use interpolate::Outside;
use reader::{Reader, Section};

/// The built-in rules, as the rules file would hold them.
pub const BUILTIN: &str = include_str!("builtin.yaml");

/// The commented example that `watch init` writes.
pub const EXAMPLE: &str = include_str!("../../rules.example.yaml");

/// An environment variable's value; none if it is not set.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A rules file, compiled.
#[derive(Debug, Default)]
pub struct Config {
    /// `run.name`.
    pub name: Option<String>,
    /// `run.language`.
    pub language: Language,
    /// The file's rules in its order, then the built-in ones that it does not replace.
    pub rules: RuleSet,
    /// As written; none means that the environment decides.
    pub channels: Vec<ChannelConfig>,
    pub charts: Vec<ChartConfig>,
    /// Tokens and webhooks of the file, and all that `${file:…}` gave: to be masked in every text.
    pub secrets: Vec<String>,
}

/// An entry of `charts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChartConfig {
    /// The newest file that matches this glob.
    File(String),
    /// Drawn from these metrics.
    Plot(Vec<String>),
}

/// Reads and compiles a rules file; none: only the built-in rules.
pub fn load(path: Option<&Path>, env: Env<'_>) -> Result<Config, ConfigError> {
    let Some(path) = path else {
        return compile("no rules file", "", Path::new(""), env);
    };
    let name = path.display().to_string();
    let text = source::read(path, &name)?;
    compile(&name, &text, path.parent().unwrap_or(Path::new("")), env)
}

/// Compiles the text of a rules file. `folder`: where relative `${file:…}` paths start.
pub fn compile(name: &str, text: &str, folder: &Path, env: Env<'_>) -> Result<Config, ConfigError> {
    let outside = Outside { env, folder };
    let (config, with_builtin) = compile_one(name, text, &outside)?;
    if with_builtin { add_builtin(config, &outside) } else { Ok(config) }
}

/// Adds the built-in rules that are not replaced by one of the same name.
fn add_builtin(mut config: Config, outside: &Outside<'_>) -> Result<Config, ConfigError> {
    let (builtin, _) = compile_one("built-in rules", BUILTIN, outside)?;
    let replaced = |rule: &Rule| config.rules.rules.iter().any(|own| own.name == rule.name);
    let mut kept: Vec<Rule> =
        builtin.rules.rules.into_iter().filter(|rule| !replaced(rule)).collect();
    kept.iter_mut().for_each(|rule| rule.builtin = true);
    config.rules.rules.extend(kept);
    Ok(config)
}

/// The rules file that is used where none is named: `WATCH_RULES`, `rules.yaml` in `folder`,
/// `watch/rules.yaml` below `XDG_CONFIG_HOME` or `~/.config`. What the user named need not exist:
/// `load` then says so.
pub fn find_rules_file(folder: &Path, env: Env<'_>) -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(named) = set("WATCH_RULES") {
        return Some(named);
    }
    // A relative XDG path is to be ignored, says the XDG Base Directory Specification.
    let xdg = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = xdg.or_else(|| set("HOME").map(|home| home.join(".config")));
    let here = folder.join("rules.yaml");
    let candidates = [Some(here), config.map(|folder| folder.join("watch/rules.yaml"))];
    candidates.into_iter().flatten().find(|path| is_there(path))
}

/// Also a broken link or a folder: `load` says what is wrong, instead of silently using no rules.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// One file without the built-in rules, and whether these belong to it.
fn compile_one(
    name: &str,
    text: &str,
    outside: &Outside<'_>,
) -> Result<(Config, bool), ConfigError> {
    let mut problems = Vec::new();
    let root = yaml::parse(text, &mut problems);
    let mut reader = Reader { text, outside, problems, secrets: Vec::new() };
    let (mut config, with_builtin) = match &root {
        Some(root) => read_tree(&mut reader, root),
        None => (empty(), true),
    };
    if !reader.problems.is_empty() {
        return Err(ConfigError::new(name.to_owned(), text, reader.problems));
    }
    config.secrets = reader.secrets;
    Ok((config, with_builtin))
}

/// A file in which nothing is said.
fn empty() -> Config {
    let mut config = Config::default();
    config.rules.auto_metrics = true;
    config
}

/// What a file's tree says, and whether the built-in rules belong to it. Problems are in the reader.
fn read_tree(reader: &mut Reader<'_>, root: &yaml::Node) -> (Config, bool) {
    let mut config = empty();
    let Some(top) = reader.section("the file", root, keys::TOP) else { return (config, true) };
    let flag = |reader: &mut Reader<'_>, key: &str| {
        top.get(key).and_then(|node| reader.flag(key, node)).unwrap_or(true)
    };
    let with_builtin = flag(reader, "builtin");
    config.rules.auto_metrics = flag(reader, "auto_metrics");
    sections(reader, top, &mut config);
    (config, with_builtin)
}

fn sections(reader: &mut Reader<'_>, top: Section<'_>, config: &mut Config) {
    if let Some(node) = top.get("run")
        && let Some(run) = reader.section("run", node, keys::RUN)
    {
        config.name = run.get("name").and_then(|node| reader.title("name", node));
        let code = run.get("language").and_then(|n| reader.one_of("language", n, &Language::CODES));
        config.language = code.and_then(Language::from_code).unwrap_or_default();
    }
    let mut channel_names = Vec::new();
    if let Some(node) = top.get("channels") {
        config.channels = channel::read(reader, node);
        // Also those with a problem of their own: `to` is right about them.
        let entries = reader::entries_of(node);
        channel_names = entries.iter().map(|entry| entry.key.clone()).collect();
    }
    if let Some(node) = top.get("metrics") {
        let items = reader.list("metrics", node);
        config.rules.metrics = items.iter().filter_map(|n| pattern::metric(reader, n)).collect();
    }
    let groups = config.rules.metrics.iter().flat_map(|m| m.capture_names().flatten());
    let metrics = trigger::Metrics {
        named: groups.map(str::to_owned).collect(),
        auto: config.rules.auto_metrics,
    };
    if let Some(node) = top.get("charts") {
        config.charts = chart::read(reader, node, &metrics);
    }
    if let Some(node) = top.get("rules") {
        let known = rule::Known { channels: &channel_names, metrics: &metrics };
        config.rules.rules = rule::read_all(reader, node, &known);
    }
}
