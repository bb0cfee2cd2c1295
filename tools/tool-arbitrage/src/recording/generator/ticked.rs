//! A Uniswap v3 pool that is made up: positions around a price, some of which come and go.
#![expect(clippy::float_arithmetic, reason = "makes a market up; the swaps in it are exact")]

use alloy_primitives::{LogData, U256};

use super::{
    Token,
    chance::{self, Chance},
};
use crate::{
    math::v3::{Exact, MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK, tick_at_sqrt_price},
    pool::{Side, V3Event, V3Pool, V3Terms},
    recording::emit::{self, Position},
};

/// Fee in pips and tick spacing: Uniswap's, the usual one twice.
const TIERS: [(u32, i32); 4] = [(500, 10), (3_000, 60), (3_000, 60), (10_000, 200)];
/// Two to the 96.
const ONE: f64 = 79_228_162_514_264_337_593_543_950_336.0;
/// More than any pool takes on its way to a price.
const MUCH: U256 = U256::from_limbs([u64::MAX, u64::MAX, u64::MAX, 0]);
/// How often a position comes, or goes, before a pool trades.
const MOVED: f64 = 0.15;

/// A pool, and whose liquidity it is.
#[derive(Debug)]
pub(super) struct Ticked {
    pub(super) pool: V3Pool,
    positions: Vec<Position>,
    /// Of what one unit of liquidity is about worth.
    unit: f64,
}

impl Ticked {
    /// A pool of about this worth at a price that is `off` the true one. Three of four have a position over the whole range; the
    /// others end somewhere, or have gaps.
    pub(super) fn any(chance: &mut Chance, [zero, one]: [&Token; 2], depth: f64, off: f64) -> Option<Self> {
        let (fee_pips, tick_spacing) = *TIERS.get(chance.below(TIERS.len()))?;
        let terms = V3Terms { tokens: [zero.address, one.address], fee_pips, tick_spacing };
        let mut pool = V3Pool::created(terms).ok()?;
        let sqrt_price = sqrt_price(zero.value / one.value * off);
        let tick = tick_at_sqrt_price(sqrt_price).ok()?;
        pool.apply(V3Event::Initialize { sqrt_price, tick }).ok()?;
        let mut ticked = Self { pool, positions: Vec::new(), unit: (zero.value * one.value).sqrt() };
        if chance.share() < 0.75 {
            let [lower, upper] = [MIN_TICK, MAX_TICK].map(|end| aligned(end, tick_spacing));
            ticked.mint(Position { lower, upper, amount: ticked.liquidity(depth) })?;
        }
        for _position in 0..chance.below(6).saturating_add(2) {
            let position = ticked.position(chance, depth);
            ticked.mint(position)?;
        }
        Some(ticked)
    }

    fn liquidity(&self, worth: f64) -> u128 {
        chance::whole(worth / self.unit).clamp(1, u128::MAX >> 20)
    }

    /// A position some spacings wide around some tick near the price: the narrower, the deeper.
    fn position(&self, chance: &mut Chance, depth: f64) -> Position {
        let (spacing, here) = (self.pool.terms().tick_spacing, self.pool.slot().tick);
        let spacings = |count: usize| i32::try_from(count).unwrap_or_default().saturating_mul(spacing);
        let (below, above) = (spacings(chance.below(12)), spacings(chance.below(12)));
        let away = spacings(chance.below(9)).saturating_sub(spacings(4));
        let least = aligned(MIN_TICK, spacing);
        let lower = aligned(here.saturating_add(away).saturating_sub(below), spacing)
            .clamp(least, least.saturating_neg().saturating_sub(spacing));
        let upper = lower
            .saturating_add(below)
            .saturating_add(above)
            .saturating_add(spacing)
            .min(least.saturating_neg());
        let amount = self.liquidity(depth * (1.0 + 8.0 * chance.share()));
        Position { lower, upper, amount }
    }

    fn mint(&mut self, position: Position) -> Option<LogData> {
        let Position { lower, upper, amount } = position;
        let log = emit::mint(&self.pool, position)?;
        self.pool.apply(V3Event::Mint { lower, upper, amount }).ok()?;
        self.positions.push(position);
        Some(log)
    }

    fn burn(&mut self, chance: &mut Chance) -> Option<LogData> {
        // The first stays, so that there is something left to trade with.
        let place = chance.below(self.positions.len().saturating_sub(1)).saturating_add(1);
        let position = (place < self.positions.len()).then(|| self.positions.swap_remove(place))?;
        let Position { lower, upper, amount } = position;
        let log = emit::burn(&self.pool, position)?;
        self.pool.apply(V3Event::Burn { lower, upper, amount }).ok()?;
        Some(log)
    }

    /// A position that comes or goes, now and then.
    pub(super) fn move_liquidity(&mut self, chance: &mut Chance, depth: f64) -> Option<LogData> {
        let drawn = chance.share();
        if drawn < MOVED {
            let position = self.position(chance, depth);
            self.mint(position)
        } else if drawn < 2.0 * MOVED {
            self.burn(chance)
        } else {
            None
        }
    }

    /// How far the price is from a true one, as a logarithm.
    pub(super) fn off(&self, zero: f64, one: f64) -> f64 {
        let root = f64::from(self.pool.slot().sqrt_price) / ONE;
        (root * root * one / zero).ln()
    }

    /// A swap to a price. None where it is there already.
    pub(super) fn swap(&mut self, price: f64) -> Option<LogData> {
        let limit = sqrt_price(price);
        let side = if limit < self.pool.slot().sqrt_price { Side::Zero } else { Side::One };
        let swap = self.pool.quote(side, Exact::In(MUCH), Some(limit)).ok()?;
        let log = emit::swap(side, &swap)?;
        let after = swap.after;
        let (sqrt_price, liquidity, tick) = (after.sqrt_price, after.liquidity, after.tick);
        self.pool.apply(V3Event::Swap { sqrt_price, liquidity, tick }).ok()?;
        Some(log)
    }
}

/// The last multiple of the spacing on the way from zero to a tick.
fn aligned(tick: i32, spacing: i32) -> i32 {
    tick.checked_div(spacing).unwrap_or_default().saturating_mul(spacing)
}

/// The root of a price, well within those that there are.
fn sqrt_price(price: f64) -> U256 {
    let far = U256::from(1u64.rotate_left(30));
    U256::saturating_from(price.sqrt() * ONE)
        .clamp(MIN_SQRT_PRICE.saturating_add(far), MAX_SQRT_PRICE.saturating_sub(far))
}
