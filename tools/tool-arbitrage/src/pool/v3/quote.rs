//! A swap by prefix sums: one step to the first stop, a search for the last, one step from there.
//!
//! A step is whole where what remains is at least what it takes; that is the same as the sum up to its end being at most the
//! amount, so that the place where a swap ends is found in the sums. With nothing left it ends at once, before stops that
//! would cost nothing.

use alloy_primitives::U256;

use super::V3Pool;
use super::curve::{Stop, Word};
use crate::math::v3::{Exact, tick_at_sqrt_price, total_step};
use crate::pool::{Side, Unquotable};

/// Where a swap ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Landing {
    pub(super) consumed: U256,
    pub(super) output: U256,
    pub(super) sqrt_price: U256,
    pub(super) liquidity: u128,
    /// None where the price says it: between two stops.
    pub(super) tick: Option<i32>,
    /// What remained for the last step, if that was one that did not come to its stop.
    pub(super) last: Option<U256>,
}

struct Swapping<'a> {
    pool: &'a V3Pool,
    side: Side,
    exact_in: bool,
    limit: U256,
    remaining: U256,
    at: Landing,
}

impl V3Pool {
    pub(super) fn land(&self, side: Side, amount: Exact, limit: Option<U256>) -> Result<Landing, Unquotable> {
        let limit = self.admit(side, amount, limit)?;
        let slot = &self.slot;
        let (Exact::In(remaining) | Exact::Out(remaining)) = amount;
        let at = Landing {
            consumed: U256::ZERO,
            output: U256::ZERO,
            sqrt_price: slot.sqrt_price,
            liquidity: slot.liquidity,
            tick: Some(slot.tick),
            last: None,
        };
        let exact_in = matches!(amount, Exact::In(_));
        let mut swapping = Swapping { pool: self, side, exact_in, limit, remaining, at };
        swapping.run(slot.tick).ok_or(Unquotable::Inconsistent)?;
        Ok(swapping.at)
    }
}

