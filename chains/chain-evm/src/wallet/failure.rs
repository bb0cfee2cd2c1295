//! Why a wallet did not do what it was asked.

use std::time::Duration;

use agent_core::{
    ports::{DoorError, SenderError},
    units::{ChainId, Timestamp},
};
use alloy::primitives::{Address, B256};

use crate::{causes::causes, endpoint::RpcFailure};

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
    /// The key is elsewhere, and there it was not signed.
    #[error("the key's signer did not sign: {}", causes(.0))]
    Signer(#[source] alloy::signers::Error),
    /// The key is elsewhere, and nothing came from there in time.
    #[error("the key's signer gave no signature within {} seconds; see whether it can be reached, or waits for a person", .0.as_secs())]
    SignerSilent(Duration),
    /// The key is elsewhere, and what came from there is no signature of this transaction by this key.
    #[error(
        "what the key's signer gave is no signature of this transaction by {0}; see that it holds the key of that address"
    )]
    NotSigned(Address),
    /// The signature came after the chain's time for the transaction was over.
    #[error("its signature came too late: it is for {deadline}, and the chain is at {now}")]
    TooLate {
        /// After which the executor refuses it.
        deadline: Timestamp,
        /// The newest block's time.
        now: Timestamp,
    },
    /// What the journal has as a signature of the transaction is none.
    #[error("the journal's signature of transaction {0} is not this key's; verify the journal")]
    Foreign(B256),
    /// It was recorded for a key that signs the same each time, so that the journal has no signature of it, and this one cannot
    /// tell under which hash it may have left.
    #[error(
        "it was recorded for a key in a file, and may have left with a signature that this key cannot repeat; run once more with that key until nothing is under way"
    )]
    NotKept,
    /// The signature could not be written down.
    #[error("its signature could not be written down: {0}")]
    Journal(#[from] DoorError),
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
