//! The tables of the redb file: the entries, and the books derived from them.

use agent_core::{ports::Stored, units::Timestamp};
use alloy_primitives::{B256, U256};
use redb::{AccessGuard, ReadableTable, Table, TableDefinition, WriteTransaction};

use crate::{
    chain::{Head, Row},
    ledger::{Books, Change, Intent},
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
const WRITING: &str = "write its tables";

/// Every table, within one write transaction: what the entries before in the same transaction did is seen.
pub(crate) struct Tables<'txn> {
    entries: Table<'txn, u64, &'static [u8]>,
    intents: Table<'txn, &'static [u8; 32], u64>,
    open: Table<'txn, u64, ()>,
    replaced: Table<'txn, (u64, u64), ()>,
    claims: Table<'txn, &'static str, u64>,
    reserved: Table<'txn, &'static str, Amount>,
    used: Table<'txn, UsedKey, Amount>,
    totals: Table<'txn, &'static str, Amount>,
}

impl<'txn> Tables<'txn> {
    pub(crate) fn open(transaction: &'txn WriteTransaction) -> Result<Self, redb::TableError> {
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
    }

    /// Puts down the row and what it changes.
    pub(crate) fn write(&mut self, sequence: u64, row: &[u8], changes: Vec<Change>) -> Result<(), Trouble> {
        self.entries.insert(sequence, row).map_err(Trouble::redb(WRITING))?;
        changes.into_iter().try_for_each(|change| self.apply(change)).map_err(Trouble::redb(WRITING))
    }

    fn apply(&mut self, change: Change) -> Result<(), redb::StorageError> {
        match change {
            Change::Open { subject, sequence } => {
                self.intents.insert(&subject.0, sequence)?;
                self.open.insert(sequence, ())?;
            }
            Change::Add { since, sequence } => drop(self.replaced.insert((since, sequence), ())?),
            Change::Shut { sequence } => {
                self.open.remove(sequence)?;
                self.replaced.retain_in((sequence, 0)..=(sequence, u64::MAX), |_, ()| false)?;
            }
            Change::Hold { key, sequence } => drop(self.claims.insert(key.as_str(), sequence)?),
            Change::Free { key } => drop(self.claims.remove(key.as_str())?),
            Change::Reserve { budget, amount } => {
                let sum = sum_of(&self.reserved, &budget)?.saturating_add(amount);
                self.reserved.insert(budget.as_str(), &sum.to_be_bytes())?;
            }
            Change::Release { budget, amount } => {
                let sum = sum_of(&self.reserved, &budget)?.saturating_sub(amount);
                self.reserved.insert(budget.as_str(), &sum.to_be_bytes())?;
            }
            Change::Use { budget, at, sequence, amount } => {
                self.used.insert((budget.as_str(), at.0, sequence), &amount.to_be_bytes())?;
                let total = sum_of(&self.totals, &budget)?.saturating_add(amount);
                self.totals.insert(budget.as_str(), &total.to_be_bytes())?;
            }
        }
        Ok(())
    }
}

impl Books for Tables<'_> {
    type Error = Trouble;

    fn opened(&self, subject: B256) -> Result<bool, Trouble> {
        Ok(self.intents.get(&subject.0).map_err(Trouble::redb(READING))?.is_some())
    }

    fn intent(&self, subject: B256) -> Result<Option<Intent>, Trouble> {
        let Some(since) = self.intents.get(&subject.0).map_err(Trouble::redb(READING))? else {
            return Ok(None);
        };
        let since = since.value();
        if self.open.get(since).map_err(Trouble::redb(READING))?.is_none() {
            return Ok(None);
        }
        let mut intent = Intent::open(since, stored(&self.entries, since)?.entry);
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
pub(crate) fn head(transaction: &redb::ReadTransaction) -> Result<Head, Trouble> {
    let table = transaction.open_table(HEAD).map_err(Trouble::redb(READING))?;
    let bytes = table.get(()).map_err(Trouble::redb(READING))?;
    bytes
        .and_then(|bytes| Head::from_bytes(bytes.value()))
        .ok_or_else(|| Trouble::damaged(0, "the head is missing"))
}

/// Says where the chain stands after this transaction.
pub(crate) fn put_head(transaction: &WriteTransaction, head: Head) -> Result<(), Trouble> {
    let mut table = transaction.open_table(HEAD).map_err(Trouble::redb(WRITING))?;
    table.insert((), head.to_bytes().as_slice()).map_err(Trouble::redb(WRITING))?;
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
