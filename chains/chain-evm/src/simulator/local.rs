//! Simulation in this process.

mod cache;
mod codes;
mod fetch;
mod machine;
mod state;

use std::{fmt, num::NonZeroU64, sync::Arc};

use agent_core::{
    ports::{BoxFuture, SimulatedOutcome, Simulation, SimulationRequest, Simulator, SimulatorError, Variant},
    units::ChainId,
};
use alloy::primitives::B256;
use revm::primitives::hardfork::SpecId;

use self::{
    cache::Cache,
    fetch::Fetcher,
    machine::{Ran, Rules, Stop},
    state::{BlockState, Key, Misses},
};
use super::{
    Execution, SimulationFailure,
    environment::{Environment, Strangers},
    parent::Parent,
};
use crate::endpoint::Endpoint;

/// Fetches for one simulation, at most. Honest calls need less than ten, even on a state of which nothing is known.
const ROUNDS: usize = 64;

/// The rules of Ethereum that a chain runs: gas costs, opcodes and precompiled contracts. Rollups follow these forks under
/// names of their own (Isthmus and ArbOS 40 are Prague).
///
/// With a wrong one, gas and outcomes differ from the node's: [`CheckedSimulator`](super::CheckedSimulator) then refuses
/// every simulation and says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Hardfork {
    /// Shanghai, April 2023.
    Shanghai,
    /// Cancun, March 2024.
    Cancun,
    /// Prague, May 2025.
    Prague,
    /// Osaka, December 2025.
    #[default]
    Osaka,
}

impl From<Hardfork> for SpecId {
    fn from(fork: Hardfork) -> Self {
        match fork {
            Hardfork::Shanghai => Self::SHANGHAI,
            Hardfork::Cancun => Self::CANCUN,
            Hardfork::Prague => Self::PRAGUE,
            Hardfork::Osaka => Self::OSAKA,
        }
    }
}

/// What a simulator in this process must know of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevmSimulatorConfig {
    /// Seconds between blocks.
    pub block_time: NonZeroU64,
    /// The chain's rules.
    pub hardfork: Hardfork,
}

/// Simulates on one chain in this process, on state that it fetches from the node and keeps.
///
/// The frame runs as [`EvmSimulator`](super::EvmSimulator) runs it at the node: in the next block, after what is ahead,
/// between two measurements, at a gas price of zero. Where it goes well, it runs again in four other environments, at
/// another builder's and at a real gas price, later, at other base fees, with other randomness and with more gas: a
/// contract that pays only where it believes to be simulated shows there, or does as it did for real.
///
/// **State.** Everything is fetched by the hash of the block that is simulated on and kept for that block alone; contract
/// code is kept by its hash. A run that looks for what is not known is thrown away and repeated when the node has
/// answered, so that nothing waits inside a run; what the last blocks' simulations read is fetched ahead, in one batch,
/// for a new block. Kept are two blocks' states of at most 65,536 slots and 4,096 accounts each, and 32 MiB of code.
/// Nothing is on disk: after a crash the first simulation is a cold one, and a reorganised block is another block.
///
/// **What it does not know.** Fees beyond gas (a rollup's fee for data) and precompiled contracts that only one chain has.
#[derive(Clone)]
pub struct RevmSimulator {
    shared: Arc<Shared>,
}

struct Shared {
    rules: Rules,
    block_time: NonZeroU64,
    strangers: Strangers,
    fetcher: Fetcher,
    cache: Cache,
}

/// Which blocks a frame is run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    NextBlock,
    /// And, where it goes well there, in those that it may as well end up in.
    Variants,
}

/// A complete run: the frame in the next block, and in the variants of it where it went well.
type Complete = (Ran, Vec<Variant>);

