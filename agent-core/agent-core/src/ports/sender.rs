//! The way from a recorded transaction to a mined one.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{
    event::Head,
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
    /// The lowest nonce for which the node knows no transaction, its pool included. The door skips those of its own
    /// intents that the node does not know (yet).
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
    /// Unknown to the node, its nonce still free; this is what it was, or would be, sent as.
    Unknown(Sent),
    /// No signature of it is written down, and each is before it leaves: it never left.
    Unsigned,
}

/// What following a transaction came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// It is final.
    Final(Settlement),
    /// It is not, and will hardly be without help. Nothing is lost: whoever follows decides on a remedy and follows on.
    Stuck(Stuck),
}

/// A transaction that does not get mined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// Why not.
    pub reason: StuckReason,
    /// For how many blocks it was followed since the last attempt.
    pub blocks: u64,
}

/// Why a transaction does not get mined. A closed list: each has one remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum StuckReason {
    /// Its fee cap is below what blocks ask. Remedy: replace it.
    #[error("its fee cap is below what the next block asks")]
    Underpriced,
    /// Its fees would do, and no block takes it. Remedy: replace it with a higher tip.
    #[error("blocks pass it over")]
    PassedOver,
    /// An earlier nonce of the key is nowhere. Remedy: fill the gap.
    #[error("nonce {missing} of the key is not used by anything")]
    Gap {
        /// The lowest such nonce.
        missing: u64,
    },
    /// An earlier transaction of the key is not mined. Remedy: that one's.
    #[error("nonce {nonce} of the key comes first")]
    Behind {
        /// The lowest such nonce.
        nonce: u64,
    },
    /// The key's coin does not cover the gas of what it has on its way. Remedy: the operator sends some.
    #[error("the key holds too little of the native coin")]
    Unfunded,
    /// No node has it, however often it is broadcast. Remedy: replace it, which also tells why nodes refuse it.
    #[error("no node keeps it")]
    Nowhere,
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

    /// The newest head that this process has heard of, without asking anybody; none where nobody listens. What was made
    /// ready ahead of time is good only beside it.
    fn heard(&self) -> Option<Head> {
        None
    }

    /// Whether its signatures cannot be made a second time, as those of a key in another machine: then each is written down
    /// with what was recorded before it leaves, and read back in place of a second one.
    fn keeps_signatures(&self) -> bool {
        false
    }

    /// Signs and broadcasts. A broadcast error is not a failure: the transaction may have arrived, so it is followed all
    /// the same. An error here means that no signature left.
    fn send(&self, recorded: R) -> BoxFuture<'_, Result<Sent, SenderError>>;

    /// Finds out where a recorded transaction stands. Nothing leaves this process.
    fn find<'a>(&'a self, recorded: &'a R) -> BoxFuture<'a, Result<Standing, SenderError>>;

    /// Follows the transactions of one nonce, the latest last, until one of them is final (mined and deep enough, or none of
    /// them can be any more), or all of them are stuck. `watch` names the balances whose real change is reported.
    fn follow(
        &self,
        attempts: Vec<Sent>,
        watch: Vec<(Address, crate::units::Asset)>,
    ) -> BoxFuture<'static, Followed>;
}
