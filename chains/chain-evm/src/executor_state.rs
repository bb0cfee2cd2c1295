//! Whether an address holds our executor, and whose it is.

use agent_core::{
    Query,
    ports::{ReadError, Reader},
};
use alloy::{
    primitives::{Address, Bytes, keccak256},
    sol_types::SolCall,
};
use chain_door::{KeepwrightExecutor::ownerCall, runtime_code_hash};

use crate::{Endpoint, EvmReader, ReaderConfig};

/// What stands at the address that the policy names as executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutorState {
    /// An executor of this version.
    Ours {
        /// Who may execute and withdraw.
        owner: Address,
    },
    /// No code, or other code.
    NotOurs,
}

impl ExecutorState {
    /// Reads it at the latest block: by the hash of its code, not by what it says of itself.
    ///
    /// # Errors
    /// When the node cannot be asked.
    pub async fn read(endpoint: &Endpoint, executor: Address) -> Result<Self, ReadError> {
        let failed =
            |cause: crate::RpcFailure| ReadError { what: "the executor's code", cause: Box::new(cause) };
        let code: Bytes = endpoint.ask("eth_getCode", (executor, "latest")).await.map_err(failed)?;
        if keccak256(&code) != runtime_code_hash() {
            return Ok(Self::NotOurs);
        }
        let reader = EvmReader::new(endpoint.clone(), ReaderConfig::usual());
        let query = Query { to: executor, data: ownerCall {}.abi_encode().into() };
        let (_, answers) = reader.read(vec![query]).await?;
        let answer = answers.into_iter().next().and_then(Result::ok).unwrap_or_default();
        Ok(ownerCall::abi_decode_returns(&answer).map_or(Self::NotOurs, |owner| Self::Ours { owner }))
    }
}
