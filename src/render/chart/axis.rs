//! From values to pixels, and the ticks that a reader counts by.

/// A labelled place on an axis.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f32,
    pub(super) label: String,
}

/// One direction of a panel. `start` and `end` are pixels; `end` may be the smaller one.
#[derive(Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    start: f32,
    end: f32,
    log: bool,
    pub(super) ticks: Vec<Tick>,
}

/// A logarithmic axis tells more from this ratio of the largest to the smallest value on.
const LOG_FROM: f64 = 300.0;
/// No range reaches beyond this, so that no sum or difference overflows.
const HUGE: f64 = 1e300;

impl Axis {
    /// From exactly `low` to `high`.
    pub(super) fn linear(low: f64, high: f64, start: f32, end: f32, most_ticks: usize) -> Self {
        let (low, high) = (low.clamp(-HUGE, HUGE), high.clamp(-HUGE, HUGE));
        let mut axis = Self { low, high, start, end, log: false, ticks: Vec::new() };
        let step = nice_step((high - low) / most_ticks as f64);
        let mut tick = (low / step).ceil() * step;
        while tick <= high + step * 1e-6 && axis.ticks.len() <= most_ticks + 1 {
            axis.ticks.push(Tick { at: axis.pixel(tick), label: label(tick, step) });
            tick += step;
        }
        axis
    }

    /// For values: rounded to ticks, with a little room, logarithmic where the range asks for it.
    pub(super) fn for_values(values: &[f64], start: f32, end: f32, most_ticks: usize) -> Self {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        if low > 0.0 && high / low > LOG_FROM {
            return Self::log(low, high, start, end, most_ticks);
        }
        let (low, high) = (low.clamp(-HUGE, HUGE), high.clamp(-HUGE, HUGE));
        let spread = high - low;
        let tiny = high.abs().max(low.abs()).max(f64::MIN_POSITIVE) * 1e-9;
        if spread <= tiny {
            let around = if high == 0.0 { 1.0 } else { high.abs() * 0.5 };
            return Self::linear(low - around, high + around, start, end, most_ticks);
        }
        let step = nice_step(spread / most_ticks as f64);
        // A quarter of a step of air; zero is kept as the floor of what is never below it.
        let floor = ((low - step * 0.1) / step).floor() * step;
        let floor = if low >= 0.0 { floor.max(0.0) } else { floor };
        let ceiling = high + step * 0.25;
        Self::linear(floor, ceiling, start, end, most_ticks + 1)
    }

    fn log(low: f64, high: f64, start: f32, end: f32, most_ticks: usize) -> Self {
        let (first, last) = (low.log10().floor(), high.log10().ceil());
        let mut axis = Self {
            low: low.log10() - 0.05,
            high: high.log10() + 0.05,
            start,
            end,
            log: true,
            ticks: Vec::new(),
        };
        let every = ((last - first) / most_ticks as f64).ceil().max(1.0);
        let mut decade = (first / every).ceil() * every;
        while decade <= last {
            let value = 10f64.powf(decade);
            if decade >= axis.low && decade <= axis.high {
                axis.ticks.push(Tick { at: axis.pixel(value), label: label(value, value) });
            }
            decade += every;
        }
        axis
    }

    /// The value as the axis measures it: its logarithm on a logarithmic one.
    pub(super) fn scaled(&self, value: f64) -> f64 {
        if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value }
    }

    /// The value that measures `scaled`.
    pub(super) fn unscaled(&self, scaled: f64) -> f64 {
        if self.log { 10f64.powf(scaled) } else { scaled }
    }

    /// Where the value lies; the ends for what is outside.
    pub(super) fn pixel(&self, value: f64) -> f32 {
        let share = ((self.scaled(value) - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        let share = if share.is_nan() { 0.5 } else { share as f32 };
        self.start + share * (self.end - self.start)
    }
}

/// The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `rough`.
fn nice_step(rough: f64) -> f64 {
    if !rough.is_finite() || rough <= f64::MIN_POSITIVE {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= rough);
    factor.unwrap_or(10.0) * power
}

/// A tick's value with as many digits as its step needs: `0`, `0.25`, `10k`, `1e-4`.
fn label(value: f64, step: f64) -> String {
    let size = value.abs().max(step.abs());
    if value.abs() < step.abs() * 1e-6 {
        return "0".to_owned();
    }
    if !(1e-3..1e9).contains(&size) {
        let text = format!("{value:.1e}");
        return text.replace(".0e", "e");
    }
    for (unit, name) in [(1e6, "M"), (1e3, "k")] {
        if size >= unit * 10.0 || (size >= unit && step >= unit / 10.0) {
            return format!("{}{name}", decimals(value / unit, step / unit));
        }
    }
    decimals(value, step)
}

fn decimals(value: f64, step: f64) -> String {
    let digits = (-step.abs().log10().floor()).clamp(0.0, 6.0) as usize;
    // A step of 2.5 or 0.25 needs one digit more than its power of ten.
    let scaled = step * 10f64.powi(digits as i32);
    let more = usize::from((scaled - scaled.round()).abs() > 1e-6);
    format!("{value:.*}", digits + more)
}

/// A value as a reader wants it beside a curve: four digits that matter.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    match () {
        () if !value.is_finite() => {
            if value.is_nan() {
                "NaN".into()
            } else {
                value.to_string()
            }
        }
        () if size == 0.0 => "0".to_owned(),
        () if !(1e-3..1e6).contains(&size) => format!("{value:.2e}"),
        () if size >= 1000.0 => format!("{value:.0}"),
        () => {
            let digits = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
            let text = format!("{value:.digits$}");
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        let axis = Axis::linear(0.0, 100_000.0, 0.0, 100.0, 7);
        assert_eq!(labels(&axis), ["0", "20k", "40k", "60k", "80k", "100k"]);
        let axis = Axis::for_values(&[0.03, 2.3], 100.0, 0.0, 5);
        assert_eq!(labels(&axis), ["0", "0.5", "1.0", "1.5", "2.0"]);
        let axis = Axis::for_values(&[1e-12, 5e-12], 100.0, 0.0, 5);
        assert_eq!(labels(&axis), ["0", "1e-12", "2e-12", "3e-12", "4e-12", "5e-12"]);
    }

    #[test]
    fn a_wide_range_is_logarithmic() {
        let axis = Axis::for_values(&[0.001, 1000.0], 100.0, 0.0, 6);
        assert!(axis.log);
        assert_eq!(labels(&axis), ["0.001", "0.01", "0.1", "1", "10", "100", "1k"]);
    }

    #[test]
    fn constants_and_extremes_have_an_axis() {
        for values in [&[5.0, 5.0][..], &[0.0], &[f64::MAX, f64::MIN], &[f64::NAN], &[]] {
            let axis = Axis::for_values(values, 100.0, 0.0, 5);
            for value in values {
                assert!((0.0..=100.0).contains(&axis.pixel(*value)), "{values:?}");
            }
        }
    }

    #[test]
    fn values_are_short() {
        for (value, text) in [
            (0.0655612, "0.06556"),
            (99.6, "99.6"),
            (3e-4, "3.00e-4"),
            (1854.2, "1854"),
            (2.0, "2"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(short(value), text);
        }
    }
}
