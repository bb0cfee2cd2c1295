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

use crate::{
    Endpoint, EvmReader, ReaderConfig,
    endpoint::{Agreement, at},
};

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
    /// Reads it at the latest block: by the hash of its code, not by what it says of itself. Everything that this address
    /// gets hangs on it, so a quorum of the nodes must have the same code.
    ///
    /// # Errors
    /// When no node can be asked, or not enough of them agree.
    pub async fn read(endpoint: &Endpoint, executor: Address) -> Result<Self, ReadError> {
        let failed =
            |cause: crate::RpcFailure| ReadError { what: "the executor's code", cause: Box::new(cause) };
        let head = endpoint.latest().await.map_err(failed)?;
        let params = (executor, at(head.block.hash));
        let code: Bytes =
            endpoint.ask_agreed("eth_getCode", params, Agreement::on_block()).await.map_err(failed)?;
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
