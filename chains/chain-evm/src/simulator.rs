//! What a frame would do on top of the latest block, by `eth_simulateV1`.

mod answer;
mod question;

use std::num::NonZeroU64;

use agent_core::{
    BalanceDelta,
    ports::{BoxFuture, SimulatedOutcome, Simulation, SimulationRequest, Simulator, SimulatorError},
    units::{Asset, BlockNumber, BlockRef, Timestamp},
};
use alloy::primitives::Address;

use self::{
    answer::{SimulatedBlock, SimulatedCall},
    question::Question,
};
use crate::{
    balance::{balance_in, delta},
    endpoint::{Endpoint, RpcFailure, at},
};

/// Why a simulation cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationFailure {
    /// The node lacks the method.
    #[error("the node does not have eth_simulateV1, without which nothing can be simulated")]
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
}

/// Simulates on one chain through one endpoint.
///
/// The frame runs in one simulated block on top of the latest, after the sender's own transactions that are on their way,
/// and between two measurements of every watched balance in the same state. The gas price is zero, so that a native
/// change is what the frame itself moved; the sender is unchanged.
///
/// A native balance is measured by a ten-byte contract that exists for the simulation only, at an address that no
/// contract can guess: `eth_getBalance` cannot look into the simulated block, and `traceTransfers` reports transfers
/// rather than balances.
///
/// A contract can find out that it is simulated (gas price zero, for one): the on-chain floor of the executor, not this,
/// is what protects money.
#[derive(Debug, Clone)]
pub struct EvmSimulator {
    endpoint: Endpoint,
    block_time: NonZeroU64,
}

impl EvmSimulator {
    /// A simulator whose blocks come `block_time` seconds after the latest.
    #[must_use]
    pub const fn new(endpoint: Endpoint, block_time: NonZeroU64) -> Self {
        Self { endpoint, block_time }
    }

    async fn run(&self, mut request: SimulationRequest) -> Result<Simulation, SimulationFailure> {
        let head = self.endpoint.latest().await?;
        self.leave_out_mined(&mut request, head.block.number).await?;
        let request = &request;
        let time = Timestamp(head.block.timestamp.0.saturating_add(self.block_time.get()));
        let question = Question::new(request, &head, time);
        match self.ask(&question, head.block).await {
            // Some nodes (anvil 1.7.1) do not take creations here, though they do everywhere else.
            Err(RpcFailure::Refused { code: -32602, .. }) if request.frame.to.is_none() => {
                let block = self.ask(&question.with_creation_by_call(), head.block).await?;
                conclude(request, head.block, block)
            }
            Err(refusal) if refusal.is_unknown_method() => Err(SimulationFailure::Unsupported),
            other => conclude(request, head.block, other?),
        }
    }

    /// What is mined already is in the state; running it once more would count it twice. Creations go too: not every node
    /// takes them here, and nothing of ours reads a contract before it is there.
    async fn leave_out_mined(
        &self,
        request: &mut SimulationRequest,
        at: BlockNumber,
    ) -> Result<(), RpcFailure> {
        if !request.ahead.is_empty() {
            let next = self.endpoint.nonce_at(request.frame.from, at).await?;
            request.ahead.retain(|ahead| ahead.nonce >= next && ahead.frame.to.is_some());
        }
        Ok(())
    }

    async fn ask(&self, question: &Question<'_>, on: BlockRef) -> Result<SimulatedBlock, RpcFailure> {
        let method = "eth_simulateV1";
        let blocks: Vec<SimulatedBlock> =
            self.endpoint.ask(method, (question.payload(), at(on.hash))).await?;
        let one: Result<[SimulatedBlock; 1], _> = blocks.try_into();
        one.map(|[block]| block).map_err(|_other| RpcFailure::unreadable(method, "not one simulated block"))
    }
}

impl Simulator for EvmSimulator {
    fn simulate(&self, request: SimulationRequest) -> BoxFuture<'_, Result<Simulation, SimulatorError>> {
        Box::pin(async move { self.run(request).await.map_err(|failure| SimulatorError(Box::new(failure))) })
    }
}

/// Reads the answers: what comes before, a measurement of each balance, the frame, the measurements again.
fn conclude(
    request: &SimulationRequest,
    at: BlockRef,
    block: SimulatedBlock,
) -> Result<Simulation, SimulationFailure> {
    let watched = request.watch.len();
    let short = || RpcFailure::unreadable("eth_simulateV1", "not every call was answered");
    let (_, calls) = block.calls.split_at_checked(request.ahead.len()).ok_or_else(short)?;
    let (before, rest) = calls.split_at_checked(watched).ok_or_else(short)?;
    let (frame, after) = rest.split_first().ok_or_else(short)?;
    if after.len() != watched {
        return Err(short().into());
    }
    let pairs = request.watch.iter().zip(before.iter().zip(after));
    let deltas = pairs.map(|((holder, asset), (before, after))| {
        let failure = SimulationFailure::Balance { holder: *holder, asset: *asset };
        measured(*holder, *asset, before, after).ok_or(failure)
    });
    let deltas = deltas.collect::<Result<Vec<_>, _>>()?;
    let outcome = if frame.succeeded() {
        SimulatedOutcome::Success
    } else {
        SimulatedOutcome::Revert(frame.revert_data())
    };
    Ok(Simulation { at, outcome, gas_used: frame.gas_used(), deltas, variants: Vec::new() })
}

fn measured(
    holder: Address,
    asset: Asset,
    before: &SimulatedCall,
    after: &SimulatedCall,
) -> Option<BalanceDelta> {
    delta(holder, asset, balance_in(before.returned()?)?, balance_in(after.returned()?)?)
}

#[cfg(test)]
mod tests;
