//! The one writer: does everything that is waiting, flushes once, then answers.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
};

use agent_core::ports::{MemoryError, Record, RecordKind};
use futures::channel::oneshot;

use crate::{
    index::{self, Place},
    limits::Limits,
    settle::Counts,
    trees::{Change, Trees},
    trouble::Trouble,
    witness::Witness,
};

/// The most pieces of work before a flush.
const GROUP: usize = 256;
/// The most records that one transaction forgets.
const FORGET: usize = 256;

/// One piece of work, and who waits for it.
#[derive(Debug)]
pub(crate) enum Work {
    Remember(Record, oneshot::Sender<Result<(), MemoryError>>),
    Forget(String, oneshot::Sender<Result<usize, MemoryError>>),
}

/// What tells a caller how it went, when it is known how the flush went.
type Answer = Box<dyn FnOnce(&Result<(), Trouble>)>;

/// The state behind the handles. One thread owns it, so there is no lock.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) trees: Trees,
    /// sled's own file, for a sync that is one.
    pub(crate) file: File,
    pub(crate) limits: Limits,
    pub(crate) counts: Counts,
    pub(crate) witness: Witness,
}

impl Writer {
    /// Works until the last handle is gone and everything sent before is done.
    pub(crate) fn run(mut self, works: &mpsc::Receiver<Work>) {
        while let Ok(first) = works.recv() {
            let group = std::iter::once(first).chain(works.try_iter().take(GROUP));
            let done: Vec<_> = group.map(|work| self.work(work)).collect();
            let flushed = caught("flush", || self.flush());
            done.into_iter().for_each(|answer| answer(&flushed));
        }
    }

    /// The witness never tells of more than there is: not before the flush, not after it.
    pub(crate) fn flush(&mut self) -> Result<(), Trouble> {
        let witnessing = Trouble::io("write its witness");
        self.witness.lower(self.counts).map_err(&witnessing)?;
        self.trees.flush(&self.file)?;
        self.witness.put(self.counts).map_err(&witnessing)
    }

    /// Does the work; what comes back answers it, when the outcome of the flush is known.
    fn work(&mut self, work: Work) -> Answer {
        match work {
            Work::Remember(record, reply) => answer(caught("remember", || self.remember(&record)), reply),
            Work::Forget(subject, reply) => answer(caught("forget", || self.forget(&subject)), reply),
        }
    }

    fn remember(&mut self, record: &Record) -> Result<(), Trouble> {
        let mut change = Change::default();
        let mut replaced = 0;
        if record.kind == RecordKind::Fact {
            for (key, place) in self.fact_of(&record.subject)? {
                change.forget(key, place);
                replaced = 1u64.saturating_add(replaced);
            }
        }
        change.keep(self.counts.next, record);
        self.trees.commit(&change)?;
        self.counts.next = self.counts.next.saturating_add(1);
        let count = self.counts.of(record.kind);
        *count = count.saturating_add(1).saturating_sub(replaced);
        self.trim(record.kind)
    }

    fn fact_of(&self, subject: &str) -> Result<Vec<(sled::IVec, Place)>, Trouble> {
        let mut found = Vec::new();
        for key in self.trees.subjects.scan_prefix(index::fact_prefix(subject, RecordKind::Fact)).keys() {
            let key = key.map_err(Trouble::sled("read its index"))?;
            let of_subject = index::read(&key).filter(|(other, _)| *other == subject.as_bytes());
            if let Some((_, place)) = of_subject {
                found.push((key, place));
            }
        }
        Ok(found)
    }

    /// Drops the oldest records of a kind that are over its limit.
    pub(crate) fn trim(&mut self, kind: RecordKind) -> Result<(), Trouble> {
        while *self.counts.of(kind) > self.limits.of(kind) {
            let Some(oldest) = self.trees.records(kind).first().map_err(Trouble::sled("read"))? else {
                break;
            };
            let mut change = Change::default();
            let sequence = oldest.0.as_ref().try_into().map_or(0, u64::from_be_bytes);
            let place = Place { kind, sequence };
            match self.trees.read(&oldest.0, &oldest.1) {
                Some((_, record)) => change.forget(index::key(&record.subject, place).into(), place),
                None => change.drop_record(place),
            }
            self.trees.commit(&change)?;
            let count = self.counts.of(kind);
            *count = count.saturating_sub(1);
        }
        Ok(())
    }

    fn forget(&mut self, prefix: &str) -> Result<usize, Trouble> {
        let mut forgotten = 0usize;
        loop {
            let mut change = Change::default();
            let mut places = Vec::new();
            for key in self.trees.subjects.scan_prefix(prefix).keys() {
                let key = key.map_err(Trouble::sled("read its index"))?;
                let of_subject = index::read(&key).filter(|(other, _)| other.starts_with(prefix.as_bytes()));
                if let Some((_, place)) = of_subject {
                    change.forget(key, place);
                    places.push(place);
                }
                if places.len() == FORGET {
                    break;
                }
            }
            if places.is_empty() {
                return Ok(forgotten);
            }
            self.trees.commit(&change)?;
            forgotten = forgotten.saturating_add(places.len());
            for place in places {
                let count = self.counts.of(place.kind);
                *count = count.saturating_sub(1);
            }
        }
    }
}

/// Does `work`, and makes an error of a panic: sled has some where others have errors.
pub(crate) fn caught<T>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Trouble::panicked(doing)))
}

fn answer<T: 'static>(done: Result<T, Trouble>, reply: oneshot::Sender<Result<T, MemoryError>>) -> Answer {
    Box::new(move |flushed| {
        let outcome = done.and_then(|done| flushed.clone().map(|()| done));
        // A caller who no longer waits does not hear the answer.
        drop(reply.send(outcome.map_err(MemoryError::from)));
    })
}
