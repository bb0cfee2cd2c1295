//! Entries into a new journal, row by row as they are, by the rules.

use agent_core::ports::Verified;
use redb::Database;

use crate::{
    chain::Head,
    ledger,
    tables::{self, Tables},
    trouble::Trouble,
};

const COPYING: &str = "copy its entries";
/// Rows in one transaction: bounds the memory that it takes, and spares syncs.
const BATCH: usize = 1024;

/// Writes `rows` into the journal without entries that `database` holds. They keep their hashes.
pub(crate) fn fill(
    database: &Database,
    mut rows: impl Iterator<Item = Result<Vec<u8>, Trouble>>,
) -> Result<Head, Trouble> {
    let mut head = Head::genesis();
    loop {
        let batch: Vec<_> = rows.by_ref().take(BATCH).collect::<Result<_, _>>()?;
        if batch.is_empty() {
            return Ok(head);
        }
        let transaction = database.begin_write().map_err(Trouble::redb(COPYING))?;
        let mut tables = Tables::open(&transaction).map_err(Trouble::redb(COPYING))?;
        for bytes in &batch {
            head = write(&mut tables, head, bytes)?;
        }
        drop(tables);
        tables::put_head(&transaction, head)?;
        transaction.commit().map_err(Trouble::redb(COPYING))?;
    }
}

fn write(tables: &mut Tables<'_>, head: Head, bytes: &[u8]) -> Result<Head, Trouble> {
    let (stored, after) = head.follow(bytes)?;
    match ledger::judge(tables, head.entries, &stored.entry)? {
        Ok(changes) => tables.write(head.entries, bytes, changes)?,
        Err(conflict) => {
            let what = format!("the entry should have been rejected: {conflict}");
            return Err(Trouble::damaged(head.entries, what));
        }
    }
    Ok(after)
}

/// Whether a copy that was read again is what it was copied from.
pub(crate) fn must_equal(head: Head, copied: Verified) -> Result<Verified, Trouble> {
    if (copied.entries, copied.head) == (head.entries, head.hash) {
        Ok(copied)
    } else {
        Err(Trouble::damaged(copied.entries, "the copy is not what was copied"))
    }
}