impl Swapping<'_> {
    /// To the end. None where the pool contradicts itself.
    fn run(&mut self, tick: i32) -> Option<()> {
        let book = &self.pool.book;
        let (side, liquidity) = (self.side, self.at.liquidity);
        let mut number = book.word_of_next(side, tick)?;
        let mut word = book.stops(side, number, || book.entry(side, number, tick, liquidity))?;
        let first = word.stops.partition_point(|stop| match side {
            Side::Zero => stop.tick > tick,
            Side::One => stop.tick <= tick,
        });
        let stop = word.stops.get(first)?;
        if !self.step(stop, word.broken && is_last(word, first))? {
            return Some(());
        }
        let mut begin = first.checked_add(1)?;
        let mut before = (stop.consumed, stop.output);
        while self.cross(word, begin, before)? {
            number = self.next_word(number)?;
            let entry = self.at.liquidity;
            word = book.stops(side, number, || Some(entry))?;
            (begin, before) = (0, (U256::ZERO, U256::ZERO));
        }
        Some(())
    }

    /// The word after this one. Without liquidity nothing is swapped on the way to where there is some again, or to the limit:
    /// then it is the word of the first of them.
    fn next_word(&self, number: i32) -> Option<i32> {
        let next = match self.side {
            Side::Zero => number.checked_sub(1)?,
            Side::One => number.checked_add(1)?,
        };
        if self.at.liquidity != 0 {
            return Some(next);
        }
        let book = &self.pool.book;
        let of_limit = book.word_of(tick_at_sqrt_price(self.limit).ok()?)?;
        let of_tick = match book.next(self.side, self.at.tick?) {
            Some((tick, _)) => book.word_of(tick)?,
            None => of_limit,
        };
        Some(match self.side {
            Side::Zero => of_limit.max(of_tick).min(next),
            Side::One => of_limit.min(of_tick).max(next),
        })
    }

    /// From one stop of a word, whose sums are `before`, as far as the amount and the limit go. Whether it goes on.
    fn cross(&mut self, word: &Word, begin: usize, before: (U256, U256)) -> Option<bool> {
        let stops = word.stops.get(begin..)?;
        let within = self.within_limit(stops);
        let ahead = stops.get(..within)?;
        let (measured, exact_in) = (if self.exact_in { before.0 } else { before.1 }, self.exact_in);
        // The sum that the stop at which nothing is left would have. It does not wrap: 255 bits and 214.
        let goal = measured.wrapping_add(self.remaining);
        let sum = |stop: &Stop| if exact_in { stop.consumed } else { stop.output };
        let whole = match ahead.last() {
            Some(last) if sum(last) >= goal => ahead.partition_point(|stop| sum(stop) < goal),
            _ => within,
        };
        // A stop at which nothing is left is crossed too, and is the last.
        let last = match ahead.get(whole) {
            Some(stop) if sum(stop) == goal => whole.checked_add(1)?,
            _ => whole,
        };
        if let Some(stop) = last.checked_sub(1).and_then(|last| stops.get(last)) {
            if word.broken && last == stops.len() {
                return None;
            }
            self.jump(stop, before)?;
        }
        if self.remaining.is_zero() {
            return Some(false);
        }
        match stops.get(whole) {
            Some(stop) => {
                self.step(stop, word.broken && is_last(word, begin.checked_add(whole)?))?;
                Some(false)
            }
            None => Some(self.at.sqrt_price != self.limit),
        }
    }

    /// How many of the stops are not beyond the limit.
    fn within_limit(&self, stops: &[Stop]) -> usize {
        let within = |stop: &Stop| match self.side {
            Side::Zero => stop.sqrt_price >= self.limit,
            Side::One => stop.sqrt_price <= self.limit,
        };
        match stops.last() {
            Some(last) if !within(last) => stops.partition_point(within),
            _ => stops.len(),
        }
    }

    /// To a stop, with all that lies before it.
    fn jump(&mut self, stop: &Stop, before: (U256, U256)) -> Option<()> {
        // Sums grow from stop to stop.
        self.take(stop.consumed.checked_sub(before.0)?, stop.output.checked_sub(before.1)?)?;
        self.land_on(stop)
    }

    fn land_on(&mut self, stop: &Stop) -> Option<()> {
        self.at.sqrt_price = stop.sqrt_price;
        self.at.liquidity = stop.liquidity;
        self.at.tick = Some(match self.side {
            Side::Zero => stop.tick.checked_sub(1)?,
            Side::One => stop.tick,
        });
        Some(())
    }

    /// One step of the contract's towards a stop. Whether it goes on behind it.
    fn step(&mut self, stop: &Stop, broken: bool) -> Option<bool> {
        let target = match self.side {
            Side::Zero => stop.sqrt_price.max(self.limit),
            Side::One => stop.sqrt_price.min(self.limit),
        };
        let amount = if self.exact_in { Exact::In(self.remaining) } else { Exact::Out(self.remaining) };
        let fee = self.pool.terms.fee_pips;
        let step = total_step(self.at.sqrt_price, target, self.at.liquidity, amount, fee).ok()?;
        self.at.last = (step.sqrt_price_next != target).then_some(self.remaining);
        self.take(step.consumed, step.output)?;
        if step.sqrt_price_next == stop.sqrt_price {
            if broken {
                return None;
            }
            self.land_on(stop)?;
        } else if step.sqrt_price_next != self.at.sqrt_price {
            self.at.sqrt_price = step.sqrt_price_next;
            self.at.tick = None;
        }
        Some(!self.remaining.is_zero() && self.at.sqrt_price != self.limit)
    }

    fn take(&mut self, consumed: U256, output: U256) -> Option<()> {
        self.at.consumed = self.at.consumed.checked_add(consumed)?;
        self.at.output = self.at.output.checked_add(output)?;
        self.remaining = self.remaining.checked_sub(if self.exact_in { consumed } else { output })?;
        Some(())
    }
}

fn is_last(word: &Word, index: usize) -> bool {
    index.checked_add(1) == Some(word.stops.len())
}
