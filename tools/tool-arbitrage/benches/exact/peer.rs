//! The other side: v2 on plain `U256`, and the loop that users of `uniswap_v3_math` write over its functions.

use std::collections::HashMap;

use alloy_primitives::{I256, U256};
use tool_arbitrage::pool::{TickLiquidity, V3Slot, V3Terms};
use uniswap_v3_math::{swap_math, tick_bitmap, tick_math};

/// `getAmountOut` as it stands in the library, on 256 bits. The operators wrap; no input here comes near that.
pub(crate) fn amount_out(amount: U256, reserve_in: u128, reserve_out: u128) -> U256 {
    let (reserve_in, reserve_out) = (U256::from(reserve_in), U256::from(reserve_out));
    let taxed = amount * U256::from_limbs([997, 0, 0, 0]);
    taxed * reserve_out / (reserve_in * U256::from_limbs([1_000, 0, 0, 0]) + taxed)
}

/// A pool as that crate's functions want it.
pub(crate) struct Pool {
    terms: V3Terms,
    slot: V3Slot,
    nets: HashMap<i32, i128>,
    bitmap: HashMap<i16, U256>,
}

impl Pool {
    pub(crate) fn new(terms: V3Terms, slot: V3Slot, ticks: &[(i32, TickLiquidity)]) -> Self {
        let mut bitmap = HashMap::new();
        for (tick, _) in ticks {
            tick_bitmap::flip_tick(&mut bitmap, *tick, terms.tick_spacing).unwrap();
        }
        Self { terms, slot, nets: ticks.iter().map(|(tick, of)| (*tick, of.net)).collect(), bitmap }
    }

    /// What goes in and what comes out, for an exact input without a limit.
    pub(crate) fn quote_in(&self, zero_for_one: bool, amount: U256) -> (U256, U256) {
        let limit = if zero_for_one {
            tick_math::MIN_SQRT_RATIO + U256::ONE
        } else {
            tick_math::MAX_SQRT_RATIO - U256::ONE
        };
        let V3Slot { mut sqrt_price, mut tick, mut liquidity, .. } = self.slot;
        let (mut remaining, mut output) = (amount, U256::ZERO);
        while !remaining.is_zero() && sqrt_price != limit {
            let spacing = self.terms.tick_spacing;
            let (next, initialized) =
                tick_bitmap::next_initialized_tick_within_one_word(&self.bitmap, tick, spacing, zero_for_one)
                    .unwrap();
            let next = next.clamp(tick_math::MIN_TICK, tick_math::MAX_TICK);
            let price = tick_math::get_sqrt_ratio_at_tick(next).unwrap();
            let target = if zero_for_one { price.max(limit) } else { price.min(limit) };
            let start = sqrt_price;
            let (now, taken, given, fee) = swap_math::compute_swap_step(
                start,
                target,
                liquidity,
                I256::from_raw(remaining),
                self.terms.fee_pips,
            )
            .unwrap();
            sqrt_price = now;
            remaining -= taken + fee;
            output += given;
            if now == price {
                if initialized {
                    let net = self.nets.get(&next).copied().unwrap_or_default();
                    liquidity = liquidity.checked_add_signed(if zero_for_one { -net } else { net }).unwrap();
                }
                tick = if zero_for_one { next - 1 } else { next };
            } else if now != start {
                tick = tick_math::get_tick_at_sqrt_ratio(now).unwrap();
            }
        }
        std::hint::black_box(tick);
        (amount - remaining, output)
    }
}
