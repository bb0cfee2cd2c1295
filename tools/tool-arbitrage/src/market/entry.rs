//! One pool, as its logs have it.

use std::sync::Arc;

use agent_core::{Answered, ChainLog, Query, units::BlockNumber};
use alloy_primitives::{Address, Log};
use alloy_sol_types::SolEvent;

use crate::{
    abi::{IFactoryV2, IFactoryV3, IPair, ISlot, ITickPool, decode, query},
    config::{Exchange, Kind},
    pool::{Pool, V2Pool, V3Event, V3Pool, V3Terms},
};

/// A pool.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its contract.
    pub(crate) address: Address,
    /// The place of its exchange in the config.
    pub(crate) exchange: usize,
    /// Token 0 and token 1.
    pub(crate) tokens: [Address; 2],
    /// In pips, for a v3 pool.
    pub(crate) fee: u32,
    /// How it stands.
    pub(crate) state: State,
    /// The last log that changed it.
    pub(crate) stamp: (BlockNumber, u64),
}

/// How a pool stands.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// A pair.
    V2(V2Pool),
    /// A pool with ticks.
    V3(V3Pool),
    /// It is left alone, for this reason.
    Distrusted(String),
}

impl State {
    /// What can be traded with.
    pub(crate) fn pool(&self) -> Option<&dyn Pool> {
        match self {
            Self::V2(pool) => Some(pool),
            Self::V3(pool) => Some(pool),
            Self::Distrusted(_) => None,
        }
    }

    /// A copy of it, to be traded with others as one.
    pub(crate) fn shared(&self) -> Option<Arc<dyn Pool>> {
        match self {
            Self::V2(pool) => Some(Arc::new(*pool)),
            Self::V3(pool) => Some(Arc::new(pool.clone())),
            Self::Distrusted(_) => None,
        }
    }
}

impl Entry {
    /// The pool that a factory's log names. `None` for another log, and for a pool that cannot be.
    pub(crate) fn created(exchange: usize, of: &Exchange, log: &ChainLog) -> Option<(Address, Self)> {
        let data = Log::new(log.address, log.topics.clone(), log.data.clone())?;
        let (address, tokens, fee, state) = match of.kind {
            Kind::V2 { .. } => {
                let made = IFactoryV2::PairCreated::decode_log(&data).ok()?.data;
                let tokens = [made.token0, made.token1];
                (made.pair, tokens, 0, State::V2(V2Pool::new(tokens, [0; 2], of.kind.fee()?).ok()?))
            }
            Kind::V3 => {
                let made = IFactoryV3::PoolCreated::decode_log(&data).ok()?.data;
                let (tokens, fee_pips) = ([made.token0, made.token1], made.fee.to());
                let terms = V3Terms { tokens, fee_pips, tick_spacing: made.tickSpacing.as_i32() };
                (made.pool, tokens, fee_pips, State::V3(V3Pool::created(terms).ok()?))
            }
        };
        let stamp = (log.block, log.index);
        Some((address, Self { address, exchange, tokens, fee, state, stamp }))
    }

    /// Takes one of its own logs: whether that changed it.
    ///
    /// # Errors
    /// Why what is known of it cannot be right.
    pub(crate) fn take(&mut self, log: &ChainLog) -> Result<bool, String> {
        let changed = match &mut self.state {
            State::V2(pool) => match V2Pool::decode_sync(&log.topics, &log.data) {
                Ok(None) => false,
                Ok(Some(reserves)) => {
                    pool.sync(reserves).map(|()| true).map_err(|error| error.to_string())?
                }
                Err(error) => return Err(error.to_string()),
            },
            State::V3(pool) => match V3Event::decode(&log.topics, &log.data) {
                Ok(None) => false,
                Ok(Some(event)) => pool.apply(event).map(|()| true).map_err(|error| error.to_string())?,
                Err(error) => return Err(error.to_string()),
            },
            State::Distrusted(_) => false,
        };
        if changed {
            self.stamp = (log.block, log.index);
        }
        Ok(changed)
    }

    /// Whether there is something in it that could be compared: a pool that a reorg took back is not on the chain.
    pub(crate) fn stands(&self) -> bool {
        match &self.state {
            State::V2(pool) => pool.reserves() != [0; 2],
            State::V3(pool) => !pool.slot().sqrt_price.is_zero(),
            State::Distrusted(_) => false,
        }
    }

    /// What to ask it, to see whether it is what its logs say; always two reads.
    pub(crate) fn questions(&self) -> [Query; 2] {
        match self.state {
            State::V2(_) | State::Distrusted(_) => {
                [(); 2].map(|()| query(self.address, &IPair::getReservesCall {}))
            }
            State::V3(_) => {
                [query(self.address, &ISlot::slot0Call {}), query(self.address, &ITickPool::liquidityCall {})]
            }
        }
    }

    /// Whether it is what the chain says at the same block.
    pub(crate) fn agrees(&self, answers: &[Answered]) -> bool {
        let [one, other] = answers else { return false };
        match &self.state {
            State::V2(pool) => decode::<IPair::getReservesCall>(one)
                .is_some_and(|said| pool.reserves() == [said.reserve0.to::<u128>(), said.reserve1.to()]),
            State::V3(pool) => {
                let (slot, liquidity) =
                    (decode::<ISlot::slot0Call>(one), decode::<ITickPool::liquidityCall>(other));
                let ours = pool.slot();
                let price = slot.is_some_and(|slot| {
                    (slot.sqrtPriceX96.to(), slot.tick.as_i32()) == (ours.sqrt_price, ours.tick)
                });
                price && liquidity == Some(ours.liquidity)
            }
            State::Distrusted(_) => true,
        }
    }
}
