//! A checkpoint: the rows of the log into the redb file, in one commit, with all that they change in its tables.
//!
//! With the commit, the log's rows are as good as cleared: the log follows the head that the redb file holds. Before it,
//! they are as good as if there had been none. A crash leaves one or the other.

use redb::{Database, Durability, WriteTransaction};

use crate::{
    chain::Head,
    layers::Changes,
    reader::Bytes,
    tables::{self, CLAIMS, ENTRIES, INTENTS, OPEN, REPLACED, RESERVED, TOTALS, USED},
    trouble::Trouble,
};

const WRITING: &str = "write a checkpoint";

/// Brings `rows`, which follow `base` and end at `head`, into the tables.
pub(crate) fn write(
    database: &Database,
    (base, rows, head): (Head, &[Bytes], Head),
    changes: &Changes,
) -> Result<(), Trouble> {
    let mut transaction = database.begin_write().map_err(Trouble::redb(WRITING))?;
    transaction.set_durability(Durability::Immediate).map_err(Trouble::redb(WRITING))?;
    entries(&transaction, base, rows)
        .and_then(|()| intents(&transaction, base, changes))
        .and_then(|()| claims(&transaction, changes))
        .and_then(|()| budgets(&transaction, changes))
        .and_then(|()| tables::put_head(&transaction, head))
        .map_err(Trouble::redb(WRITING))?;
    transaction.commit().map_err(Trouble::redb("commit a checkpoint"))
}

fn entries(transaction: &WriteTransaction, base: Head, rows: &[Bytes]) -> Result<(), redb::Error> {
    let mut entries = transaction.open_table(ENTRIES)?;
    for (sequence, row) in (base.entries..).zip(rows) {
        entries.insert(sequence, row.as_ref())?;
    }
    Ok(())
}

fn intents(transaction: &WriteTransaction, base: Head, changes: &Changes) -> Result<(), redb::Error> {
    let mut intents = transaction.open_table(INTENTS)?;
    for (subject, since) in &changes.intents {
        intents.insert(&subject.0, since)?;
    }
    let (mut open, mut replaced) = (transaction.open_table(OPEN)?, transaction.open_table(REPLACED)?);
    for (since, intent) in &changes.open {
        if intent.is_some() {
            open.insert(since, ())?;
        } else if *since < base.entries {
            open.remove(since)?;
            replaced.retain_in((*since, 0)..=(*since, u64::MAX), |_, ()| false)?;
        }
    }
    for positions in &changes.replaced {
        replaced.insert(positions, ())?;
    }
    Ok(())
}

fn claims(transaction: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    let mut claims = transaction.open_table(CLAIMS)?;
    for (key, holder) in &changes.claims {
        match holder {
            Some(holder) => drop(claims.insert(key.as_str(), holder)?),
            None => drop(claims.remove(key.as_str())?),
        }
    }
    Ok(())
}

fn budgets(transaction: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    for (table, sums) in [(RESERVED, &changes.reserved), (TOTALS, &changes.totals)] {
        let mut table = transaction.open_table(table)?;
        for (budget, sum) in sums {
            table.insert(budget.as_str(), &sum.to_be_bytes())?;
        }
    }
    let mut table = transaction.open_table(USED)?;
    for (budget, used) in &changes.used {
        for ((at, sequence), amount) in used {
            table.insert((budget.as_str(), *at, *sequence), &amount.to_be_bytes())?;
        }
    }
    Ok(())
}
