//! What liquidity refers to which tick, and the bitmap of those ticks.

use std::collections::BTreeMap;

use alloy_primitives::U256;

use super::curve::Curve;
use super::{V3LogError, V3Terms};
use crate::math::v3::{MAX_TICK, MIN_TICK, add_delta, compress, position};
use crate::pool::Side;

/// What the positions that begin or end at a tick come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TickLiquidity {
    /// Of all of them: the tick is initialised unless this is zero.
    pub gross: u128,
    /// What is added where the price comes from below, and taken where it comes from above.
    pub net: i128,
}

impl TickLiquidity {
    const NONE: Self = Self { gross: 0, net: 0 };

    /// With a position more or less, of which the tick is one end (`Tick.update`).
    fn with(self, delta: i128, is_upper: bool) -> Result<Self, V3LogError> {
        let net = if is_upper { self.net.checked_sub(delta) } else { self.net.checked_add(delta) };
        let gross = add_delta(self.gross, delta).or(Err(V3LogError::Liquidity))?;
        let net = net.ok_or(V3LogError::Liquidity)?;
        // The contract forgets a tick that nothing refers to; with all logs there, nothing is left of it.
        if gross == 0 && net != 0 { Err(V3LogError::Liquidity) } else { Ok(Self { gross, net }) }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Book {
    pub(super) spacing: i32,
    pub(super) fee_pips: u32,
    ticks: BTreeMap<i32, TickLiquidity>,
    bitmap: BTreeMap<i16, U256>,
    down: Curve,
    up: Curve,
}

impl Book {
    pub(super) fn new(
        terms: V3Terms,
        ticks: impl IntoIterator<Item = (i32, TickLiquidity)>,
    ) -> Result<Self, V3LogError> {
        let spacing = terms.tick_spacing;
        let mut book = Self {
            spacing,
            fee_pips: terms.fee_pips,
            ticks: BTreeMap::new(),
            bitmap: BTreeMap::new(),
            down: Curve::new(spacing)?,
            up: Curve::new(spacing)?,
        };
        for (tick, liquidity) in ticks {
            book.allows(tick)?;
            if liquidity.gross == 0 && liquidity.net != 0 {
                return Err(V3LogError::Liquidity);
            }
            book.set(tick, liquidity)?;
        }
        Ok(book)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ticks.is_empty()
    }

    pub(super) fn tick(&self, tick: i32) -> TickLiquidity {
        self.ticks.get(&tick).copied().unwrap_or(TickLiquidity::NONE)
    }

    pub(super) fn word(&self, word: i16) -> U256 {
        self.bitmap.get(&word).copied().unwrap_or(U256::ZERO)
    }

    pub(super) const fn curve(&self, side: Side) -> &Curve {
        match side {
            Side::Zero => &self.down,
            Side::One => &self.up,
        }
    }

    /// Initialised ticks, from `from` to `to`, both included.
    pub(super) fn between(
        &self,
        from: i32,
        to: i32,
    ) -> impl DoubleEndedIterator<Item = (i32, TickLiquidity)> {
        // An empty range where there is none: `BTreeMap::range` would panic.
        self.ticks.range(from..=to.max(from)).filter(move |_| from <= to).map(|(tick, of)| (*tick, *of))
    }

    /// The initialised tick that a swap from `tick` comes to next: at or below for token 0, above for token 1.
    pub(super) fn next(&self, side: Side, tick: i32) -> Option<(i32, TickLiquidity)> {
        let of = |(tick, of): (&i32, &TickLiquidity)| (*tick, *of);
        match side {
            Side::Zero => self.ticks.range(..=tick).next_back().map(of),
            Side::One => self.ticks.range(tick.checked_add(1)?..).next().map(of),
        }
    }

    /// What the ticks up to this one make.
    pub(super) fn liquidity_at(&self, tick: i32) -> Option<u128> {
        let nets = self.ticks.range(..=tick).map(|(_, of)| of.net);
        // A sum of what is added and taken may pass below zero only where the ticks contradict each other.
        nets.into_iter().try_fold(0_u128, u128::checked_add_signed)
    }

    /// A position more (`delta` above zero) or less, or nothing.
    ///
    /// # Errors
    /// [`V3LogError::Ticks`] and [`V3LogError::Liquidity`]; nothing is changed then.
    pub(super) fn change(&mut self, lower: i32, upper: i32, delta: i128) -> Result<(), V3LogError> {
        if lower >= upper {
            return Err(V3LogError::Ticks);
        }
        self.allows(lower)?;
        self.allows(upper)?;
        if delta == 0 {
            return Ok(());
        }
        let (below, above) = (self.tick(lower).with(delta, false)?, self.tick(upper).with(delta, true)?);
        self.set(lower, below)?;
        self.set(upper, above)?;
        let words = compress(lower, self.spacing).or(Err(V3LogError::Ticks))? >> 8
            ..=compress(upper, self.spacing).or(Err(V3LogError::Ticks))? >> 8;
        self.down.forget(words.clone());
        self.up.forget(words);
        Ok(())
    }

    fn allows(&self, tick: i32) -> Result<(), V3LogError> {
        let there = (MIN_TICK..=MAX_TICK).contains(&tick) && tick.checked_rem(self.spacing) == Some(0);
        if there { Ok(()) } else { Err(V3LogError::Ticks) }
    }

    fn set(&mut self, tick: i32, liquidity: TickLiquidity) -> Result<(), V3LogError> {
        let compressed = compress(tick, self.spacing).or(Err(V3LogError::Ticks))?;
        let (word, bit) = position(compressed).or(Err(V3LogError::Ticks))?;
        let mask = U256::ONE.wrapping_shl(usize::from(bit));
        let bits = self.word(word);
        let bits = if liquidity.gross == 0 {
            self.ticks.remove(&tick);
            bits & !mask
        } else {
            self.ticks.insert(tick, liquidity);
            bits | mask
        };
        if bits.is_zero() {
            self.bitmap.remove(&word);
        } else {
            self.bitmap.insert(word, bits);
        }
        Ok(())
    }
}
