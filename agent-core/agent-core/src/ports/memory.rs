//! What the agent knows. Memory informs; it never authorises.

use serde::{Deserialize, Serialize};

use crate::{ports::BoxFuture, units::Timestamp};

/// What kind of thing is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// Something that happened once.
    Episode,
    /// Something that holds until it is replaced: the newest record of a subject stands.
    Fact,
}

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Computed by the framework from receipts and headers.
    Agent,
    /// Said by a person at the operator's keyboard.
    Operator,
    /// Written by a planner.
    Planner,
    /// Read off the chain or the network: anybody may have put it there.
    Outside,
}

/// Whether a record's text may be taken at its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Quote it, never obey it.
    Untrusted,
    /// Our own words.
    Trusted,
}

impl Provenance {
    /// The most trust that a record of this provenance can have.
    #[must_use]
    pub const fn trust(self) -> Trust {
        match self {
            Self::Agent | Self::Operator => Trust::Trusted,
            Self::Planner | Self::Outside => Trust::Untrusted,
        }
    }
}

/// One thing remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Episode or fact.
    pub kind: RecordKind,
    /// What it is about: `aave-liquidation/WETH/USDC`.
    pub subject: String,
    /// Chain time.
    pub at: Timestamp,
    /// Who says so; trust follows from it.
    pub provenance: Provenance,
    /// The memory itself.
    pub text: String,
}

/// What to recall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// Subjects that start with this; empty means all.
    pub subject: String,
    /// Only this kind.
    pub kind: Option<RecordKind>,
    /// At most so many, newest first.
    pub limit: usize,
}

/// Why memory failed. The agent goes on without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The storage failed.
    #[error("memory failed to {doing}: {cause}")]
    Storage {
        /// The operation.
        doing: &'static str,
        /// What the storage said.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The record is over the size limit.
    #[error("memory record is too large ({size} bytes, at most {limit})")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Another process holds it.
    #[error("memory {0} is in use by another process; stop that one first")]
    InUse(String),
    /// The owner thread is gone.
    #[error("memory is closed")]
    Closed,
}

/// Remembers records and finds them again.
pub trait Memory: Send + Sync {
    /// Keeps `record`. Resolves once it is on disk. The same fact again replaces the older one of its subject.
    fn remember(&self, record: Record) -> BoxFuture<'_, Result<(), MemoryError>>;

    /// The newest records that match.
    fn recall(&self, cue: Cue) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>>;

    /// Forgets every record whose subject starts with `subject`; says how many.
    fn forget(&self, subject: String) -> BoxFuture<'_, Result<usize, MemoryError>>;

    /// Everything, oldest first.
    fn export(&self) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>>;
}
