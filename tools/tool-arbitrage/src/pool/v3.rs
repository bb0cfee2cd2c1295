//! Uniswap v3's pool, and its forks'.
//!
//! A swap goes from stop to stop: ticks that liquidity refers to, and the ends of the words of the bitmap, at which the
//! contract rounds although nothing changes there. What lies between two stops is fixed until liquidity changes, so that its
//! sums are kept ([`curve`]) and a quote looks them up ([`quote`]). The contract's own loop is here too ([`walk`]): it says
//! what a swap leaves in fees, and the sums are tested against it.

mod book;
mod curve;
mod event;
mod quote;
mod stretch;
mod walk;

use std::sync::Arc;

use alloy_primitives::{Address, U256};

use super::{Pool, Quote, Side, Stretch, Unquotable};
use crate::math::v3::{
    Exact, MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK, WHOLE_FEE, tick_at_sqrt_price,
};
use book::Book;

pub use book::TickLiquidity;
pub use event::{V3Event, V3LogError};
pub use walk::Walk;

/// What never changes of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V3Terms {
    /// Token 0 and token 1.
    pub tokens: [Address; 2],
    /// What it keeps of what comes in, in pips.
    pub fee_pips: u32,
    /// Only multiples of this can be ends of a position.
    pub tick_spacing: i32,
}

/// What every swap changes: the contract's `slot0` and `liquidity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V3Slot {
    /// The square root of the price of token 0 in token 1, in Q64.96. Zero before the pool is initialised.
    pub sqrt_price: U256,
    /// The tick that the price is in; one less where a swap of token 0 stopped just on the tick that it crossed.
    pub tick: i32,
    /// Of the positions that the price is in.
    pub liquidity: u128,
    /// `slot0.feeProtocol`: one part in so many of the fees of token 0 (lower four bits) and of token 1 (upper four) is the
    /// protocol's. The trader pays the same.
    pub fee_protocol: u8,
}

/// A pool. Cheap to clone: what a swap does not change is shared.
#[derive(Debug, Clone)]
pub struct V3Pool {
    terms: V3Terms,
    slot: V3Slot,
    book: Arc<Book>,
}

/// What a swap takes and gives, in base units, and where it leaves the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    /// What goes in, the fee included. Less than was offered where the price came to its limit.
    pub consumed: U256,
    /// What comes out. Less than was asked for where the price came to its limit.
    pub output: U256,
    /// The pool afterwards.
    pub after: V3Slot,
}

impl V3Pool {
    /// A pool as a snapshot found it: `slot` and all ticks that liquidity refers to, as of one block.
    ///
    /// Whether the ticks fit the liquidity is not asked here, since quotes near the price need only those near it:
    /// [`check`](Self::check) does.
    ///
    /// # Errors
    /// [`V3LogError`] for terms that no factory allows, a price or a tick that there is not, or a tick beside the spacing.
    pub fn new(
        terms: V3Terms,
        slot: V3Slot,
        ticks: impl IntoIterator<Item = (i32, TickLiquidity)>,
    ) -> Result<Self, V3LogError> {
        // The factory's own bounds.
        if terms.fee_pips >= WHOLE_FEE || !(1..16_384).contains(&terms.tick_spacing) {
            return Err(V3LogError::Terms);
        }
        let created = slot.sqrt_price.is_zero();
        let there = (MIN_SQRT_PRICE..MAX_SQRT_PRICE).contains(&slot.sqrt_price)
            && (MIN_TICK..=MAX_TICK).contains(&slot.tick);
        if !created && !there {
            return Err(V3LogError::Price);
        }
        Ok(Self { terms, slot, book: Arc::new(Book::new(terms, ticks)?) })
    }

    /// A pool that was just created: it has no price before its `Initialize`.
    ///
    /// # Errors
    /// [`V3LogError::Terms`] for terms that no factory allows.
    pub fn created(terms: V3Terms) -> Result<Self, V3LogError> {
        let slot = V3Slot { sqrt_price: U256::ZERO, tick: 0, liquidity: 0, fee_protocol: 0 };
        Self::new(terms, slot, [])
    }

    /// What never changes of it.
    #[must_use]
    pub const fn terms(&self) -> V3Terms {
        self.terms
    }

    /// Its price, tick, liquidity and protocol fee.
    #[must_use]
    pub const fn slot(&self) -> V3Slot {
        self.slot
    }

    /// What refers to a tick; nothing where the tick is not initialised.
    #[must_use]
    pub fn tick(&self, tick: i32) -> TickLiquidity {
        self.book.tick(tick)
    }

    /// All initialised ticks, rising.
    pub fn ticks(&self) -> impl Iterator<Item = (i32, TickLiquidity)> {
        self.book.between(MIN_TICK, MAX_TICK)
    }

    /// A word of the bitmap (`tickBitmap`).
    #[must_use]
    pub fn bitmap(&self, word: i16) -> U256 {
        self.book.word(word)
    }

    /// Whether a snapshot is whole: the ticks cancel out, those below the price make its liquidity, and the tick is the
    /// price's. Costs a look at every tick.
    ///
    /// # Errors
    /// [`V3LogError::Mismatch`] where it is not.
    pub fn check(&self) -> Result<(), V3LogError> {
        if self.slot.sqrt_price.is_zero() {
            return if self.book.is_empty() { Ok(()) } else { Err(V3LogError::Mismatch) };
        }
        let at = tick_at_sqrt_price(self.slot.sqrt_price).or(Err(V3LogError::Price))?;
        // A swap of token 0 that stops on a tick stands one below it.
        let below = self.slot.tick.checked_add(1) == Some(at)
            && crate::math::v3::sqrt_price_at_tick(at) == Ok(self.slot.sqrt_price);
        let fits = self.book.liquidity_at(self.slot.tick) == Some(self.slot.liquidity)
            && self.book.liquidity_at(MAX_TICK) == Some(0)
            && (at == self.slot.tick || below);
        if fits { Ok(()) } else { Err(V3LogError::Mismatch) }
    }

