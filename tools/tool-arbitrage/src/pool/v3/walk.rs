//! The loop of `UniswapV3Pool.swap`, line by line.

use alloy_primitives::U256;

use super::{Swap, V3Pool, V3Slot};
use crate::math::MathError;
use crate::math::v3::{
    Exact, MAX_TICK, MIN_TICK, SwapStep, next_initialized_tick_within_one_word, sqrt_price_at_tick,
    swap_step, tick_at_sqrt_price,
};
use crate::pool::{Side, Unquotable};

/// A swap, and what of its fees goes to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// What it takes and gives, and where it leaves the pool.
    pub swap: Swap,
    /// The liquidity providers' part of the fees, in base units of the token that goes in.
    pub provider_fee: U256,
    /// The protocol's part, in the same. The contract keeps 128 bits of it, and wraps.
    pub protocol_fee: u128,
    /// How many initialised ticks it crossed.
    pub crossed: u32,
}

struct State {
    slot: V3Slot,
    remaining: U256,
    consumed: U256,
    output: U256,
    walk: (U256, u128, u32),
}

impl V3Pool {
    /// [`quote`](Self::quote), stop by stop as the contract goes, with the fees: for when those are asked for, and to test by.
    ///
    /// # Errors
    /// Those of [`quote`](Self::quote).
    pub fn walk(&self, side: Side, amount: Exact, limit: Option<U256>) -> Result<Walk, Unquotable> {
        let limit = self.admit(side, amount, limit)?;
        let (Exact::In(remaining) | Exact::Out(remaining)) = amount;
        let (consumed, output) = (U256::ZERO, U256::ZERO);
        let mut state = State { slot: self.slot, remaining, consumed, output, walk: (U256::ZERO, 0, 0) };
        while !state.remaining.is_zero() && state.slot.sqrt_price != limit {
            self.iterate(side, matches!(amount, Exact::In(_)), limit, &mut state)
                .or(Err(Unquotable::Inconsistent))?;
        }
        let (provider_fee, protocol_fee, crossed) = state.walk;
        let swap = Swap { consumed: state.consumed, output: state.output, after: state.slot };
        Ok(Walk { swap, provider_fee, protocol_fee, crossed })
    }

    fn iterate(&self, side: Side, exact_in: bool, limit: U256, state: &mut State) -> Result<(), MathError> {
        let slot = &mut state.slot;
        let (next, initialized) = next_initialized_tick_within_one_word(
            slot.tick,
            self.terms.tick_spacing,
            side == Side::Zero,
            |word| self.book.word(word),
        )?;
        let next = next.clamp(MIN_TICK, MAX_TICK);
        let next_price = sqrt_price_at_tick(next)?;
        let target = match side {
            Side::Zero => next_price.max(limit),
            Side::One => next_price.min(limit),
        };
        let remaining = if exact_in { Exact::In(state.remaining) } else { Exact::Out(state.remaining) };
        let start = slot.sqrt_price;
        let step = swap_step(start, target, slot.liquidity, remaining, self.terms.fee_pips)?;
        slot.sqrt_price = step.sqrt_price_next;
        if slot.sqrt_price == next_price {
            if initialized {
                slot.liquidity = self.book.beyond(side, next, slot.liquidity).ok_or(MathError::Liquidity)?;
                state.walk.2 = state.walk.2.saturating_add(1);
            }
            slot.tick = if side == Side::Zero { next.saturating_sub(1) } else { next };
        } else if slot.sqrt_price != start {
            slot.tick = tick_at_sqrt_price(slot.sqrt_price)?;
        }
        self.account(side, exact_in, &step, state).ok_or(MathError::Overflow)
    }

    fn account(&self, side: Side, exact_in: bool, step: &SwapStep, state: &mut State) -> Option<()> {
        let consumed = step.amount_in.checked_add(step.fee_amount)?;
        state.consumed = state.consumed.checked_add(consumed)?;
        state.output = state.output.checked_add(step.amount_out)?;
        let measured = if exact_in { consumed } else { step.amount_out };
        state.remaining = state.remaining.checked_sub(measured)?;
        // One part in so many, of each step, rounded down; none where that is zero.
        let parts = match side {
            Side::Zero => self.slot.fee_protocol & 0x0f,
            Side::One => self.slot.fee_protocol >> 4,
        };
        let protocol = step.fee_amount.checked_div(U256::from(parts)).unwrap_or_default();
        state.walk.0 = state.walk.0.checked_add(step.fee_amount.checked_sub(protocol)?)?;
        let [low, high, ..] = protocol.into_limbs();
        state.walk.1 = state.walk.1.wrapping_add((u128::from(high) << 64) | u128::from(low));
        Some(())
    }
}
