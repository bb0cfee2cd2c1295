//! An open journal: the redb file up to its checkpoint, the log after it, and the witness.

use agent_core::ports::{Appended, Entry};
use redb::Database;

use crate::{
    head::Witness,
    log::Log,
    reader::{Bytes, Snapshot},
    tail::Tail,
    trouble::{Misfit, Trouble},
};

/// Nobody else writes it, its pages are whole and its last entry is the last acknowledged one, or a later one. After an
/// error of its own, what is on disk is not known until it is opened again, and nothing may be written.
#[derive(Debug)]
pub(crate) struct Journaled {
    pub(crate) tail: Tail,
    pub(crate) log: Log,
    pub(crate) witness: Witness,
    /// Dropped after the tail, which reads it.
    pub(crate) database: Database,
}

/// One answer for each entry of a group.
pub(crate) type Answers = Vec<Result<Appended, Misfit>>;

impl Journaled {
    /// Writes every entry that nothing stands against, each on the books that the ones before it left: in the log, with
    /// one write and one sync. On an error none of them may be believed to be there, or not to be.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> Result<Answers, Trouble> {
        let (before, head) = (self.tail.rows().len(), self.tail.head());
        let written = self.write(before, entries);
        if written.is_err() {
            self.tail.abandon(before, head);
        }
        written
    }

    fn write(&mut self, before: usize, entries: &[Entry]) -> Result<Answers, Trouble> {
        let mut answers = Vec::with_capacity(entries.len());
        for entry in entries {
            answers.push(self.tail.enter(entry)?);
        }
        let rows = self.tail.rows().get(before..).unwrap_or_default();
        if !rows.is_empty() {
            self.log.append(rows.iter().map(Bytes::as_ref))?;
            self.witness.put(self.tail.head())?;
        }
        Ok(answers)
    }

    /// Brings the log into the redb file, and begins it anew. Nobody waits for it: an entry is durable without.
    pub(crate) fn checkpoint(&mut self) -> Result<(), Trouble> {
        if self.tail.is_empty() {
            return Ok(());
        }
        self.tail.checkpoint(&self.database)?;
        self.log.renew(self.tail.head());
        // From here on the log is written over. Should the redb file ever open at the commit before, the witness must know.
        self.witness.sync()
    }

    /// What was acknowledged up to now.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Trouble> {
        Snapshot::of(&self.database, self.tail.rows().to_vec(), self.tail.head())
    }
}
