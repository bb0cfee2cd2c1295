//! The door's own bytes in the journal: JSON, so that a person can read them with `journal show`.

use std::fmt;

use agent_core::{
    Draft, Origin, Outcome, Refusal,
    ports::{Command, DoorError, Question, Simulation, Stored},
};
use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::ladder::Transaction;

/// What an entry of the journal says, in the door's words. Read them with [`Page::of`].
///
/// Tagged from outside: serde reads an inner tag through a buffer that cannot hold the 128 bits of a fee.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Page {
    /// A draft was refused.
    Refused(Box<RefusedPage>),
    /// A transaction may be signed.
    Recorded(Box<RecordedPage>),
    /// A further transaction for the same nonce may be signed.
    Replaced(Box<ReplacedPage>),
    /// One of its transactions was signed, and may have left after this was written.
    Signed(Box<SignedPage>),
    /// It is final.
    Closed {
        /// How it ended.
        outcome: Outcome,
    },
    /// A standing order changed.
    Order {
        /// The change.
        command: Command,
        /// By whom.
        origin: Origin,
        /// The policy's hash.
        policy: B256,
    },
    /// Something else was commanded: a reply, a stand-down, the end of one, a policy taken over.
    Noted {
        /// What.
        command: Command,
        /// By whom.
        origin: Origin,
        /// The policy's hash.
        policy: B256,
        /// What a reply replies to, as it was shown.
        question: Option<Box<Question>>,
    },
}

/// What was refused, and why.
#[derive(Debug, Serialize, Deserialize)]
pub struct RefusedPage {
    /// What was asked.
    pub draft: Draft,
    /// By whom.
    pub origin: Origin,
    /// Why not.
    pub refusal: Refusal,
    /// The policy's hash.
    pub policy: B256,
}

/// Everything that led to a recorded transaction, and the transaction itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordedPage {
    /// What was asked.
    pub draft: Draft,
    /// By whom.
    pub origin: Origin,
    /// What it would do, and on which block.
    pub simulation: Simulation,
    /// The policy's hash.
    pub policy: B256,
    /// To the byte.
    pub transaction: Transaction,
    /// The question that a person approved.
    #[serde(default)]
    pub approval: Option<B256>,
    /// Whether each signature of it is written down before it leaves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_signatures: bool,
}

/// Why there is a further transaction for a nonce, and the transaction.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplacedPage {
    /// To the byte.
    pub transaction: Transaction,
    /// Whether it does nothing but use up the nonce.
    pub cancels: bool,
    /// Why the one before it was not enough.
    pub why: String,
    /// The policy's hash.
    pub policy: B256,
    /// Whether each signature of it is written down before it leaves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_signatures: bool,
}

/// A signature that could not be made a second time.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignedPage {
    /// The digest of the transaction that was signed, which an earlier page of the same intent records.
    pub of: B256,
    /// The signature.
    pub signature: KeptSignature,
}

/// A signature of a recorded transaction, written down before it left: with the transaction it is as good as what was recorded,
/// to anybody who reads it, until the nonce is used.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSignature {
    /// The hash of the transaction signed like this.
    pub transaction: B256,
    /// r, s and the parity of y, in 65 bytes.
    pub signature: Bytes,
}

impl fmt::Debug for KeptSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptSignature({})", self.transaction)
    }
}

impl Page {
    /// Reads an entry's payload.
    ///
    /// # Errors
    /// When the bytes are not of this version's making.
    pub fn of(stored: &Stored) -> Result<Self, DoorError> {
        serde_json::from_slice(&stored.entry.payload).map_err(|error| DoorError::Payload(error.to_string()))
    }

    pub(crate) fn bytes(&self) -> Result<Vec<u8>, DoorError> {
        serde_json::to_vec(self).map_err(|error| DoorError::Payload(error.to_string()))
    }
}

/// The name of a nonce's claim: one transaction at a time may hold it.
pub(crate) fn nonce_claim(transaction: &Transaction) -> String {
    let Transaction { chain, from, nonce, .. } = transaction;
    format!("nonce/{chain}/{from}/{nonce}")
}

/// The name of the claim on an opportunity.
pub(crate) fn taken_claim(draft: &Draft) -> String {
    format!("taken/{}", draft.id.0)
}

/// The name of the claim on a person's approval: it lets one transaction through, once.
pub(crate) fn approval_claim(digest: B256) -> String {
    format!("approval/{digest}")
}

/// The subject of entries about orders and other commands.
pub(crate) const ORDERS: B256 = B256::ZERO;
