//! Marginal rates as logarithms in fixed point, rounded up: sums of them are exact, so a screen needs no tolerance.
#![expect(
    clippy::float_arithmetic,
    reason = "a screen is not money: every cycle that passes is quoted in integers"
)]

use crate::pool::Stretch;

/// Units in a factor of e.
const UNITS: f64 = 1_048_576.0;
/// What the logarithm of a rate may be wrong by, in units; see the bound in the module's documentation.
const SLACK: f64 = 1e-5;
/// The most and, negated, the least that a weight is: a factor of 2^246, more than any pool's integers hold.
const MOST: i32 = -NONE / 3;
/// No such arc. With three of the best arcs it is no gain yet, and four of it do not overflow.
pub(crate) const NONE: i32 = -(1 << 29);

/// The sum of what at most four arcs weigh, which an `i32` holds.
pub(crate) const fn plus(one: i32, other: i32) -> i32 {
    one.wrapping_add(other)
}

/// The logarithm of what the next base unit brings, after the fee. Never less than the truth, and at most one unit and
/// [`SLACK`] more.
pub(crate) fn weight(stretch: Stretch) -> i32 {
    let rate = stretch.reserve_out / stretch.reserve_in * (1.0 - stretch.fee);
    if !(rate.is_finite() && rate > 0.0) {
        return NONE;
    }
    units(rate.ln())
}

/// The logarithm of what the last fee that came by leaves: most pools have the same few.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    fee: f64,
    logarithm: f64,
}

impl Kept {
    fn of(&mut self, fee: f64) -> f64 {
        if fee.to_bits() != self.fee.to_bits() {
            *self = Self { fee, logarithm: (1.0 - fee).ln() };
        }
        self.logarithm
    }
}

/// The [`weight`]s of a pool's two directions. Where both begin on one curve they have one logarithm, but for its sign.
#[inline]
pub(crate) fn weights(zero: Option<Stretch>, one: Option<Stretch>, kept: &mut Kept) -> [i32; 2] {
    if let (Some(zero), Some(one)) = (zero, one) {
        let same = |one: f64, other: f64| one.to_bits() == other.to_bits();
        let rate = zero.reserve_out / zero.reserve_in;
        if same(zero.reserve_in, one.reserve_out)
            && same(zero.reserve_out, one.reserve_in)
            && same(zero.fee, one.fee)
            && rate.is_finite()
            && rate > 0.0
            && zero.fee < 1.0
        {
            let (rate, kept) = (rate.ln(), kept.of(zero.fee));
            return [kept + rate, kept - rate].map(units);
        }
    }
    [zero, one].map(|stretch| stretch.map_or(NONE, weight))
}

/// Units, rounded up.
#[inline]
fn units(logarithm: f64) -> i32 {
    let most = f64::from(MOST);
    rounded((logarithm * UNITS + SLACK).ceil().clamp(-most, most))
}

/// Whether a pool gives so little at all that no cycle through it is worth a thought.
pub(crate) fn is_dust(stretch: Stretch, dust: f64) -> bool {
    stretch.until.is_infinite() && stretch.reserve_out < dust
}

/// A whole number within the range of weights.
#[expect(clippy::as_conversions, reason = "clamped to a range that an i32 holds")]
#[expect(clippy::cast_possible_truncation, reason = "a whole number already")]
const fn rounded(units: f64) -> i32 {
    units as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(reserve_in: f64, reserve_out: f64, fee: f64) -> Stretch {
        Stretch { reserve_in, reserve_out, fee, until: f64::INFINITY }
    }

    #[test]
    fn weights_are_never_below_the_truth_and_hardly_above() {
        assert_eq!(weight(stretch(1.0, 1.0, 0.0)), 1);
        assert_eq!(weight(stretch(1.0, std::f64::consts::E, 0.0)), 1_048_577);
        assert_eq!(weight(stretch(std::f64::consts::E, 1.0, 0.0)), -1_048_575);
        assert_eq!(weight(stretch(1e18, 1e18, 0.003)), -3_150);
    }

    #[test]
    fn both_directions_of_a_curve_weigh_what_each_does() {
        let mut kept = Kept::default();
        for fee in [0.0, 0.003, 0.003, 0.000_1, 0.999, 0.0] {
            for (one, other) in [(1.0, 1.0), (1e18, 3e9), (7e33, 1.0), (12_345.0, 12_346.0)] {
                let [zero, one] = [stretch(one, other, fee), stretch(other, one, fee)];
                assert_eq!(weights(Some(zero), Some(one), &mut kept), [weight(zero), weight(one)]);
                assert_eq!(weights(None, Some(one), &mut kept), [NONE, weight(one)]);
                let worse = Stretch { reserve_out: zero.reserve_out / 3.0, ..zero };
                assert_eq!(weights(Some(worse), Some(one), &mut kept), [weight(worse), weight(one)]);
            }
        }
        assert_eq!(weights(Some(stretch(1.0, 1.0, 1.0)), Some(stretch(1.0, 1.0, 1.0)), &mut kept), [NONE; 2]);
    }

    #[test]
    fn an_empty_pool_has_no_arc() {
        for (reserve_in, reserve_out, fee) in
            [(0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 1.0), (f64::NAN, 1.0, 0.0)]
        {
            assert_eq!(weight(stretch(reserve_in, reserve_out, fee)), NONE);
        }
    }

    #[test]
    fn no_sum_of_four_overflows_or_gains_by_an_arc_that_is_not_there() {
        assert_eq!(i64::from(NONE) * 4, i64::from(i32::MIN));
        assert!(plus(plus(MOST, MOST), plus(MOST, NONE)) <= 0);
        assert!(MOST > rounded(128.0 * std::f64::consts::LN_2 * UNITS), "v3's prices fit");
    }
}
