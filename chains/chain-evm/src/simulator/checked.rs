//! Two opinions: no simulation counts that the node does not share.

use std::{collections::BTreeMap, fmt};

use agent_core::{
    BalanceDelta,
    ports::{BoxFuture, Simulation, SimulationRequest, Simulator, SimulatorError},
    units::{Asset, BlockRef},
};
use alloy::primitives::U256;

use super::{EvmSimulator, Execution, RevmSimulator, SimulationFailure, node::Opinion};
use crate::endpoint::Endpoint;

/// What may be simulated without a second opinion while the node has none to give: it fails, or lacks `eth_simulateV1` and
/// an `eth_call` that can be told its block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WithoutOpinion {
    /// Nothing.
    #[default]
    Refuse,
    /// Frames that move at most so many base units of each watched asset, up or down; any movement of an asset that is
    /// not named is too much.
    AtMost(BTreeMap<Asset, U256>),
}

impl WithoutOpinion {
    fn allows(&self, deltas: &[BalanceDelta]) -> bool {
        let Self::AtMost(most) = self else { return false };
        deltas.iter().all(|delta| {
            let most = most.get(&delta.asset).copied().unwrap_or_default();
            delta.change.unsigned_abs() <= most
        })
    }
}

/// Simulates in this process and at the node, on the same block and at the same time, and answers when outcome, gas and
/// every change agree. The variants are this process's own.
///
/// It takes as long as the slower of the two, which is the node: the price of the second opinion is the difference. A node
/// without `eth_simulateV1` is asked by `eth_call` for the outcome and the returned bytes only; frames with transactions
/// ahead of them get no opinion there. Of a creation that the node takes only by a detour, the gas is not compared.
#[derive(Clone)]
pub struct CheckedSimulator {
    local: RevmSimulator,
    node: EvmSimulator,
    without: WithoutOpinion,
}

impl CheckedSimulator {
    /// Checks `local` against the node of `endpoint`, which may be another one than `local` reads from, of the same chain.
    #[must_use]
    pub fn new(local: RevmSimulator, endpoint: Endpoint, without: WithoutOpinion) -> Self {
        let node = EvmSimulator::new(endpoint, local.block_time());
        Self { local, node, without }
    }

    /// Simulates on the latest block.
    ///
    /// # Errors
    /// When either fails, both differ, or there is no second opinion and too much would move.
    pub async fn execute(&self, request: SimulationRequest) -> Result<Execution, SimulationFailure> {
        let parent = self.local.latest().await?;
        let (ours, theirs) = futures::join!(
            self.local.execute_on(&parent, request.clone()),
            self.node.execute_on(&parent, request.clone())
        );
        match theirs {
            Ok(Opinion { mut execution, gas_is_exact }) => {
                let ours = ours?;
                if !gas_is_exact {
                    execution.simulation.gas_used = ours.simulation.gas_used;
                }
                agree(parent.block, ours, &execution)
            }
            // It found the same tokens unmeasurable, or measured what we cannot: either way there is no simulation.
            Err(unmeasured @ SimulationFailure::Balance { .. }) => Err(ours.err().unwrap_or(unmeasured)),
            Err(SimulationFailure::Unsupported) if request.ahead.is_empty() => {
                let ours = ours?;
                match self.node.call_on(&parent, &request).await {
                    Ok((outcome, returned)) => {
                        let simulation = Simulation { outcome, ..ours.simulation.clone() };
                        let returned =
                            if request.frame.to.is_none() { ours.returned.clone() } else { returned };
                        agree(parent.block, ours, &Execution { simulation, returned })
                    }
                    Err(cause) => self.alone(ours, cause.into()),
                }
            }
            Err(cause) => self.alone(ours?, cause),
        }
    }

    fn alone(&self, ours: Execution, cause: SimulationFailure) -> Result<Execution, SimulationFailure> {
        if !self.without.allows(&ours.simulation.deltas) {
            return Err(SimulationFailure::NoOpinion { cause: Box::new(cause) });
        }
        tracing::warn!(block = %ours.simulation.at.number, %cause, "simulated without a second opinion");
        Ok(ours)
    }
}

/// Our execution, where theirs is the same.
fn agree(block: BlockRef, ours: Execution, theirs: &Execution) -> Result<Execution, SimulationFailure> {
    match difference(&ours, theirs) {
        None => Ok(ours),
        Some(what) => Err(SimulationFailure::Disagreement { block, what }),
    }
}

/// The first thing that differs, with both sides.
fn difference(ours: &Execution, theirs: &Execution) -> Option<String> {
    let (here, there) = (&ours.simulation, &theirs.simulation);
    if here.outcome != there.outcome {
        return Some(format!("it ends in {:?} here and in {:?} at the node", here.outcome, there.outcome));
    }
    if here.gas_used != there.gas_used {
        return Some(format!("it uses {} gas here and {} at the node", here.gas_used, there.gas_used));
    }
    let deltas = here.deltas.iter().zip(&there.deltas);
    if let Some((here, there)) = deltas.into_iter().find(|(here, there)| here != there) {
        let BalanceDelta { holder, asset, change } = here;
        return Some(format!(
            "the {asset} balance of {holder} changes by {change} here and by {} at the node",
            there.change
        ));
    }
    if ours.returned != theirs.returned {
        return Some(format!("it returns {} here and {} at the node", ours.returned, theirs.returned));
    }
    (here.deltas.len() != there.deltas.len()).then(|| "the node measured other balances".to_owned())
}

impl Simulator for CheckedSimulator {
    fn simulate(&self, request: SimulationRequest) -> BoxFuture<'_, Result<Simulation, SimulatorError>> {
        Box::pin(async move {
            let execution = self.execute(request).await;
            execution
                .map(|execution| execution.simulation)
                .map_err(|failure| SimulatorError(Box::new(failure)))
        })
    }
}

impl fmt::Debug for CheckedSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedSimulator")
            .field("local", &self.local)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
