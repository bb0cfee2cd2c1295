//! The curve in floats: a constant product between any two ticks at which liquidity changes.
#![expect(clippy::float_arithmetic, reason = "a screen: what it finds is quoted again in integers")]

use alloy_primitives::U256;

use super::V3Pool;
use crate::math::v3::{MAX_TICK, MIN_TICK, WHOLE_FEE, sqrt_price_at_tick};
use crate::pool::{Side, Stretch};

/// One, in Q64.96.
const ONE: f64 = 79_228_162_514_264_337_593_543_950_336.0;

impl V3Pool {
    /// The curve from the price on, stretch by stretch. Where there is no liquidity there is none, and the next begins where
    /// there is some again. For screens and first guesses: approximate, and without the roundings at words.
    pub fn stretches(&self, side: Side) -> impl Iterator<Item = Stretch> {
        let slot = self.slot;
        let mut at = (!slot.sqrt_price.is_zero()).then_some((slot.sqrt_price, slot.tick, slot.liquidity));
        std::iter::from_fn(move || {
            loop {
                let (price, tick, liquidity) = at?;
                let next = self.book.next(side, tick);
                let end = next.map_or(if side == Side::Zero { MIN_TICK } else { MAX_TICK }, |(tick, _)| tick);
                let end_price = sqrt_price_at_tick(end).ok()?;
                at = next.and_then(|(tick, _)| {
                    let beyond = self.book.beyond(side, tick, liquidity)?;
                    let tick = if side == Side::Zero { tick.checked_sub(1)? } else { tick };
                    Some((end_price, tick, beyond))
                });
                if liquidity != 0 && price != end_price {
                    return Some(self.between(side, liquidity, price, end_price));
                }
            }
        })
    }

    fn between(&self, side: Side, liquidity: u128, from: U256, to: U256) -> Stretch {
        let liquidity = f64::from(U256::from(liquidity));
        let (from, to) = (f64::from(from) / ONE, f64::from(to) / ONE);
        let fee = f64::from(self.terms.fee_pips) / f64::from(WHOLE_FEE);
        let (zero, one) = (liquidity / from, liquidity * from);
        let (reserve_in, reserve_out, taken) = match side {
            Side::Zero => (zero, one, liquidity / to - zero),
            Side::One => (one, zero, liquidity * to - one),
        };
        Stretch { reserve_in, reserve_out, fee, until: taken / (1.0 - fee) }
    }
}
