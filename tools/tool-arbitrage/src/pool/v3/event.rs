//! What a pool's logs do to it.

use std::sync::Arc;

use alloy_primitives::{B256, U256};
use alloy_sol_types::SolEvent;

use super::V3Pool;
use crate::math::v3::{MAX_SQRT_PRICE, MIN_SQRT_PRICE, add_delta, tick_at_sqrt_price};
use crate::pool::abi;

/// A log of a pool that changes what it quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum V3Event {
    /// The pool has its first price.
    Initialize {
        /// The square root of the price, in Q64.96.
        sqrt_price: U256,
        /// The tick that it is in.
        tick: i32,
    },
    /// Somebody swapped.
    Swap {
        /// The square root of the price afterwards, in Q64.96.
        sqrt_price: U256,
        /// The liquidity afterwards.
        liquidity: u128,
        /// The tick afterwards.
        tick: i32,
    },
    /// A position grew.
    Mint {
        /// Its lower end.
        lower: i32,
        /// Its upper end.
        upper: i32,
        /// By so much liquidity.
        amount: u128,
    },
    /// A position shrank; by nothing where only its fees were counted.
    Burn {
        /// Its lower end.
        lower: i32,
        /// Its upper end.
        upper: i32,
        /// By so much liquidity.
        amount: u128,
    },
    /// The protocol's share of the fees changed.
    SetFeeProtocol {
        /// One part in so many of the fees of token 0; none for zero.
        token0: u8,
        /// The same of token 1.
        token1: u8,
    },
}

/// Why a log, or a snapshot, cannot be. The pool is left as it was: take a new snapshot of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum V3LogError {
    /// A fee or a tick spacing that no factory allows.
    #[error("a pool with this fee and tick spacing cannot be")]
    Terms,
    /// A price or a tick outside of those that there are, or that do not go together.
    #[error("the price or the tick cannot be")]
    Price,
    /// Initialised twice.
    #[error("the pool has a price already: a log came twice")]
    Initialized,
    /// Something happened in a pool without a price.
    #[error("the pool has no price yet: a log is missing")]
    NotInitialized,
    /// Ends of a position that cannot be.
    #[error("the position's ticks cannot be")]
    Ticks,
    /// Liquidity below zero, or more than its type holds: logs are missing, or came out of order.
    #[error("liquidity falls below zero or out of its type: a log is missing or out of order")]
    Liquidity,
    /// What the log says does not follow from what was there.
    #[error("the pool's ticks do not make its liquidity: a log is missing or out of order")]
    Mismatch,
    /// The log's data are not those of its event.
    #[error("the log's data are not those of its event")]
    Data,
}

impl V3Event {
    /// What a log says. `None` for a log that changes no quote (`Collect`, `Flash`, …) or is no pool's. Pancake's `Swap`,
    /// which has two fields more, is read too; its protocol fee, in another unit, changes no quote and is passed over.
    ///
    /// # Errors
    /// [`V3LogError::Data`] where the topic is known and the rest does not fit it.
    pub fn decode(topics: &[B256], data: &[u8]) -> Result<Option<Self>, V3LogError> {
        let Some(&topic) = topics.first() else { return Ok(None) };
        let known = match topic {
            abi::Swap::SIGNATURE_HASH => abi::Swap::decode_raw_log_validate(topics, data).map(Self::from),
            abi::Mint::SIGNATURE_HASH => abi::Mint::decode_raw_log_validate(topics, data).map(Self::from),
            abi::Burn::SIGNATURE_HASH => abi::Burn::decode_raw_log_validate(topics, data).map(Self::from),
            abi::Initialize::SIGNATURE_HASH => {
                abi::Initialize::decode_raw_log_validate(topics, data).map(Self::from)
            }
            abi::SetFeeProtocol::SIGNATURE_HASH => {
                abi::SetFeeProtocol::decode_raw_log_validate(topics, data).map(Self::from)
            }
            abi::pancake::Swap::SIGNATURE_HASH => {
                abi::pancake::Swap::decode_raw_log_validate(topics, data).map(Self::from)
            }
            _ => return Ok(None),
        };
        known.map(Some).or(Err(V3LogError::Data))
    }
}

impl V3Pool {
    /// The first topics of the logs that change a pool.
    #[must_use]
    pub const fn topics() -> [B256; 6] {
        [
            abi::Initialize::SIGNATURE_HASH,
            abi::Swap::SIGNATURE_HASH,
            abi::Mint::SIGNATURE_HASH,
            abi::Burn::SIGNATURE_HASH,
            abi::SetFeeProtocol::SIGNATURE_HASH,
            abi::pancake::Swap::SIGNATURE_HASH,
        ]
    }

