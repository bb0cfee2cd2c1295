//! One run of a request in one environment, on what is known of a state. Nothing here waits.

use std::convert::Infallible;

use agent_core::{
    BalanceDelta,
    ports::{Frame, SimulatedOutcome, SimulationRequest},
    units::Asset,
};
use alloy::primitives::{Address, Bytes, TxKind, U256};
use revm::{
    Context, Database, ExecuteCommitEvm, MainBuilder, MainContext, MainnetEvm,
    context::{
        BlockEnv, CfgEnv, Journal, TxEnv,
        result::{EVMError, ExecutionResult},
    },
    context_interface::block::BlobExcessGasAndPrice,
    database::CacheDB,
    primitives::{eip4844, hardfork::SpecId},
};

use super::state::{BlockState, Misses, View};
use crate::{
    balance::{balance_in, balance_of, delta},
    simulator::{SimulationFailure, environment::Environment, question::MEASURING_GAS},
};

type Db<'a> = CacheDB<View<'a>>;
type Evm<'a> = MainnetEvm<Context<BlockEnv, TxEnv, CfgEnv, Db<'a>, Journal<Db<'a>>, ()>>;

/// The rules of a chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) chain: u64,
    pub(super) spec: SpecId,
}

/// What the frame did in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) outcome: SimulatedOutcome,
    pub(super) gas_used: u64,
    pub(super) returned: Bytes,
    pub(super) deltas: Vec<BalanceDelta>,
}

/// Why a run has no result.
#[derive(Debug)]
pub(super) enum Stop {
    /// These were not known; it is to be repeated when they are.
    Missing(Misses),
    /// It never will have one.
    Failed(SimulationFailure),
}

/// Runs what is ahead, measures, runs the frame, measures again: each a transaction of its own in one block, as
/// `eth_simulateV1` does it.
///
/// # Errors
/// When something was not known, a balance cannot be measured, or no block can contain one of the transactions.
pub(super) fn run(
    rules: Rules,
    state: &BlockState,
    environment: &Environment,
    request: &SimulationRequest,
) -> Result<Ran, Stop> {
    let mut machine = Machine::new(rules, state, environment);
    let ran = machine.run(request, environment);
    let view = machine.evm.ctx.journaled_state.database.db;
    if view.has_missed() { Err(Stop::Missing(view.into_misses())) } else { ran.map_err(Stop::Failed) }
}

struct Machine<'a> {
    evm: Evm<'a>,
    chain: u64,
    gas_cap: u64,
    gas_price: u64,
}

impl<'a> Machine<'a> {
    fn new(rules: Rules, state: &'a BlockState, environment: &Environment) -> Self {
        let mut cfg = CfgEnv::new_with_spec(rules.spec).with_chain_id(rules.chain);
        // Whoever measures has no account, and gas is not what is measured.
        cfg.disable_nonce_check = true;
        cfg.disable_base_fee = true;
        cfg.disable_fee_charge = true;
        // Senders of simulations may be contracts, as they may for nodes.
        cfg.disable_eip3607 = true;
        let gas_cap = revm::context_interface::Cfg::tx_gas_limit_cap(&cfg).min(environment.block_gas_limit);
        let db = CacheDB::new(View::new(state));
        let evm = Context::mainnet().with_db(db).with_block(block(environment)).with_cfg(cfg).build_mainnet();
        Self { evm, chain: rules.chain, gas_cap, gas_price: environment.gas_price }
    }

    fn run(
        &mut self,
        request: &SimulationRequest,
        environment: &Environment,
    ) -> Result<Ran, SimulationFailure> {
        for ahead in &request.ahead {
            self.transact(&ahead.frame, ahead.gas_limit)?;
        }
        let before = self.measure(request)?;
        let gas_limit = if environment.more_gas {
            request.gas_limit.saturating_add(request.gas_limit >> 3).min(self.gas_cap.max(request.gas_limit))
        } else {
            request.gas_limit
        };
        let ended = self.transact(&request.frame, gas_limit)?;
        let after = self.measure(request)?;
        let gas_used = ended.tx_gas_used();
        let created = request.frame.to.is_none();
        let (outcome, returned) = match ended {
            ExecutionResult::Success { output, .. } => {
                (SimulatedOutcome::Success, if created { Bytes::new() } else { output.into_data() })
            }
            ExecutionResult::Revert { output, .. } => (SimulatedOutcome::Revert(output.clone()), output),
            ExecutionResult::Halt { .. } => (SimulatedOutcome::Revert(Bytes::new()), Bytes::new()),
        };
        let watched = request.watch.iter().zip(before.into_iter().zip(after));
        let deltas = watched.map(|((holder, asset), (before, after))| {
            let failure = SimulationFailure::Balance { holder: *holder, asset: *asset };
            delta(*holder, *asset, before, after).ok_or(failure)
        });
        let deltas = deltas.collect::<Result<_, _>>()?;
        Ok(Ran { outcome, gas_used, returned, deltas })
    }

    fn measure(&mut self, request: &SimulationRequest) -> Result<Vec<U256>, SimulationFailure> {
        request.watch.iter().map(|(holder, asset)| self.balance(*holder, *asset)).collect()
    }

    fn balance(&mut self, holder: Address, asset: Asset) -> Result<U256, SimulationFailure> {
        let Asset::Token(token) = asset else {
            let Ok(account) = self.evm.ctx.journaled_state.database.basic(holder);
            return Ok(account.map(|account| account.balance).unwrap_or_default());
        };
        let frame = Frame { from: Address::ZERO, to: Some(token), data: balance_of(holder) };
        let ended = self.transact(&frame, MEASURING_GAS)?;
        let answer = ended.is_success().then(|| ended.into_output()).flatten();
        answer
            .and_then(|word| balance_in(&word))
            .or_else(|| self.unknown())
            .ok_or(SimulationFailure::Balance { holder, asset })
    }

    /// Any balance will do in a run that is going to be repeated.
    fn unknown(&self) -> Option<U256> {
        self.evm.ctx.journaled_state.database.db.has_missed().then_some(U256::ZERO)
    }

    fn transact(&mut self, frame: &Frame, gas_limit: u64) -> Result<ExecutionResult, SimulationFailure> {
        let transaction = TxEnv {
            caller: frame.from,
            gas_limit,
            gas_price: self.gas_price.into(),
            kind: frame.to.map_or(TxKind::Create, TxKind::Call),
            data: frame.data.clone(),
            chain_id: Some(self.chain),
            ..TxEnv::default()
        };
        self.evm
            .transact_commit(transaction)
            .map_err(|error: EVMError<Infallible>| SimulationFailure::Invalid { why: error.to_string() })
    }
}

fn block(environment: &Environment) -> BlockEnv {
    let blobs = BlobExcessGasAndPrice::new(
        environment.excess_blob_gas,
        eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE,
    );
    BlockEnv {
        number: U256::from(environment.number),
        beneficiary: environment.beneficiary,
        timestamp: U256::from(environment.time),
        gas_limit: environment.block_gas_limit,
        basefee: environment.base_fee,
        difficulty: U256::ZERO,
        prevrandao: Some(environment.prevrandao),
        blob_excess_gas_and_price: Some(blobs),
        ..BlockEnv::default()
    }
}
