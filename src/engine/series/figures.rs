//! Running figures over samples: count, least, greatest, mean, standard deviation.

/// Values that are NaN or infinite are counted, and left out of everything else: one broken
/// number must not make every later mean NaN.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Figures {
    count: u64,
    finite: u64,
    min: f64,
    max: f64,
    first: f64,
    /// Of the distances to the first value, which is near the others more often than zero is; and
    /// of their squares.
    sum: f64,
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
            (self.min, self.max, self.first) = (value, value, value);
        }
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
        let distance = value - self.first;
        self.sum += distance;
        self.squares += distance * distance;
    }

    /// Adds several values, kept in registers meanwhile.
    pub(super) fn extend(&mut self, values: impl Iterator<Item = f64>) {
        let mut figures = *self;
        values.for_each(|value| figures.add(value));
        *self = figures;
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
        (self.finite > 0).then(|| self.first + self.sum / self.finite as f64)
    }

    /// The sample standard deviation (divided by n - 1); from two values on.
    pub(in crate::engine) fn stddev(&self) -> Option<f64> {
        let count = self.finite as f64;
        let squares = self.squares - self.sum * self.sum / count;
        (self.finite > 1).then(|| (squares / (count - 1.0)).max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the textbook, in two passes.
    fn naive(values: &[f64]) -> (f64, f64) {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        (mean, (squares / (count - 1.0)).sqrt())
    }

    #[test]
    fn mean_and_deviation_are_exact_far_from_zero_and_far_from_the_first_value() {
        let around = |far: f64, n: i32| far + f64::from(n % 10) / 10.0;
        let from = |first: f64, far: f64| -> Vec<f64> {
            std::iter::once(first).chain((0..100_000).map(|n| around(far, n))).collect()
        };
        for values in [from(1e9, 1e9), from(1e8, 1.0), from(0.0, 1e9), from(-3.0, 0.5)] {
            let mut figures = Figures::default();
            values.iter().for_each(|value| figures.add(*value));
            let (mean, deviation) = naive(&values);
            let close = |got: Option<f64>, exact: f64| (got.unwrap() / exact - 1.0).abs() < 1e-6;
            assert!(close(figures.mean(), mean), "{:?} {mean}", figures.mean());
            assert!(close(figures.stddev(), deviation), "{:?} {deviation}", figures.stddev());
        }
    }
}
