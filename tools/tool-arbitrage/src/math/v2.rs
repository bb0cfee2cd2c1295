//! `UniswapV2Library.sol`, and the check that a pair makes of itself, for any fee.

use alloy_primitives::U256;
use alloy_primitives::aliases::U512;

use super::full::narrow;
use super::wide;
use crate::pool::Unquotable;

/// The most that a pair can hold of a token: its reserves are `uint112`.
pub const MOST: u128 = (1 << 112) - 1;
/// Below this, the denominators of [`amount_out`] fit 128 bits, for all reserves.
const SMALL: u32 = 1 << 15;

/// What a pair leaves of an input: 997 of 1,000 for Uniswap, 9,975 of 10,000 for Pancake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct V2Fee {
    kept: u32,
    whole: u32,
}

impl V2Fee {
    /// 0.3 %: Uniswap's, and that of most forks.
    pub const UNISWAP: Self = Self { kept: 997, whole: 1_000 };

    /// 0.25 %: Pancake's.
    pub const PANCAKE: Self = Self { kept: 9_975, whole: 10_000 };

    /// `kept` of `whole`; `None` unless it is more than nothing and no more than all.
    #[must_use]
    pub const fn new(kept: u32, whole: u32) -> Option<Self> {
        if kept == 0 || kept > whole { None } else { Some(Self { kept, whole }) }
    }

    /// What is left of [`whole`](Self::whole).
    #[must_use]
    pub const fn kept(self) -> u32 {
        self.kept
    }

    /// The denominator of the contract: 1,000 or 10,000.
    #[must_use]
    pub const fn whole(self) -> u32 {
        self.whole
    }
}

/// What comes out for `amount_in`, rounded down (`getAmountOut`). In base units of each token.
///
/// # Errors
/// What the library reverts for: [`Unquotable::TooSmall`] for no input, [`Unquotable::Empty`] for no reserves,
/// [`Unquotable::TooLarge`] where a product takes more than 256 bits. That nothing comes out is no error here: the pair's is.
#[inline]
pub fn amount_out(
    amount_in: U256,
    reserve_in: u128,
    reserve_out: u128,
    fee: V2Fee,
) -> Result<U256, Unquotable> {
    match narrow(amount_in) {
        Some(amount) if (amount | reserve_in | reserve_out) <= MOST && fee.whole < SMALL => {
            amount_out_112(amount, reserve_in, reserve_out, fee).map(U256::from)
        }
        _ => amount_out_256(amount_in, reserve_in, reserve_out, fee),
    }
}

/// The same of numbers below 2^112, and of a small fee: one division of 256 bits by 128.
#[inline]
fn amount_out_112(amount: u128, reserve_in: u128, reserve_out: u128, fee: V2Fee) -> Result<u128, Unquotable> {
    if amount == 0 {
        return Err(Unquotable::TooSmall);
    }
    if reserve_in == 0 || reserve_out == 0 {
        return Err(Unquotable::Empty);
    }
    // 112 bits times 15 are 127, and the sum of two such is one more: none of these wraps.
    let taxed = amount.wrapping_mul(u128::from(fee.kept));
    let denominator = reserve_in.wrapping_mul(u128::from(fee.whole)).wrapping_add(taxed);
    // The reserve is more than nothing, so that what is taxed is less than the denominator.
    wide::scale(taxed, reserve_out, denominator).map(|scaled| scaled.quotient).ok_or(Unquotable::TooLarge)
}

/// The contract's own way, overflows included.
#[cold]
fn amount_out_256(amount: U256, reserve_in: u128, reserve_out: u128, fee: V2Fee) -> Result<U256, Unquotable> {
    if amount.is_zero() {
        return Err(Unquotable::TooSmall);
    }
    if reserve_in == 0 || reserve_out == 0 {
        return Err(Unquotable::Empty);
    }
    let exact = || {
        let taxed = amount.checked_mul(U256::from(fee.kept))?;
        let numerator = taxed.checked_mul(U256::from(reserve_out))?;
        let denominator = U256::from(reserve_in).checked_mul(U256::from(fee.whole))?.checked_add(taxed)?;
        numerator.checked_div(denominator)
    };
    exact().ok_or(Unquotable::TooLarge)
}

