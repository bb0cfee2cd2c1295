//! What a v3 pool is asked: how it stands, each word of its bitmap, and each tick that the words name.

use agent_core::{Answered, Query};
use alloy_primitives::{Address, U256, aliases::I24};

use crate::{
    abi::{ISlot, ITickPool, decode, query},
    math::v3::{MAX_TICK, MIN_TICK, compress},
    pool::{TickLiquidity, V3LogError, V3Pool, V3Slot, V3Terms},
};

/// The questions before the words: `slot0` and `liquidity`.
const BEFORE: usize = 2;
/// Where the protocol's share lies in what `slot0` answers, in bytes.
const FEE_PROTOCOL: std::ops::Range<usize> = 160..192;
/// Ticks of a word.
const BITS: i32 = 256;

/// The answers so far. Questions are numbered: those before the words, the words, then the ticks as the words named them.
#[derive(Debug)]
pub(super) struct Ticks {
    terms: V3Terms,
    slot: V3Slot,
    /// The word of the lowest tick, and how many there are from there to the highest's.
    first: i32,
    words: usize,
    named: Vec<i32>,
    read: Vec<(i32, TickLiquidity)>,
    /// How many questions were answered.
    done: usize,
}

impl Ticks {
    pub(super) fn new(terms: V3Terms) -> Self {
        let word = |tick: i32| compress(tick, terms.tick_spacing).unwrap_or_default() >> 8;
        let (first, last) = (word(MIN_TICK), word(MAX_TICK));
        let words = usize::try_from(last.saturating_sub(first)).unwrap_or_default().saturating_add(1);
        let slot = V3Slot { sqrt_price: U256::ZERO, tick: 0, liquidity: 0, fee_protocol: 0 };
        Self { terms, slot, first, words, named: Vec::new(), read: Vec::new(), done: 0 }
    }

    pub(super) const fn is_begun(&self) -> bool {
        self.done > 0
    }

    /// A pool without a price has no liquidity either: it needs no further question.
    pub(super) fn is_whole(&self) -> bool {
        let is_blank = self.slot.sqrt_price.is_zero() && self.done >= BEFORE;
        is_blank || self.done >= self.asked_of()
    }

    /// The next questions, at most so many; how it stands is asked at one block, so never a part of that.
    pub(super) fn questions(&self, pool: Address, most: usize) -> Vec<Query> {
        let numbers = self.done..self.asked_of();
        let most = most.max(BEFORE);
        numbers.take(most).filter_map(|number| self.question(pool, number)).collect()
    }

    /// Takes the answer to the next question. `None` for what is none.
    pub(super) fn accept(&mut self, answer: &Answered) -> Option<()> {
        match self.done.checked_sub(BEFORE) {
            None if self.done == 0 => self.accept_slot(answer)?,
            None => self.slot.liquidity = decode::<ITickPool::liquidityCall>(answer)?,
            Some(number) if number < self.words => {
                let bits = decode::<ITickPool::tickBitmapCall>(answer)?;
                self.name(self.word(number)?, bits)?;
            }
            Some(number) => {
                let tick = *self.named.get(number.checked_sub(self.words)?)?;
                let said = decode::<ITickPool::ticksCall>(answer)?;
                let liquidity = TickLiquidity { gross: said.liquidityGross, net: said.liquidityNet };
                self.read.push((tick, liquidity));
            }
        }
        self.done = self.done.saturating_add(1);
        Some(())
    }

    /// The pool, if what it said of itself fits together.
    pub(super) fn finish(self) -> Result<V3Pool, V3LogError> {
        let pool = V3Pool::new(self.terms, self.slot, self.read)?;
        pool.check()?;
        Ok(pool)
    }

    /// How many questions there are, as far as is known.
    fn asked_of(&self) -> usize {
        BEFORE.saturating_add(self.words).saturating_add(self.named.len())
    }

    fn word(&self, number: usize) -> Option<i32> {
        self.first.checked_add(i32::try_from(number).ok()?)
    }

    fn question(&self, pool: Address, number: usize) -> Option<Query> {
        match number.checked_sub(BEFORE) {
            None if number == 0 => Some(query(pool, &ISlot::slot0Call {})),
            None => Some(query(pool, &ITickPool::liquidityCall {})),
            Some(number) if number < self.words => {
                let word = i16::try_from(self.word(number)?).ok()?;
                Some(query(pool, &ITickPool::tickBitmapCall { wordPosition: word }))
            }
            Some(number) => {
                let tick = *self.named.get(number.checked_sub(self.words)?)?;
                Some(query(pool, &ITickPool::ticksCall { tick: I24::try_from(tick).ok()? }))
            }
        }
    }

    /// Forks have the protocol's share elsewhere, or in another unit: it changes no quote, and is nothing then.
    fn accept_slot(&mut self, answer: &Answered) -> Option<()> {
        let said = decode::<ISlot::slot0Call>(answer)?;
        let share = answer.as_ref().ok()?.get(FEE_PROTOCOL).map(U256::from_be_slice);
        self.slot.sqrt_price = said.sqrtPriceX96.to();
        self.slot.tick = said.tick.as_i32();
        self.slot.fee_protocol = share.and_then(|share| u8::try_from(share).ok()).unwrap_or_default();
        Some(())
    }

    /// Notes the ticks of a word.
    fn name(&mut self, word: i32, bits: U256) -> Option<()> {
        let start = word.checked_mul(BITS)?;
        for bit in (0..BITS).filter(|bit| usize::try_from(*bit).is_ok_and(|bit| bits.bit(bit))) {
            self.named.push(start.checked_add(bit)?.checked_mul(self.terms.tick_spacing)?);
        }
        Some(())
    }
}
