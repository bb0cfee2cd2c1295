//! The logs that are wanted.

use agent_core::Interest;
use alloy_primitives::{Address, B256};
use alloy_sol_types::SolEvent;

use crate::{
    abi::{IFactoryV2, IFactoryV3},
    config::{ArbitrageConfig, Kind},
    market::Market,
    pool::{V2Pool, V3Pool},
};

/// What the factories make, and what happens to each pool. One interest per pool, so that a new one does not bring back the
/// history of the others.
pub(super) fn of(config: &ArbitrageConfig, market: &Market) -> Vec<Interest> {
    let made = config.exchanges.iter().map(|exchange| {
        let topic = match exchange.kind {
            Kind::V2 { .. } => IFactoryV2::PairCreated::SIGNATURE_HASH,
            Kind::V3 => IFactoryV3::PoolCreated::SIGNATURE_HASH,
        };
        some(exchange.factory, vec![topic])
    });
    let pools = market.entries().iter().map(|entry| {
        let of_v2 = matches!(
            config.exchanges.get(entry.exchange).map(|exchange| exchange.kind),
            Some(Kind::V2 { .. })
        );
        let topics = if of_v2 { V2Pool::topics().to_vec() } else { V3Pool::topics().to_vec() };
        some(entry.address, topics)
    });
    made.chain(pools).collect()
}

fn some(address: Address, topics: Vec<B256>) -> Interest {
    Interest { addresses: vec![address], topics }
}
