//! What a frame would do on top of the latest block: run in this process, asked of the node, or both.

mod answer;
mod checked;
mod environment;
mod failure;
#[cfg(test)]
mod fake_world;
mod local;
mod node;
mod parent;
mod question;

use agent_core::ports::Simulation;
use alloy::primitives::Bytes;

pub use checked::{CheckedSimulator, WithoutOpinion};
pub use failure::SimulationFailure;
pub use local::{Hardfork, RevmSimulator, RevmSimulatorConfig};
pub use node::EvmSimulator;

/// A simulation, and what the frame returned in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// What the frame did.
    pub simulation: Simulation,
    /// What it returned or reverted with. Nothing where it created a contract: nodes differ in what they answer there.
    pub returned: Bytes,
}
