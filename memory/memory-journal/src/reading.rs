//! A journal to look at: beside the process that writes it, or when there is none.

use std::{fs::OpenOptions, path::Path};

use agent_core::ports::{JournalError, Sequence, Stored, Verified};
use redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableTable,
    backends::FileBackend,
};

use crate::{
    chain::Head,
    copy,
    directory::{self, FILE, WITNESS},
    head,
    opening::{self, CACHE_BYTES, SHARED},
    overlay::Overlay,
    reader,
    salvage::{self, Mark},
    tables::ENTRIES,
    trouble::Trouble,
    verify,
};

const READING: &str = "read its entries";
/// Entries read at once.
const PAGE: usize = 256;
/// The witness is written while we read it: so often it may seem torn.
const TRIES: usize = 16;

/// One moment of a journal, read-only: what is written later is not seen, and nothing is ever changed, not even what a
/// killed process left to be put in order. While it is there, a process that writes beside it cannot reuse what it frees
/// on disk, and a journal that no process has open cannot be opened for writing if it was not closed properly.
///
/// Reading blocks: call it from a thread that may.
#[derive(Debug)]
pub struct JournalReader {
    transaction: ReadTransaction,
    head: Head,
    mark: Option<Mark>,
    /// Dropped after the transaction.
    _database: Source,
}

enum Source {
    /// Beside a writer, or closed properly.
    Shared(ReadOnlyDatabase),
    /// Its last writer was killed: put in order in memory.
    Killed(Database),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Shared(_) => "Shared",
            Self::Killed(_) => "Killed",
        })
    }
}

impl JournalReader {
    /// Opens the journal in `directory` as it is now, and checks its last entry against the witness. Needs no right to
    /// write there.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when a check fails, [`JournalError::InUse`] when a process of another version holds the
    /// file for itself, and [`JournalError::Storage`] when there is no journal, or none that this version can read.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, JournalError> {
        let directory = directory.as_ref();
        reader::caught(|| Ok(Self::open_unguarded(directory)))?
    }

    fn open_unguarded(directory: &Path) -> Result<Self, JournalError> {
        // Before the snapshot: the witness is never ahead of the file, and must not be behind only because we were slow.
        let witnessed = witnessed(directory)?;
        let (source, transaction) = snapshot(directory)?;
        opening::recognise(&transaction)?;
        let head = opening::check_head(&transaction)?;
        head::compare(witnessed, head)?;
        let mark = salvage::mark(&transaction)?;
        Ok(Self { transaction, head, mark, _database: source })
    }

    /// How many entries there are, and the last one's hash. Checked only as far as opening does.
    pub const fn head(&self) -> Verified {
        Verified { entries: self.head.entries, head: self.head.hash }
    }

    /// If it was salvaged from a damaged journal: what is known of that.
    pub const fn salvaged(&self) -> Option<Mark> {
        self.mark
    }

    /// Follows the whole chain and replays every entry; what is on disk besides must be what comes out. Keeps in memory some
    /// 300 bytes for each intent that was ever opened.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] at the first entry that is not as it was written.
    pub fn verify(&self) -> Result<Verified, JournalError> {
        Ok(reader::caught(|| verify::verify(&self.transaction))?)
    }

    /// The entries from `from` on, a few hundred of them in memory at a time. Each matches its own hash; after an error there
    /// are no more.
    pub fn entries(&self, from: Sequence) -> impl Iterator<Item = Result<Stored, JournalError>> {
        let mut next = Some(from);
        std::iter::from_fn(move || self.page(&mut next)).flatten()
    }

    /// The next entries, if there are any.
    fn page(&self, next: &mut Option<Sequence>) -> Option<Vec<Result<Stored, JournalError>>> {
        let from = next.take()?;
        match reader::caught(|| reader::page(&self.transaction, from, PAGE)) {
            Err(trouble) => Some(vec![Err(trouble.into())]),
            Ok(entries) => {
                *next = entries.last()?.sequence.0.checked_add(1).map(Sequence);
                Some(entries.into_iter().map(Ok).collect())
            }
        }
    }

    /// The entries that opened an intent that nothing closed yet, oldest first.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when one of them cannot be read.
    pub fn open_intents(&self) -> Result<Vec<Stored>, JournalError> {
        Ok(reader::caught(|| reader::open_intents(&self.transaction))?)
    }

    /// Copies this moment of the journal into `to`, a folder that is not there yet, then reads the copy again and follows all
    /// of it. The copy is a journal like any other. After a crash or an error half-way, the folder is there and holds none.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when an entry is not as it was written: nothing is left out silently.
    /// [`JournalError::Storage`] when `to` is there already or cannot be written.
    pub fn backup(&self, to: impl AsRef<Path>) -> Result<Verified, JournalError> {
        let to = to.as_ref();
        reader::caught(|| Ok(self.backup_unguarded(to)))?
    }

    fn backup_unguarded(&self, to: &Path) -> Result<Verified, JournalError> {
        let entries = self.transaction.open_table(ENTRIES).map_err(Trouble::redb(READING))?;
        let rows = entries.iter().map_err(Trouble::redb(READING))?.map(|row| {
            let (_, bytes) = row.map_err(Trouble::redb(READING))?;
            Ok(bytes.value().to_vec())
        });
        let copied = directory::create(to, |database| {
            let head = copy::fill(database, rows)?;
            self.mark.map_or(Ok(head), |mark| salvage::put(database, mark).map(|()| head))
        })?;
        let again = Self::open(to)?.verify()?;
        copy::must_equal(self.head, again)?;
        Ok(copy::must_equal(copied, again)?)
    }
}

fn witnessed(directory: &Path) -> Result<Option<Head>, Trouble> {
    let file = match OpenOptions::new().read(true).open(directory.join(WITNESS)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(Trouble::failed("open its witness"))?,
    };
    let file = FileBackend::new(file).map_err(Trouble::redb("open its witness"))?;
    let mut witnessed = head::read(&file);
    for _ in 0..TRIES {
        if witnessed.is_ok() {
            break;
        }
        witnessed = head::read(&file);
    }
    witnessed
}

fn snapshot(directory: &Path) -> Result<(Source, ReadTransaction), JournalError> {
    let place = directory.display().to_string();
    let open = || -> Result<FileBackend, DatabaseError> {
        FileBackend::new(OpenOptions::new().read(true).open(directory.join(FILE))?)
    };
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_concurrency_mode(SHARED);
    let shared = open().and_then(|file| builder.open_read_only_with_backend(file));
    let source = match shared {
        Ok(database) => Source::Shared(database),
        Err(DatabaseError::RepairAborted) => Source::Killed(put_in_order(&place, open)?),
        Err(error) => return Err(opening::refused(&place, error)),
    };
    let transaction = match &source {
        Source::Shared(database) => reader::snapshot(database)?,
        Source::Killed(database) => reader::snapshot(database)?,
    };
    Ok((source, transaction))
}

fn put_in_order(
    place: &str,
    open: impl FnOnce() -> Result<FileBackend, DatabaseError>,
) -> Result<Database, JournalError> {
    let file = open().map_err(|error| opening::refused(place, error))?;
    let overlay = Overlay::new(file).map_err(Trouble::failed("open its file"))?;
    opening::file(place, overlay, ConcurrencyMode::ExclusiveWriter)
}
