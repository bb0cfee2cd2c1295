//! `SwapMath.sol`.

use alloy_primitives::{I256, U256};

use super::WHOLE_FEE;
use super::delta::Between;
use super::price::{next_sqrt_price_from_input, next_sqrt_price_from_output};
use crate::math::MathError;
use crate::math::full::{mul_div, mul_div_rounding_up, narrow};
use crate::math::wide::widening_mul;

/// Which of the two amounts is given, in base units of its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exact {
    /// What goes in, at most.
    In(U256),
    /// What comes out, at most.
    Out(U256),
}

/// What one step of a swap does, with one liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapStep {
    /// The square root of the price after it.
    pub sqrt_price_next: U256,
    /// What goes in, without the fee, in base units.
    pub amount_in: U256,
    /// What comes out, in base units.
    pub amount_out: U256,
    /// What goes in besides, in base units.
    pub fee_amount: U256,
}

/// One step towards `sqrt_price_target`, in the contract's terms (`computeSwapStep`): what remains is positive for an exact
/// input, negative for an exact output.
///
/// # Errors
/// What the contract's arithmetic refuses, and [`MathError::Fee`] for a fee of the whole or more, which no factory allows.
pub fn compute_swap_step(
    sqrt_price_current: U256,
    sqrt_price_target: U256,
    liquidity: u128,
    amount_remaining: I256,
    fee_pips: u32,
) -> Result<SwapStep, MathError> {
    let amount = amount_remaining.unsigned_abs();
    let remaining = if amount_remaining.is_negative() { Exact::Out(amount) } else { Exact::In(amount) };
    swap_step(sqrt_price_current, sqrt_price_target, liquidity, remaining, fee_pips)
}

/// [`compute_swap_step`], with what remains as a number of its own kind. A target below or at the current price means that
/// token 0 goes in.
///
/// # Errors
/// Those of [`compute_swap_step`].
#[inline]
pub fn swap_step(
    sqrt_price_current: U256,
    sqrt_price_target: U256,
    liquidity: u128,
    remaining: Exact,
    fee_pips: u32,
) -> Result<SwapStep, MathError> {
    let way = Way {
        from: sqrt_price_current,
        to: sqrt_price_target,
        zero_for_one: sqrt_price_current >= sqrt_price_target,
        liquidity,
    };
    match remaining {
        Exact::In(amount) => way.exact_in(amount, fee_pips),
        Exact::Out(amount) => way.exact_out(amount, fee_pips),
    }
}

/// The step that comes to `to`, however much that takes: what lies between two stops of a pool.
#[inline]
pub(crate) fn whole_step(
    from: U256,
    to: U256,
    liquidity: u128,
    fee_pips: u32,
) -> Result<SwapStep, MathError> {
    Way { from, to, zero_for_one: from >= to, liquidity }.step(to, fee_pips)
}

/// A step, with the fee in what it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Total {
    pub(crate) sqrt_price_next: U256,
    pub(crate) consumed: U256,
    pub(crate) output: U256,
}

impl SwapStep {
    fn total(self) -> Result<Total, MathError> {
        let consumed = self.amount_in.checked_add(self.fee_amount).ok_or(MathError::Overflow)?;
        Ok(Total { sqrt_price_next: self.sqrt_price_next, consumed, output: self.amount_out })
    }
}

/// [`swap_step`] for those who do not ask what the fee is.
#[inline]
pub(crate) fn total_step(
    from: U256,
    to: U256,
    liquidity: u128,
    remaining: Exact,
    fee_pips: u32,
) -> Result<Total, MathError> {
    let way = Way { from, to, zero_for_one: from >= to, liquidity };
    match remaining {
        Exact::In(amount) => way.total_in(amount, fee_pips),
        Exact::Out(amount) => way.exact_out(amount, fee_pips)?.total(),
    }
}

struct Way {
    from: U256,
    to: U256,
    zero_for_one: bool,
    liquidity: u128,
}

impl Way {
    #[inline]
    fn exact_in(&self, remaining: U256, fee_pips: u32) -> Result<SwapStep, MathError> {
        let less_fee = less_fee(remaining, fee_pips)?;
        if let Some(step) = self.whole_in(less_fee, fee_pips)? {
            return Ok(step);
        }
        let next = self.next_in(less_fee)?;
        let mut step = self.step(next, fee_pips)?;
        if next != self.to {
            // The rest of the input is not worth a unit of the price: it is fee as well.
            step.fee_amount = remaining.checked_sub(step.amount_in).ok_or(MathError::Overflow)?;
        }
        Ok(step)
    }

    /// A step of an exact input, without saying what of it is fee: where the target is not reached, all of it is taken.
    #[inline]
    fn total_in(&self, remaining: U256, fee_pips: u32) -> Result<Total, MathError> {
        let less_fee = less_fee(remaining, fee_pips)?;
        if let Some(step) = self.whole_in(less_fee, fee_pips)? {
            return step.total();
        }
        let next = self.next_in(less_fee)?;
        if next == self.to {
            return self.step(next, fee_pips)?.total();
        }
        let moved = Between::new(self.from, next)?;
        let output = if self.zero_for_one {
            moved.amount1(self.liquidity, false)
        } else {
            moved.amount0(self.liquidity)?.quotient(false)
        };
        Ok(Total { sqrt_price_next: next, consumed: remaining, output })
    }

