//! What the door asks a person.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{opportunity::OpportunityId, units::Timestamp};

/// A transaction that waits for a person. No reply means no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The opportunity.
    pub id: OpportunityId,
    /// What a reply is bound to: the Keccak-256 of the exact transaction (chain, nonce, gas and fees included) and of
    /// `expires`. One reply lets through one transaction, once.
    pub digest: B256,
    /// The threshold that it is above.
    pub why: String,
    /// What the transaction does, rendered from its decoded bytes and the policy's own names, and from nothing else.
    pub shown: String,
    /// Chain time after which a reply comes too late.
    pub expires: Timestamp,
    /// What was replied.
    pub reply: Option<Reply>,
}

/// A person's reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Do it.
    Approve,
    /// Do not.
    Deny,
}
