//! What the node says a frame would do: `eth_simulateV1`, or `eth_call` where it lacks that.

use std::num::NonZeroU64;

use agent_core::{
    BalanceDelta,
    ports::{BoxFuture, SimulatedOutcome, Simulation, SimulationRequest, Simulator, SimulatorError},
    units::{Asset, BlockNumber, BlockRef},
};
use alloy::primitives::{Address, Bytes};

use super::{
    Execution, SimulationFailure,
    answer::{SimulatedBlock, SimulatedCall},
    environment::Environment,
    parent::Parent,
    question::Question,
};
use crate::{
    balance::{balance_in, delta},
    endpoint::{Endpoint, RpcFailure, at},
};

/// Simulates on one chain at its node.
///
/// The frame runs in one simulated block on top of the latest, after the sender's own transactions that are on their way,
/// and between two measurements of every watched balance in the same state. The gas price is zero, so that a native
/// change is what the frame itself moved; the sender is unchanged.
///
/// A native balance is measured by a ten-byte contract that exists for the simulation only, at an address that no
/// contract can guess: `eth_getBalance` cannot look into the simulated block, and `traceTransfers` reports transfers
/// rather than balances.
///
/// A contract can find out that it is simulated (gas price zero, for one), and this simulates no variants: the on-chain
/// floor of the executor, not this, is what protects money.
#[derive(Debug, Clone)]
pub struct EvmSimulator {
    endpoint: Endpoint,
    block_time: NonZeroU64,
}

/// What the node said.
#[derive(Debug)]
pub(super) struct Opinion {
    pub(super) execution: Execution,
    /// False where the node would not create, and was made to by a detour that costs some gas.
    pub(super) gas_is_exact: bool,
}

impl EvmSimulator {
    /// A simulator whose blocks come `block_time` seconds after the latest.
    #[must_use]
    pub const fn new(endpoint: Endpoint, block_time: NonZeroU64) -> Self {
        Self { endpoint, block_time }
    }

    /// Simulates on the latest block.
    ///
    /// # Errors
    /// When the node does not answer, lacks `eth_simulateV1`, or a balance cannot be measured.
    pub async fn execute(&self, request: SimulationRequest) -> Result<Execution, SimulationFailure> {
        let parent = Parent::latest(&self.endpoint).await?;
        Ok(self.execute_on(&parent, request).await?.execution)
    }

    pub(super) async fn execute_on(
        &self,
        parent: &Parent,
        mut request: SimulationRequest,
    ) -> Result<Opinion, SimulationFailure> {
        self.leave_out_mined(&mut request, parent.block.number).await?;
        let environment = Environment::next(parent, self.block_time);
        let question = Question::new(&request, &environment);
        let on = parent.block;
        match self.ask(&question, on).await {
            // Some nodes (anvil 1.7.1) do not take creations here, though they do everywhere else.
            Err(RpcFailure::Refused { code: -32602, .. }) if request.frame.to.is_none() => {
                let block = self.ask(&question.with_creation_by_call(), on).await?;
                Ok(Opinion { execution: conclude(&request, on, block)?, gas_is_exact: false })
            }
            Err(refusal) if refusal.is_unknown_method() => Err(SimulationFailure::Unsupported),
            other => Ok(Opinion { execution: conclude(&request, on, other?)?, gas_is_exact: true }),
        }
    }

    /// How the frame ends by `eth_call` in the next block, and what it returns; nodes that cannot be told which block are
    /// no use. What comes before it, gas and balances are not to be had this way.
    pub(super) async fn call_on(
        &self,
        parent: &Parent,
        request: &SimulationRequest,
    ) -> Result<(SimulatedOutcome, Bytes), RpcFailure> {
        let environment = Environment::next(parent, self.block_time);
        let call = Question::new(request, &environment).call(at(parent.block.hash));
        let answer: Result<Bytes, RpcFailure> = self.endpoint.ask("eth_call", call).await;
        match answer {
            Ok(returned) => Ok((SimulatedOutcome::Success, returned)),
            Err(failure) => match failure.revert_data() {
                Some(data) => Ok((SimulatedOutcome::Revert(data.clone()), data)),
                None => Err(failure),
            },
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
        Box::pin(async move {
            let execution = self.execute(request).await;
            execution
                .map(|execution| execution.simulation)
                .map_err(|failure| SimulatorError(Box::new(failure)))
        })
    }
}

/// Reads the answers: what comes before, a measurement of each balance, the frame, the measurements again.
fn conclude(
    request: &SimulationRequest,
    at: BlockRef,
    block: SimulatedBlock,
) -> Result<Execution, SimulationFailure> {
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
    let (outcome, returned) = match frame.returned() {
        Some(_code) if request.frame.to.is_none() => (SimulatedOutcome::Success, Bytes::new()),
        Some(returned) => (SimulatedOutcome::Success, returned.clone()),
        None => (SimulatedOutcome::Revert(frame.revert_data()), frame.revert_data()),
    };
    let simulation = Simulation { at, outcome, gas_used: frame.gas_used(), deltas, variants: Vec::new() };
    Ok(Execution { simulation, returned })
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
