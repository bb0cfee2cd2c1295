//! The pools of a recording as they stand.

use std::collections::{BTreeSet, HashMap};

use alloy_primitives::{Address, U256};

use super::{Block, Header, Log, PairSnapshot, RecordingError, Snapshot, TickSnapshot};
use crate::{
    math::v2::V2Fee,
    pool::{
        Pool, Quote, Side, Stretch, TickLiquidity, Unquotable, V2Pool, V3Event, V3LogError, V3Pool, V3Slot,
        V3Terms,
    },
    sizing::Product,
};

/// One pool of a recording.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Recorded {
    /// A pair of Uniswap v2 or a fork.
    V2(V2Pool),
    /// A pool of Uniswap v3 or a fork. Apart, since there may be many pairs to a pool.
    V3(Box<V3Pool>),
}

/// All pools of a recording, in its order.
#[derive(Debug, Clone)]
pub struct Pools {
    pools: Vec<Recorded>,
    places: HashMap<Address, usize>,
}

impl Pools {
    /// The pools of a snapshot. One that no contract could be (a reserve of more than 112 bits, a fee of more than all, ticks that
    /// do not make the liquidity) is left out.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        let mut pools = Self { pools: Vec::new(), places: HashMap::new() };
        for snapshot in &header.pools {
            let (address, pool) = match snapshot {
                Snapshot::V2(pair) => (pair.address, pair.pool().map(Recorded::V2)),
                Snapshot::V3(ticked) => (ticked.address, ticked.pool().map(Box::new).map(Recorded::V3)),
            };
            if let Some(pool) = pool {
                pools.places.insert(address, pools.pools.len());
                pools.pools.push(pool);
            }
        }
        pools
    }

    /// The pools.
    #[must_use]
    pub fn pools(&self) -> &[Recorded] {
        &self.pools
    }

    /// Token 0 and token 1 of each.
    #[must_use]
    pub fn tokens(&self) -> Vec<[Address; 2]> {
        self.pools.iter().map(Pool::tokens).collect()
    }

    /// Applies a block's logs. The places of the pools that changed, rising.
    ///
    /// # Errors
    /// [`RecordingError::Log`] where a log cannot follow on what is there: the recording is not whole. The logs before it were
    /// applied then.
    pub fn apply(&mut self, block: &Block) -> Result<Vec<usize>, RecordingError> {
        let mut changed = BTreeSet::new();
        for log in &block.logs {
            let follow = self.follow(log);
            let (number, address) = (block.number, log.address);
            changed.extend(follow.map_err(|cause| RecordingError::Log { number, address, cause })?);
        }
        Ok(changed.into_iter().collect())
    }

    fn follow(&mut self, log: &Log) -> Result<Option<usize>, V3LogError> {
        let Some(place) = self.places.get(&log.address).copied() else { return Ok(None) };
        let changed = match self.pools.get_mut(place) {
            None => false,
            Some(Recorded::V2(pair)) => match V2Pool::decode_sync(&log.topics, &log.data) {
                Ok(None) => false,
                Ok(Some(reserves)) => pair.sync(reserves).map(|()| true).or(Err(V3LogError::Data))?,
                Err(_) => return Err(V3LogError::Data),
            },
            Some(Recorded::V3(ticked)) => match V3Event::decode(&log.topics, &log.data)? {
                None => false,
                Some(event) => ticked.apply(event).map(|()| true)?,
            },
        };
        Ok(changed.then_some(place))
    }
}

impl PairSnapshot {
    fn pool(&self) -> Option<V2Pool> {
        V2Pool::new(self.tokens, self.reserves, V2Fee::new(self.kept, self.whole)?).ok()
    }
}

impl TickSnapshot {
    fn pool(&self) -> Option<V3Pool> {
        let Self { tokens, fee: fee_pips, tick_spacing, sqrt_price, tick, liquidity, .. } = *self;
        let [zero, one] = self.fee_protocol;
        let slot = V3Slot { sqrt_price, tick, liquidity, fee_protocol: zero & 0x0f | one << 4 };
        let ticks =
            self.ticks.iter().map(|line| (line.tick, TickLiquidity { gross: line.gross, net: line.net }));
        let pool = V3Pool::new(V3Terms { tokens, fee_pips, tick_spacing }, slot, ticks).ok()?;
        pool.check().is_ok().then_some(pool)
    }
}

impl Recorded {
    fn pool(&self) -> &dyn Pool {
        match self {
            Self::V2(pair) => pair,
            Self::V3(ticked) => ticked.as_ref(),
        }
    }
}

impl Pool for Recorded {
    fn tokens(&self) -> [Address; 2] {
        self.pool().tokens()
    }

    fn quote_in(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        self.pool().quote_in(side, amount)
    }

    fn quote_out(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        self.pool().quote_out(side, amount)
    }

    fn after_in(&self, side: Side, amount: U256) -> Result<(Quote, Box<dyn Pool>), Unquotable> {
        self.pool().after_in(side, amount)
    }

    fn trimmed(&self, side: Side, amount: U256) -> U256 {
        self.pool().trimmed(side, amount)
    }

    fn inverts(&self) -> bool {
        self.pool().inverts()
    }

    #[inline]
    fn stretch(&self, side: Side) -> Option<Stretch> {
        match self {
            Self::V2(pair) => pair.stretch(side),
            Self::V3(ticked) => ticked.stretch(side),
        }
    }

    fn product(&self, side: Side) -> Option<Product> {
        self.pool().product(side)
    }
}