    /// What a swap takes and gives, and where it leaves the pool, up to a price limit: `pool.swap`, without one as routers
    /// call it. Exact, and of a cost that depends little on how far it goes.
    ///
    /// # Errors
    /// What the contract reverts for: [`Unquotable::TooSmall`] for no amount (`AS`), [`Unquotable::TooLarge`] for one of more
    /// than 255 bits, [`Unquotable::Limit`] for a limit on the wrong side of the price or beyond all ticks (`SPL`),
    /// [`Unquotable::Empty`] before the pool is initialised (`LOK`); and [`Unquotable::Inconsistent`].
    pub fn quote(&self, side: Side, amount: Exact, limit: Option<U256>) -> Result<Swap, Unquotable> {
        let landing = self.land(side, amount, limit)?;
        let tick = match landing.tick {
            Some(tick) => tick,
            None => tick_at_sqrt_price(landing.sqrt_price).or(Err(Unquotable::Inconsistent))?,
        };
        let after =
            V3Slot { sqrt_price: landing.sqrt_price, tick, liquidity: landing.liquidity, ..self.slot };
        Ok(Swap { consumed: landing.consumed, output: landing.output, after })
    }

    /// The pool as a swap leaves it.
    #[must_use]
    pub fn after(&self, swap: &Swap) -> Self {
        Self { slot: swap.after, ..self.clone() }
    }

    /// Of a multiple of this, the fee is a whole number.
    fn fee_period(&self) -> U256 {
        let (mut one, mut other) = (WHOLE_FEE, self.terms.fee_pips);
        while other != 0 {
            (one, other) = (other, one.checked_rem(other).unwrap_or_default());
        }
        U256::from(WHOLE_FEE.checked_div(one).unwrap_or(1))
    }

    /// The limit that a swap has, given or not.
    fn limit(&self, side: Side, limit: Option<U256>) -> Result<U256, Unquotable> {
        let price = self.slot.sqrt_price;
        if price.is_zero() {
            return Err(Unquotable::Empty);
        }
        // One inside of the ends: what routers send for none.
        let (lowest, highest) =
            (MIN_SQRT_PRICE.wrapping_add(U256::ONE), MAX_SQRT_PRICE.wrapping_sub(U256::ONE));
        let (limit, ahead) = match side {
            Side::Zero => {
                let limit = limit.unwrap_or(lowest);
                (limit, limit < price && limit >= lowest)
            }
            Side::One => {
                let limit = limit.unwrap_or(highest);
                (limit, limit > price && limit <= highest)
            }
        };
        if ahead { Ok(limit) } else { Err(Unquotable::Limit) }
    }

    /// The price, unless the amount or the limit is refused.
    fn admit(&self, side: Side, amount: Exact, limit: Option<U256>) -> Result<U256, Unquotable> {
        let (Exact::In(number) | Exact::Out(number)) = amount;
        if number.is_zero() {
            return Err(Unquotable::TooSmall);
        }
        // `amountSpecified` is an `int256`.
        if number.bit(255) {
            return Err(Unquotable::TooLarge);
        }
        self.limit(side, limit)
    }
}

impl Pool for V3Pool {
    fn tokens(&self) -> [Address; 2] {
        self.terms.tokens
    }

    /// As QuoterV2 answers, with what was consumed: [`Unquotable::Empty`] where there is no liquidity on the whole way.
    fn quote_in(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        let landing = self.land(side, Exact::In(amount), None)?;
        if landing.consumed.is_zero() {
            return Err(Unquotable::Empty);
        }
        Ok(Quote { consumed: landing.consumed, output: landing.output })
    }

    /// As QuoterV2 answers: [`Unquotable::TooLarge`] where all of the liquidity gives less.
    fn quote_out(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        let landing = self.land(side, Exact::Out(amount), None)?;
        if landing.consumed.is_zero() {
            return Err(Unquotable::Empty);
        }
        if landing.output != amount {
            return Err(Unquotable::TooLarge);
        }
        Ok(Quote { consumed: landing.consumed, output: landing.output })
    }

    fn after_in(&self, side: Side, amount: U256) -> Result<(Quote, Box<dyn Pool>), Unquotable> {
        let swap = self.quote(side, Exact::In(amount), None)?;
        if swap.consumed.is_zero() {
            return Err(Unquotable::Empty);
        }
        let quote = Quote { consumed: swap.consumed, output: swap.output };
        Ok((quote, Box::new(self.after(&swap))))
    }

    /// What the last step takes is cut to a whole number after its fee.
    fn trimmed(&self, side: Side, amount: U256) -> U256 {
        let last = self.land(side, Exact::In(amount), None).ok().and_then(|landing| landing.last);
        let over = last.and_then(|last| last.checked_rem(self.fee_period()));
        amount.saturating_sub(over.unwrap_or_default())
    }

    fn stretch(&self, side: Side) -> Option<Stretch> {
        self.stretches(side).next()
    }
}

#[cfg(test)]
mod tests;
