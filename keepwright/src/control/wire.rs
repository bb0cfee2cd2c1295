//! What is said over the control interface, as JSON.

use agent_core::{
    Refusal, StandingOrder,
    ports::{Claim, DoorStatus, EntryKind, Reply, Reservation, Sequence, Stored},
    units::{ChainId, Timestamp},
};
use alloy_primitives::{B256, hex};
use chain_evm::PoolHealth;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Keepwright's version.
    pub version: String,
    /// The process.
    pub process: u32,
    /// The chain.
    pub chain: ChainId,
    /// Whether it can act; an agent that only observes has no key.
    pub acts: bool,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Who answers.
    pub agent: About,
    /// What the door says.
    pub door: DoorStatus,
    /// How the nodes are; none where nobody can say.
    pub nodes: Option<PoolHealth>,
}

/// A reply to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replied {
    /// The question's digest.
    pub digest: B256,
    /// Yes or no.
    pub reply: Reply,
}

/// What became of a kill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillReport {
    /// Always: from now on nothing is signed or broadcast.
    pub latched: bool,
    /// Why later starts may not know of it; none where they will.
    pub problem: Option<String>,
}

/// Asks that a standing order be armed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmRequest {
    /// The order. When it ends is not taken from it.
    pub order: StandingOrder,
    /// For how many seconds of chain time it lives.
    pub seconds: u64,
}

/// Asks that a class be stood down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandDownRequest {
    /// The class: exactly this, or everything below it when it ends in `/*`; `*` is every class.
    pub class: String,
    /// For how many seconds of chain time.
    pub seconds: u64,
    /// Why, in one sentence.
    pub why: String,
}

/// The policy that the agent runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReport {
    /// Its hash.
    pub hash: B256,
    /// Whether the operator has confirmed it.
    pub confirmed: bool,
}

/// The journal's chain of hashes, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// How many entries there are.
    pub entries: u64,
    /// The last hash.
    pub head: B256,
}

/// Part of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JournalPage {
    /// Its entries, oldest first.
    pub entries: Vec<EntryView>,
    /// Where the next part begins; none when this was the last.
    pub next: Option<u64>,
}

impl JournalPage {
    /// What was read when up to `limit` entries were asked for.
    #[must_use]
    pub fn of(stored: Vec<Stored>, limit: usize) -> Self {
        let full = stored.len() >= limit;
        let next = stored.last().filter(|_| full).map(|last| last.sequence.0.saturating_add(1));
        Self { entries: stored.into_iter().filter_map(EntryView::of).collect(), next }
    }
}

/// An entry of the journal, to be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EntryView {
    /// Its position.
    pub sequence: Sequence,
    /// The hash over its bytes and the hash of the entry before it.
    pub hash: B256,
    /// What it says.
    pub kind: EntryKind,
    /// The intent that it is about.
    pub subject: B256,
    /// Chain time.
    pub at: Timestamp,
    /// What it claims.
    pub claims: Vec<Claim>,
    /// What it reserves or uses.
    pub reservations: Vec<Reservation>,
    /// The door's own words, to the byte; in hex where they are not JSON.
    pub page: Box<RawValue>,
}

impl EntryView {
    /// A view of `stored`. `None` only if its payload can neither be shown as it is nor in hex.
    #[must_use]
    pub fn of(stored: Stored) -> Option<Self> {
        let Stored { sequence, hash, entry } = stored;
        let json =
            String::from_utf8(entry.payload.clone()).ok().and_then(|text| RawValue::from_string(text).ok());
        let page = match json {
            Some(page) => page,
            None => RawValue::from_string(format!("\"0x{}\"", hex::encode(&entry.payload))).ok()?,
        };
        Some(Self {
            sequence,
            hash,
            kind: entry.kind,
            subject: entry.subject,
            at: entry.at,
            claims: entry.claims,
            reservations: entry.reservations,
            page,
        })
    }
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// One sentence.
    pub error: String,
    /// The door's refusal, where it was the door that said no.
    pub refusal: Option<Box<Refusal>>,
}
