//! The block that is simulated on.

use agent_core::units::{BlockNumber, BlockRef, Timestamp};
use alloy::primitives::{Address, B256, U64, U128};
use serde::Deserialize;

use crate::endpoint::{Endpoint, RpcFailure};

/// What of a block the next one follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) block: BlockRef,
    pub(super) base_fee: u64,
    pub(super) beneficiary: Address,
    pub(super) prevrandao: B256,
    pub(super) gas_limit: u64,
    pub(super) excess_blob_gas: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireParent {
    hash: B256,
    number: U64,
    timestamp: U64,
    gas_limit: U64,
    #[serde(default)]
    miner: Address,
    #[serde(default)]
    mix_hash: B256,
    #[serde(default)]
    base_fee_per_gas: U128,
    #[serde(default)]
    excess_blob_gas: U64,
}

impl From<WireParent> for Parent {
    fn from(wire: WireParent) -> Self {
        Self {
            block: BlockRef {
                number: BlockNumber(wire.number.to()),
                hash: wire.hash,
                timestamp: Timestamp(wire.timestamp.to()),
            },
            base_fee: wire.base_fee_per_gas.saturating_to(),
            beneficiary: wire.miner,
            prevrandao: wire.mix_hash,
            gas_limit: wire.gas_limit.to(),
            excess_blob_gas: wire.excess_blob_gas.to(),
        }
    }
}

impl Parent {
    /// The newest block.
    pub(super) async fn latest(endpoint: &Endpoint) -> Result<Self, RpcFailure> {
        let method = "eth_getBlockByNumber";
        let found: Option<WireParent> = endpoint.ask(method, ("latest", false)).await?;
        found.map(Self::from).ok_or_else(|| RpcFailure::unreadable(method, "there is no latest block"))
    }

    /// The block of this hash.
    pub(super) async fn of(endpoint: &Endpoint, hash: B256) -> Result<Self, RpcFailure> {
        let method = "eth_getBlockByHash";
        let found: Option<WireParent> = endpoint.ask(method, (hash, false)).await?;
        let found = found.map(Self::from).filter(|parent| parent.block.hash == hash);
        found.ok_or_else(|| RpcFailure::unreadable(method, "the node does not have the block"))
    }
}
