//! How long to wait after a failed delivery. Pure: no clock, and its jitter comes from a seed.

use std::time::Duration;

/// The first wait after a failure is at least this long, ...
pub const SHORTEST: Duration = Duration::from_secs(1);
/// ... and none is longer, unless the service asked for it.
pub const LONGEST: Duration = Duration::from_mins(5);
/// What may have arrived is repeated rarely, since each repeat may be seen twice.
pub const LONGEST_AMBIGUOUS: Duration = Duration::from_hours(1);

/// What is known about a failure, as far as it decides the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The service said when to come again.
    Told(Duration),
    /// Nothing arrived.
    Lost,
    /// It may have arrived.
    Ambiguous,
}

/// The wait after the `attempts`-th failed attempt (the first is 1).
///
/// `Told` is obeyed exactly. Otherwise it grows exponentially (by 2 from 2 s, or by 4 from 15 s for
/// what is ambiguous) up to its longest, and the second half of it is jitter, so that many runs
/// that lost the network at once do not come back at once.
pub fn wait(failure: Failure, attempts: u32, seed: u64) -> Duration {
    let (first, factor, longest) = match failure {
        Failure::Told(after) => return after,
        Failure::Lost => (SHORTEST * 2, 2, LONGEST),
        Failure::Ambiguous => (Duration::from_secs(15), 4, LONGEST_AMBIGUOUS),
    };
    let mut whole = first;
    for _ in 1..attempts.min(32) {
        whole = (whole * factor).min(longest);
    }
    let half = whole / 2;
    half + half.mul_f64(fraction(seed, attempts))
}

/// A number in 0..1 that is the same for the same arguments (splitmix64, by Sebastiano Vigna).
fn fraction(seed: u64, attempts: u32) -> f64 {
    let steps = u64::from(attempts).wrapping_add(1);
    let mut z = seed.wrapping_add(steps.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_grow_to_their_longest() {
        // (failure, attempts, shortest possible, longest possible), in seconds
        for (failure, attempts, low, high) in [
            (Failure::Lost, 1, 1, 2),
            (Failure::Lost, 2, 2, 4),
            (Failure::Lost, 5, 16, 32),
            (Failure::Lost, 8, 128, 256),
            (Failure::Lost, 9, 150, 300),
            (Failure::Lost, u32::MAX, 150, 300),
            (Failure::Ambiguous, 1, 7, 15),
            (Failure::Ambiguous, 2, 30, 60),
            (Failure::Ambiguous, 5, 1800, 3600),
            (Failure::Told(Duration::from_secs(30)), 7, 30, 30),
            (Failure::Told(Duration::ZERO), 1, 0, 0),
        ] {
            for seed in 0..50 {
                let wait = wait(failure, attempts, seed);
                assert!(wait >= Duration::from_secs(low), "{failure:?} {attempts}: {wait:?}");
                assert!(wait <= Duration::from_secs(high), "{failure:?} {attempts}: {wait:?}");
            }
        }
    }

    #[test]
    fn different_seeds_spread() {
        let waits: std::collections::BTreeSet<_> =
            (0..100).map(|seed| wait(Failure::Lost, 9, seed)).collect();
        assert!(waits.len() > 90);
    }

    proptest! {
        #[test]
        fn never_before_what_was_told_and_always_bounded(
            attempts in 0_u32.., seed: u64, told in 0_u64..1_000_000,
        ) {
            let told = Duration::from_secs(told);
            prop_assert_eq!(wait(Failure::Told(told), attempts, seed), told);
            let lost = wait(Failure::Lost, attempts, seed);
            prop_assert!(lost >= SHORTEST && lost <= LONGEST);
            let ambiguous = wait(Failure::Ambiguous, attempts, seed);
            prop_assert!(ambiguous >= SHORTEST && ambiguous <= LONGEST_AMBIGUOUS);
            prop_assert_eq!(lost, wait(Failure::Lost, attempts, seed));
        }
    }
}
