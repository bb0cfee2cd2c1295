//! The half of `SqrtPriceMath.sol` that says where an amount moves the price to.

use alloy_primitives::U256;
use alloy_primitives::ruint::Uint;

use super::delta::PRICE_BITS;
use crate::math::MathError;
use crate::math::full::{mul_div, mul_div_rounding_up, narrow};
use crate::math::wide::{self, Ends};

type U384 = Uint<384, 6>;

/// One, in Q64.96.
const ONE: U256 = U256::from_limbs([0, 1 << 32, 0, 0]);

/// Where the price goes when so much of token 0 comes in (`add`) or goes out, rounded up
/// (`getNextSqrtPriceFromAmount0RoundingUp`).
///
/// # Errors
/// [`MathError::TooMuch`] where that much cannot go out; [`MathError::Overflow`] and [`MathError::DivisionByZero`] where the
/// contract's arithmetic would.
#[inline]
pub fn next_sqrt_price_from_amount0_rounding_up(
    sqrt_price: U256,
    liquidity: u128,
    amount: U256,
    add: bool,
) -> Result<U256, MathError> {
    if amount.is_zero() {
        return Ok(sqrt_price);
    }
    let numerator = U256::from(liquidity).wrapping_shl(96);
    let product = amount.checked_mul(sqrt_price);
    if add {
        if let Some(product) = product
            && let Some(denominator) = numerator.checked_add(product)
        {
            return moved_down(sqrt_price, product, denominator);
        }
        let whole = numerator.checked_div(sqrt_price).ok_or(MathError::DivisionByZero)?;
        let denominator = whole.checked_add(amount).ok_or(MathError::Overflow)?;
        // More than zero, since the amount is.
        let (quotient, rest) = numerator.div_rem(denominator);
        return Ok(if rest.is_zero() { quotient } else { quotient.wrapping_add(U256::ONE) });
    }
    let denominator = product.and_then(|product| numerator.checked_sub(product));
    let denominator = denominator.filter(|left| !left.is_zero()).ok_or(MathError::TooMuch)?;
    price(divide_up(numerator, sqrt_price, denominator)?)
}

/// `price * (denominator - product) / denominator`, rounded up: the price without `price * product / denominator`, rounded down,
/// which has fewer digits.
#[inline]
fn moved_down(sqrt_price: U256, product: U256, denominator: U256) -> Result<U256, MathError> {
    let whole: U384 = match sqrt_price.into_limbs() {
        [l0, l1, l2, 0] => {
            Uint::<192, 3>::from_limbs([l0, l1, l2]).widening_mul::<256, 4, 448, 7>(product).wrapping_to()
        }
        _ => return Err(MathError::Overflow),
    };
    let [d0, d1, d2, d3] = denominator.into_limbs();
    // The product of both may have more than 384 bits, but not where the upper ends are taken from less.
    let fits = product.bit_len().saturating_add(sqrt_price.bit_len()) <= 384;
    let ends = if fits { Ends::new(whole.as_limbs(), &[d0, d1, d2, d3, 0, 0]) } else { None };
    let moved = match ends.and_then(Ends::quotient) {
        Some(moved) => U256::from(moved),
        None => mul_div(product, sqrt_price, denominator)?,
    };
    sqrt_price.checked_sub(moved).ok_or(MathError::Overflow)
}

/// `mulDivRoundingUp` of 224 bits by 160, and by any number: on 384 bits instead of 512.
#[inline]
fn divide_up(numerator: U256, sqrt_price: U256, denominator: U256) -> Result<U256, MathError> {
    if sqrt_price.bit_len() > PRICE_BITS || denominator.is_zero() {
        return mul_div_rounding_up(numerator, sqrt_price, denominator);
    }
    let product: U384 = numerator.widening_mul::<256, 4, 512, 8>(sqrt_price).wrapping_to();
    let divisor = U384::from(denominator);
    if let Some(quotient) = Ends::new(product.as_limbs(), divisor.as_limbs()).and_then(Ends::quotient) {
        // There is a remainder, and the quotient has 128 bits.
        return Ok(U256::from(quotient).wrapping_add(U256::ONE));
    }
    let (quotient, rest) = product.div_rem(divisor);
    let [l0, l1, l2, l3, 0, 0] = quotient.into_limbs() else { return Err(MathError::Overflow) };
    let quotient = U256::from_limbs([l0, l1, l2, l3]);
    if rest.is_zero() { Ok(quotient) } else { quotient.checked_add(U256::ONE).ok_or(MathError::Overflow) }
}

