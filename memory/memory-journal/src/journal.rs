//! The handle: cheap to clone, and the last one to go ends the threads.

use std::{
    io,
    path::Path,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use agent_core::ports::{Appended, BoxFuture, Entry, Journal, JournalError, Sequence, Stored, Verified};
use futures::channel::oneshot;

use crate::{
    directory,
    journaled::Journaled,
    reader::{self, Query, Snapshot},
    scribe::{Append, GROUP, Message, Scribe},
    trouble::Trouble,
    verify,
};

#[cfg(test)]
mod tests;

/// A journal in a directory of its own. Clones share it; when the last one is dropped, everything that was sent is
/// written, the log is brought into the redb file, the threads end and the files are free for the next `open`.
#[derive(Debug, Clone)]
pub struct RedbJournal(Arc<Shared>);

/// What the handles share: the way to the writer. Its drop is the guard that ends the threads.
#[derive(Debug)]
struct Shared {
    messages: Option<mpsc::Sender<Message>>,
    scribe: Option<JoinHandle<()>>,
}

impl RedbJournal {
    /// Opens the journal in `directory`, or begins one there; a directory that is not there is made, for its owner
    /// only. Checks every page of the redb file, every entry of the log, and that no acknowledged entry is missing; the
    /// whole chain is [`verify`](Journal::verify)'s work. What a killed process left in the log is brought into the redb
    /// file. Blocks for as long as reading the files takes.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when a check fails, [`JournalError::InUse`] when any other handle, of this process
    /// or another, has it open, and [`JournalError::Storage`] when the file cannot be read or has a format that
    /// this version does not know.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::start(directory::open(directory.as_ref())?, GROUP)
    }

    /// Opens the journal in files of any kind, and makes at most `group` entries durable with one sync.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[cfg(feature = "testing")]
    pub fn open_on<B: redb::StorageBackend>(
        files: crate::Files<B>,
        group: usize,
    ) -> Result<Self, JournalError> {
        Self::start(crate::opening::open("on other files", files)?, group)
    }

    fn start(journal: Journaled, group: usize) -> Result<Self, JournalError> {
        let mut scribe = Scribe { journal, group, poison: None };
        let (messages, to_write) = mpsc::channel();
        let (queries, to_read) = mpsc::channel();
        let reader = spawn("journal-reader", move || reader::run(&to_read))?;
        let scribe = spawn("journal-scribe", move || {
            scribe.run(&to_write, &queries);
            drop(queries);
            // The files are closed after the last read of them. A thread that panicked has nothing left to say.
            drop(reader.join());
        })?;
        Ok(Self(Arc::new(Shared { messages: Some(messages), scribe: Some(scribe) })))
    }

    fn query<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, Trouble> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, JournalError>> {
        let (reply, answer) = oneshot::channel();
        let query: Query = Box::new(move |snapshot| {
            let found = snapshot.and_then(|snapshot| reader::caught(|| work(&snapshot)));
            drop(reply.send(found.map_err(JournalError::from)));
        });
        self.send(Message::Query(query));
        answered(answer)
    }

    /// A message that finds nobody drops its reply, and the answer says so.
    fn send(&self, message: Message) {
        self.0.messages.as_ref().and_then(|messages| messages.send(message).ok()).unwrap_or_default();
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
        self.send(Message::Append(Append { entry, reply }));
        answered(answer)
    }

    fn open_intents(&self) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.query(Snapshot::open_intents)
    }

    fn read(&self, from: Sequence, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.query(move |snapshot| snapshot.page(from, limit))
    }

    fn verify(&self) -> BoxFuture<'_, Result<Verified, JournalError>> {
        self.query(verify::verify)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.messages.take());
        // A thread that panicked has nothing left to say.
        drop(self.scribe.take().map(JoinHandle::join));
    }
}
