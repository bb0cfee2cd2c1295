//! Records for tests.

use std::path::Path;

use agent_core::{
    ports::{Cue, Memory, Provenance, Record, RecordKind},
    units::Timestamp,
};
use futures::executor::block_on;
use memory_sled::{Limits, Opened, SledMemory};

pub(crate) const LIMITS: Limits = Limits { episodes: 10_000, facts: 1_000 };

pub(crate) fn record(kind: RecordKind, subject: &str, text: &str) -> Record {
    let (subject, text) = (subject.to_owned(), text.to_owned());
    Record { kind, subject, at: Timestamp(7), provenance: Provenance::Agent, text }
}

pub(crate) fn episode(subject: &str, text: &str) -> Record {
    record(RecordKind::Episode, subject, text)
}

/// Opens, and must find everything in order.
pub(crate) fn open(directory: &Path) -> SledMemory {
    let (memory, opened) = SledMemory::open(directory, LIMITS).unwrap();
    assert_eq!((opened, memory.damaged()), (Opened::Clean, 0));
    memory
}

pub(crate) fn remember(memory: &dyn Memory, record: Record) {
    block_on(memory.remember(record)).unwrap();
}

pub(crate) fn texts(memory: &dyn Memory, subject: &str) -> Vec<String> {
    let cue = Cue { subject: subject.to_owned(), kind: None, limit: usize::MAX };
    block_on(memory.recall(cue)).unwrap().into_iter().map(|record| record.text).collect()
}