    /// Takes a log. Logs of a block come in the order of their indices: a swap and a burn in another order make another pool.
    ///
    /// # Errors
    /// [`V3LogError`] where the log cannot follow on what was there; nothing is changed then.
    pub fn apply(&mut self, event: V3Event) -> Result<(), V3LogError> {
        match event {
            V3Event::Initialize { sqrt_price, tick } => self.initialize(sqrt_price, tick),
            V3Event::Swap { sqrt_price, liquidity, tick } => self.swapped(sqrt_price, liquidity, tick),
            V3Event::Mint { lower, upper, amount } => self.modify(lower, upper, signed(amount)),
            V3Event::Burn { lower, upper, amount } => {
                self.modify(lower, upper, signed(amount).and_then(i128::checked_neg))
            }
            V3Event::SetFeeProtocol { token0, token1 } => {
                if token0 > 0x0f || token1 > 0x0f {
                    return Err(V3LogError::Data);
                }
                self.slot.fee_protocol = token0 | (token1 << 4);
                Ok(())
            }
        }
    }

    fn initialize(&mut self, sqrt_price: U256, tick: i32) -> Result<(), V3LogError> {
        if !self.slot.sqrt_price.is_zero() {
            return Err(V3LogError::Initialized);
        }
        if tick_at_sqrt_price(sqrt_price) != Ok(tick) {
            return Err(V3LogError::Price);
        }
        self.slot.sqrt_price = sqrt_price;
        self.slot.tick = tick;
        Ok(())
    }

    fn swapped(&mut self, sqrt_price: U256, liquidity: u128, tick: i32) -> Result<(), V3LogError> {
        if self.slot.sqrt_price.is_zero() {
            return Err(V3LogError::NotInitialized);
        }
        if !(MIN_SQRT_PRICE..MAX_SQRT_PRICE).contains(&sqrt_price) {
            return Err(V3LogError::Price);
        }
        if self.liquidity_from_here_to(tick) != Some(liquidity) {
            return Err(V3LogError::Mismatch);
        }
        self.slot.sqrt_price = sqrt_price;
        self.slot.liquidity = liquidity;
        self.slot.tick = tick;
        Ok(())
    }

    /// What the liquidity becomes between this tick and another.
    fn liquidity_from_here_to(&self, tick: i32) -> Option<u128> {
        let slot = &self.slot;
        if tick >= slot.tick {
            let mut crossed = self.book.between(slot.tick.checked_add(1)?, tick);
            return crossed.try_fold(slot.liquidity, |liquidity, (_, of)| add_delta(liquidity, of.net).ok());
        }
        let mut crossed = self.book.between(tick.checked_add(1)?, slot.tick).rev();
        crossed
            .try_fold(slot.liquidity, |liquidity, (_, of)| add_delta(liquidity, of.net.checked_neg()?).ok())
    }

    fn modify(&mut self, lower: i32, upper: i32, delta: Option<i128>) -> Result<(), V3LogError> {
        // The contract's `int128`.
        let delta = delta.ok_or(V3LogError::Liquidity)?;
        if self.slot.sqrt_price.is_zero() {
            return Err(V3LogError::NotInitialized);
        }
        let liquidity = if (lower..upper).contains(&self.slot.tick) {
            add_delta(self.slot.liquidity, delta).or(Err(V3LogError::Liquidity))?
        } else {
            self.slot.liquidity
        };
        Arc::make_mut(&mut self.book).change(lower, upper, delta)?;
        self.slot.liquidity = liquidity;
        Ok(())
    }
}

fn signed(amount: u128) -> Option<i128> {
    i128::try_from(amount).ok()
}

impl From<abi::Initialize> for V3Event {
    fn from(log: abi::Initialize) -> Self {
        Self::Initialize { sqrt_price: U256::from(log.sqrtPriceX96), tick: log.tick.as_i32() }
    }
}

impl From<abi::Swap> for V3Event {
    fn from(log: abi::Swap) -> Self {
        Self::Swap {
            sqrt_price: U256::from(log.sqrtPriceX96),
            liquidity: log.liquidity,
            tick: log.tick.as_i32(),
        }
    }
}

impl From<abi::pancake::Swap> for V3Event {
    fn from(log: abi::pancake::Swap) -> Self {
        Self::Swap {
            sqrt_price: U256::from(log.sqrtPriceX96),
            liquidity: log.liquidity,
            tick: log.tick.as_i32(),
        }
    }
}

impl From<abi::Mint> for V3Event {
    fn from(log: abi::Mint) -> Self {
        Self::Mint { lower: log.tickLower.as_i32(), upper: log.tickUpper.as_i32(), amount: log.amount }
    }
}

impl From<abi::Burn> for V3Event {
    fn from(log: abi::Burn) -> Self {
        Self::Burn { lower: log.tickLower.as_i32(), upper: log.tickUpper.as_i32(), amount: log.amount }
    }
}

impl From<abi::SetFeeProtocol> for V3Event {
    fn from(log: abi::SetFeeProtocol) -> Self {
        Self::SetFeeProtocol { token0: log.feeProtocol0New, token1: log.feeProtocol1New }
    }
}
