//! What can go wrong with the devnet.

use std::path::PathBuf;

use alloy::primitives::{Address, TxHash};
use alloy::transports::TransportError;

/// Why the devnet could not be built, launched or moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevnetError {
    /// The contracts' bytecode or the node is not in the cache folder.
    #[error("the devnet's artifacts are missing ({}): run scripts/setup", path.display())]
    ArtifactsMissing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// No cache folder was named, and no workspace lies above the current folder.
    #[error("no cache folder: set KEEPWRIGHT_CACHE or run inside the workspace")]
    NoCacheFolder,
    /// A file could not be read or written.
    #[error("could not {operation} ({})", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the cache folder is not what it should be.
    #[error("could not understand ({})", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// An artifact cannot be deployed: its bytecode is not hexadecimal once its libraries are linked.
    #[error(
        "the artifact {name} is damaged or lacks a library: remove the cache folder and run scripts/setup"
    )]
    BadArtifact {
        /// The contract.
        name: String,
    },
    /// The node did not come up, or is not the node that was started.
    #[error("anvil did not start: {reason}")]
    NotStarted {
        /// What was seen instead.
        reason: String,
    },
    /// The node refused a request or could not be reached.
    #[error("the node refused to {operation}")]
    Rpc {
        /// What was asked for.
        operation: &'static str,
        /// What it said.
        #[source]
        source: TransportError,
    },
    /// A contract answered something that its interface does not allow.
    #[error("unexpected answer to {operation} from {contract}")]
    Abi {
        /// The function.
        operation: &'static str,
        /// The contract.
        contract: Address,
        /// What the decoder said.
        #[source]
        source: alloy::sol_types::Error,
    },
    /// A transaction was mined and reverted.
    #[error("{operation} reverted ({reason})")]
    Reverted {
        /// The function or the contract being deployed.
        operation: &'static str,
        /// The reason that the node gave when the call was repeated.
        reason: String,
    },
    /// A transaction was accepted and not mined in time. With [`Mining::Manual`](crate::Mining::Manual) that is the
    /// caller's doing.
    #[error("{operation} was not mined in time ({hash})")]
    NotMined {
        /// The function or the contract being deployed.
        operation: &'static str,
        /// The transaction.
        hash: TxHash,
    },
    /// The manifest has no such entry.
    #[error("the devnet has no {what}")]
    Unknown {
        /// The token, pool, feed or account that was looked for.
        what: String,
    },
    /// A number does not fit.
    #[error("{what} is out of range")]
    OutOfRange {
        /// The number.
        what: &'static str,
    },
}

/// A result of this crate.
pub type Result<T, E = DevnetError> = std::result::Result<T, E>;

impl DevnetError {
    #[cold]
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { operation, path: path.into(), source }
    }

    #[cold]
    pub(crate) fn unknown(what: impl Into<String>) -> Self {
        Self::Unknown { what: what.into() }
    }
}
