//! Entries for tests.

use agent_core::{
    ports::{Appended, Claim, Entry, EntryKind, Journal, Reservation},
    units::Timestamp,
};
use alloy_primitives::{B256, U256, keccak256};
use futures::executor::block_on;

/// An entry that opens an intent of its own, and carries `text`.
pub(crate) fn recorded(text: &str) -> Entry {
    let subject = keccak256(text);
    let (amount, limit) = (U256::from(1u8), U256::MAX);
    Entry {
        kind: EntryKind::Recorded,
        subject,
        at: Timestamp(1_000),
        claims: vec![Claim { key: format!("taken:{subject}"), releasable: false }],
        reservations: vec![Reservation { budget: "gas".into(), amount, limit, window: 3_600 }],
        payload: text.as_bytes().to_vec(),
    }
}

/// An entry that closes it, with all of it used.
pub(crate) fn closed(text: &str) -> Entry {
    Entry { kind: EntryKind::Closed, claims: vec![], ..recorded(text) }
}

/// An entry that drops it.
pub(crate) fn dropped(subject: B256) -> Entry {
    let (claims, reservations) = (vec![], vec![]);
    Entry { kind: EntryKind::Dropped, subject, claims, reservations, ..recorded("") }
}

/// Appends, and must be let.
pub(crate) fn append(journal: &dyn Journal, entry: Entry) -> u64 {
    match block_on(journal.append(entry)).unwrap() {
        Appended::Written(sequence) => sequence.0,
        Appended::Rejected(conflict) => panic!("{conflict}"),
    }
}
