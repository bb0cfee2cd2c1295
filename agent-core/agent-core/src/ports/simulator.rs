//! What would happen if this were sent now.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};

use crate::{
    outcome::BalanceDelta,
    ports::BoxFuture,
    units::{Asset, BlockRef},
};

/// The final call of a transaction: what is simulated is what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The sender.
    pub from: Address,
    /// The contract, or `None` to create one. No native coin is ever sent along.
    pub to: Option<Address>,
    /// Input data or creation code.
    pub data: Bytes,
}

/// A transaction of the same sender that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// Its nonce.
    pub nonce: u64,
    /// Its call.
    pub frame: Frame,
    /// Gas it may use.
    pub gas_limit: u64,
}

/// A question to the simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulationRequest {
    /// The sender's transactions that come before it, by nonce. They run first, so that what is measured is what the frame
    /// does after them; those that the latest block has already mined are left out.
    pub ahead: Vec<Ahead>,
    /// What would be sent.
    pub frame: Frame,
    /// Gas it may use.
    pub gas_limit: u64,
    /// Balances to measure before and after, by the tokens' own `balanceOf`: events can lie, balances pay.
    pub watch: Vec<(Address, Asset)>,
}

/// How the simulated transaction ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SimulatedOutcome {
    /// It ran through.
    Success,
    /// It reverted with this data.
    Revert(Bytes),
}

/// The simulator's answer, true on top of one block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// The block whose state it ran on.
    pub at: BlockRef,
    /// How it ended.
    pub outcome: SimulatedOutcome,
    /// Gas used, refunds counted in.
    pub gas_used: u64,
    /// Changes of the watched balances, gas not counted in, in the order of the request.
    pub deltas: Vec<BalanceDelta>,
    /// The same frame under other conditions than those expected of the next block. A contract that pays only where it
    /// believes to be simulated pays in none of them, or not in all.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

/// A simulation under other conditions: another coinbase, a later block, another fee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// What is other, in a few words.
    pub environment: String,
    /// How it ended.
    pub outcome: SimulatedOutcome,
    /// As in [`Simulation::deltas`].
    pub deltas: Vec<BalanceDelta>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("simulation failed: {0}")]
pub struct SimulatorError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Runs a frame on the latest block without sending it.
pub trait Simulator: Send + Sync {
    /// Simulates `request`. A revert is an answer, not an error.
    fn simulate(&self, request: SimulationRequest) -> BoxFuture<'_, Result<Simulation, SimulatorError>>;
}
