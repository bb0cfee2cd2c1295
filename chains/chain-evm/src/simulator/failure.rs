//! Why there is no simulation.

use agent_core::units::{Asset, BlockRef};
use alloy::primitives::Address;

use crate::endpoint::RpcFailure;

/// Why a simulation cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationFailure {
    /// The node lacks the method.
    #[error("the node does not have eth_simulateV1, without which it cannot say what a transaction would do")]
    Unsupported,
    /// The node gave no answer.
    #[error(transparent)]
    Rpc(#[from] RpcFailure),
    /// A watched balance cannot be measured: no such token, or one that does not answer like one.
    #[error("the {asset} balance of {holder} cannot be measured: balanceOf reverts or gives no number")]
    Balance {
        /// Whose balance.
        holder: Address,
        /// Of what.
        asset: Asset,
    },
    /// No block can contain the transaction: too little gas for its data, or more gas than a transaction may have.
    #[error("no block can contain the transaction: {why}")]
    Invalid {
        /// What the EVM says.
        why: String,
    },
    /// The frame looks for state in so many dependent steps that fetching it would take too long.
    #[error(
        "the state that the transaction reads was still not complete after {rounds} round trips; nothing honest looks \
         around that much"
    )]
    Wandering {
        /// Fetches that were made.
        rounds: usize,
    },
    /// The node says of one block that an account has code of a certain hash, and gives other code.
    #[error("the node gives other code for {address} than the hash that it names for the same block")]
    Contradiction {
        /// The account.
        address: Address,
    },
    /// The block went out of the chain while it was simulated on.
    #[error("block {} was reorganised away during the simulation; simulate on the new head", block.number)]
    Reorganised {
        /// The block.
        block: BlockRef,
    },
    /// The simulation in this process and the node's differ.
    #[error(
        "the simulation in this process and the node's differ at block {}: {what}; if this persists, the hardfork or \
         the block time of the configuration is not the chain's, or the node does not run the chain's rules",
        block.number
    )]
    Disagreement {
        /// The block.
        block: BlockRef,
        /// What differs, with both sides.
        what: String,
    },
    /// The node gave no second opinion, and the configuration says not to do without.
    #[error("no second opinion from the node, and more would move than may move without one: {cause}")]
    NoOpinion {
        /// Why there is none.
        #[source]
        cause: Box<Self>,
    },
    /// The thread that simulates ended. That is a defect.
    #[error("the simulation's thread ended without an answer; report this")]
    Thread,
}
