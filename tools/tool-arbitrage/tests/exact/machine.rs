//! An EVM in memory, with one account that deploys and acts.

use std::{error::Error, path::PathBuf};

use alloy_primitives::{Address, Bytes, Log, TxKind};
use alloy_sol_types::{SolCall, SolConstructor};
use revm::{
    Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm,
    context::{
        BlockEnv, CfgEnv, Journal, TxEnv,
        result::{ExecutionResult, Output},
    },
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
};
use serde::Deserialize;

pub(crate) type Checked<T = ()> = Result<T, Box<dyn Error>>;

type Db = CacheDB<EmptyDB>;

/// Who deploys and acts.
pub(crate) const ACTOR: Address = Address::repeat_byte(0xac);

pub(crate) struct Machine {
    evm: MainnetEvm<Context<BlockEnv, TxEnv, CfgEnv, Db, Journal<Db>, ()>>,
}

/// What a call did: what it returned and logged, or what it reverted with.
pub(crate) type Called = Result<(Bytes, Vec<Log>), Bytes>;

#[derive(Deserialize)]
struct Artifact {
    bytecode: Bytes,
}

/// The folder that `scripts/setup` fills.
fn artifacts() -> PathBuf {
    let configured = std::env::var_os("KEEPWRIGHT_CACHE").filter(|folder| !folder.is_empty());
    let workspace = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.cache");
    configured.map_or_else(workspace, PathBuf::from).join("devnet/artifacts")
}

impl Machine {
    pub(crate) fn new() -> Self {
        let mut cfg = CfgEnv::new_with_spec(SpecId::CANCUN);
        cfg.disable_nonce_check = true;
        cfg.disable_balance_check = true;
        cfg.disable_base_fee = true;
        cfg.disable_block_gas_limit = true;
        let block =
            BlockEnv { timestamp: revm::primitives::U256::from(1_700_000_000), ..BlockEnv::default() };
        let context =
            Context::mainnet().with_db(CacheDB::new(EmptyDB::new())).with_block(block).with_cfg(cfg);
        Self { evm: context.build_mainnet() }
    }

    /// Deploys an artifact as it was published.
    pub(crate) fn deploy<C: SolConstructor>(&mut self, name: &str, arguments: &C) -> Checked<Address> {
        let path = artifacts().join(format!("{name}.json"));
        let text = std::fs::read(&path)
            .map_err(|error| format!("{}: {error}: run scripts/setup", path.display()))?;
        let artifact: Artifact = serde_json::from_slice(&text)?;
        let mut code = artifact.bytecode.to_vec();
        code.extend(arguments.abi_encode());
        let ended = self.evm.transact_commit(transaction(TxKind::Create, code.into())?)?;
        let created = if let ExecutionResult::Success { output: Output::Create(_, created), .. } = &ended {
            *created
        } else {
            None
        };
        created.ok_or_else(|| format!("{name}: {ended:?}").into())
    }

    /// Calls, and keeps what it did.
    pub(crate) fn call<C: SolCall>(&mut self, to: Address, call: &C) -> Checked<Called> {
        let ended = self.evm.transact_commit(transaction(TxKind::Call(to), call.abi_encode().into())?)?;
        called(ended)
    }

    /// Calls, and keeps nothing.
    pub(crate) fn ask<C: SolCall>(&mut self, to: Address, call: &C) -> Checked<Result<C::Return, Bytes>> {
        let ended = self.evm.transact(transaction(TxKind::Call(to), call.abi_encode().into())?)?;
        Ok(match called(ended.result)? {
            Ok((returned, _)) => Ok(C::abi_decode_returns(&returned)?),
            Err(reason) => Err(reason),
        })
    }

    /// Calls what cannot fail, and keeps what it did.
    pub(crate) fn must<C: SolCall>(&mut self, to: Address, call: &C) -> Checked<(C::Return, Vec<Log>)> {
        let (returned, logs) =
            self.call(to, call)?.map_err(|reason| format!("{}: {}", C::SIGNATURE, text(&reason)))?;
        Ok((C::abi_decode_returns(&returned)?, logs))
    }

    /// Asks what cannot fail.
    pub(crate) fn read<C: SolCall>(&mut self, to: Address, call: &C) -> Checked<C::Return> {
        Ok(self.ask(to, call)?.map_err(|reason| format!("{}: {}", C::SIGNATURE, text(&reason)))?)
    }
}

fn transaction(kind: TxKind, data: Bytes) -> Checked<TxEnv> {
    let transaction = TxEnv::builder().caller(ACTOR).kind(kind).data(data).gas_limit(1 << 40).gas_price(0);
    transaction.build().map_err(|error| format!("{error:?}").into())
}

fn called(ended: ExecutionResult) -> Checked<Called> {
    match ended {
        ExecutionResult::Success { output, logs, .. } => Ok(Ok((output.into_data(), logs))),
        ExecutionResult::Revert { output, .. } => Ok(Err(output)),
        // `assert` and divisions of old compilers; anything else is a fault of the test.
        ExecutionResult::Halt { reason, .. } => {
            let text = format!("{reason:?}");
            if text.contains("InvalidFEOpcode") { Ok(Err(Bytes::new())) } else { Err(text.into()) }
        }
    }
}

/// What a revert says: the text of `Error(string)`, or the bytes.
pub(crate) fn text(reason: &Bytes) -> String {
    alloy_sol_types::decode_revert_reason(reason).unwrap_or_else(|| reason.to_string())
}
