//! The real journal on a real disk, in a file that says how long its syncs took.

use std::{
    fs::OpenOptions,
    io,
    ops::Bound,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use keepwright::journal::{Files, RedbJournal};
use redb::{BackendError, StorageBackend, backends::FileBackend};

/// Entries in one transaction at most, as the journal has it outside of this.
const GROUP: usize = 1_024;

/// Nanoseconds of all syncs so far.
pub(crate) type Synced = Arc<AtomicU64>;

pub(crate) fn open(folder: &Path) -> (RedbJournal, Synced) {
    drop(RedbJournal::open(folder).unwrap());
    let synced = Synced::default();
    let open = |name: &'static str| {
        let file = OpenOptions::new().read(true).write(true).open(folder.join(name)).unwrap();
        Timed(FileBackend::new(file).unwrap(), Arc::clone(&synced))
    };
    let journal = RedbJournal::open_on(Files::named(open), GROUP).unwrap();
    (journal, synced)
}

#[derive(Debug)]
struct Timed(FileBackend, Synced);

impl StorageBackend for Timed {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        let began = Instant::now();
        let synced = self.0.sync_data();
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap();
        self.1.fetch_add(took, Ordering::SeqCst);
        synced
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
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
