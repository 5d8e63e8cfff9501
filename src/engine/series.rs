//! Named series of samples in bounded memory: the newest ones exactly, older ones thinned for
//! charts, and running figures over all of them.

/// All series of a run, in the order in which they were first seen.
#[derive(Debug, Default)]
pub struct SeriesStore {}

/// A series as a chart needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub name: String,
    /// (step if the run prints steps, else the sample's number; value, possibly NaN or infinite)
    pub points: Vec<(f64, f64)>,
}

impl SeriesStore {
    /// A copy of all series for drawing, each at most some thousand points.
    pub fn curves(&self) -> Vec<Curve> {
        Vec::new()
    }
}
