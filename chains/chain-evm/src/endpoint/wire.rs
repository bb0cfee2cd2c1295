//! The fields that are read from a node's answers, and no others: chains add, drop and change the rest.

mod logs;

pub(crate) use logs::WireLogs;
pub use logs::logs_from_json;

use agent_core::{
    ChainLog, Head,
    units::{BlockNumber, BlockRef, Timestamp},
};
use alloy::primitives::{Address, B256, Bytes, U64, U128, U256};
use serde::{Deserialize, Serialize};

/// A header as JSON-RPC has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireHead {
    hash: B256,
    parent_hash: B256,
    number: U64,
    timestamp: U64,
    #[serde(default)]
    base_fee_per_gas: Option<U128>,
}

impl From<WireHead> for Head {
    fn from(wire: WireHead) -> Self {
        let block = BlockRef {
            number: BlockNumber(wire.number.to()),
            hash: wire.hash,
            timestamp: Timestamp(wire.timestamp.to()),
        };
        Self { block, parent: wire.parent_hash, base_fee: wire.base_fee_per_gas.unwrap_or_default().to() }
    }
}

/// A log as JSON-RPC has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: U64,
    block_hash: B256,
    log_index: U64,
}

impl WireLog {
    /// Whether it says of itself that it is of `block`, by hash and by number.
    pub(crate) fn is_of(&self, block: BlockRef) -> bool {
        self.block_hash == block.hash && self.block() == block.number
    }

    /// The number of its block.
    pub(crate) fn block(&self) -> BlockNumber {
        BlockNumber(self.block_number.to())
    }
}

impl From<WireLog> for ChainLog {
    fn from(wire: WireLog) -> Self {
        Self {
            block: BlockNumber(wire.block_number.to()),
            index: wire.log_index.to(),
            address: wire.address,
            topics: wire.topics,
            data: wire.data,
        }
    }
}

/// A receipt as JSON-RPC has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireReceipt {
    pub(crate) block_hash: B256,
    pub(crate) block_number: U64,
    pub(crate) status: U64,
    pub(crate) gas_used: U64,
    pub(crate) effective_gas_price: U128,
    #[serde(default)]
    pub(crate) contract_address: Option<Address>,
    /// What OP-stack chains charge on top for the data.
    #[serde(default)]
    pub(crate) l1_fee: Option<U256>,
}

/// The fee history as JSON-RPC has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireFeeHistory {
    /// One per block asked for, and one more: the next block's.
    pub(crate) base_fee_per_gas: Vec<U128>,
    /// Per block, one per percentile asked for.
    #[serde(default)]
    pub(crate) reward: Option<Vec<Vec<U128>>>,
}
