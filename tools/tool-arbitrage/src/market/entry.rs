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
    /// What it was when it was made.
    pub(crate) empty: Model,
    /// The block that it was made in.
    pub(crate) made: BlockNumber,
    /// How it stands.
    pub(crate) state: State,
    /// The block that it is known from: of its snapshot, or the one that it was made in.
    pub(crate) since: BlockNumber,
}

/// What a pool quotes.
#[derive(Debug, Clone)]
pub(crate) enum Model {
    /// A pair.
    V2(V2Pool),
    /// A pool with ticks.
    V3(V3Pool),
}

/// How a pool stands.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// A reorg took back its creation.
    Unmade,
    /// It is there, and has to be read.
    Awaiting,
    /// As all of its logs have it.
    Known(Model),
    /// It is left alone, for this reason.
    Distrusted(String),
}

impl Model {
    /// What can be traded with.
    pub(crate) fn pool(&self) -> &dyn Pool {
        match self {
            Self::V2(pool) => pool,
            Self::V3(pool) => pool,
        }
    }

    /// A copy of it, to be traded with others as one.
    pub(crate) fn shared(&self) -> Arc<dyn Pool> {
        match self {
            Self::V2(pool) => Arc::new(*pool),
            Self::V3(pool) => Arc::new(pool.clone()),
        }
    }

    /// Takes one of its own logs: whether that changed it.
    ///
    /// # Errors
    /// Why what is known of it cannot be right.
    pub(crate) fn take(&mut self, log: &ChainLog) -> Result<bool, String> {
        match self {
            Self::V2(pool) => match V2Pool::decode_sync(&log.topics, &log.data) {
                Ok(None) => Ok(false),
                Ok(Some(reserves)) => pool.sync(reserves).map(|()| true).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            },
            Self::V3(pool) => match V3Event::decode(&log.topics, &log.data) {
                Ok(None) => Ok(false),
                Ok(Some(event)) => pool.apply(event).map(|()| true).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

impl State {
    /// What can be traded with.
    pub(crate) fn pool(&self) -> Option<&dyn Pool> {
        self.model().map(Model::pool)
    }

    /// A copy of it, to be traded with others as one.
    pub(crate) fn shared(&self) -> Option<Arc<dyn Pool>> {
        self.model().map(Model::shared)
    }

    const fn model(&self) -> Option<&Model> {
        match self {
            Self::Known(model) => Some(model),
            Self::Unmade | Self::Awaiting | Self::Distrusted(_) => None,
        }
    }
}

impl Entry {
    /// The pool that a factory's log names, still to be read. `None` for another log, and for a pool that cannot be.
    pub(crate) fn created(exchange: usize, of: &Exchange, log: &ChainLog) -> Option<Self> {
        let data = Log::new(log.address, log.topics.clone(), log.data.clone())?;
        let (address, tokens, fee, empty) = match of.kind {
            Kind::V2 { .. } => {
                let made = IFactoryV2::PairCreated::decode_log(&data).ok()?.data;
                let tokens = [made.token0, made.token1];
                (made.pair, tokens, 0, Model::V2(V2Pool::new(tokens, [0; 2], of.kind.fee()?).ok()?))
            }
            Kind::V3 => {
                let made = IFactoryV3::PoolCreated::decode_log(&data).ok()?.data;
                let (tokens, fee_pips) = ([made.token0, made.token1], made.fee.to());
                let terms = V3Terms { tokens, fee_pips, tick_spacing: made.tickSpacing.as_i32() };
                (made.pool, tokens, fee_pips, Model::V3(V3Pool::created(terms).ok()?))
            }
        };
        let (made, state) = (log.block, State::Awaiting);
        Some(Self { address, exchange, tokens, fee, empty, made, state, since: made })
    }

    /// Its price and its liquidity in bytes: another of them means that something happened to it.
    pub(crate) fn condition(&self) -> Vec<u8> {
        match &self.state {
            State::Known(Model::V2(pool)) => pool.reserves().map(u128::to_be_bytes).concat(),
            State::Known(Model::V3(pool)) => {
                let slot = pool.slot();
                [&slot.sqrt_price.to_be_bytes::<32>()[..], &slot.liquidity.to_be_bytes()].concat()
            }
            State::Unmade | State::Awaiting | State::Distrusted(_) => Vec::new(),
        }
    }

    /// Whether there is something in it that could be compared: a pool that a reorg took back is not on the chain.
    pub(crate) fn stands(&self) -> bool {
        match &self.state {
            State::Known(Model::V2(pool)) => pool.reserves() != [0; 2],
            State::Known(Model::V3(pool)) => !pool.slot().sqrt_price.is_zero(),
            State::Unmade | State::Awaiting | State::Distrusted(_) => false,
        }
    }

    /// What to ask it, to see whether it is what its logs say; always two reads.
    pub(crate) fn questions(&self) -> [Query; 2] {
        match self.empty {
            Model::V2(_) => [(); 2].map(|()| query(self.address, &IPair::getReservesCall {})),
            Model::V3(_) => {
                [query(self.address, &ISlot::slot0Call {}), query(self.address, &ITickPool::liquidityCall {})]
            }
        }
    }

    /// Whether it is what the chain says at the same block.
    pub(crate) fn agrees(&self, answers: &[Answered]) -> bool {
        let [one, other] = answers else { return false };
        match &self.state {
            State::Known(Model::V2(pool)) => decode::<IPair::getReservesCall>(one)
                .is_some_and(|said| pool.reserves() == [said.reserve0.to::<u128>(), said.reserve1.to()]),
            State::Known(Model::V3(pool)) => {
                let (slot, liquidity) =
                    (decode::<ISlot::slot0Call>(one), decode::<ITickPool::liquidityCall>(other));
                let ours = pool.slot();
                let price = slot.is_some_and(|slot| {
                    (slot.sqrtPriceX96.to(), slot.tick.as_i32()) == (ours.sqrt_price, ours.tick)
                });
                price && liquidity == Some(ours.liquidity)
            }
            State::Unmade | State::Awaiting | State::Distrusted(_) => true,
        }
    }
}
