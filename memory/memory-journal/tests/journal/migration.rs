//! A journal of the first version, written as that version wrote it, by hand: none of the crate's own code is in it.

use std::{fs, path::Path};

use agent_core::{
    ports::{Appended, Entry, EntryKind, Journal, Sequence},
    units::Timestamp,
};
use alloy_primitives::{B256, U256, keccak256};
use futures::executor::block_on;
use memory_journal::RedbJournal;
use redb::TableDefinition;

use super::sample::{append, closed, recorded};

const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
const INTENTS: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("intents");
const OPEN: TableDefinition<'_, u64, ()> = TableDefinition::new("open");
const CLAIMS: TableDefinition<'_, &str, u64> = TableDefinition::new("claims");
const RESERVED: TableDefinition<'_, &str, &[u8; 32]> = TableDefinition::new("reserved");
const USED: TableDefinition<'_, (&str, u64, u64), &[u8; 32]> = TableDefinition::new("used");
const TOTALS: TableDefinition<'_, &str, &[u8; 32]> = TableDefinition::new("totals");
const HEAD: TableDefinition<'_, (), &[u8]> = TableDefinition::new("head");
const FORMAT: TableDefinition<'_, (), u64> = TableDefinition::new("format");

fn text(text: &str) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
}

fn body(entry: &Entry) -> Vec<u8> {
    let count = |count: usize| u32::try_from(count).unwrap().to_be_bytes().to_vec();
    let kind = if entry.kind == EntryKind::Recorded { 1 } else { 2 };
    let mut parts = vec![vec![kind], entry.subject.to_vec(), entry.at.0.to_be_bytes().to_vec()];
    parts.push(count(entry.claims.len()));
    for claim in &entry.claims {
        parts.extend([text(&claim.key), vec![u8::from(claim.releasable)]]);
    }
    parts.push(count(entry.reservations.len()));
    for reservation in &entry.reservations {
        parts.push(text(&reservation.budget));
        parts.push(reservation.amount.to_be_bytes::<32>().to_vec());
        parts.push(reservation.limit.to_be_bytes::<32>().to_vec());
        parts.push(reservation.window.to_be_bytes().to_vec());
    }
    parts.extend([count(entry.payload.len()), entry.payload.clone()]);
    parts.concat()
}

/// Intents `a`, closed, and `b`, open, each with a budget of one.
fn first_version(directory: &Path) -> Result<Vec<Entry>, redb::Error> {
    let entries = vec![recorded("a"), recorded("b"), closed("a")];
    let database = redb::Database::create(directory.join("journal.redb"))?;
    let transaction = database.begin_write()?;
    let one = U256::from(1u8).to_be_bytes::<32>();
    let mut hash = keccak256(b"keepwright/journal/1");
    for (sequence, entry) in (0u64..).zip(&entries) {
        let body = body(entry);
        let own = keccak256([hash.as_slice(), &sequence.to_be_bytes(), &[1], &body].concat());
        let row = [&[1], hash.as_slice(), own.as_slice(), &body].concat();
        transaction.open_table(ENTRIES)?.insert(sequence, row.as_slice())?;
        hash = own;
    }
    for (sequence, entry) in (0u64..).zip(&entries[..2]) {
        transaction.open_table(INTENTS)?.insert(&entry.subject.0, sequence)?;
        transaction.open_table(CLAIMS)?.insert(entry.claims[0].key.as_str(), sequence)?;
    }
    transaction.open_table(OPEN)?.insert(1, ())?;
    transaction.open_table(RESERVED)?.insert("gas", &one)?;
    transaction.open_table(USED)?.insert(("gas", 1_000, 2), &one)?;
    transaction.open_table(TOTALS)?.insert("gas", &one)?;
    let head = [3u64.to_be_bytes().as_slice(), hash.as_slice()].concat();
    transaction.open_table(HEAD)?.insert((), head.as_slice())?;
    transaction.open_table(FORMAT)?.insert((), 1)?;
    transaction.commit()?;
    let witness = [head.as_slice(), &keccak256(&head)[..4]].concat();
    fs::write(directory.join("head"), witness)?;
    Ok(entries)
}

#[test]
fn a_journal_of_the_first_version_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let entries = first_version(directory.path()).unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    assert_eq!(block_on(journal.verify()).unwrap().entries, 3);
    let found = block_on(journal.read(Sequence(0), 10)).unwrap();
    assert_eq!(found.into_iter().map(|stored| stored.entry).collect::<Vec<_>>(), entries);

    // What the first version could not do, done to what it left open.
    let plain = |kind| Entry { kind, claims: vec![], ..recorded("b") };
    assert_eq!(append(&journal, plain(EntryKind::Replaced)), 3);
    let noted = Entry { reservations: vec![], subject: B256::ZERO, ..plain(EntryKind::Noted) };
    assert_eq!(append(&journal, noted), 4);
    assert_eq!(append(&journal, plain(EntryKind::Dropped)), 5);
    drop(journal);

    let journal = RedbJournal::open(directory.path()).unwrap();
    assert_eq!(block_on(journal.verify()).unwrap().entries, 6);
    let mut over = Entry { at: Timestamp(1_001), ..recorded("c") };
    over.reservations[0].limit = U256::from(2u8);
    let rejected = block_on(journal.append(over.clone())).unwrap();
    assert!(
        matches!(rejected, Appended::Rejected(_)),
        "what both versions' intents used counts: {rejected:?}"
    );
    over.reservations[0].limit = U256::from(3u8);
    assert_eq!(append(&journal, over), 6);
}

#[test]
fn the_version_before_does_not_open_a_file_of_this_one() {
    let directory = tempfile::tempdir().unwrap();
    first_version(directory.path()).unwrap();
    drop(RedbJournal::open(directory.path()).unwrap());
    let database = redb::Database::open(directory.path().join("journal.redb")).unwrap();
    let transaction = redb::ReadableDatabase::begin_read(&database).unwrap();
    let table = transaction.open_table(FORMAT).unwrap();
    let found = redb::ReadableTable::get(&table, ()).unwrap().unwrap().value();
    assert_eq!(found, 3, "it would know nothing of the log, and of what is only in there");
}
