//! Reads, on a thread of their own: a long one holds up neither the caller's executor nor the writer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
};

use agent_core::ports::{Sequence, Stored};
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};

use crate::{
    chain::Row,
    tables::{self, ENTRIES, OPEN},
    trouble::{Panicked, Trouble},
};

/// One read, with its answer's way back inside.
pub(crate) type Query = Box<dyn FnOnce(&Database) + Send>;

const READING: &str = "read its entries";

/// Works until the last handle is gone.
pub(crate) fn run(database: &Arc<Database>, queries: &mpsc::Receiver<Query>) {
    queries.iter().for_each(|query| query(database));
}

/// What the journal says now, and nothing that is written later.
pub(crate) fn snapshot(database: &impl ReadableDatabase) -> Result<ReadTransaction, Trouble> {
    database.begin_read().map_err(Trouble::redb(READING))
}

/// Does `work`, and makes damage of a panic: redb has no error for some of it.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Trouble::damaged(0, Panicked.to_string())))
}

/// The entries whose intents are open, oldest first.
pub(crate) fn open_intents(transaction: &ReadTransaction) -> Result<Vec<Stored>, Trouble> {
    let open = transaction.open_table(OPEN).map_err(Trouble::redb(READING))?;
    let entries = transaction.open_table(ENTRIES).map_err(Trouble::redb(READING))?;
    let positions = open.iter().map_err(Trouble::redb(READING))?;
    positions
        .map(|position| {
            let (position, _) = position.map_err(Trouble::redb(READING))?;
            tables::stored(&entries, position.value())
        })
        .collect()
}

/// Up to `limit` entries from `from` on.
pub(crate) fn page(
    transaction: &ReadTransaction,
    from: Sequence,
    limit: usize,
) -> Result<Vec<Stored>, Trouble> {
    let entries = transaction.open_table(ENTRIES).map_err(Trouble::redb(READING))?;
    let rows = entries.range(from.0..).map_err(Trouble::redb(READING))?;
    rows.take(limit)
        .map(|row| {
            let (position, bytes) = row.map_err(Trouble::redb(READING))?;
            Ok(Row::read(position.value(), bytes.value())?.stored)
        })
        .collect()
}
