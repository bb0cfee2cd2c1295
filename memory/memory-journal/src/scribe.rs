//! The one writer: takes what is waiting, writes all of it in one transaction, then answers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use agent_core::ports::{Appended, Entry, JournalError, Sequence};
use futures::channel::oneshot;
use redb::{Database, Durability, WriteTransaction};

use crate::{
    chain::Head,
    head::Witness,
    ledger,
    tables::{self, Tables},
    trouble::{Misfit, Panicked, Trouble},
};

#[cfg(test)]
pub(crate) mod tests;

/// How many entries one transaction may have, usually: bounds how long the first of them waits for the last.
pub(crate) const GROUP: usize = 1024;

/// An entry, and who waits for it.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) entry: Entry,
    pub(crate) reply: oneshot::Sender<Result<Appended, JournalError>>,
}

/// The state behind the journal's handles. One thread owns it, so there is no lock.
#[derive(Debug)]
pub(crate) struct Scribe {
    pub(crate) database: Arc<Database>,
    pub(crate) witness: Witness,
    /// What is on disk and acknowledged.
    pub(crate) head: Head,
    /// The most entries in one transaction.
    pub(crate) group: usize,
    /// The first write that failed. What it left on disk is not known until the file is opened again, so nothing is
    /// written after it.
    pub(crate) poison: Option<Trouble>,
}

/// One answer for each entry of a group.
pub(crate) type Answers = Vec<Result<Appended, Misfit>>;

impl Scribe {
    /// Works until the last handle is gone and everything sent before is answered.
    pub(crate) fn run(mut self, appends: &mpsc::Receiver<Append>) {
        while let Ok(first) = appends.recv() {
            let (entries, replies): (Vec<_>, Vec<_>) =
                self.gather(first, appends).into_iter().map(|append| (append.entry, append.reply)).unzip();
            self.serve(&entries, replies);
        }
    }

    /// What is waiting. Those who were just answered may be about to send again: they are let run before we look once more,
    /// for as long as it brings somebody, because a sync takes longer than that.
    fn gather(&self, first: Append, appends: &mpsc::Receiver<Append>) -> Vec<Append> {
        let mut gathered = vec![first];
        loop {
            let before = gathered.len();
            gathered.extend(appends.try_iter().take(self.group.saturating_sub(before)));
            if gathered.len() == before {
                return gathered;
            }
            thread::yield_now();
        }
    }

    fn serve(&mut self, entries: &[Entry], replies: Vec<oneshot::Sender<Result<Appended, JournalError>>>) {
        let answers = self.write(entries);
        // A caller who no longer waits does not hear the answer; the entry stands.
        match answers {
            Ok(answers) => replies.into_iter().zip(answers).for_each(|(reply, answer)| {
                drop(reply.send(answer.map_err(|misfit| Trouble::failed("append")(misfit).into())));
            }),
            Err(trouble) => replies.into_iter().for_each(|reply| {
                drop(reply.send(Err(trouble.clone().into())));
            }),
        }
    }

    pub(crate) fn write(&mut self, entries: &[Entry]) -> Result<Answers, Trouble> {
        if let Some(poison) = &self.poison {
            return Err(poison.earlier());
        }
        // redb panics on some damage that it has no error for; what it was doing is abandoned with the transaction.
        let written = catch_unwind(AssertUnwindSafe(|| self.commit(entries)))
            .unwrap_or_else(|_| Err(Trouble::failed("append")(Panicked)));
        match written {
            Ok((answers, head)) => {
                self.head = head;
                Ok(answers)
            }
            Err(trouble) => {
                self.poison = Some(trouble.clone());
                Err(trouble)
            }
        }
    }

    fn commit(&self, entries: &[Entry]) -> Result<(Answers, Head), Trouble> {
        let writing = "append";
        let mut transaction = self.database.begin_write().map_err(Trouble::redb(writing))?;
        transaction.set_durability(Durability::Immediate).map_err(Trouble::redb(writing))?;
        let (answers, head) = enter(&transaction, self.head, entries)?;
        if head == self.head {
            transaction.abort().map_err(Trouble::redb(writing))?;
            return Ok((answers, head));
        }
        tables::put_head(&transaction, head)?;
        transaction.commit().map_err(Trouble::redb("commit"))?;
        self.witness.put(head)?;
        Ok((answers, head))
    }
}

/// Writes every entry that nothing stands against, each on the books that the ones before it left.
fn enter(
    transaction: &WriteTransaction,
    mut head: Head,
    entries: &[Entry],
) -> Result<(Answers, Head), Trouble> {
    let mut tables = Tables::open(transaction).map_err(Trouble::redb("append"))?;
    let mut answers = Vec::new();
    for entry in entries {
        let (row, after) = match ledger::fits(entry).and_then(|()| head.link(entry)) {
            Ok(linked) => linked,
            Err(misfit) => {
                answers.push(Err(misfit));
                continue;
            }
        };
        let sequence = head.entries;
        answers.push(Ok(match ledger::judge(&tables, sequence, entry)? {
            Err(conflict) => Appended::Rejected(conflict),
            Ok(changes) => {
                tables.write(sequence, &row, changes)?;
                head = after;
                Appended::Written(Sequence(sequence))
            }
        }));
    }
    Ok((answers, head))
}
