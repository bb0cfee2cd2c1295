//! Uniswap v3's libraries. A square root of a price is a Q64.96 number of token 1 for token 0 (base units both); a tick is the
//! logarithm of the price to the base 1.0001; a fee is in pips, millionths.

mod bitmap;
mod delta;
mod liquidity;
mod price;
mod step;
mod tick;

pub use bitmap::{compress, next_initialized_tick_within_one_word, position};
pub use delta::{amount0_delta, amount1_delta};
pub use liquidity::{add_delta, max_liquidity_per_tick};
pub use price::{
    next_sqrt_price_from_amount0_rounding_up, next_sqrt_price_from_amount1_rounding_down,
    next_sqrt_price_from_input, next_sqrt_price_from_output,
};
pub use step::{Exact, SwapStep, compute_swap_step, swap_step};
pub(crate) use step::{total_step, whole_step};
pub use tick::{MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK, sqrt_price_at_tick, tick_at_sqrt_price};

/// All of it, in pips.
pub const WHOLE_FEE: u32 = 1_000_000;
