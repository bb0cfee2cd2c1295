use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use agent_core::{
    ports::{EntryKind, Journal},
    units::Timestamp,
};
use alloy_primitives::B256;
use futures::executor::block_on;
use redb::{StorageBackend, backends::InMemoryBackend};

use super::*;
use crate::{
    directory::{Journaled, settle},
    journal::RedbJournal,
};

pub(crate) fn recorded(subject: u8) -> Entry {
    let (kind, subject, at) = (EntryKind::Recorded, B256::repeat_byte(subject), Timestamp(1));
    Entry { kind, subject, at, claims: vec![], reservations: vec![], payload: vec![] }
}

/// A disk that can be full.
#[derive(Debug, Clone)]
struct Disk(Arc<InMemoryBackend>, Arc<AtomicBool>);

impl Disk {
    fn written(&self) -> io::Result<()> {
        if self.1.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.written().and_then(|()| self.0.set_len(len))
    }
    fn sync_data(&self) -> io::Result<()> {
        self.written().and_then(|()| self.0.sync_data())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.written().and_then(|()| self.0.write(offset, data))
    }
}

fn open(disk: &Disk, directory: &std::path::Path) -> RedbJournal {
    let database = redb::Builder::new().create_with_backend(disk.clone()).unwrap();
    let head = settle(&database).unwrap();
    let witness = Witness::open(directory, head).unwrap();
    RedbJournal::start(Journaled { database, head, witness }).unwrap()
}

#[test]
fn a_full_disk_ends_writing_until_the_journal_is_reopened() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk(Arc::default(), Arc::default());
    let journal = open(&disk, directory.path());
    assert_eq!(block_on(journal.append(recorded(1))).unwrap(), Appended::Written(Sequence(0)));

    disk.1.store(true, Ordering::SeqCst);
    assert!(block_on(journal.append(recorded(2))).is_err(), "a full disk");
    disk.1.store(false, Ordering::SeqCst);
    let error = block_on(journal.append(recorded(3))).unwrap_err().to_string();
    assert!(error.contains("an earlier write failed") && error.contains("reopen"), "{error}");
    drop(journal);

    let journal = open(&disk, directory.path());
    let entries = block_on(journal.verify()).unwrap().entries;
    assert_eq!(block_on(journal.append(recorded(4))).unwrap(), Appended::Written(Sequence(entries)));
}

#[test]
fn a_misfit_is_refused_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let claims = vec![agent_core::ports::Claim { key: "nonce".into(), releasable: true }];
    let misfit = Entry { kind: EntryKind::Order, claims, ..recorded(1) };
    let error = block_on(journal.append(misfit)).unwrap_err().to_string();
    assert!(error.contains("can hold claims"), "{error}");
    assert_eq!(block_on(journal.append(recorded(1))).unwrap(), Appended::Written(Sequence(0)));
}

#[test]
fn a_group_is_checked_entry_by_entry() {
    let directory = tempfile::tempdir().unwrap();
    let Journaled { database, head, witness } = crate::directory::open(directory.path()).unwrap();
    let mut scribe = Scribe { database: Arc::new(database), witness, head, poison: None };
    let answers = scribe.write(&[recorded(1), recorded(1), recorded(2)]).unwrap();
    let conflict = agent_core::ports::Conflict::WrongState;
    let expected = [
        Ok(Appended::Written(Sequence(0))),
        Ok(Appended::Rejected(conflict)),
        Ok(Appended::Written(Sequence(1))),
    ];
    assert_eq!(answers, expected);
}
