//! The one writer: takes what is waiting, writes all of it at once, then answers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use agent_core::ports::{Appended, Entry, JournalError};
use futures::channel::oneshot;

use crate::{
    journaled::{Answers, Journaled},
    reader::{self, Query, Snapshot},
    trouble::{Panicked, Trouble},
};

#[cfg(test)]
pub(crate) mod tests;

/// How many entries one sync may make durable, usually: bounds how long the first of them waits for the last.
pub(crate) const GROUP: usize = 1024;
/// With nothing to do for so long, a checkpoint is in nobody's way.
const IDLE: Duration = Duration::from_millis(500);

/// An entry, and who waits for it.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) entry: Entry,
    pub(crate) reply: Reply,
}

/// The way to those who read: a query, and what the journal said when it was its turn.
type Reader = mpsc::Sender<(Query, Result<Snapshot, Trouble>)>;

type Reply = oneshot::Sender<Result<Appended, JournalError>>;

/// What the handles send. A query sees every entry that was sent before it.
pub(crate) enum Message {
    Append(Append),
    Query(Query),
}

/// What was waiting.
#[derive(Default)]
struct Gathered {
    entries: Vec<Entry>,
    replies: Vec<Reply>,
    queries: Vec<Query>,
}

impl Gathered {
    fn take(&mut self, message: Message) {
        match message {
            Message::Append(Append { entry, reply }) => {
                self.entries.push(entry);
                self.replies.push(reply);
            }
            Message::Query(query) => self.queries.push(query),
        }
    }
}

/// The state behind the journal's handles. One thread owns it, so there is no lock.
#[derive(Debug)]
pub(crate) struct Scribe {
    pub(crate) journal: Journaled,
    /// The most entries of one sync.
    pub(crate) group: usize,
    /// The first write that failed. What it left on disk is not known until the files are opened again, so nothing is
    /// written after it. A checkpoint that failed is no better: nobody has lost anything by it, but redb will not write
    /// again either, and the log cannot grow for ever.
    pub(crate) poison: Option<Trouble>,
}

impl Scribe {
    /// Works until the last handle is gone and everything sent before is answered.
    pub(crate) fn run(&mut self, messages: &mpsc::Receiver<Message>, reader: &Reader) {
        loop {
            match self.next(messages) {
                Ok(first) => self.serve(self.gather(first, messages), reader),
                Err(RecvTimeoutError::Timeout) => self.checkpoint(),
                Err(RecvTimeoutError::Disconnected) => return self.checkpoint(),
            }
        }
    }

    /// Waits for somebody to send something; or for a while without, if there is something better to do then.
    fn next(&self, messages: &mpsc::Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        if self.poison.is_none() && self.journal.tail.is_worth_a_checkpoint() {
            messages.recv_timeout(IDLE)
        } else {
            messages.recv().map_err(RecvTimeoutError::from)
        }
    }

    /// What is waiting. Those who were just answered may be about to send again: they are let run before we look once more,
    /// for as long as it brings somebody, because a sync takes longer than that.
    fn gather(&self, first: Message, messages: &mpsc::Receiver<Message>) -> Gathered {
        let mut gathered = Gathered::default();
        gathered.take(first);
        let mut count = 1usize;
        loop {
            let before = count;
            for message in messages.try_iter().take(self.group.saturating_sub(count)) {
                gathered.take(message);
                count = count.saturating_add(1);
            }
            if count == before {
                return gathered;
            }
            thread::yield_now();
        }
    }

    fn serve(&mut self, gathered: Gathered, reader: &Reader) {
        let Gathered { entries, replies, queries } = gathered;
        if !entries.is_empty() {
            self.answer(&entries, replies);
        }
        for query in queries {
            let snapshot = reader::caught(|| self.journal.snapshot());
            // A reader that is gone drops the query, and its answer says so.
            drop(reader.send((query, snapshot)));
        }
        if self.journal.tail.is_long() {
            self.checkpoint();
        }
    }

    fn answer(&mut self, entries: &[Entry], replies: Vec<Reply>) {
        // A caller who no longer waits does not hear the answer; the entry stands.
        match self.write(entries) {
            Ok(answers) => replies.into_iter().zip(answers).for_each(|(reply, answer)| {
                drop(reply.send(answer.map_err(|misfit| Trouble::failed("append")(misfit).into())));
            }),
            Err(trouble) => replies.into_iter().for_each(|reply| {
                drop(reply.send(Err(trouble.clone().into())));
            }),
        }
    }

    pub(crate) fn write(&mut self, entries: &[Entry]) -> Result<Answers, Trouble> {
        self.unless_poisoned(|journal| journal.append(entries))
    }

    /// Brings the log into the redb file. Nobody waits for it; who sends the next entry hears of a failure.
    pub(crate) fn checkpoint(&mut self) {
        self.unless_poisoned(Journaled::checkpoint).unwrap_or_default();
    }

    fn unless_poisoned<T>(
        &mut self,
        work: impl FnOnce(&mut Journaled) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        if let Some(poison) = &self.poison {
            return Err(poison.earlier());
        }
        // redb panics on some damage that it has no error for; what it was doing is abandoned with its transaction.
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut self.journal)))
            .unwrap_or_else(|_| Err(Trouble::failed("append")(Panicked)));
        done.inspect_err(|trouble| self.poison = Some(trouble.clone()))
    }
}
