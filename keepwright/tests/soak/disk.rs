//! A disk that fills up.

use std::{
    fs::OpenOptions,
    io,
    ops::Bound,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agent_core::ports::JournalError;
use memory_journal::{Files, RedbJournal};
use redb::{BackendError, StorageBackend, backends::FileBackend};

/// Entries in one transaction at most, as the journal has it outside of tests.
const GROUP: usize = 1_024;

/// Whether there is no room.
pub(crate) type Full = Arc<AtomicBool>;

/// The journal in `folder`, on a disk that is full while `full` says so. Threads of an earlier life let go of it in a moment.
pub(crate) async fn journal(folder: &Path, full: &Full) -> RedbJournal {
    for _look in 0..500 {
        match RedbJournal::open(folder) {
            Err(JournalError::InUse(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            opened => {
                drop(opened.unwrap());
                break;
            }
        }
    }
    let open = |name: &'static str| {
        let file = OpenOptions::new().read(true).write(true).open(folder.join(name)).unwrap();
        Disk(FileBackend::new(file).unwrap(), Arc::clone(full))
    };
    RedbJournal::open_on(Files::named(open), GROUP).unwrap()
}

#[derive(Debug)]
struct Disk(FileBackend, Full);

impl Disk {
    fn room(&self) -> io::Result<()> {
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
        self.room().and_then(|()| self.0.set_len(len))
    }
    fn sync_data(&self) -> io::Result<()> {
        self.room().and_then(|()| self.0.sync_data())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room().and_then(|()| self.0.write(offset, data))
    }
    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }
    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }
    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }
    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}
