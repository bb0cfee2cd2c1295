//! A file that counts its syncs, and says how long they took.

use std::{
    io,
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use redb::{BackendError, StorageBackend, backends::FileBackend};

/// Syncs, and nanoseconds of all of them.
#[derive(Debug, Default)]
pub(crate) struct Syncs {
    pub(crate) count: AtomicU64,
    pub(crate) nanoseconds: AtomicU64,
}

/// The file that it is, and its syncs.
#[derive(Debug)]
pub(crate) struct Counted(pub(crate) FileBackend, pub(crate) Arc<Syncs>);

impl StorageBackend for Counted {
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
        self.1.count.fetch_add(1, Ordering::Relaxed);
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap();
        self.1.nanoseconds.fetch_add(took, Ordering::Relaxed);
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
