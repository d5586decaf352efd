//! Whether the waits that a tenant told are a model's own.

/// Rounding up to whole seconds, twice for a date.
const ROUNDING_S: f64 = 1.15;
const DATE_ROUNDING_S: f64 = 2.15;
/// What is said against a model whose waits are told with a constant added, as
/// a part of them. Such tenants exist, but the truth is more usual.
const CROOKED: f64 = 0.2;
/// And where they are always the same, which a few words may be by chance.
const MONOTONOUS: f64 = 0.25;

/// Words that may be off, and how many roundings they have to lie apart, to say
/// something for a model.
const BY_CHANCE: f64 = 0.05;
const DIFFER: f64 = 5.0;

/// Told waits beside a model's own, in seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    rounding_s: f64,
    told_and_own_s: Vec<(f64, f64)>,
}

impl Words {
    /// `by_date`: they were told as dates.
    pub(super) fn new(by_date: bool) -> Self {
        Self {
            rounding_s: if by_date { DATE_ROUNDING_S } else { ROUNDING_S },
            told_and_own_s: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, told_s: f64, own_s: f64) {
        self.told_and_own_s.push((told_s, own_s));
    }

    /// Share of them that aren't the model's own, rounded up.
    pub(super) fn untrue(&self) -> f64 {
        self.untrue_by(|own_s| own_s)
    }

    /// Whether they are the model's own, although they differ by far more than
    /// is rounded off.
    pub(super) fn are_the_models_own(&self) -> bool {
        let told_s = || self.told_and_own_s.iter().map(|(told_s, _)| *told_s);
        let longest_s = told_s().fold(0.0, f64::max);
        let shortest_s = told_s().fold(f64::INFINITY, f64::min);
        self.untrue() <= BY_CHANCE && longest_s - shortest_s > DIFFER * self.rounding_s
    }

    /// What they say against the model: the share that is untrue, also where
    /// the tenant pads or shortens all of its waits alike.
    pub(super) fn against(&self) -> f64 {
        let half_s = self.rounding_s / 2.0;
        let padding_s = self.median(|told_s, own_s| told_s - own_s - half_s);
        let scale = self.median(|told_s, own_s| (told_s - half_s).max(0.0) / own_s.max(0.1));
        let always_s = self.median(|told_s, _| told_s - half_s);
        [
            self.untrue_by(|own_s| own_s + padding_s) + CROOKED,
            self.untrue_by(|own_s| own_s * scale) + CROOKED,
            self.untrue_by(|_| always_s) + MONOTONOUS,
        ]
        .into_iter()
        .fold(self.untrue(), f64::min)
    }

    fn untrue_by(&self, told_for: impl Fn(f64) -> f64) -> f64 {
        let is_untrue = |(told_s, own_s): &&(f64, f64)| {
            let slack_s = 0.05 + 0.01 * own_s;
            let should_s = told_for(*own_s);
            *told_s < should_s - slack_s || *told_s > should_s + self.rounding_s + slack_s
        };
        let untrue = self.told_and_own_s.iter().filter(is_untrue).count();
        untrue as f64 / (self.told_and_own_s.len() as f64).max(1.0)
    }

    fn median(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let mut values: Vec<f64> = self
            .told_and_own_s
            .iter()
            .map(|(told_s, own_s)| of(*told_s, *own_s))
            .collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(told_and_own_s: &[(f64, f64)]) -> Words {
        let mut words = Words::new(false);
        for (told_s, own_s) in told_and_own_s {
            words.note(*told_s, *own_s);
        }
        words
    }

    #[test]
    fn waits_padded_halved_or_always_the_same_say_little_and_wild_ones_much() {
        let against = |told_and_own_s| words(told_and_own_s).against();
        assert_eq!(against(&[(56.0, 55.3), (30.0, 29.5), (2.0, 1.4)]), 0.0);
        assert_eq!(against(&[(61.0, 55.3), (35.0, 29.5), (7.0, 1.4)]), CROOKED);
        assert_eq!(against(&[(28.0, 55.3), (15.0, 29.5), (1.0, 1.4)]), CROOKED);
        assert!(against(&[(1.0, 55.3), (1.0, 29.5), (1.0, 9.4)]) <= MONOTONOUS);
        let wild = words(&[(9.0, 55.3), (50.0, 29.5), (20.0, 1.4), (1.0, 40.0)]);
        assert!(wild.against() > 0.5, "{}", wild.against());
        assert_eq!(wild.untrue(), 1.0);
    }
}
