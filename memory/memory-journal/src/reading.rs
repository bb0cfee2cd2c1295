//! A journal to look at: beside the process that writes it, or when there is none.

use std::{
    fs::{File, OpenOptions},
    path::Path,
};

use agent_core::ports::{JournalError, Sequence, Stored, Verified};
use redb::{Builder, ConcurrencyMode, Database, DatabaseError, ReadOnlyDatabase, backends::FileBackend};

use crate::{
    chain::Head,
    copy, directory,
    files::{DATABASE, LOG, WITNESS},
    head, log,
    opening::{self, CACHE_BYTES, LOGGED, SHARED},
    overlay::Overlay,
    reader::{self, Bytes, Snapshot},
    salvage::{self, Mark},
    tables,
    trouble::Trouble,
    verify,
};

/// Entries read at once.
const PAGE: usize = 256;
/// The witness and the log are written while we read them: so often they may seem torn, or of another moment.
const TRIES: usize = 16;

/// One moment of a journal, read-only: what is written later is not seen, and nothing is ever changed, not even what a
/// killed process left to be put in order. While it is there, a process that writes beside it cannot reuse what it frees
/// on disk, and a journal that no process has open cannot be opened for writing if it was not closed properly.
///
/// Reading blocks: call it from a thread that may.
#[derive(Debug)]
pub struct JournalReader {
    snapshot: Snapshot,
    mark: Option<Mark>,
    /// Dropped after the snapshot.
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
    /// Opens the journal in `directory` as it is now, follows what is in its log, and checks the last entry against the
    /// witness. Needs no right to write there.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when a check fails, [`JournalError::InUse`] when a process of another version holds the
    /// file for itself, and [`JournalError::Storage`] when there is no journal, or none that this version can read.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, JournalError> {
        let directory = directory.as_ref();
        reader::caught(|| Ok(Self::open_unguarded(directory)))?
    }

    fn open_unguarded(directory: &Path) -> Result<Self, JournalError> {
        // Before the snapshot: the witness is never ahead, and must not be behind only because we were slow.
        let witnessed = witnessed(directory)?;
        let source = source(directory)?;
        let snapshot = source.moment(directory)?;
        head::compare(witnessed, snapshot.head)?;
        let mark = salvage::mark(&snapshot.transaction)?;
        Ok(Self { snapshot, mark, _database: source })
    }

    /// How many entries there are, and the last one's hash. Checked only as far as opening does.
    pub const fn head(&self) -> Verified {
        Verified { entries: self.snapshot.head.entries, head: self.snapshot.head.hash }
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
        Ok(reader::caught(|| verify::verify(&self.snapshot))?)
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
        match reader::caught(|| self.snapshot.page(from, PAGE)) {
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
        Ok(reader::caught(|| self.snapshot.open_intents())?)
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
        let rows = self.snapshot.rows()?;
        let copied = directory::create(to, |database| {
            let head = copy::fill(database, rows)?;
            self.mark.map_or(Ok(head), |mark| salvage::put(database, mark).map(|()| head))
        })?;
        let again = Self::open(to)?.verify()?;
        copy::must_equal(self.snapshot.head, again)?;
        Ok(copy::must_equal(copied, again)?)
    }
}

fn witnessed(directory: &Path) -> Result<Option<Head>, Trouble> {
    let file = match OpenOptions::new().read(true).open(directory.join(WITNESS)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => backend(file, "open its witness")?,
    };
    let mut witnessed = head::read(&file);
    for _ in 0..TRIES {
        if witnessed.is_ok() {
            break;
        }
        witnessed = head::read(&file);
    }
    witnessed
}

impl Source {
    /// One moment of the redb file and of the log together.
    ///
    /// The log follows the redb file's head for as long as that stays what it is: if a checkpoint moved it while we read,
    /// we have rows of before and after, and look again. Beside a writer, a write that is under way may look like damage;
    /// damage looks the same the next time.
    fn moment(&self, directory: &Path) -> Result<Snapshot, JournalError> {
        let mut found = self.look(directory)?;
        for _ in 0..TRIES {
            match found {
                Ok((snapshot, true)) => return Ok(snapshot),
                Ok((_, false)) | Err(_) => found = self.look(directory)?,
            }
        }
        let (snapshot, same) = found?;
        if same { Ok(snapshot) } else { Err(Trouble::failed("read it between two checkpoints")(Busy).into()) }
    }

    /// A snapshot, and whether the redb file's head stayed where it was; or what is wrong with the log.
    fn look(&self, directory: &Path) -> Result<Result<(Snapshot, bool), Trouble>, JournalError> {
        let transaction = self.begin()?;
        let version = opening::recognise(&transaction)?;
        let base = opening::check_head(&transaction)?;
        let rows = if version < LOGGED { Ok((Vec::new(), base)) } else { rows(directory, base) };
        let same = tables::head(&self.begin()?)? == base;
        Ok(rows.map(|(rows, head)| (Snapshot { transaction, base, rows, head }, same)))
    }

    fn begin(&self) -> Result<redb::ReadTransaction, Trouble> {
        match self {
            Self::Shared(database) => reader::begin(database),
            Self::Killed(database) => reader::begin(database),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it is written too fast to be read beside its writer, try again")]
struct Busy;

/// The rows in the log after `base`, each of them followed, and where the chain stands with them.
fn rows(directory: &Path, base: Head) -> Result<(Vec<Bytes>, Head), Trouble> {
    let rows = match OpenOptions::new().read(true).open(directory.join(LOG)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Trouble::damaged(base.entries, "the file `journal.log` is missing"));
        }
        file => log::rows(&backend(file, "open its log")?, base)?,
    };
    let mut head = base;
    for row in &rows {
        head = head.follow(row)?.1;
    }
    Ok((rows.into_iter().map(Bytes::from).collect(), head))
}

fn backend(file: std::io::Result<File>, doing: &'static str) -> Result<FileBackend, Trouble> {
    FileBackend::new(file.map_err(Trouble::failed(doing))?).map_err(Trouble::redb(doing))
}

fn source(directory: &Path) -> Result<Source, JournalError> {
    let place = directory.display().to_string();
    let open = || -> Result<FileBackend, DatabaseError> {
        FileBackend::new(OpenOptions::new().read(true).open(directory.join(DATABASE))?)
    };
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_concurrency_mode(SHARED);
    match open().and_then(|file| builder.open_read_only_with_backend(file)) {
        Ok(database) => Ok(Source::Shared(database)),
        Err(DatabaseError::RepairAborted) => Ok(Source::Killed(put_in_order(&place, open)?)),
        Err(error) => Err(opening::refused(&place, error)),
    }
}

fn put_in_order(
    place: &str,
    open: impl FnOnce() -> Result<FileBackend, DatabaseError>,
) -> Result<Database, JournalError> {
    let file = open().map_err(|error| opening::refused(place, error))?;
    let overlay = Overlay::new(file).map_err(Trouble::failed("open its file"))?;
    opening::file(place, overlay, ConcurrencyMode::ExclusiveWriter)
}
