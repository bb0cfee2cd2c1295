//! The handle: cheap to clone, and the last one to go ends the threads.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use agent_core::ports::{BoxFuture, Cue, Memory, MemoryError, Record};
use futures::channel::oneshot;

use crate::{
    directory::Directory,
    limits::{self, Limits},
    opening::{self, Opened},
    recall,
    trees::Trees,
    trouble::Trouble,
    writer::{Work, caught},
};

/// A memory in a directory of its own. Clones share it; when the last one is dropped, everything that was sent is
/// done, the threads end and the directory is free for the next `open`.
#[derive(Debug, Clone)]
pub struct SledMemory(Arc<Shared>);

type Query = Box<dyn FnOnce(&Trees) + Send>;

/// What the handles share: the ways to the threads. Its drop is the guard that ends them.
#[derive(Debug)]
struct Shared {
    works: Option<mpsc::Sender<Work>>,
    queries: Option<mpsc::Sender<Query>>,
    threads: Vec<JoinHandle<()>>,
    damaged: Arc<AtomicU64>,
    /// Let go of after the threads.
    _directory: Directory,
}

impl SledMemory {
    /// Opens the memory in `directory`, or begins one there; a directory that is not there is made, for its owner
    /// only. Reads everything once; what sled cannot open is copied to `<directory>.quarantine-<n>` first and then
    /// repaired or replaced by an empty memory: see [`Opened`]. The newest four such copies are kept. Records over
    /// `limits` are dropped, oldest first. Blocks for as long as reading takes.
    ///
    /// # Errors
    /// [`MemoryError::InUse`] when any other handle, of this process or another, has it open, and
    /// [`MemoryError::Storage`] when the directory cannot be read, written or copied.
    pub fn open(directory: impl AsRef<Path>, limits: Limits) -> Result<(Self, Opened), MemoryError> {
        let (writer, directory, opened) = opening::open(directory.as_ref(), limits)?;
        let (trees, damaged) = (writer.trees.clone(), Arc::clone(&writer.trees.damaged));
        let (works, to_do) = mpsc::channel();
        let (queries, to_answer) = mpsc::channel::<Query>();
        let threads = vec![
            spawn("memory-writer", move || writer.run(&to_do))?,
            spawn("memory-reader", move || to_answer.iter().for_each(|query| query(&trees)))?,
        ];
        let (works, queries) = (Some(works), Some(queries));
        Ok((Self(Arc::new(Shared { works, queries, threads, damaged, _directory: directory })), opened))
    }

    /// How often a damaged record was met and skipped. Opening meets every record once.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.0.damaged.load(Ordering::Relaxed)
    }

    fn query<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Trees) -> Result<T, Trouble> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, MemoryError>> {
        let (reply, answer) = oneshot::channel();
        let query: Query = Box::new(move |trees| {
            let found = caught(doing, || {
                let _still = trees.still();
                work(trees)
            })
            .map_err(MemoryError::from);
            drop(reply.send(found));
        });
        // A query that finds nobody drops its reply, and the answer says so.
        self.0.queries.as_ref().and_then(|queries| queries.send(query).ok()).unwrap_or_default();
        answered(answer)
    }

    fn send(&self, work: Work) {
        // So does work.
        self.0.works.as_ref().and_then(|works| works.send(work).ok()).unwrap_or_default();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Trouble> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Trouble::io("start a thread"))
}

fn answered<T: Send + 'static>(
    answer: oneshot::Receiver<Result<T, MemoryError>>,
) -> BoxFuture<'static, Result<T, MemoryError>> {
    Box::pin(async { answer.await.unwrap_or(Err(MemoryError::Closed)) })
}

impl Memory for SledMemory {
    /// Sent at once, in the order of the calls, before the future is polled: dropping the future takes nothing back.
    fn remember(&self, record: Record) -> BoxFuture<'_, Result<(), MemoryError>> {
        if let Err(error) = limits::check_size(&record) {
            return Box::pin(std::future::ready(Err(error)));
        }
        let (reply, answer) = oneshot::channel();
        self.send(Work::Remember(record, reply));
        answered(answer)
    }

    /// Sees everything that was acknowledged before the call.
    fn recall(&self, cue: Cue) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>> {
        self.query("recall", move |trees| recall::recall(trees, &cue))
    }

    /// Durable when it resolves. The bytes stay in sled's files until it writes over them.
    fn forget(&self, subject: String) -> BoxFuture<'_, Result<usize, MemoryError>> {
        let (reply, answer) = oneshot::channel();
        self.send(Work::Forget(subject, reply));
        answered(answer)
    }

    fn export(&self) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>> {
        self.query("export", recall::export)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.works.take());
        drop(self.queries.take());
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to say.
            drop(thread.join());
        }
    }
}
