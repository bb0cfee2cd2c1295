//! A file that is read and never written: what is written to it stays in memory.
//!
//! redb repairs a file that was not closed when it opens it. On an overlay it does so without touching the evidence.

use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, StorageBackend, backends::FileBackend};

/// Written in pieces of this many bytes.
const PAGE: u64 = 4096;
const PAGE_BYTES: usize = 4096;

/// What was written instead of the file.
#[derive(Debug)]
struct Written {
    length: u64,
    /// How much of the file is left: it may have been cut and grown again.
    kept: u64,
    pages: BTreeMap<u64, Box<[u8; PAGE_BYTES]>>,
}

/// A file with a memory of its own.
#[derive(Debug)]
pub(crate) struct Overlay {
    file: FileBackend,
    written: Mutex<Written>,
}

impl Overlay {
    pub(crate) fn new(file: FileBackend) -> io::Result<Self> {
        let length = file.len()?;
        Ok(Self { file, written: Mutex::new(Written { length, kept: length, pages: BTreeMap::new() }) })
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page as it is now.
    fn page(&self, written: &Written, page: u64) -> io::Result<Box<[u8; PAGE_BYTES]>> {
        if let Some(bytes) = written.pages.get(&page) {
            return Ok(bytes.clone());
        }
        let mut bytes = Box::new([0; PAGE_BYTES]);
        let start = page.saturating_mul(PAGE);
        let there = usize::try_from(written.kept.saturating_sub(start))
            .map_or(PAGE_BYTES, |there| there.min(PAGE_BYTES));
        if let Some(part) = bytes.get_mut(..there) {
            self.file.read(start, part)?;
        }
        Ok(bytes)
    }

    /// Calls `visit` with every page of a range, and which of its bytes belong to which of the range's.
    fn visit(
        offset: u64,
        length: usize,
        mut visit: impl FnMut(u64, std::ops::Range<usize>, std::ops::Range<usize>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (mut at, mut done) = (offset, 0usize);
        while done < length {
            let within =
                usize::try_from(at.checked_rem(PAGE).unwrap_or_default()).map_err(io::Error::other)?;
            let piece = PAGE_BYTES.saturating_sub(within).min(length.saturating_sub(done));
            let end = done.saturating_add(piece);
            visit(at.checked_div(PAGE).unwrap_or_default(), within..within.saturating_add(piece), done..end)?;
            (at, done) = (at.saturating_add(u64::try_from(piece).map_err(io::Error::other)?), end);
        }
        Ok(())
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = self.lock();
        let length = u64::try_from(out.len()).map_err(io::Error::other)?;
        if offset.checked_add(length).is_none_or(|end| end > written.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Self::visit(offset, out.len(), |page, within, of_all| {
            let page = self.page(&written, page)?;
            if let (Some(to), Some(from)) = (out.get_mut(of_all), page.get(within)) {
                to.copy_from_slice(from);
            }
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let written = &mut *self.lock();
        // What lies beyond a cut is zero when the file grows again.
        let (last, within) =
            (length.checked_div(PAGE).unwrap_or_default(), length.checked_rem(PAGE).unwrap_or_default());
        if length < written.length {
            let mut page = self.page(written, last)?;
            let kept = usize::try_from(within).map_err(io::Error::other)?;
            page.iter_mut().skip(kept).for_each(|byte| *byte = 0);
            written.pages.split_off(&last);
            written.pages.insert(last, page);
            written.kept = written.kept.min(length);
        }
        written.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let written = &mut *self.lock();
        Self::visit(offset, data.len(), |number, within, of_all| {
            let mut page = self.page(written, number)?;
            if let (Some(to), Some(from)) = (page.get_mut(within), data.get(of_all)) {
                to.copy_from_slice(from);
            }
            written.pages.insert(number, page);
            Ok(())
        })?;
        let end = offset.saturating_add(u64::try_from(data.len()).map_err(io::Error::other)?);
        written.length = written.length.max(end);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    // Who only reads shares the file with everybody who only reads.
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Write(u64, Vec<u8>),
        Length(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let write = (0..20_000u64, vec(any::<u8>(), 0..6_000)).prop_map(|(at, data)| Step::Write(at, data));
        vec(prop_oneof![write, (0..30_000u64).prop_map(Step::Length)], 0..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_overlay_is_a_file_and_leaves_its_file_alone(first in vec(any::<u8>(), 0..20_000), steps in steps()) {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&first).unwrap();
            let overlay = Overlay::new(FileBackend::new(file.try_clone().unwrap()).unwrap()).unwrap();
            let mut model = first.clone();
            for step in steps {
                match step {
                    Step::Length(length) => {
                        overlay.set_len(length).unwrap();
                        model.resize(length.try_into().unwrap(), 0);
                    }
                    Step::Write(at, data) => {
                        overlay.write(at, &data).unwrap();
                        let (at, end) = (usize::try_from(at).unwrap(), usize::try_from(at).unwrap().saturating_add(data.len()));
                        model.resize(model.len().max(end), 0);
                        model[at..end].copy_from_slice(&data);
                    }
                }
                let mut found = vec![0; model.len()];
                overlay.read(0, &mut found).unwrap();
                prop_assert_eq!(&found, &model);
                prop_assert_eq!(overlay.len().unwrap(), u64::try_from(model.len()).unwrap());
            }
            let mut untouched = vec![0; first.len()];
            FileBackend::new(file).unwrap().read(0, &mut untouched).unwrap();
            prop_assert_eq!(untouched, first);
        }
    }
}
