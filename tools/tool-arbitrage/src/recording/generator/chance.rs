//! Chance from a seed.
#![expect(clippy::float_arithmetic, reason = "makes a market up")]

use alloy_primitives::{Address, U256};

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators"). Our own eight lines, since a seed has
/// to name the same market in every version, which `rand`'s generators do not promise.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// At least 0, less than 1.
    pub(super) fn share(&mut self) -> f64 {
        float(u128::from(self.next() >> 11)) / 9_007_199_254_740_992.0
    }

    /// Less than `end`; zero for none.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        self.next().checked_rem(end).and_then(|drawn| usize::try_from(drawn).ok()).unwrap_or_default()
    }

    /// Normally distributed (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let (one, other) = (1.0 - self.share(), self.share());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }

    pub(super) fn address(&mut self) -> Address {
        let [one, two, three] = [self.next(), self.next(), self.next()];
        Address::from_word(U256::from_limbs([one, two, three, 0]).into())
    }
}

/// Ranks by a power law: the n-th is drawn n^exponent times less often than the first.
#[derive(Debug)]
pub(super) struct Ranks(Vec<f64>);

impl Ranks {
    pub(super) fn of(count: usize, exponent: f64) -> Self {
        let weights = (1u32..).take(count).map(|rank| f64::from(rank).powf(-exponent));
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self(sums.collect())
    }

    pub(super) fn draw(&self, chance: &mut Chance) -> usize {
        let drawn = chance.share() * self.0.last().copied().unwrap_or_default();
        self.0.partition_point(|sum| *sum <= drawn).min(self.0.len().saturating_sub(1))
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the nearest is what is meant")]
pub(super) const fn float(amount: u128) -> f64 {
    amount as f64
}

/// The whole part.
#[expect(clippy::as_conversions, reason = "such a cast saturates")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "and that is meant")]
pub(super) const fn whole(amount: f64) -> u128 {
    amount as u128
}
