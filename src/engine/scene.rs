//! What rules see when they judge: the time, the series, the last lines,
//! how far the run is. Read only.

use crate::engine::context::Context;
use crate::engine::progress::Counters;
use crate::engine::series::SeriesStore;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Scene<'a> {
    /// On the run's time.
    pub(in crate::engine) at: Timestamp,
    pub(in crate::engine) started: Timestamp,
    pub(in crate::engine) series: &'a SeriesStore,
    pub(in crate::engine) context: &'a Context,
    pub(in crate::engine) counters: &'a Counters,
}
