//! What is known of a chain before anybody asks it: [`ChainProfile`].
//!
//! A profile is a TOML file. Each fact in it carries its source: where it was read, what stood there, and when. What has no
//! source stays out, and a number that is our own choice says so and why. `profiles/*.toml` are built in; a file of the same
//! form adds a chain, or replaces sections of a built-in one.

mod book;
mod check;
mod error;
mod rules;

#[cfg(test)]
mod tests;

use std::num::NonZeroU64;

use agent_core::units::ChainId;
use alloy::primitives::{Address, B256};
use serde::Deserialize;

pub use self::{
    book::ChainProfiles,
    check::{CodeVerdict, Finding, SeenCode},
    error::ProfileError,
};
use crate::fees::TipBounds;

/// The usual cap of the tip, in wei per gas: 5 gwei.
const USUAL_CAP: u128 = 5_000_000_000;
/// The usual floor of the tip, in wei per gas, where the chain names none: 0.001 gwei.
const USUAL_FLOOR: u128 = 1_000_000;
/// How far above a floor of the chain's own the cap is.
const ROOM_ABOVE_FLOOR: u128 = 4;

/// A fact and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sourced<T> {
    /// The fact.
    pub value: T,
    /// Where it was read: a URL, `this repository: PATH`, or `ours` for what is our own choice.
    pub at: String,
    /// What stands there, or why we chose so.
    pub says: String,
    /// When it was read: `YYYY-MM-DD`.
    pub read: String,
}

/// What is known of one chain. Made by [`ChainProfiles`]; every fact in it has a source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainProfile {
    /// What a configuration calls it: lower case, digits and `-`.
    pub name: String,
    /// What of this profile was really run, in words.
    pub verified: String,
    /// The chain's id (EIP-155).
    pub chain_id: Sourced<u64>,
    /// How fast blocks come, and how long one may still be taken back.
    pub pace: ChainPace,
    /// How a transaction pays.
    pub fees: FeeTerms,
    /// Ways to the chain beside a public node. The operator chooses among them; none is used unasked.
    #[serde(default)]
    pub order_flow: Vec<OrderFlow>,
    /// Contracts that are known by their address.
    #[serde(default)]
    pub addresses: Vec<KnownAddress>,
}

/// How fast blocks come, and how long one may still be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainPace {
    /// Milliseconds between blocks.
    pub block_ms: Sourced<NonZeroU64>,
    /// By what the chain's own nodes tell that a block is final.
    pub finality: Sourced<FinalityRule>,
    /// How deep a transaction must be before the wallet counts it as final; 1 is the newest block. The wallet counts
    /// blocks and does not ask for the tag that `finality` names.
    pub confirmations: Sourced<NonZeroU64>,
    /// How many blocks the reader remembers. A deeper reorg is no fault: it is read again.
    pub reorg_depth: Sourced<usize>,
}

/// How a chain tells that a block is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalityRule {
    /// It does not: only the depth is known.
    Depth,
    /// The block that its nodes answer to `safe`.
    Safe,
    /// The block that its nodes answer to `finalized`.
    Finalized,
}

/// How a transaction pays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeTerms {
    model: Sourced<ModelName>,
    oracle: Option<Sourced<Address>>,
    /// The least tip that the chain's nodes take, wei per gas.
    pub min_tip_wei: Option<Sourced<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModelName {
    Eip1559,
    OpStack,
    Arbitrum,
}

/// What a transaction pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeeModel {
    /// Gas, and nothing else.
    Eip1559,
    /// Gas, and beside it the data that is posted to Ethereum: `l1Fee` in the receipt, [`DataPrice`](crate::DataPrice) before
    /// that.
    OpStack {
        /// The `GasPriceOracle` predeploy.
        oracle: Address,
    },
    /// Gas, of which some is for the data that is posted to Ethereum: it is inside `gasUsed`, and inside what
    /// `eth_estimateGas` and a simulation by the chain's own node answer.
    Arbitrum,
}

/// A way to the chain beside a public node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderFlow {
    /// What a configuration calls it.
    pub name: String,
    /// What it takes.
    pub kind: OrderFlowKind,
    /// Where it is: `https://`, without a key.
    pub url: String,
    /// Where this was read: a URL.
    pub at: String,
    /// What stands there.
    pub says: String,
    /// When it was read: `YYYY-MM-DD`.
    pub read: String,
}

/// What an [`OrderFlow`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderFlowKind {
    /// `eth_sendRawTransaction`, kept out of the public pool.
    PrivateRpc,
    /// `eth_sendBundle`, in the style of Flashbots.
    Builder,
    /// `eth_sendRawTransaction`, straight to the one who orders the chain's blocks.
    Sequencer,
}

/// A contract that is known by its address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownAddress {
    /// What it is for, such as `aave_v3_pool`; unique in a profile.
    pub role: String,
    /// Where it is.
    pub address: Address,
    /// The keccak-256 hash of its runtime code, where a source gives one. A proxy keeps its code when what is behind it
    /// changes.
    pub code_hash: Option<B256>,
    /// Where this was read: a URL, or `this repository: PATH`.
    pub at: String,
    /// What stands there.
    pub says: String,
    /// When it was read: `YYYY-MM-DD`.
    pub read: String,
}

impl ChainProfile {
    /// The chain's id.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        ChainId(self.chain_id.value)
    }

    /// Seconds between blocks, rounded up: block timestamps are whole seconds.
    #[must_use]
    pub fn block_seconds(&self) -> NonZeroU64 {
        let seconds = self.pace.block_ms.value.get().div_ceil(1_000);
        NonZeroU64::new(seconds).unwrap_or(NonZeroU64::MIN)
    }

    /// What a transaction pays for.
    #[must_use]
    pub fn fee_model(&self) -> FeeModel {
        self.fees.model()
    }

    /// Bounds of the tip: the chain's own floor where it has one, and a cap that leaves room above it.
    #[must_use]
    pub fn tip(&self) -> TipBounds {
        let floor = self.fees.min_tip_wei.as_ref().map_or(USUAL_FLOOR, |tip| u128::from(tip.value));
        TipBounds { floor, cap: USUAL_CAP.max(floor.saturating_mul(ROOM_ABOVE_FLOOR)) }
    }

    /// The address of `role`, where a source names one.
    #[must_use]
    pub fn address(&self, role: &str) -> Option<Address> {
        self.addresses.iter().find(|known| known.role == role).map(|known| known.address)
    }
}

impl FeeTerms {
    /// Without an oracle an OP-stack chain's data fee would be unknown: `rules` refuses such a profile.
    fn model(&self) -> FeeModel {
        match (self.model.value, &self.oracle) {
            (ModelName::OpStack, Some(oracle)) => FeeModel::OpStack { oracle: oracle.value },
            (ModelName::Arbitrum, _) => FeeModel::Arbitrum,
            (ModelName::Eip1559 | ModelName::OpStack, _) => FeeModel::Eip1559,
        }
    }
}
