//! The half of `SqrtPriceMath.sol` that says what a move of the price takes and gives.

use alloy_primitives::U256;
use alloy_primitives::aliases::U128;
use alloy_primitives::ruint::Uint;

use crate::math::MathError;
use crate::math::full::narrow;
use crate::math::wide::{Ends, widening_mul};

type U384 = Uint<384, 6>;

/// Prices are `uint160`.
pub(super) const PRICE_BITS: usize = 160;

/// How much of token 0 lies between two prices, in base units (`getAmount0Delta`).
///
/// # Errors
/// [`MathError::Zero`] where one of the prices is zero; [`MathError::Overflow`] where one takes more than 160 bits.
#[inline]
pub fn amount0_delta(
    sqrt_price_a: U256,
    sqrt_price_b: U256,
    liquidity: u128,
    round_up: bool,
) -> Result<U256, MathError> {
    Ok(Between::new(sqrt_price_a, sqrt_price_b)?.amount0(liquidity)?.quotient(round_up))
}

/// How much of token 1 lies between two prices, in base units (`getAmount1Delta`).
///
/// # Errors
/// [`MathError::Overflow`] where a price takes more than 160 bits.
#[inline]
pub fn amount1_delta(
    sqrt_price_a: U256,
    sqrt_price_b: U256,
    liquidity: u128,
    round_up: bool,
) -> Result<U256, MathError> {
    Ok(Between::new(sqrt_price_a, sqrt_price_b)?.amount1(liquidity, round_up))
}

/// The lower three words: all of a price.
#[inline]
fn three(price: U256) -> Uint<192, 3> {
    let [l0, l1, l2, _] = price.into_limbs();
    Uint::from_limbs([l0, l1, l2])
}

/// Two prices, neither of more than 160 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between {
    lower: U256,
    upper: U256,
}

impl Between {
    #[inline]
    pub(super) fn new(a: U256, b: U256) -> Result<Self, MathError> {
        let (lower, upper) = if a > b { (b, a) } else { (a, b) };
        let [_, _, third, fourth] = upper.into_limbs();
        if fourth != 0 || third > u64::from(u32::MAX) {
            return Err(MathError::Overflow);
        }
        Ok(Self { lower, upper })
    }

    /// Liquidity times how far it is from one to the other, in words: 128 bits and 160.
    #[inline]
    fn times(self, liquidity: u128) -> [u64; 5] {
        // Never below zero.
        let distance = three(self.upper.wrapping_sub(self.lower));
        U128::from(liquidity).widening_mul::<192, 3, 320, 5>(distance).into_limbs()
    }

    #[inline]
    pub(super) fn amount0(self, liquidity: u128) -> Result<Fraction, MathError> {
        if self.lower.is_zero() {
            return Err(MathError::Zero);
        }
        let ends = self.ends(liquidity).or_else(|| {
            let (numerator, denominator) = self.terms0(liquidity);
            Ends::new(numerator.as_limbs(), denominator.as_limbs())
        });
        Ok(Fraction { between: self, liquidity, ends })
    }

    /// The upper ends of an amount of token 0, where prices have 128 bits, as most have.
    #[inline]
    fn ends(self, liquidity: u128) -> Option<Ends> {
        let (lower, upper) = (narrow(self.lower)?, narrow(self.upper)?);
        // The distance is never below zero.
        Ends::shifted(widening_mul(liquidity, upper.wrapping_sub(lower)), widening_mul(lower, upper))
    }

    /// Numerator and denominator of an amount of token 0.
    #[inline]
    fn terms0(self, liquidity: u128) -> (U384, U384) {
        let [l0, l1, l2, l3, l4] = self.times(liquidity);
        let (up, down) = (|low: u64| low << 32, |low: u64, high: u64| (low >> 32) | (high << 32));
        let numerator = U384::from_limbs([0, up(l0), down(l0, l1), down(l1, l2), down(l2, l3), down(l3, l4)]);
        (numerator, three(self.lower).widening_mul::<192, 3, 384, 6>(three(self.upper)))
    }

    #[inline]
    pub(super) fn amount1(self, liquidity: u128, round_up: bool) -> U256 {
        let [l0, l1, l2, l3, l4] = self.times(liquidity);
        let down = |low: u64, high: u64| (low >> 32) | (high << 32);
        let quotient = U256::from_limbs([down(l1, l2), down(l2, l3), down(l3, l4), l4 >> 32]);
        // 192 bits at most, and one more.
        let rest = l0 != 0 || l1 & 0xffff_ffff != 0;
        if round_up && rest { quotient.wrapping_add(U256::ONE) } else { quotient }
    }
}

/// An amount of token 0 before it is rounded.
///
/// The contract divides by one price and then by the other, and rounds twice in the same direction: that is the quotient by
/// their product, rounded once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fraction {
    between: Between,
    liquidity: u128,
    ends: Option<Ends>,
}

impl Fraction {
    #[inline]
    pub(super) fn quotient(&self, round_up: bool) -> U256 {
        if let Some(quotient) = self.ends.and_then(Ends::quotient) {
            // There is a remainder, and the quotient has 128 bits.
            return U256::from(quotient).wrapping_add(U256::from(round_up));
        }
        self.whole_quotient(round_up)
    }

    #[cold]
    fn whole_quotient(&self, round_up: bool) -> U256 {
        let (numerator, denominator) = self.between.terms0(self.liquidity);
        // Neither price is zero.
        let (quotient, rest) = numerator.div_rem(denominator);
        let [l0, l1, l2, l3, ..] = quotient.into_limbs();
        let quotient = U256::from_limbs([l0, l1, l2, l3]);
        // The lower price is at least one: 224 bits at most, and one more.
        if round_up && !rest.is_zero() { quotient.wrapping_add(U256::ONE) } else { quotient }
    }

    /// Whether its quotient, rounded up, is at most `amount`.
    #[inline]
    pub(super) fn rounded_up_is_within(&self, amount: U256) -> bool {
        // Where it is certain that the numerator is not just so many times the denominator.
        let certain = || self.ends?.is_below(narrow(amount)?);
        certain().unwrap_or_else(|| self.whole_quotient(true) <= amount)
    }

    /// Whether its quotient, rounded down, is at most `amount`.
    #[inline]
    pub(super) fn rounded_down_is_within(&self, amount: U256) -> bool {
        // Anything below the next number is rounded down to this one.
        let certain = || self.ends?.is_below(narrow(amount)?.checked_add(1)?);
        certain().unwrap_or_else(|| self.whole_quotient(false) <= amount)
    }
}
