//! The rules file: read, checked, compiled. Every problem is reported, with its place.

use crate::channels::ChannelConfig;
use crate::engine::rules::RuleSet;

/// A rules file, compiled.
#[derive(Debug, Default)]
pub struct Config {
    /// `run.name`.
    pub name: Option<String>,
    pub rules: RuleSet,
    /// As written; none means that the environment decides.
    pub channels: Vec<ChannelConfig>,
    pub charts: Vec<ChartConfig>,
}

/// An entry of `charts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChartConfig {
    /// The newest file that matches this glob.
    File(String),
    /// Drawn from these metrics.
    Plot(Vec<String>),
}
