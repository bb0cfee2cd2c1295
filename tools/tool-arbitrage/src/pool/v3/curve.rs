//! Prefix sums of what lies between the stops of one direction, word by word of the bitmap.
//!
//! A word's sums are made when a quote first comes by, and forgotten when a position in that word comes or goes: swaps change
//! none of them. They do not depend on the price, so that clones of a pool share them.

use std::ops::RangeInclusive;
use std::sync::OnceLock;

use alloy_primitives::U256;

use super::V3LogError;
use super::book::Book;
use crate::math::v3::{MAX_TICK, MIN_TICK, add_delta, compress, sqrt_price_at_tick, whole_step};
use crate::pool::Side;

/// A place at which the contract ends a step.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) sqrt_price: U256,
    /// What goes in, fees included, from the word's beginning to here.
    pub(super) consumed: U256,
    /// What comes out from the word's beginning to here.
    pub(super) output: U256,
    /// Beyond it.
    pub(super) liquidity: u128,
    pub(super) tick: i32,
}

/// The stops of a word, in the order in which a swap comes to them.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) stops: Box<[Stop]>,
    /// The last of them cannot be crossed: the ticks do not fit the liquidity.
    pub(super) broken: bool,
}

/// Words whose places are made at once.
const PAGE: usize = 32;

type Page = [OnceLock<Word>; PAGE];

#[derive(Debug, Clone)]
pub(super) struct Curve {
    /// The number of the first word.
    first: i32,
    pages: Box<[OnceLock<Box<Page>>]>,
}

impl Curve {
    pub(super) fn new(spacing: i32) -> Result<Self, V3LogError> {
        let word = |tick: i32| compress(tick, spacing).map(|compressed| compressed >> 8);
        let (first, last) =
            (word(MIN_TICK).or(Err(V3LogError::Terms))?, word(MAX_TICK).or(Err(V3LogError::Terms))?);
        // Upwards, the stop above the last may be in the word beyond it.
        let words = usize::try_from(last.abs_diff(first)).or(Err(V3LogError::Terms))?.saturating_add(2);
        let pages = (0..words.div_ceil(PAGE)).map(|_| OnceLock::new()).collect();
        Ok(Self { first, pages })
    }

    /// The word's stops, made by `make` where they are not there.
    pub(super) fn word(&self, word: i32, make: impl FnOnce() -> Option<Word>) -> Option<&Word> {
        let (page, slot) = self.place(word)?;
        let page = self.pages.get(page)?.get_or_init(|| Box::new([const { OnceLock::new() }; PAGE]));
        let slot = page.get(slot)?;
        if let Some(word) = slot.get() {
            return Some(word);
        }
        let made = make()?;
        Some(slot.get_or_init(|| made))
    }

    /// Forgets words whose liquidity changed.
    pub(super) fn forget(&mut self, words: RangeInclusive<i32>) {
        for word in words {
            let Some((page, slot)) = self.place(word) else { continue };
            if let Some(page) = self.pages.get_mut(page).and_then(OnceLock::get_mut)
                && let Some(slot) = page.get_mut(slot)
            {
                slot.take();
            }
        }
    }

    fn place(&self, word: i32) -> Option<(usize, usize)> {
        let index = usize::try_from(word.checked_sub(self.first)?).ok()?;
        Some((index.checked_div(PAGE)?, index.checked_rem(PAGE)?))
    }
}

impl Book {
    /// The word that a tick is in.
    pub(super) fn word_of(&self, tick: i32) -> Option<i32> {
        compress(tick, self.spacing).ok().map(|compressed| compressed >> 8)
    }

    /// The word in which a swap from `tick` has its next stop.
    pub(super) fn word_of_next(&self, side: Side, tick: i32) -> Option<i32> {
        let compressed = compress(tick, self.spacing).ok()?;
        match side {
            Side::Zero => Some(compressed >> 8),
            Side::One => Some(compressed.checked_add(1)? >> 8),
        }
    }

    /// The stops of a word, for a swap that comes to its beginning with this liquidity.
    pub(super) fn stops(&self, side: Side, word: i32, entry: impl FnOnce() -> Option<u128>) -> Option<&Word> {
        self.curve(side).word(word, || self.make(side, word, entry()?))
    }

    /// The liquidity at the beginning of the word, seen from a tick inside of it.
    pub(super) fn entry(&self, side: Side, word: i32, tick: i32, liquidity: u128) -> Option<u128> {
        let (lowest, highest) = self.ends(word)?;
        match side {
            Side::Zero => self
                .between(tick.checked_add(1)?, highest)
                .try_fold(liquidity, |liquidity, (_, of)| add_delta(liquidity, of.net).ok()),
            Side::One => self
                .between(lowest, tick)
                .rev()
                .try_fold(liquidity, |liquidity, (_, of)| add_delta(liquidity, of.net.checked_neg()?).ok()),
        }
    }

    /// The lowest and the highest tick of a word.
    fn ends(&self, word: i32) -> Option<(i32, i32)> {
        let lowest = word.checked_mul(256)?;
        Some((lowest.checked_mul(self.spacing)?, lowest.checked_add(255)?.checked_mul(self.spacing)?))
    }

    /// Where the step to a word's first stop begins, and the ticks of its stops.
    fn way(&self, side: Side, word: i32) -> Option<(i32, Vec<i32>)> {
        let (lowest, highest) = self.ends(word)?;
        let ticks = self.between(lowest, highest).map(|(tick, _)| tick);
        let (begin, end, mut stops): (_, _, Vec<_>) = match side {
            Side::Zero => (highest.checked_add(self.spacing)?, lowest, ticks.rev().collect()),
            Side::One => (lowest.checked_sub(self.spacing)?, highest, ticks.collect()),
        };
        if stops.last() != Some(&end) {
            stops.push(end);
        }
        Some((begin.clamp(MIN_TICK, MAX_TICK), stops))
    }

    fn make(&self, side: Side, word: i32, mut liquidity: u128) -> Option<Word> {
        let (begin, ticks) = self.way(side, word)?;
        let mut sqrt_price = sqrt_price_at_tick(begin).ok()?;
        let (mut consumed, mut output) = (U256::ZERO, U256::ZERO);
        let mut made = Word { stops: Box::default(), broken: false };
        let mut stops = Vec::with_capacity(ticks.len());
        for tick in ticks {
            let next = sqrt_price_at_tick(tick.clamp(MIN_TICK, MAX_TICK)).ok()?;
            let step = whole_step(sqrt_price, next, liquidity, self.fee_pips).ok()?;
            // 214 bits each, and a few thousand of them.
            consumed = consumed.checked_add(step.amount_in)?.checked_add(step.fee_amount)?;
            output = output.checked_add(step.amount_out)?;
            sqrt_price = next;
            let beyond = self.beyond(side, tick, liquidity);
            made.broken = beyond.is_none();
            liquidity = beyond.unwrap_or_default();
            let tick = tick.clamp(MIN_TICK, MAX_TICK);
            stops.push(Stop { sqrt_price, consumed, output, liquidity, tick });
            if made.broken {
                break;
            }
        }
        made.stops = stops.into_boxed_slice();
        Some(made)
    }

    /// The liquidity beyond a stop.
    pub(super) fn beyond(&self, side: Side, tick: i32, liquidity: u128) -> Option<u128> {
        let net = self.tick(tick).net;
        let delta = match side {
            Side::Zero => net.checked_neg()?,
            Side::One => net,
        };
        add_delta(liquidity, delta).ok()
    }
}
