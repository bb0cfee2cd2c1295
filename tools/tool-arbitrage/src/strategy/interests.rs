//! The logs that are wanted.

use agent_core::{Interest, units::BlockNumber};
use alloy_primitives::B256;
use alloy_sol_types::SolEvent;

use crate::{
    abi::{IFactoryV2, IFactoryV3},
    config::{ArbitrageConfig, Kind},
    pool::{V2Pool, V3Pool},
};

/// What the factories make, from their first pools on; and from block `followed` on what happens to any pool, by its topics
/// alone: so there is one interest for all pools, and a new one changes none.
pub(super) fn of(config: &ArbitrageConfig, followed: Option<BlockNumber>) -> Vec<Interest> {
    let made = config.exchanges.iter().map(|exchange| {
        let topic = match exchange.kind {
            Kind::V2 { .. } => IFactoryV2::PairCreated::SIGNATURE_HASH,
            Kind::V3 => IFactoryV3::PoolCreated::SIGNATURE_HASH,
        };
        Interest { from: exchange.start_block, addresses: vec![exchange.factory], topics: vec![topic] }
    });
    let topics = topics(config);
    let pools =
        followed.filter(|_| !topics.is_empty()).map(|from| Interest { from, addresses: Vec::new(), topics });
    made.chain(pools).collect()
}

/// What can happen to the pools that there are.
fn topics(config: &ArbitrageConfig) -> Vec<B256> {
    let has = |is: fn(Kind) -> bool| config.exchanges.iter().any(|exchange| is(exchange.kind));
    let mut topics = Vec::new();
    if has(|kind| matches!(kind, Kind::V2 { .. })) {
        topics.extend(V2Pool::topics());
    }
    if has(|kind| matches!(kind, Kind::V3)) {
        topics.extend(V3Pool::topics());
    }
    topics
}
