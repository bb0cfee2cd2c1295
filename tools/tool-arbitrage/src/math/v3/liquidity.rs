//! `LiquidityMath.sol`, and what of `Tick.sol` says how much liquidity a tick may hold.

use super::{MAX_TICK, MIN_TICK};
use crate::math::MathError;

/// Liquidity with what a tick adds to it (`addDelta`).
///
/// # Errors
/// [`MathError::Liquidity`] below zero (`LS`) or above 128 bits (`LA`).
pub fn add_delta(liquidity: u128, delta: i128) -> Result<u128, MathError> {
    liquidity.checked_add_signed(delta).ok_or(MathError::Liquidity)
}

/// How much liquidity may refer to one tick (`tickSpacingToMaxLiquidityPerTick`).
///
/// # Errors
/// [`MathError::Spacing`] for a spacing that is not positive.
pub fn max_liquidity_per_tick(spacing: i32) -> Result<u128, MathError> {
    let ticks = |tick: i32| tick.checked_div(spacing).filter(|_| spacing > 0).ok_or(MathError::Spacing);
    let count = ticks(MAX_TICK)?.abs_diff(ticks(MIN_TICK)?);
    u128::MAX.checked_div(u128::from(count).saturating_add(1)).ok_or(MathError::Spacing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn liquidity_stays_within_128_bits() {
        assert_eq!(add_delta(1, 0), Ok(1));
        assert_eq!(add_delta(1, -1), Ok(0));
        assert_eq!(add_delta(0, -1), Err(MathError::Liquidity));
        assert_eq!(add_delta(u128::MAX - 14, 15), Err(MathError::Liquidity));
        assert_eq!(add_delta(u128::MAX - 14, 14), Ok(u128::MAX));
    }

    #[test]
    fn a_tick_holds_what_the_contract_says() {
        assert_eq!(max_liquidity_per_tick(10), Ok(1_917_569_901_783_203_986_719_870_431_555_990));
        assert_eq!(max_liquidity_per_tick(60), Ok(11_505_743_598_341_114_571_880_798_222_544_994));
        assert_eq!(max_liquidity_per_tick(200), Ok(38_350_317_471_085_141_830_651_933_667_504_588));
        assert_eq!(max_liquidity_per_tick(887_272), Ok(u128::MAX / 3));
        assert_eq!([0, -1].map(max_liquidity_per_tick), [Err(MathError::Spacing); 2]);
    }
}
