//! Prices as Uniswap keeps them and as feeds say them. Integers only, rounded down.

use alloy::primitives::{U160, U256, U512, aliases::U192};

/// A price in USD with 8 decimals.
pub type UsdE8 = u128;

/// One side of a pool: the price of a whole token, and its decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) price: UsdE8,
    pub(crate) decimals: u8,
}

/// 10 to the power of `decimals`.
pub(crate) fn unit(decimals: u8) -> Option<U256> {
    U256::from(10_u8).checked_pow(U256::from(decimals))
}

/// The root of a ratio of raw amounts, as Uniswap V3 keeps it: `sqrt(amount1 / amount0) * 2^96`.
pub(crate) fn sqrt_ratio_x96(amount1: U256, amount0: U256) -> Option<U160> {
    let scaled = U512::from(amount1).checked_mul(U512::from(1_u8).checked_shl(192)?)?;
    let ratio = scaled.checked_div(U512::from(amount0))?;
    Some(ratio.root(2).saturating_to::<U160>())
}

/// How many raw units of token 1 and of token 0 are worth the same.
pub(crate) fn fair_amounts(token0: Side, token1: Side) -> Option<(U256, U256)> {
    let amount1 = U256::from(token0.price).checked_mul(unit(token1.decimals)?)?;
    let amount0 = U256::from(token1.price).checked_mul(unit(token0.decimals)?)?;
    Some((amount1, amount0))
}

/// The root price at which a pool agrees with both prices.
pub(crate) fn fair_sqrt_ratio(token0: Side, token1: Side) -> Option<U160> {
    let (amount1, amount0) = fair_amounts(token0, token1)?;
    sqrt_ratio_x96(amount1, amount0)
}

/// The price of token 0 that a pool implies, given the price of token 1.
pub(crate) fn implied_price0(sqrt_ratio: U160, decimals0: u8, token1: Side) -> Option<UsdE8> {
    let square = U512::from(sqrt_ratio).checked_pow(U512::from(2_u8))?;
    let numerator =
        square.checked_mul(U512::from(token1.price))?.checked_mul(U512::from(unit(decimals0)?))?;
    let denominator = U512::from(U192::MAX).checked_mul(U512::from(unit(token1.decimals)?))?;
    u128::try_from(numerator.checked_div(denominator)?).ok()
}

/// The price of token 1 that a pool implies, given the price of token 0.
pub(crate) fn implied_price1(sqrt_ratio: U160, token0: Side, decimals1: u8) -> Option<UsdE8> {
    let square = U512::from(sqrt_ratio).checked_pow(U512::from(2_u8))?;
    let numerator = U512::from(U192::MAX)
        .checked_mul(U512::from(token0.price))?
        .checked_mul(U512::from(unit(decimals1)?))?;
    let denominator = square.checked_mul(U512::from(unit(token0.decimals)?))?;
    u128::try_from(numerator.checked_div(denominator)?).ok()
}

/// What must be sold into a constant-product pair so that its reserves stand at `amount_in : amount_out`. `None` where
/// they already stand there or beyond.
pub(crate) fn amount_to_ratio(
    reserve_in: U256,
    reserve_out: U256,
    fair_in: U256,
    fair_out: U256,
) -> Option<U256> {
    let product = U512::from(reserve_in).checked_mul(U512::from(reserve_out))?;
    let wanted = product.checked_mul(U512::from(fair_in))?.checked_div(U512::from(fair_out))?.root(2);
    let amount = wanted.checked_sub(U512::from(reserve_in))?;
    Some(amount.saturating_to::<U256>()).filter(|amount| !amount.is_zero())
}

/// `value` changed by so many basis points.
pub(crate) fn shift(value: UsdE8, bps: i64) -> Option<UsdE8> {
    let factor = u128::try_from(10_000_i64.checked_add(bps)?).ok()?;
    value.checked_mul(factor)?.checked_div(10_000)
}

/// How far `value` is from `base`, in basis points of `base`.
pub(crate) fn deviation_bps(value: UsdE8, base: UsdE8) -> Option<u128> {
    value.abs_diff(base).checked_mul(10_000)?.checked_div(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WETH: Side = Side { price: 3_000 * 100_000_000, decimals: 18 };
    const USDC: Side = Side { price: 100_000_000, decimals: 6 };

    #[test]
    fn a_price_survives_the_root() {
        let root = fair_sqrt_ratio(WETH, USDC).unwrap();
        let price = implied_price0(root, 18, USDC).unwrap();
        assert!(price.abs_diff(WETH.price) < 10, "{price}");
        let root = fair_sqrt_ratio(USDC, WETH).unwrap();
        let price = implied_price1(root, USDC, 18).unwrap();
        assert!(price.abs_diff(WETH.price) < 10, "{price}");
    }

    #[test]
    fn a_pair_is_sold_into_until_it_is_fair() {
        // 100 : 100 should stand at 400 : 100, so the side doubles.
        let one = U256::from(100_u8);
        assert_eq!(amount_to_ratio(one, one, U256::from(4_u8), U256::from(1_u8)), Some(one));
        assert_eq!(amount_to_ratio(one, one, U256::from(1_u8), U256::from(4_u8)), None);
    }

    #[test]
    fn shifts_and_deviations_agree() {
        let moved = shift(WETH.price, -900).unwrap();
        assert_eq!(moved, 2_730 * 100_000_000);
        assert_eq!(deviation_bps(moved, WETH.price), Some(900));
    }
}
