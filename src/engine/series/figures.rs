//! Running figures over samples: count, least, greatest, mean, standard deviation.

/// Values that are NaN or infinite are counted, and left out of everything else: one broken
/// number must not make every later mean NaN.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Figures {
    count: u64,
    finite: u64,
    min: f64,
    max: f64,
    mean: f64,
    /// Sum of the squared distances to the mean (Welford's method).
    squares: f64,
}

impl Figures {
    pub(in crate::engine) fn add(&mut self, value: f64) {
        self.count = self.count.saturating_add(1);
        if !value.is_finite() {
            return;
        }
        self.finite = self.finite.saturating_add(1);
        if self.finite == 1 {
            (self.min, self.max) = (value, value);
        }
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
        let distance = value - self.mean;
        self.mean += distance / self.finite as f64;
        self.squares += distance * (value - self.mean);
    }

    pub(in crate::engine) fn count(&self) -> u64 {
        self.count
    }

    pub(in crate::engine) fn min(&self) -> Option<f64> {
        (self.finite > 0).then_some(self.min)
    }

    pub(in crate::engine) fn max(&self) -> Option<f64> {
        (self.finite > 0).then_some(self.max)
    }

    pub(in crate::engine) fn mean(&self) -> Option<f64> {
        (self.finite > 0).then_some(self.mean)
    }

    /// The sample standard deviation (divided by n - 1); from two values on.
    pub(in crate::engine) fn stddev(&self) -> Option<f64> {
        (self.finite > 1).then(|| (self.squares / (self.finite - 1) as f64).max(0.0).sqrt())
    }
}
