//! What rules see when they judge: the time, the series, the last lines,
//! how far the run is. Read only.

use std::borrow::Cow;

use crate::engine::context::Context;
use crate::engine::input::SourceId;
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
    /// Whole lines of a source that are not in the context yet.
    pub(in crate::engine) passed: Option<(SourceId, &'a [u8])>,
    pub(in crate::engine) counters: &'a Counters,
}

impl Scene<'_> {
    /// The newest lines.
    pub(in crate::engine) fn lines(&self) -> Cow<'_, Context> {
        let mut lines = Cow::Borrowed(self.context);
        if let Some((source, passed)) = self.passed {
            lines.to_mut().pass(source, passed);
        }
        lines
    }
}