impl RevmSimulator {
    /// A simulator that knows nothing yet.
    #[must_use]
    pub fn new(endpoint: Endpoint, config: RevmSimulatorConfig) -> Self {
        let ChainId(chain) = endpoint.chain();
        let shared = Shared {
            rules: Rules { chain, spec: config.hardfork.into() },
            block_time: config.block_time,
            strangers: Strangers::meet(),
            fetcher: Fetcher::new(endpoint),
            cache: Cache::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn block_time(&self) -> NonZeroU64 {
        self.shared.block_time
    }

    /// How many times the node was asked something so far, batches counted once.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.shared.fetcher.round_trips()
    }

    /// Simulates on the latest block.
    ///
    /// # Errors
    /// When the node does not answer, a balance cannot be measured, or no block can contain the transaction.
    pub async fn execute(&self, request: SimulationRequest) -> Result<Execution, SimulationFailure> {
        let parent = self.latest().await?;
        self.execute_on(&parent, request).await
    }

    /// Simulates on the block of this hash. The node is not asked anything where the block's state is known.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and when the node does not have the block.
    pub async fn execute_at(
        &self,
        block: B256,
        request: SimulationRequest,
    ) -> Result<Execution, SimulationFailure> {
        self.execute_on(&self.parent(block).await?, request).await
    }

    /// [`execute_at`](Self::execute_at) in the next block alone, without the variants: enough to look for a size or a route,
    /// and too little to sign. Runs where it is called, without the way to another thread and back; the request's gas limit
    /// bounds for how long.
    ///
    /// # Errors
    /// As [`execute_at`](Self::execute_at).
    pub async fn glance_at(
        &self,
        block: B256,
        request: SimulationRequest,
    ) -> Result<Execution, SimulationFailure> {
        self.run_on(&self.parent(block).await?, request, Extent::NextBlock).await
    }

    async fn parent(&self, block: B256) -> Result<Parent, SimulationFailure> {
        match self.shared.cache.parent(block) {
            Some(parent) => Ok(parent),
            None => Ok(self.shared.fetcher.block(block).await?),
        }
    }

    pub(super) async fn latest(&self) -> Result<Parent, SimulationFailure> {
        Ok(self.shared.fetcher.latest().await?)
    }

    pub(super) async fn execute_on(
        &self,
        parent: &Parent,
        request: SimulationRequest,
    ) -> Result<Execution, SimulationFailure> {
        self.run_on(parent, request, Extent::Variants).await
    }

    async fn run_on(
        &self,
        parent: &Parent,
        request: SimulationRequest,
        extent: Extent,
    ) -> Result<Execution, SimulationFailure> {
        let Shared { fetcher, cache, .. } = &*self.shared;
        let request = Arc::new(request);
        let (mut state, ahead) = cache.state(parent);
        if !ahead.is_empty() {
            state = cache.learn(state, fetcher.fetch(cache, parent, &ahead).await?);
        }
        for round in 0..ROUNDS {
            let misses = match self.run(state.clone(), request.clone(), extent).await? {
                Ok(complete) => return Ok(execution(parent, complete)),
                Err(misses) => misses,
            };
            let unknown_account = misses.iter().any(|key| matches!(key, Key::Account(_)));
            let known = if round == 0 && unknown_account {
                self.fetch_with_hint(&state, &misses, &request).await?
            } else {
                fetcher.fetch(cache, parent, &misses).await?
            };
            state = cache.learn(state, known);
        }
        Err(SimulationFailure::Wandering { rounds: ROUNDS })
    }

    /// Fetches what was missed, and then what the node says will be missed next.
    async fn fetch_with_hint(
        &self,
        state: &BlockState,
        misses: &Misses,
        request: &SimulationRequest,
    ) -> Result<Vec<state::Known>, SimulationFailure> {
        let Shared { fetcher, cache, .. } = &*self.shared;
        let hint = fetcher.hint(&state.parent, &request.frame, request.gas_limit);
        let (known, hint) = futures::join!(fetcher.fetch(cache, &state.parent, misses), hint);
        let mut known = known?;
        let more: Misses = hint
            .into_iter()
            .filter(|key| !state.knows(key) && !misses.contains(key))
            .take(ROOM_FOR_HINTS)
            .collect();
        known.extend(fetcher.fetch(cache, &state.parent, &more).await?);
        Ok(known)
    }

    /// Runs on a thread that may take its time, unless it is one run.
    async fn run(
        &self,
        state: Arc<BlockState>,
        request: Arc<SimulationRequest>,
        extent: Extent,
    ) -> Result<Result<Complete, Misses>, SimulationFailure> {
        let shared = self.shared.clone();
        let run = move || shared.run(&state, &request, extent);
        let ran = match extent {
            Extent::NextBlock => run(),
            Extent::Variants => {
                let ran = tokio::task::spawn_blocking(run);
                ran.await.map_err(|_panicked| SimulationFailure::Thread)?
            }
        };
        match ran {
            Ok(complete) => Ok(Ok(complete)),
            Err(Stop::Missing(misses)) => Ok(Err(misses)),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }
}

/// Keys that a node's hint may have fetched.
const ROOM_FOR_HINTS: usize = 1_024;

impl Shared {
    fn run(&self, state: &BlockState, request: &SimulationRequest, extent: Extent) -> Result<Complete, Stop> {
        let request = leave_out_mined(state, request).map_err(Stop::Missing)?;
        let next = Environment::next(&state.parent, self.block_time);
        let ran = machine::run(self.rules, state, &next, &request)?;
        if ran.outcome != SimulatedOutcome::Success || extent == Extent::NextBlock {
            return Ok((ran, Vec::new()));
        }
        let variant = |environment: Environment| {
            let ran = machine::run(self.rules, state, &environment, &request)?;
            let environment = environment.name.to_owned();
            Ok(Variant { environment, outcome: ran.outcome, deltas: ran.deltas })
        };
        let variants = next.variants(self.block_time, &self.strangers).map(variant);
        Ok((ran, variants.into_iter().collect::<Result<_, _>>()?))
    }
}

/// What is mined already is in the state; running it once more would count it twice.
fn leave_out_mined(state: &BlockState, request: &SimulationRequest) -> Result<SimulationRequest, Misses> {
    let mut request = request.clone();
    if !request.ahead.is_empty() {
        let next = state.nonce(request.frame.from)?;
        request.ahead.retain(|ahead| ahead.nonce >= next);
    }
    Ok(request)
}

fn execution(parent: &Parent, (ran, variants): Complete) -> Execution {
    let Ran { outcome, gas_used, returned, deltas } = ran;
    let simulation = Simulation { at: parent.block, outcome, gas_used, deltas, variants };
    Execution { simulation, returned }
}

impl Simulator for RevmSimulator {
    fn simulate(&self, request: SimulationRequest) -> BoxFuture<'_, Result<Simulation, SimulatorError>> {
        Box::pin(async move {
            let execution = self.execute(request).await;
            execution
                .map(|execution| execution.simulation)
                .map_err(|failure| SimulatorError(Box::new(failure)))
        })
    }
}

impl fmt::Debug for RevmSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rules { chain, spec } = self.shared.rules;
        write!(f, "RevmSimulator(chain {chain}, {spec:?})")
    }
}

#[cfg(test)]
mod tests;
