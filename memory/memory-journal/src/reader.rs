//! Reads, on a thread of their own: a long one holds up neither the caller's executor nor the writer.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
};

use agent_core::ports::{EntryKind, Sequence, Stored};
use redb::{ReadTransaction, ReadableDatabase, ReadableTable};

use crate::{
    chain::{Head, Row},
    tables::{self, ENTRIES, OPEN},
    trouble::{Panicked, Trouble},
};

/// A row that the log and those who read share.
pub(crate) type Bytes = Arc<[u8]>;

/// One read, with its answer's way back inside.
pub(crate) type Query = Box<dyn FnOnce(Result<Snapshot, Trouble>) + Send>;

const READING: &str = "read its entries";

/// Works until the writer is gone, who hands each query over with what the journal said when it came to it.
pub(crate) fn run(queries: &mpsc::Receiver<(Query, Result<Snapshot, Trouble>)>) {
    queries.iter().for_each(|(query, snapshot)| query(snapshot));
}

/// What the redb file says now, and nothing that is written later.
pub(crate) fn begin(database: &impl ReadableDatabase) -> Result<ReadTransaction, Trouble> {
    database.begin_read().map_err(Trouble::redb(READING))
}

/// Does `work`, and makes damage of a panic: redb has no error for some of it.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Trouble::damaged(0, Panicked.to_string())))
}

/// One moment of the journal: what the redb file holds, and the rows after it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) transaction: ReadTransaction,
    /// Where the redb file's chain stands.
    pub(crate) base: Head,
    pub(crate) rows: Vec<Bytes>,
    /// Where it stands with them.
    pub(crate) head: Head,
}

impl Snapshot {
    /// With the rows of the chain that ends at `head`; those that the redb file has by now are left out.
    pub(crate) fn of(
        database: &impl ReadableDatabase,
        mut rows: Vec<Bytes>,
        head: Head,
    ) -> Result<Self, Trouble> {
        let transaction = begin(database)?;
        let base = tables::head(&transaction)?;
        let after =
            usize::try_from(head.entries.saturating_sub(base.entries)).map_err(Trouble::failed(READING))?;
        rows.drain(..rows.len().saturating_sub(after));
        Ok(Self { transaction, base, rows, head })
    }

    /// The entries whose intents are open, oldest first.
    pub(crate) fn open_intents(&self) -> Result<Vec<Stored>, Trouble> {
        let open = self.transaction.open_table(OPEN).map_err(Trouble::redb(READING))?;
        let entries = self.transaction.open_table(ENTRIES).map_err(Trouble::redb(READING))?;
        let mut found = Vec::new();
        for position in open.iter().map_err(Trouble::redb(READING))? {
            let (position, _) = position.map_err(Trouble::redb(READING))?;
            found.push(tables::stored(&entries, position.value())?);
        }
        let (mut opened, mut shut) = (Vec::new(), BTreeSet::new());
        for stored in self.after(Sequence(self.base.entries)) {
            let stored = stored?;
            match stored.entry.kind {
                EntryKind::Recorded => opened.push(stored),
                EntryKind::Closed | EntryKind::Dropped => drop(shut.insert(stored.entry.subject)),
                EntryKind::Refused | EntryKind::Replaced | EntryKind::Order | EntryKind::Noted => {}
            }
        }
        found.extend(opened);
        found.retain(|stored| !shut.contains(&stored.entry.subject));
        Ok(found)
    }

    /// Up to `limit` entries from `from` on.
    pub(crate) fn page(&self, from: Sequence, limit: usize) -> Result<Vec<Stored>, Trouble> {
        let entries = self.transaction.open_table(ENTRIES).map_err(Trouble::redb(READING))?;
        let rows = entries.range(from.0..).map_err(Trouble::redb(READING))?;
        let in_tables = rows.map(|row| {
            let (position, bytes) = row.map_err(Trouble::redb(READING))?;
            Ok(Row::read(position.value(), bytes.value())?.stored)
        });
        in_tables.chain(self.after(from)).take(limit).collect()
    }

    /// Every row, as it is.
    pub(crate) fn rows(&self) -> Result<impl Iterator<Item = Result<Vec<u8>, Trouble>>, Trouble> {
        let entries = self.transaction.open_table(ENTRIES).map_err(Trouble::redb(READING))?;
        let in_tables = entries.range::<u64>(..).map_err(Trouble::redb(READING))?.map(|row| {
            let (_, bytes) = row.map_err(Trouble::redb(READING))?;
            Ok(bytes.value().to_vec())
        });
        Ok(in_tables.chain(self.rows.iter().map(|row| Ok(row.to_vec()))))
    }

    /// The entries of the rows that the redb file does not have yet, from `from` on.
    fn after(&self, from: Sequence) -> impl Iterator<Item = Result<Stored, Trouble>> {
        let rows = (self.base.entries..).zip(&self.rows);
        rows.skip_while(move |(at, _)| *at < from.0).map(|(at, row)| Ok(Row::read(at, row)?.stored))
    }
}
