//! The handle: cheap to clone, and the last one to go ends the threads.

use std::{
    io,
    path::Path,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use agent_core::ports::{Appended, BoxFuture, Entry, Journal, JournalError, Sequence, Stored, Verified};
use futures::channel::oneshot;
use redb::ReadTransaction;

use crate::{
    directory,
    opening::Journaled,
    reader::{self, Query},
    scribe::{Append, GROUP, Scribe},
    trouble::Trouble,
    verify,
};

#[cfg(test)]
mod tests;

/// A journal in a directory of its own. Clones share it; when the last one is dropped, everything that was sent is
/// written, the threads end and the file is free for the next `open`.
#[derive(Debug, Clone)]
pub struct RedbJournal(Arc<Shared>);

/// What the handles share: the ways to the threads. Its drop is the guard that ends them.
#[derive(Debug)]
struct Shared {
    appends: Option<mpsc::Sender<Append>>,
    queries: Option<mpsc::Sender<Query>>,
    threads: Vec<JoinHandle<()>>,
}

impl RedbJournal {
    /// Opens the journal in `directory`, or begins one there; a directory that is not there is made, for its owner
    /// only. Checks every page of the file, the last entry, and that no acknowledged entry is missing; the whole
    /// chain is [`verify`](Journal::verify)'s work. Blocks for as long as reading the file takes.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when a check fails, [`JournalError::InUse`] when any other handle, of this process
    /// or another, has it open, and [`JournalError::Storage`] when the file cannot be read or has a format that
    /// this version does not know.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::start(directory::open(directory.as_ref())?, GROUP)
    }

    /// Opens the journal in two files of any kind, its redb file and its witness, and writes at most `group` entries in one
    /// transaction.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[cfg(feature = "testing")]
    pub fn open_on(
        database: impl redb::StorageBackend,
        witness: impl redb::StorageBackend,
        group: usize,
    ) -> Result<Self, JournalError> {
        Self::start(crate::opening::open("on other files", database, witness)?, group)
    }

    fn start(journaled: Journaled, group: usize) -> Result<Self, JournalError> {
        let Journaled { database, head, witness } = journaled;
        let database = Arc::new(database);
        let scribe = Scribe { database: Arc::clone(&database), witness, head, group, poison: None };
        let (appends, to_write) = mpsc::channel();
        let (queries, to_read) = mpsc::channel();
        let threads = vec![
            spawn("journal-scribe", move || scribe.run(&to_write))?,
            spawn("journal-reader", move || reader::run(&database, &to_read))?,
        ];
        Ok(Self(Arc::new(Shared { appends: Some(appends), queries: Some(queries), threads })))
    }

    fn query<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Trouble> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, JournalError>> {
        let (reply, answer) = oneshot::channel();
        let query: Query = Box::new(move |database| {
            let found = reader::caught(|| work(&reader::snapshot(database)?)).map_err(JournalError::from);
            drop(reply.send(found));
        });
        // A query that finds nobody drops its reply, and the answer says so.
        self.0.queries.as_ref().and_then(|queries| queries.send(query).ok()).unwrap_or_default();
        answered(answer)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Trouble> {
    let spawned: io::Result<_> = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(Trouble::failed("start a thread"))
}

fn answered<T: Send + 'static>(
    answer: oneshot::Receiver<Result<T, JournalError>>,
) -> BoxFuture<'static, Result<T, JournalError>> {
    Box::pin(async { answer.await.unwrap_or(Err(JournalError::Closed)) })
}

impl Journal for RedbJournal {
    /// Sent at once, in the order of the calls, before the future is polled: dropping the future takes nothing back.
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Appended, JournalError>> {
        let (reply, answer) = oneshot::channel();
        // An entry that finds nobody drops its reply, and the answer says so.
        let append = Append { entry, reply };
        self.0.appends.as_ref().and_then(|appends| appends.send(append).ok()).unwrap_or_default();
        answered(answer)
    }

    fn open_intents(&self) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.query(reader::open_intents)
    }

    fn read(&self, from: Sequence, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.query(move |transaction| reader::page(transaction, from, limit))
    }

    fn verify(&self) -> BoxFuture<'_, Result<Verified, JournalError>> {
        self.query(verify::verify)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.appends.take());
        drop(self.queries.take());
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to say.
            drop(thread.join());
        }
    }
}