/// Where the price goes when so much of token 1 comes in (`add`) or goes out, rounded down
/// (`getNextSqrtPriceFromAmount1RoundingDown`).
///
/// # Errors
/// [`MathError::TooMuch`] where that much cannot go out; [`MathError::Overflow`] and [`MathError::DivisionByZero`] where the
/// contract's arithmetic would.
#[inline]
pub fn next_sqrt_price_from_amount1_rounding_down(
    sqrt_price: U256,
    liquidity: u128,
    amount: U256,
    add: bool,
) -> Result<U256, MathError> {
    if add {
        let moved = per_liquidity(amount, liquidity, false)?;
        return price(sqrt_price.checked_add(moved).ok_or(MathError::Overflow)?);
    }
    let moved = match per_liquidity(amount, liquidity, true) {
        // `UnsafeMath.divRoundingUp` divides by zero, and calls it zero.
        Err(MathError::DivisionByZero) if amount.bit_len() <= PRICE_BITS => U256::ZERO,
        moved => moved?,
    };
    sqrt_price.checked_sub(moved).filter(|price| !price.is_zero()).ok_or(MathError::TooMuch)
}

/// `amount * 2^96 / liquidity`.
#[inline]
fn per_liquidity(amount: U256, liquidity: u128, round_up: bool) -> Result<U256, MathError> {
    if let Some(amount) = narrow(amount)
        && let Some((quotient, rest)) = wide::divide(amount >> 32, amount << 96, liquidity)
    {
        // One more than 128 bits fits.
        let up = if rest && round_up { U256::ONE } else { U256::ZERO };
        return Ok(U256::from(quotient).wrapping_add(up));
    }
    let liquidity = U256::from(liquidity);
    if round_up { mul_div_rounding_up(amount, ONE, liquidity) } else { mul_div(amount, ONE, liquidity) }
}

/// A price, where it has no more than 160 bits.
fn price(value: U256) -> Result<U256, MathError> {
    if value.bit_len() > PRICE_BITS { Err(MathError::Overflow) } else { Ok(value) }
}

/// Where the price goes when so much comes in: of token 0 for `zero_for_one`, else of token 1 (`getNextSqrtPriceFromInput`).
///
/// # Errors
/// [`MathError::Zero`] without a price or liquidity, and what the contract's arithmetic refuses.
#[inline]
pub fn next_sqrt_price_from_input(
    sqrt_price: U256,
    liquidity: u128,
    amount_in: U256,
    zero_for_one: bool,
) -> Result<U256, MathError> {
    needs_both(sqrt_price, liquidity)?;
    if zero_for_one {
        next_sqrt_price_from_amount0_rounding_up(sqrt_price, liquidity, amount_in, true)
    } else {
        next_sqrt_price_from_amount1_rounding_down(sqrt_price, liquidity, amount_in, true)
    }
}

/// Where the price goes when so much goes out: of token 1 for `zero_for_one`, else of token 0 (`getNextSqrtPriceFromOutput`).
///
/// # Errors
/// [`MathError::Zero`] without a price or liquidity, [`MathError::TooMuch`] where there is less, and what the contract's
/// arithmetic refuses.
#[inline]
pub fn next_sqrt_price_from_output(
    sqrt_price: U256,
    liquidity: u128,
    amount_out: U256,
    zero_for_one: bool,
) -> Result<U256, MathError> {
    needs_both(sqrt_price, liquidity)?;
    if zero_for_one {
        next_sqrt_price_from_amount1_rounding_down(sqrt_price, liquidity, amount_out, false)
    } else {
        next_sqrt_price_from_amount0_rounding_up(sqrt_price, liquidity, amount_out, false)
    }
}

const fn needs_both(sqrt_price: U256, liquidity: u128) -> Result<(), MathError> {
    if sqrt_price.const_is_zero() || liquidity == 0 { Err(MathError::Zero) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
