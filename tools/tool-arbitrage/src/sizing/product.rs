//! A constant product in integers below 2^112, with how much its rounding took.
#![expect(clippy::float_arithmetic, reason = "bounds on what rounding took; every amount is an integer")]

use super::curve::{Curve, approximate};
use crate::math::{
    v2::{MOST, V2Fee},
    wide,
};

/// Fees of fewer parts than this keep every denominator below 2^128.
const SMALL: u32 = 1 << 15;

/// One direction of a pool that is a constant product at every price: what a Uniswap v2 pair answers, from its integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product {
    reserve_out: u128,
    /// What may come in before the balance takes more than 112 bits.
    room: u128,
    kept: u128,
    /// The reserve that goes in, times the fee's denominator.
    scaled_in: u128,
    curve: Curve,
}

/// An amount, and by how much less rounding made it worse: a share of one base unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounded {
    pub(super) amount: u128,
    pub(super) by: f64,
}

impl Product {
    /// Fills the places of an array that are not used.
    pub(super) const ONE: Self =
        Self { reserve_out: 1, room: MOST, kept: 1, scaled_in: 1, curve: Curve::IDENTITY };

    /// The product of these reserves, in base units. `None` where a reserve is zero or takes more than 112 bits, or the fee is
    /// in 32,768 parts or more: such a pool is sized by its quotes.
    #[must_use]
    #[inline]
    pub fn new(reserve_in: u128, reserve_out: u128, fee: V2Fee) -> Option<Self> {
        let fits = |reserve| (1..=MOST).contains(&reserve);
        if !fits(reserve_in) || !fits(reserve_out) || fee.whole() >= SMALL {
            return None;
        }
        let (kept, scaled_in) = (u128::from(fee.kept()), reserve_in.checked_mul(u128::from(fee.whole()))?);
        let room = MOST.checked_sub(reserve_in)?;
        let bend = approximate(kept) / approximate(scaled_in);
        let curve = Curve { slope: bend * approximate(reserve_out), bend };
        Some(Self { reserve_out, room, kept, scaled_in, curve })
    }

    #[inline]
    pub(super) const fn curve(&self) -> Curve {
        self.curve
    }

    /// What comes out, rounded down. `None` for nothing, and for more than the pool's integers hold.
    #[inline]
    pub(super) fn amount_out(&self, amount: u128) -> Option<Rounded> {
        if amount == 0 || amount > self.room {
            return None;
        }
        let taxed = amount.checked_mul(self.kept)?;
        let denominator = self.scaled_in.checked_add(taxed)?;
        let scaled = wide::scale(taxed, self.reserve_out, denominator)?;
        let by = approximate(scaled.rest) / approximate(scaled.of);
        (scaled.quotient > 0).then_some(Rounded { amount: scaled.quotient, by })
    }

    /// The least input that brings `amount`, which is rounded up. `None` for nothing, and for what the pool does not have.
    #[inline]
    pub(super) fn amount_in(&self, amount: u128) -> Option<Rounded> {
        let left = self.reserve_out.checked_sub(amount).filter(|left| *left > 0 && amount > 0)?;
        let denominator = left.checked_mul(self.kept)?;
        let Some(scaled) = wide::scale(amount, self.scaled_in, denominator) else {
            return self.nearly_all_in(amount, denominator);
        };
        if scaled.rest == 0 {
            return (scaled.quotient <= self.room).then_some(Rounded { amount: scaled.quotient, by: 0.0 });
        }
        let by = 1.0 - approximate(scaled.rest) / approximate(scaled.of);
        let amount = scaled.quotient.checked_add(1).filter(|amount| *amount <= self.room)?;
        Some(Rounded { amount, by })
    }

    /// The same where nearly all of the reserve is asked for, so that the amount is more than the denominator.
    #[cold]
    fn nearly_all_in(&self, amount: u128, denominator: u128) -> Option<Rounded> {
        let (high, low) = wide::widening_mul(self.scaled_in, amount);
        let (quotient, rest) = wide::divide(high, low, denominator)?;
        // The remainder is less than 2^128, so that the lower halves say it.
        let over = low.wrapping_sub(quotient.wrapping_mul(denominator));
        let by = if rest { 1.0 - approximate(over) / approximate(denominator) } else { 0.0 };
        let amount = quotient.checked_add(u128::from(rest)).filter(|amount| *amount <= self.room)?;
        Some(Rounded { amount, by })
    }
}
