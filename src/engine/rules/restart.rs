//! `exit: restart`: the run's process ended, and is started again.

use crate::engine::alert::{AlertState, Happening};
use crate::engine::explain::Why;
use crate::engine::rules::{Change, Track};
use crate::engine::scene::Scene;
use crate::time::Timestamp;

#[derive(Debug)]
pub(in crate::engine) struct Restart;

impl Restart {
    pub(in crate::engine) fn restarts(&self, happening: &Happening, out: &mut Vec<Change>) {
        out.push(Change { state: AlertState::Firing, happening: happening.clone() });
    }
}

impl Track for Restart {
    fn explain(&self, _: &[u8], _: &Scene<'_>, _: &dyn Fn(Timestamp) -> Timestamp) -> Why {
        Why::AtTheEnd
    }
}