/// What a router asks for `amount_out` (`getAmountIn`): the quotient and one more, even where it divides evenly. See
/// [`least_in`] for what the pair asks. In base units of each token.
///
/// # Errors
/// What the library reverts for: [`Unquotable::TooSmall`] for no output, [`Unquotable::Empty`] for no reserves,
/// [`Unquotable::TooLarge`] for all of the reserve or more, or where a product takes more than 256 bits.
#[inline]
pub fn amount_in(
    amount_out: U256,
    reserve_in: u128,
    reserve_out: u128,
    fee: V2Fee,
) -> Result<U256, Unquotable> {
    let (numerator, denominator) = price_of(amount_out, reserve_in, reserve_out, fee)?;
    let quotient = match (narrow(denominator), numerator.into_limbs()) {
        (Some(denominator), [l0, l1, l2, l3]) => {
            let [high, low] =
                [[l2, l3], [l0, l1]].map(|[low, high]| (u128::from(high) << 64) | u128::from(low));
            wide::divide(high, low, denominator).map(|(quotient, _)| U256::from(quotient))
        }
        _ => None,
    };
    let quotient = quotient.or_else(|| numerator.checked_div(denominator)).ok_or(Unquotable::TooLarge)?;
    quotient.checked_add(U256::ONE).ok_or(Unquotable::TooLarge)
}

/// The least input for which the pair's own check (`UniswapV2: K`) lets `amount_out` go. That is what [`amount_in`] says, or
/// one less. In base units of each token.
///
/// # Errors
/// Those of [`amount_in`].
pub fn least_in(
    amount_out: U256,
    reserve_in: u128,
    reserve_out: u128,
    fee: V2Fee,
) -> Result<U256, Unquotable> {
    let (numerator, denominator) = price_of(amount_out, reserve_in, reserve_out, fee)?;
    // (Ri * w + in * k) * (Ro - out) >= Ri * Ro * w, solved for `in`. Positive, so that it is at least one.
    let (quotient, rest) = numerator.div_rem(denominator);
    let up = if rest.is_zero() { U256::ZERO } else { U256::ONE };
    quotient.checked_add(up).ok_or(Unquotable::TooLarge)
}

/// `Ri * out * w` and `(Ro - out) * k`, the latter more than zero.
fn price_of(
    amount_out: U256,
    reserve_in: u128,
    reserve_out: u128,
    fee: V2Fee,
) -> Result<(U256, U256), Unquotable> {
    if amount_out.is_zero() {
        return Err(Unquotable::TooSmall);
    }
    if reserve_in == 0 || reserve_out == 0 {
        return Err(Unquotable::Empty);
    }
    let left = U256::from(reserve_out).checked_sub(amount_out).filter(|left| !left.is_zero());
    let exact = || {
        let numerator = U256::from(reserve_in).checked_mul(amount_out)?.checked_mul(U256::from(fee.whole))?;
        Some((numerator, left?.checked_mul(U256::from(fee.kept))?))
    };
    exact().ok_or(Unquotable::TooLarge)
}

/// Whether the pair lets `amount_out` go for `amount_in` (`UniswapV2: K` is the refusal), by the formula of the contract. In
/// base units of each token, `amount_in` being what arrived.
#[must_use]
pub fn keeps_k(amount_in: u128, amount_out: u128, reserve_in: u128, reserve_out: u128, fee: V2Fee) -> bool {
    let check = || {
        let whole = U256::from(fee.whole);
        let taken = U256::from(fee.whole.checked_sub(fee.kept)?).checked_mul(U256::from(amount_in))?;
        let balance_in =
            U256::from(reserve_in.checked_add(amount_in)?).checked_mul(whole)?.checked_sub(taken)?;
        let balance_out = U256::from(reserve_out.checked_sub(amount_out)?).checked_mul(whole)?;
        let before = U256::from(reserve_in).checked_mul(U256::from(reserve_out))?;
        let before: U512 = before.widening_mul(whole.checked_mul(whole)?);
        let after: U512 = balance_in.widening_mul(balance_out);
        Some(after >= before)
    };
    check().unwrap_or(false)
}

#[cfg(test)]
mod tests;
