//! The Uniswap v2 pairs of a recording as they stand.

use std::collections::{BTreeSet, HashMap};

use alloy_primitives::Address;
use alloy_sol_types::SolEvent;

use super::{Block, Header, Log, Snapshot};
use crate::{
    math::v2::V2Fee,
    pool::{Pool, V2Pool, abi::Sync},
};

/// All pairs of a recording, in its order; other pools are left out.
#[derive(Debug, Clone)]
pub struct Pairs {
    pools: Vec<V2Pool>,
    places: HashMap<Address, usize>,
}

impl Pairs {
    /// The pairs of a snapshot. One that no contract could be (a reserve of more than 112 bits, a fee of more than all) is left
    /// out.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        let mut pairs = Self { pools: Vec::new(), places: HashMap::new() };
        for snapshot in &header.pools {
            let Snapshot::V2(pair) = snapshot else { continue };
            let pool =
                V2Fee::new(pair.kept, pair.whole).map(|fee| V2Pool::new(pair.tokens, pair.reserves, fee));
            if let Some(Ok(pool)) = pool {
                pairs.places.insert(pair.address, pairs.pools.len());
                pairs.pools.push(pool);
            }
        }
        pairs
    }

    /// The pools.
    #[must_use]
    pub fn pools(&self) -> &[V2Pool] {
        &self.pools
    }

    /// Token 0 and token 1 of each.
    #[must_use]
    pub fn tokens(&self) -> Vec<[Address; 2]> {
        self.pools.iter().map(Pool::tokens).collect()
    }

    /// Applies a block's `Sync` logs. The places of the pools that changed, rising.
    pub fn apply(&mut self, block: &Block) -> Vec<usize> {
        let changed: BTreeSet<usize> = block.logs.iter().filter_map(|log| self.sync(log)).collect();
        changed.into_iter().collect()
    }

    fn sync(&mut self, log: &Log) -> Option<usize> {
        let place = *self.places.get(&log.address)?;
        let reserves = V2Pool::decode_sync(&log.topics, &log.data).ok()??;
        self.pools.get_mut(place)?.sync(reserves).ok()?;
        Some(place)
    }

    /// The log that a pair of this state emits.
    pub(super) fn log(index: u64, address: Address, pool: &V2Pool) -> Log {
        let [reserve0, reserve1] = pool.reserves().map(alloy_primitives::aliases::U112::saturating_from);
        let data = Sync { reserve0, reserve1 }.encode_data();
        Log { index, address, topics: vec![Sync::SIGNATURE_HASH], data: data.into() }
    }
}
