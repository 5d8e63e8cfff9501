//! Metrics that conditions name and the run does not print, though it prints some that are called
//! much the same: `loss`, where it prints `Loss` or `train/loss`. A rule of them would never fire.

use std::fmt;

use super::{Series, SeriesStore};

/// So many of what is called alike are said.
const MOST_ALIKE: usize = 4;

/// A metric that a condition names and that never had a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprinted {
    pub name: String,
    /// Metrics of the run that may be meant, in the order in which they were first seen.
    pub alike: Vec<String>,
}

impl fmt::Display for Unprinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, alike } = self;
        let alike: Vec<_> = alike.iter().map(|name| format!("`{name}`")).collect();
        write!(
            f,
            "a rule names `{name}`, which was not printed so far; did you mean {}?",
            alike.join(" or ")
        )
    }
}

impl SeriesStore {
    /// Those for which something is called alike.
    pub fn unprinted(&self) -> Vec<Unprinted> {
        let missing = self.series.iter().filter(|s| s.looked_back_at && s.newest.is_none());
        let all = missing
            .map(|series| Unprinted { name: series.name.to_string(), alike: self.alike(series) });
        all.filter(|unprinted| !unprinted.alike.is_empty()).collect()
    }

    fn alike(&self, missing: &Series) -> Vec<String> {
        let end = plain(&missing.name);
        let is_alike = |series: &&Series| {
            let name = plain(&series.name);
            name.strip_suffix(&end).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
        };
        self.seen().filter(is_alike).take(MOST_ALIKE).map(|s| s.name.to_string()).collect()
    }
}

/// A name in small letters, and one sign between its words.
fn plain(name: &str) -> String {
    let sign = |c: char| if c.is_alphanumeric() { c } else { '_' };
    name.chars().map(sign).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::series::Point;
    use crate::time::Timestamp;

    fn unprinted(named: &[&str], printed: &[&str]) -> Vec<(String, Vec<String>)> {
        let mut store = SeriesStore::default();
        for name in named {
            store.look_back_at(name);
        }
        for name in printed {
            let id = store.find_or_add(name).unwrap();
            store.push(id, Point { at: Timestamp::default(), step: None, value: 1.0 }, "1".into());
        }
        store.unprinted().into_iter().map(|u| (u.name, u.alike)).collect()
    }

    #[test]
    fn what_is_called_much_the_same_is_said() {
        let told = |name: &str, alike: &[&str]| {
            vec![(name.to_owned(), alike.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())]
        };
        assert_eq!(unprinted(&["loss"], &["Loss"]), told("loss", &["Loss"]));
        assert_eq!(
            unprinted(&["loss"], &["train/loss", "lr", "val_loss", "floss"]),
            told("loss", &["train/loss", "val_loss"])
        );
        assert_eq!(unprinted(&["eval.loss"], &["eval/loss"]), told("eval.loss", &["eval/loss"]));
        assert_eq!(unprinted(&["loss"], &["loss", "Loss"]), []);
        assert_eq!(unprinted(&["eval_loss"], &["loss"]), []);
        assert_eq!(unprinted(&["gpu.util"], &[]), []);
    }
}
