//! Why a wallet did not do what it was asked.

use agent_core::{ports::SenderError, units::ChainId};
use alloy::primitives::Address;

use crate::endpoint::RpcFailure;

/// Why a wallet refused or could not answer. Of a [`send`](agent_core::ports::Sender::send), each means that no
/// signature left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// The operator stopped everything.
    #[error("the kill switch is latched: nothing is signed or broadcast")]
    Killed,
    /// The policy keeps the transaction from the public pool, and there is no other way.
    #[error(
        "the policy sends it privately, and no private rpc or builder is configured: configure one, or allow `public`"
    )]
    NoPrivateRoute,
    /// The transaction is for another chain.
    #[error("the transaction is for chain {found}, this wallet is on {expected}")]
    WrongChain {
        /// The wallet's chain.
        expected: ChainId,
        /// The transaction's.
        found: ChainId,
    },
    /// The transaction is another key's.
    #[error("the transaction is from {found}, this wallet signs for {expected}")]
    WrongSender {
        /// The wallet's address.
        expected: Address,
        /// The transaction's.
        found: Address,
    },
    /// The task that holds the key has ended, with its runtime.
    #[error("the wallet's task has ended")]
    Gone,
    /// The chain has no base fee: it does not know EIP-1559.
    #[error("the chain has no base fee, so it takes no EIP-1559 transaction")]
    NoBaseFee,
    /// The base fee is beyond every amount.
    #[error("the node's base fee is beyond every amount")]
    FeesTooHigh,
    /// The node gave no answer.
    #[error(transparent)]
    Rpc(#[from] RpcFailure),
}

impl WalletError {
    pub(super) fn when(self, doing: &'static str) -> SenderError {
        SenderError { doing, cause: Box::new(self) }
    }
}
