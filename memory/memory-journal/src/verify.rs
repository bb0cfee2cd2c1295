//! The long check: every hash, every position, and every derived table against a replay of the entries.
//!
//! It keeps the books of the replay in memory, some 200 bytes for each intent that was ever opened.

use agent_core::ports::Verified;
use alloy_primitives::{B256, U256};
use redb::{ReadTransaction, ReadableTable, TableError};

use crate::{
    chain::Head,
    reader::Snapshot,
    replay::Replay,
    tables::{CLAIMS, ENTRIES, INTENTS, OPEN, REPLACED, RESERVED, TOTALS, USED},
    trouble::Trouble,
};

const READING: &str = "verify";

pub(crate) fn verify(snapshot: &Snapshot) -> Result<Verified, Trouble> {
    let (mut replay, mut head) = (Replay::default(), Head::genesis());
    walk(&snapshot.transaction, &mut replay, &mut head)?;
    if head != snapshot.base {
        return Err(Trouble::damaged(head.entries, "the last entry is not the head"));
    }
    compare(&snapshot.transaction, &replay, head.entries)?;
    for row in &snapshot.rows {
        step(&mut replay, &mut head, row)?;
    }
    if head != snapshot.head {
        return Err(Trouble::damaged(head.entries, "the last entry is not the head"));
    }
    Ok(Verified { entries: head.entries, head: head.hash })
}

/// Follows the chain in the tables from its genesis, and writes every entry anew.
fn walk(transaction: &ReadTransaction, replay: &mut Replay, head: &mut Head) -> Result<(), Trouble> {
    let entries = transaction.open_table(ENTRIES).map_err(Trouble::redb(READING))?;
    for row in entries.iter().map_err(Trouble::redb(READING))? {
        let (position, bytes) = row.map_err(Trouble::redb(READING))?;
        if position.value() != head.entries {
            return Err(Trouble::damaged(head.entries, "the entry is missing"));
        }
        step(replay, head, bytes.value())?;
    }
    Ok(())
}

fn step(replay: &mut Replay, head: &mut Head, row: &[u8]) -> Result<(), Trouble> {
    let (row, after) = head.follow(row)?;
    if let Err(conflict) = replay.write(head.entries, &row.entry) {
        let what = format!("the entry should have been rejected: {conflict}");
        return Err(Trouble::damaged(head.entries, what));
    }
    *head = after;
    Ok(())
}

/// A macro, because redb's row types borrow from the iterator: no function can name all the tables' rows at once.
macro_rules! must_agree {
    ($transaction:ident, $entries:ident, $table:ident, $expected:expr, $row:expr) => {{
        match $transaction.open_table($table) {
            // A file of the first version, read before it is brought up to date.
            Err(TableError::TableDoesNotExist(_)) => {
                agree($entries, stringify!($table), std::iter::empty(), $expected.into_iter())?;
            }
            table => {
                let table = table.map_err(Trouble::redb(READING))?;
                let found = table.iter().map_err(Trouble::redb(READING))?;
                let found = found.map(|row| row.map(|(key, value)| $row(key.value(), value.value())));
                agree($entries, stringify!($table), found, $expected.into_iter())?;
            }
        }
    }};
}

fn compare(transaction: &ReadTransaction, replay: &Replay, entries: u64) -> Result<(), Trouble> {
    let amount = |bytes: &[u8; 32]| U256::from_be_bytes(*bytes);
    must_agree!(
        transaction,
        entries,
        INTENTS,
        replay.intents.iter().map(|(subject, since)| (*subject, *since)),
        |subject: &[u8; 32], since| { (B256::from(*subject), since) }
    );
    must_agree!(transaction, entries, OPEN, replay.open.keys().copied(), |since, ()| since);
    must_agree!(transaction, entries, REPLACED, replay.replaced.keys().copied(), |positions, ()| positions);
    must_agree!(transaction, entries, CLAIMS, replay.claims.clone(), |key: &str, holder| (
        key.to_owned(),
        holder
    ));
    must_agree!(transaction, entries, RESERVED, replay.reserved.clone(), |budget: &str, bytes| {
        (budget.to_owned(), amount(bytes))
    });
    must_agree!(
        transaction,
        entries,
        USED,
        replay.used.clone(),
        |(budget, at, by): (&str, u64, u64), bytes| { ((budget.to_owned(), at, by), amount(bytes)) }
    );
    must_agree!(transaction, entries, TOTALS, replay.totals.clone(), |budget: &str, bytes| {
        (budget.to_owned(), amount(bytes))
    });
    Ok(())
}

fn agree<T: PartialEq>(
    entries: u64,
    table: &str,
    found: impl Iterator<Item = Result<T, redb::StorageError>>,
    mut expected: impl Iterator<Item = T>,
) -> Result<(), Trouble> {
    let differs = || Trouble::damaged(entries, format!("the table {table} is not what the entries give"));
    for row in found {
        let row = row.map_err(Trouble::redb(READING))?;
        if expected.next() != Some(row) {
            return Err(differs());
        }
    }
    if expected.next().is_some() { Err(differs()) } else { Ok(()) }
}
