//! What the agent did with money, and the one atomic step that lets it do more.

use std::fmt;

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};

use crate::{ports::BoxFuture, units::Timestamp};

/// The position of an entry: 0, 1, 2, … without gaps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A draft was refused.
    Refused,
    /// An intent may be signed: opens it.
    Recorded,
    /// A further transaction for the nonce of an open intent may be signed, one that replaces or cancels those before it:
    /// adds to what the intent has reserved. Whatever closes the intent releases all of it together.
    Replaced,
    /// The intent was mined: closes it, keeps its claims, settles its reservations to what was really used.
    Closed,
    /// The intent will never be mined: closes it, frees its releasable claims, and settles its reservations to what was used
    /// all the same: the gas of a cancellation.
    Dropped,
    /// A standing order was armed or disarmed.
    Order,
    /// Something else to be remembered: a person's reply, a class stood down, a confirmed policy, a signature that could not be
    /// made a second time.
    Noted,
}

/// Something that at most one entry may hold, ever: an opportunity's id, a nonce.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// Its name: `taken:0x…`, `nonce:31337:0x…:7`.
    pub key: String,
    /// Whether [`EntryKind::Dropped`] frees it again.
    pub releasable: bool,
}

/// A part of a rolling budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The budget's name.
    pub budget: String,
    /// How much of it, in the budget's own unit.
    pub amount: U256,
    /// What the budget holds in all. The entry is rejected when more than this would be reserved or used in the window.
    pub limit: U256,
    /// The window's length in seconds of chain time, counted back from the entry's time; zero means for ever.
    pub window: u64,
}

/// One thing to write down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it says.
    pub kind: EntryKind,
    /// The intent it is about, or any other id for kinds that open none.
    pub subject: B256,
    /// Chain time.
    pub at: Timestamp,
    /// All free, or nothing is written. For [`EntryKind::Recorded`] only.
    pub claims: Vec<Claim>,
    /// All within their limits, or nothing is written. For [`EntryKind::Recorded`] and [`EntryKind::Replaced`], what is
    /// reserved; for [`EntryKind::Closed`] and [`EntryKind::Dropped`], what was really used (limits are not checked again).
    pub reservations: Vec<Reservation>,
    /// The door's own bytes. The journal keeps them and does not look inside.
    pub payload: Vec<u8>,
}

/// An entry as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its position.
    pub sequence: Sequence,
    /// The hash over its bytes and the hash of the entry before it.
    pub hash: B256,
    /// The entry.
    pub entry: Entry,
}

/// Why an entry was not written: an outcome, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// Somebody holds this claim.
    Claimed(String),
    /// The budget does not have that much left.
    OverBudget {
        /// The budget.
        budget: String,
        /// What was asked.
        asked: U256,
        /// What is left of it in the window.
        left: U256,
    },
    /// The subject is not open (replacing, closing), or was opened before (recording).
    WrongState,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Appended {
    /// It is durable: it survives a crash and a loss of power.
    Written(Sequence),
    /// It was not written.
    Rejected(Conflict),
}

/// The result of checking the whole chain of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The last hash.
    pub head: B256,
}

/// Why the journal could not do its work. No money may move then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The storage failed.
    #[error("journal failed to {doing}: {cause}")]
    Storage {
        /// The operation.
        doing: &'static str,
        /// What the storage said.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An entry does not match its hash or its neighbours.
    #[error(
        "journal is damaged at entry {at}: {what}; restore a backup or start a new journal, nothing is signed"
    )]
    Damaged {
        /// The first bad entry.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// Another process holds it.
    #[error("journal {0} is in use by another process; stop that one first")]
    InUse(String),
    /// The owner thread is gone.
    #[error("journal is closed")]
    Closed,
}

/// A durable, hash-chained, single-writer record.
pub trait Journal: Send + Sync {
    /// Checks the entry's claims and reservations and writes it, in one atomic durable step. When the returned future
    /// is dropped, the entry may or may not be written; when it resolves to `Written`, it is.
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Appended, JournalError>>;

    /// The entries that opened an intent that nothing closed yet, oldest first.
    fn open_intents(&self) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>>;

    /// Up to `limit` entries from `from` on.
    fn read(&self, from: Sequence, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>>;

    /// Checks every entry against the chain of hashes.
    fn verify(&self) -> BoxFuture<'_, Result<Verified, JournalError>>;
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed(key) => write!(f, "{key} is claimed"),
            Self::OverBudget { budget, asked, left } => {
                write!(f, "budget {budget}: {asked} asked, {left} left")
            }
            Self::WrongState => f.write_str("the intent is not in the state that this entry needs"),
        }
    }
}
