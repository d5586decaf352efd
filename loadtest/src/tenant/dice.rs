//! The one random source of a tenant, seeded, so that a run can be repeated.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A seeded random source.
#[derive(Debug)]
pub(crate) struct Dice {
    source: StdRng,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice {
            source: StdRng::seed_from_u64(seed),
        }
    }

    /// A number from 0 to below 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.source.random::<f64>()
    }

    /// A log-normal time: half of the draws are below the median.
    pub(crate) fn log_normal(&mut self, median: Duration, sigma: f64) -> Duration {
        if sigma <= 0.0 || median.is_zero() {
            return median;
        }
        // Box and Muller's transform; 1 - share is never zero.
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.share()).cos();
        median.mul_f64((sigma * normal).exp().min(1e6))
    }

    /// Brings things into a random order (Fisher and Yates).
    pub(crate) fn shuffle<Thing>(&mut self, things: &mut [Thing]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.source.random_range(0..=last));
        }
    }

    /// A text nobody guesses, for a token.
    pub(crate) fn token(&mut self) -> String {
        format!(
            "{:016x}{:016x}",
            self.source.random::<u64>(),
            self.source.random::<u64>()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        assert_eq!(Dice::new(7).token(), Dice::new(7).token());
        assert_ne!(Dice::new(7).token(), Dice::new(8).token());
    }

    #[test]
    fn half_of_the_latencies_are_below_the_median() {
        let mut dice = Dice::new(1);
        let median = Duration::from_millis(80);
        let below = (0..10_000)
            .filter(|_| dice.log_normal(median, 0.3) < median)
            .count();
        assert!((4_800..=5_200).contains(&below), "{below}");
    }
}
