//! The snapshots and logs of pools, as their contracts would show them.

use alloy_primitives::{
    Address, I256, LogData, U256,
    aliases::{I24, U112, U160},
};
use alloy_sol_types::SolEvent;

use super::{Log, PairSnapshot, Snapshot, TickLine, TickSnapshot};
use crate::{
    math::v3::{amount0_delta, amount1_delta, sqrt_price_at_tick},
    pool::{Pool, Side, Swap, V2Pool, V3Pool, abi},
};

/// Whoever it was.
const SOMEBODY: Address = Address::repeat_byte(0x50);

/// A position of this much liquidity between two ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) lower: i32,
    pub(super) upper: i32,
    pub(super) amount: u128,
}

/// A log at no place yet.
pub(super) fn log(address: Address, emitted: &LogData) -> Log {
    Log { index: 0, address, topics: emitted.topics().to_vec(), data: emitted.data.clone() }
}

/// What a pair of this state emits.
pub(super) fn sync(pool: &V2Pool) -> LogData {
    let [reserve0, reserve1] = pool.reserves().map(U112::saturating_from);
    abi::Sync { reserve0, reserve1 }.encode_log_data()
}

/// What a swap emits. `None` for numbers that no contract's integers hold.
pub(super) fn swap(side: Side, swap: &Swap) -> Option<LogData> {
    let (taken, given) =
        (I256::try_from(swap.consumed).ok()?, I256::try_from(swap.output).ok()?.checked_neg()?);
    let (amount0, amount1) = match side {
        Side::Zero => (taken, given),
        Side::One => (given, taken),
    };
    let after = swap.after;
    let event = abi::Swap {
        sender: SOMEBODY,
        recipient: SOMEBODY,
        amount0,
        amount1,
        sqrtPriceX96: U160::saturating_from(after.sqrt_price),
        liquidity: after.liquidity,
        tick: I24::try_from(after.tick).ok()?,
    };
    Some(event.encode_log_data())
}

/// What a position that comes emits, in a pool that stands so before it.
pub(super) fn mint(pool: &V3Pool, position: Position) -> Option<LogData> {
    let ([amount0, amount1], [lower, upper]) = (amounts(pool, position, true)?, ends(position)?);
    let event = abi::Mint {
        sender: SOMEBODY,
        owner: SOMEBODY,
        tickLower: lower,
        tickUpper: upper,
        amount: position.amount,
        amount0,
        amount1,
    };
    Some(event.encode_log_data())
}

/// And one that goes.
pub(super) fn burn(pool: &V3Pool, position: Position) -> Option<LogData> {
    let ([amount0, amount1], [lower, upper]) = (amounts(pool, position, false)?, ends(position)?);
    let (owner, amount) = (SOMEBODY, position.amount);
    Some(abi::Burn { owner, tickLower: lower, tickUpper: upper, amount, amount0, amount1 }.encode_log_data())
}

fn ends(position: Position) -> Option<[I24; 2]> {
    Some([I24::try_from(position.lower).ok()?, I24::try_from(position.upper).ok()?])
}

/// What a position is made of at the pool's price.
fn amounts(pool: &V3Pool, position: Position, round_up: bool) -> Option<[U256; 2]> {
    let (low, high) = (sqrt_price_at_tick(position.lower).ok()?, sqrt_price_at_tick(position.upper).ok()?);
    let here = pool.slot().sqrt_price.clamp(low, high);
    Some([
        amount0_delta(here, high, position.amount, round_up).ok()?,
        amount1_delta(low, here, position.amount, round_up).ok()?,
    ])
}

/// A pair's entry in the header.
pub(super) fn pair(address: Address, pool: &V2Pool) -> Snapshot {
    Snapshot::V2(PairSnapshot {
        address,
        tokens: pool.tokens(),
        kept: pool.fee().kept(),
        whole: pool.fee().whole(),
        reserves: pool.reserves(),
    })
}

/// A v3 pool's.
pub(super) fn ticked(address: Address, pool: &V3Pool) -> Snapshot {
    let (terms, slot) = (pool.terms(), pool.slot());
    let line =
        |(tick, of): (i32, crate::pool::TickLiquidity)| TickLine { tick, gross: of.gross, net: of.net };
    Snapshot::V3(TickSnapshot {
        address,
        tokens: terms.tokens,
        fee: terms.fee_pips,
        tick_spacing: terms.tick_spacing,
        sqrt_price: slot.sqrt_price,
        tick: slot.tick,
        liquidity: slot.liquidity,
        fee_protocol: [slot.fee_protocol & 0x0f, slot.fee_protocol >> 4],
        ticks: pool.ticks().map(line).collect(),
    })
}