    /// The step to the target, where the input without its fee is enough for that.
    #[inline]
    fn whole_in(&self, less_fee: U256, fee_pips: u32) -> Result<Option<SwapStep>, MathError> {
        let whole = Between::new(self.from, self.to)?;
        let (amount_in, amount_out) = if self.zero_for_one {
            let fraction = whole.amount0(self.liquidity)?;
            if !fraction.rounded_up_is_within(less_fee) {
                return Ok(None);
            }
            (fraction.quotient(true), whole.amount1(self.liquidity, false))
        } else {
            let amount_in = whole.amount1(self.liquidity, true);
            if amount_in > less_fee {
                return Ok(None);
            }
            (amount_in, whole.amount0(self.liquidity)?.quotient(false))
        };
        let fee_amount = fee_on_top(amount_in, fee_pips)?;
        Ok(Some(SwapStep { sqrt_price_next: self.to, amount_in, amount_out, fee_amount }))
    }

    /// Where an input that is not enough takes the price.
    #[inline]
    fn next_in(&self, less_fee: U256) -> Result<U256, MathError> {
        next_sqrt_price_from_input(self.from, self.liquidity, less_fee, self.zero_for_one)
    }

    #[inline]
    fn exact_out(&self, remaining: U256, fee_pips: u32) -> Result<SwapStep, MathError> {
        let whole = Between::new(self.from, self.to)?;
        let reaches = if self.zero_for_one {
            whole.amount1(self.liquidity, false) <= remaining
        } else {
            whole.amount0(self.liquidity)?.rounded_down_is_within(remaining)
        };
        let next = if reaches {
            self.to
        } else {
            next_sqrt_price_from_output(self.from, self.liquidity, remaining, self.zero_for_one)?
        };
        let mut step = self.step(next, fee_pips)?;
        step.amount_out = step.amount_out.min(remaining);
        Ok(step)
    }

    /// The amounts of a move to `next`, with the fee in proportion.
    #[inline]
    fn step(&self, next: U256, fee_pips: u32) -> Result<SwapStep, MathError> {
        let moved = Between::new(self.from, next)?;
        let amount0 = moved.amount0(self.liquidity)?;
        let (amount_in, amount_out) = if self.zero_for_one {
            (amount0.quotient(true), moved.amount1(self.liquidity, false))
        } else {
            (moved.amount1(self.liquidity, true), amount0.quotient(false))
        };
        let fee_amount = fee_on_top(amount_in, fee_pips)?;
        Ok(SwapStep { sqrt_price_next: next, amount_in, amount_out, fee_amount })
    }
}

/// Amounts below this have a product with a fee of less than 127 bits.
const SHORT: u128 = 1 << 106;

/// A number of less than 127 bits divided by 1,000,000: times 2^147 / 1,000,000, which is rounded up by less than a millionth of
/// what would change the result.
#[inline]
fn millionth(number: u128) -> u128 {
    const INVERSE: u128 = 178_405_961_588_244_985_132_285_746_181_186_892_048;
    widening_mul(number, INVERSE).0 >> 19
}

/// What a fee leaves of an amount, rounded down.
#[inline]
fn less_fee(amount: U256, fee_pips: u32) -> Result<U256, MathError> {
    let left = rest(fee_pips)?;
    match narrow(amount) {
        // 106 bits and 20.
        Some(amount) if amount < SHORT => Ok(U256::from(millionth(amount.wrapping_mul(u128::from(left))))),
        _ => mul_div(amount, U256::from(left), U256::from(WHOLE_FEE)),
    }
}

/// The fee that comes on top of an amount, rounded up.
#[inline]
fn fee_on_top(amount: U256, fee_pips: u32) -> Result<U256, MathError> {
    let left = rest(fee_pips)?;
    match narrow(amount) {
        // 106 bits and 20.
        Some(amount) if amount < SHORT => {
            let (product, left) = (amount.wrapping_mul(u128::from(fee_pips)), u128::from(left));
            let quotient = product.checked_div(left).ok_or(MathError::DivisionByZero)?;
            // The quotient times the divisor is the product at most.
            let rest = quotient.wrapping_mul(left) != product;
            Ok(U256::from(quotient.wrapping_add(u128::from(rest))))
        }
        _ => mul_div_rounding_up(amount, U256::from(fee_pips), U256::from(left)),
    }
}

/// The whole without the fee: more than zero.
#[inline]
fn rest(fee_pips: u32) -> Result<u32, MathError> {
    WHOLE_FEE.checked_sub(fee_pips).filter(|left| *left > 0).ok_or(MathError::Fee)
}

#[cfg(test)]
mod tests;
