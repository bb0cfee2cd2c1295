//! The way from a recorded transaction to a mined one.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{
    outcome::Settlement,
    ports::BoxFuture,
    units::{BlockRef, ChainId, Wei},
};

/// What the next transaction of this lane would carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The lane's chain.
    pub chain: ChainId,
    /// The lane's key.
    pub from: Address,
    /// The next free nonce.
    pub nonce: u64,
    /// EIP-1559 fee cap that the sender would offer, wei per gas: room for the base fee to rise.
    pub max_fee: u128,
    /// The least fee cap with which the next block can take it, wei per gas.
    pub least_fee: u128,
    /// EIP-1559 tip, wei per gas.
    pub tip: u128,
    /// The lane's native coin, to pay for gas.
    pub balance: Wei,
    /// The head at the time of asking.
    pub head: BlockRef,
}

/// A transaction on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its hash, known before it was broadcast.
    pub transaction: B256,
    /// Its nonce.
    pub nonce: u64,
}

/// Where a recorded transaction stands, as the chain tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Mined or pending under this hash: follow it.
    Known(Sent),
    /// Its nonce was used by another transaction: it can never be mined.
    Superseded,
    /// Unknown to the node, its nonce still free: it may be sent (again), or given up.
    Unknown,
}

/// Why a sender could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("sender failed to {doing}: {cause}")]
pub struct SenderError {
    /// The operation.
    pub doing: &'static str,
    /// What went wrong.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Signs, broadcasts and follows transactions of one lane (one key on one chain). `R` is the door's `Recorded`: no
/// other type can be signed.
pub trait Sender<R>: Send + Sync {
    /// The next nonce and fees. Reserves nothing: the journal does.
    fn quote(&self) -> BoxFuture<'_, Result<Quote, SenderError>>;

    /// Signs and broadcasts. A broadcast error is not a failure: the transaction may have arrived, so it is followed all
    /// the same. An error here means that no signature left.
    fn send(&self, recorded: R) -> BoxFuture<'_, Result<Sent, SenderError>>;

    /// Finds out where a recorded transaction stands. Nothing leaves this process.
    fn find<'a>(&'a self, recorded: &'a R) -> BoxFuture<'a, Result<Standing, SenderError>>;

    /// Follows a transaction until it is final, however long that takes: mined and deep enough, or impossible.
    /// `watch` names the balances whose real change is reported.
    fn settle(
        &self,
        sent: Sent,
        watch: Vec<(Address, crate::units::Asset)>,
    ) -> BoxFuture<'static, Settlement>;
}
