//! What can keep a stream waiting. None of it ends the stream.

use agent_core::units::BlockNumber;

use super::branch::NotTheParent;
use crate::endpoint::RpcFailure;

/// Why a step has to be tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Rpc(#[from] RpcFailure),
    #[error(transparent)]
    NotTheParent(#[from] NotTheParent),
    /// The chain changed while it was read.
    #[error("the chain changed while it was read")]
    Moved,
    /// The node gave a log of another block than the one it was asked for.
    #[error("the node gave a log of another block where it was asked for those up to {0}")]
    ForeignLog(BlockNumber),
    /// The node has no block of that height, though it or another one behind the same address had.
    #[error("the node is behind: it has no block {0} that it had")]
    Behind(BlockNumber),
    /// The node does not know the parent of a head it gave.
    #[error("the node does not know the parent of its own head")]
    NoParent,
}

impl Trouble {
    /// Whether nothing is wrong but the connection.
    pub(super) const fn is_of_the_line(&self) -> bool {
        matches!(self, Self::Rpc(failure) if failure.is_of_the_line())
    }
}
