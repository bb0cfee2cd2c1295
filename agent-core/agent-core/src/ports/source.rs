//! What is known outside of the chain.

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};

use crate::ports::BoxFuture;

/// Why a source gave no answer. A closed list without texts: whatever a URL, a header or a server says stays where it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SourceError {
    /// It took too long.
    #[error("it did not answer in time")]
    TimedOut,
    /// There is nobody, or the way there is broken.
    #[error("it cannot be reached")]
    Unreachable,
    /// It answered that it has no answer.
    #[error("it answered with status {0}")]
    Status(u16),
    /// It named another place, where nobody goes.
    #[error("it answered with a redirect, which is not followed")]
    Redirected,
    /// Its answer is longer than [`MOST_BYTES`]; nothing of it is kept.
    #[error("its answer is too long")]
    TooLong,
    /// A command that failed.
    #[error("it failed")]
    Failed,
}

/// The longest answer that a source gives, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

/// One place outside of the chain that can be asked what it knows: an HTTP API, a file, a command.
///
/// The runtime asks, when it sees fit, and strategies hear the answers as
/// [`ChainEvent::Observed`](crate::ChainEvent::Observed). What an answer means is the strategy's to say.
pub trait Source: Send + Sync {
    /// Its name in configs, which does not change.
    fn name(&self) -> &str;

    /// Asks once, and gives the answer as it is, in bounded time and with at most [`MOST_BYTES`]. Follows no redirect and does
    /// not ask again. May be called while another call is under way; dropping the future ends the asking.
    fn ask(&self) -> BoxFuture<'_, Result<Bytes, SourceError>>;
}
