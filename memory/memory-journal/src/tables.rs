//! The tables of the redb file: the entries, and the books derived from them.

use agent_core::{ports::Stored, units::Timestamp};
use alloy_primitives::{B256, U256};
use redb::{AccessGuard, ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::{
    chain::{Head, Row},
    ledger::{Books, Intent},
    trouble::Trouble,
};

/// An amount, big-endian.
pub(crate) type Amount = &'static [u8; 32];
/// Budget, chain time, the position of the entry that says so: a window is a range.
pub(crate) type UsedKey = (&'static str, u64, u64);

/// Position to row.
pub(crate) const ENTRIES: TableDefinition<'static, u64, &'static [u8]> = TableDefinition::new("entries");
/// Subject to the position of the entry that opened it, ever.
pub(crate) const INTENTS: TableDefinition<'static, &'static [u8; 32], u64> = TableDefinition::new("intents");
/// The positions of the entries whose intents are open.
pub(crate) const OPEN: TableDefinition<'static, u64, ()> = TableDefinition::new("open");
/// The positions of the entries that opened an open intent, and that added to it.
pub(crate) const REPLACED: TableDefinition<'static, (u64, u64), ()> = TableDefinition::new("replaced");
/// Claim to the position of its holder.
pub(crate) const CLAIMS: TableDefinition<'static, &'static str, u64> = TableDefinition::new("claims");
/// What open intents have reserved of a budget, all together.
pub(crate) const RESERVED: TableDefinition<'static, &'static str, Amount> = TableDefinition::new("reserved");
/// What closed intents have used.
pub(crate) const USED: TableDefinition<'static, UsedKey, Amount> = TableDefinition::new("used");
/// What was used of a budget, ever, so that a window without an end is no scan.
pub(crate) const TOTALS: TableDefinition<'static, &'static str, Amount> = TableDefinition::new("totals");
/// Where the chain stands.
const HEAD: TableDefinition<'static, (), &'static [u8]> = TableDefinition::new("head");

const READING: &str = "read its tables";

/// Makes every table that is not there yet.
pub(crate) fn create(transaction: &WriteTransaction) -> Result<(), redb::TableError> {
    transaction.open_table(ENTRIES)?;
    transaction.open_table(INTENTS)?;
    transaction.open_table(OPEN)?;
    transaction.open_table(REPLACED)?;
    transaction.open_table(CLAIMS)?;
    transaction.open_table(RESERVED)?;
    transaction.open_table(USED)?;
    transaction.open_table(TOTALS)?;
    Ok(())
}

/// The books as a checkpoint left them.
#[derive(Debug)]
pub(crate) struct Base {
    entries: ReadOnlyTable<u64, &'static [u8]>,
    intents: ReadOnlyTable<&'static [u8; 32], u64>,
    open: ReadOnlyTable<u64, ()>,
    replaced: ReadOnlyTable<(u64, u64), ()>,
    claims: ReadOnlyTable<&'static str, u64>,
    reserved: ReadOnlyTable<&'static str, Amount>,
    used: ReadOnlyTable<UsedKey, Amount>,
    totals: ReadOnlyTable<&'static str, Amount>,
}

impl Base {
    pub(crate) fn of(transaction: &ReadTransaction) -> Result<Self, Trouble> {
        let open = || -> Result<Self, redb::TableError> {
            Ok(Self {
                entries: transaction.open_table(ENTRIES)?,
                intents: transaction.open_table(INTENTS)?,
                open: transaction.open_table(OPEN)?,
                replaced: transaction.open_table(REPLACED)?,
                claims: transaction.open_table(CLAIMS)?,
                reserved: transaction.open_table(RESERVED)?,
                used: transaction.open_table(USED)?,
                totals: transaction.open_table(TOTALS)?,
            })
        };
        open().map_err(Trouble::redb(READING))
    }
}

impl Books for Base {
    type Error = Trouble;

    fn opened(&self, subject: B256) -> Result<Option<u64>, Trouble> {
        Ok(self.intents.get(&subject.0).map_err(Trouble::redb(READING))?.map(|since| since.value()))
    }

    fn intent(&self, since: u64) -> Result<Option<Intent>, Trouble> {
        if self.open.get(since).map_err(Trouble::redb(READING))?.is_none() {
            return Ok(None);
        }
        let mut intent = Intent::open(since, &stored(&self.entries, since)?.entry);
        let added = (since, 0)..=(since, u64::MAX);
        for position in self.replaced.range(added).map_err(Trouble::redb(READING))? {
            let (position, _) = position.map_err(Trouble::redb(READING))?;
            intent = intent.and(&stored(&self.entries, position.value().1)?.entry);
        }
        Ok(Some(intent))
    }

    fn holder(&self, key: &str) -> Result<Option<u64>, Trouble> {
        Ok(self.claims.get(key).map_err(Trouble::redb(READING))?.map(|holder| holder.value()))
    }

    fn reserved(&self, budget: &str) -> Result<U256, Trouble> {
        sum_of(&self.reserved, budget).map_err(Trouble::redb(READING))
    }

    fn used(&self, budget: &str, since: Option<Timestamp>) -> Result<U256, Trouble> {
        let Some(since) = since else { return sum_of(&self.totals, budget).map_err(Trouble::redb(READING)) };
        let window = (budget, since.0, 0)..=(budget, u64::MAX, u64::MAX);
        sum(self.used.range(window).map_err(Trouble::redb(READING))?)
    }
}

/// The entry at `sequence`, which must be there.
pub(crate) fn stored(
    entries: &impl ReadableTable<u64, &'static [u8]>,
    sequence: u64,
) -> Result<Stored, Trouble> {
    let row = entries.get(sequence).map_err(Trouble::redb(READING))?;
    let row = row.ok_or_else(|| Trouble::damaged(sequence, "the entry is missing"))?;
    Ok(Row::read(sequence, row.value())?.stored)
}

/// Where the chain stands, if the file is a journal already.
pub(crate) fn head(transaction: &ReadTransaction) -> Result<Head, Trouble> {
    let table = transaction.open_table(HEAD).map_err(Trouble::redb(READING))?;
    let bytes = table.get(()).map_err(Trouble::redb(READING))?;
    bytes
        .and_then(|bytes| Head::from_bytes(bytes.value()))
        .ok_or_else(|| Trouble::damaged(0, "the head is missing"))
}

/// Says where the chain stands after this transaction.
pub(crate) fn put_head(transaction: &WriteTransaction, head: Head) -> Result<(), redb::Error> {
    transaction.open_table(HEAD)?.insert((), head.to_bytes().as_slice())?;
    Ok(())
}

fn sum_of(sums: &impl ReadableTable<&'static str, Amount>, budget: &str) -> Result<U256, redb::StorageError> {
    Ok(sums.get(budget)?.map(amount).unwrap_or_default())
}

fn amount(bytes: AccessGuard<'_, Amount>) -> U256 {
    U256::from_be_bytes(*bytes.value())
}

fn sum<'t, K: redb::Key + 'static>(range: redb::Range<'t, K, Amount>) -> Result<U256, Trouble> {
    range.into_iter().try_fold(U256::ZERO, |sum, row| {
        let (_, bytes) = row.map_err(Trouble::redb(READING))?;
        Ok(sum.saturating_add(amount(bytes)))
    })
}
