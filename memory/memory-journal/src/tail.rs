//! The rows after the last checkpoint, and the books with them.

use agent_core::ports::{Appended, Entry, Sequence};
use redb::Database;

use crate::{
    chain::Head,
    checkpoint,
    layers::Layers,
    ledger,
    reader::{self, Bytes},
    tables::{self, Base},
    trouble::{Misfit, Trouble},
};

/// So many rows or bytes are a long tail: bounds memory, the work of the next opening, and how long a checkpoint takes.
const LONG_ROWS: usize = 1_024;
const LONG_BYTES: usize = 1 << 20;
/// A tail of so many times less is left alone when there is nothing to do: it costs nobody anything where it is.
const SHORT: usize = 8;

/// What was written since the redb file's head.
#[derive(Debug)]
pub(crate) struct Tail {
    books: Layers<Base>,
    base: Head,
    rows: Vec<Bytes>,
    bytes: usize,
    head: Head,
}

impl Tail {
    /// The tail without rows, after what is in `database`.
    pub(crate) fn of(database: &Database) -> Result<Self, Trouble> {
        let transaction = reader::begin(database)?;
        let base = tables::head(&transaction)?;
        let books = Layers::over(Base::of(&transaction)?);
        Ok(Self { books, base, rows: Vec::new(), bytes: 0, head: base })
    }

    /// Where the chain stands with it.
    pub(crate) const fn head(&self) -> Head {
        self.head
    }

    pub(crate) fn rows(&self) -> &[Bytes] {
        &self.rows
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a checkpoint should not wait.
    pub(crate) const fn is_long(&self) -> bool {
        self.rows.len() >= LONG_ROWS || self.bytes >= LONG_BYTES
    }

    /// Whether a checkpoint is worth it when nobody waits.
    pub(crate) const fn is_worth_a_checkpoint(&self) -> bool {
        self.rows.len().saturating_mul(SHORT) >= LONG_ROWS || self.bytes.saturating_mul(SHORT) >= LONG_BYTES
    }

    /// Adds the row of `entry`, if nothing stands against it on the books that the rows before it left.
    pub(crate) fn enter(&mut self, entry: &Entry) -> Result<Result<Appended, Misfit>, Trouble> {
        if let Err(misfit) = ledger::fits(entry) {
            return Ok(Err(misfit));
        }
        let sequence = self.head.entries;
        let changes = match ledger::judge(&self.books, sequence, entry)? {
            Ok(changes) => changes,
            Err(conflict) => return Ok(Ok(Appended::Rejected(conflict))),
        };
        let (row, after) = match self.head.link(entry) {
            Ok(linked) => linked,
            Err(misfit) => return Ok(Err(misfit)),
        };
        self.books.write(changes, entry)?;
        self.push(row.into(), after);
        Ok(Ok(Appended::Written(Sequence(sequence))))
    }

    /// Adds a row that was written before: it must follow, and be allowed.
    pub(crate) fn follow(&mut self, row: Vec<u8>) -> Result<(), Trouble> {
        let sequence = self.head.entries;
        let (stored, after) = self.head.follow(&row)?;
        let changes = ledger::judge(&self.books, sequence, &stored.entry)?.map_err(|conflict| {
            Trouble::damaged(sequence, format!("the entry should have been rejected: {conflict}"))
        })?;
        self.books.write(changes, &stored.entry)?;
        self.push(row.into(), after);
        Ok(())
    }

    fn push(&mut self, row: Bytes, after: Head) {
        self.bytes = self.bytes.saturating_add(row.len());
        self.rows.push(row);
        self.head = after;
    }

    /// Shows no rows but the first `kept`, which end at `head`: the others could not be made durable. The books are not theirs
    /// any more, so that nothing may be written after that.
    pub(crate) fn abandon(&mut self, kept: usize, head: Head) {
        self.rows.truncate(kept);
        self.head = head;
    }

    /// Brings all of it into `database`, and begins anew after it.
    pub(crate) fn checkpoint(&mut self, database: &Database) -> Result<(), Trouble> {
        if !self.is_empty() {
            checkpoint::write(database, (self.base, &self.rows, self.head), self.books.changes())?;
            *self = Self::of(database)?;
        }
        Ok(())
    }
}
