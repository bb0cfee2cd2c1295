//! What can be saved of a damaged journal: never in place, never silently, and not for signing until a person says so.

mod scan;

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use agent_core::ports::{JournalError, Verified};
use redb::{Database, ReadTransaction, TableDefinition, TableError, backends::FileBackend};

use self::scan::{Chain, Evidence, Scan};
use crate::{
    chain::Head,
    copy, directory,
    files::{DATABASE, LOG, WITNESS},
    head, log, opening, reader,
    reading::JournalReader,
    replay::Replay,
    trouble::{Trouble, Unconfirmed},
};

/// How many entries were acknowledged, as far as that is known, and whether a person has confirmed what is left.
const SALVAGED: TableDefinition<'static, (), (Option<u64>, bool)> = TableDefinition::new("salvaged");
const MARKING: &str = "mark what was salvaged";

/// That a journal was salvaged from a damaged one. It stays in the journal and in its backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mark {
    /// How many entries the damaged journal had acknowledged, if its witness could still say.
    pub acknowledged: Option<u64>,
    /// Whether a person has confirmed that it may be used.
    pub confirmed: bool,
}

/// What was saved, and what is known to be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// What the new journal holds, verified. Its last entries may be ones that were never acknowledged.
    pub kept: Verified,
    /// How many entries the damaged journal had acknowledged, if its witness could still say.
    pub acknowledged: Option<u64>,
    /// The damaged file has another continuation of the same length: which one was acknowledged cannot be known.
    pub ambiguous: bool,
}

impl fmt::Display for Salvaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries saved, each verified", self.kept.entries)?;
        match self.acknowledged.map(|acknowledged| acknowledged.saturating_sub(self.kept.entries)) {
            None => f.write_str("; how many are lost is not known, the witness is lost too")?,
            Some(0) => f.write_str("; no acknowledged entry is lost")?,
            Some(lost) => write!(
                f,
                "; {lost} acknowledged entries are lost: entry {} and all after it",
                self.kept.entries
            )?,
        }
        if self.ambiguous {
            f.write_str(
                "; the file has another continuation of the same length, this one was chosen blindly",
            )?;
        }
        Ok(())
    }
}

/// Saves the longest verified beginning of the damaged journal in `from` into a new one in `to`, a folder that is not there
/// yet. Reads the bytes of the redb file and of the log, and not their order: the entries are known by their hashes wherever
/// they lie. `from` is not changed. The new journal is marked, and [`RedbJournal::open`](crate::RedbJournal::open) refuses it until it is
/// [confirmed](confirm): an intent whose entry is lost may have been signed, and only the chain knows.
///
/// Blocks for as long as reading the files takes, and keeps the log and some bytes for each entry in memory.
///
/// # Errors
/// [`JournalError::InUse`] while a process has it open, [`JournalError::Damaged`] when not even the first entry is left,
/// [`JournalError::Storage`] when `from` cannot be read or `to` is there already. `from` is as it was in each case.
pub fn salvage(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Salvaged, JournalError> {
    let (from, to) = (from.as_ref(), to.as_ref());
    reader::caught(|| Ok(salvage_unguarded(from, to)))?
}

fn salvage_unguarded(from: &Path, to: &Path) -> Result<Salvaged, JournalError> {
    let file = File::open(from.join(DATABASE)).map_err(Trouble::failed("open its file"))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(JournalError::InUse(from.display().to_string())),
        locked => locked.map_err(|error| Trouble::failed("lock its file")(std::io::Error::from(error)))?,
    }
    let witnessed = witnessed(&from.join(WITNESS));
    let evidence = Evidence::of(file, logged(&from.join(LOG))).map_err(Trouble::failed("read its file"))?;
    let scan = Scan::of(&evidence).map_err(Trouble::failed("read its file"))?;
    let chain = scan.chain(&evidence, witnessed).map_err(Trouble::failed("read its file"))?;
    let Chain { rows, ambiguous } = chain;
    let rows = || rows.iter().map(|row| row.read(&evidence).map_err(Trouble::failed("read its file")));
    let allowed = allowed(rows())?;
    if allowed == 0 {
        return Err(Trouble::damaged(0, "no entry of it can be read").into());
    }
    let acknowledged = witnessed.map(|witnessed| witnessed.entries);
    let head = directory::create(to, |database| {
        let head = copy::fill(database, rows().take(allowed))?;
        put(database, Mark { acknowledged, confirmed: false }).map(|()| head)
    })?;
    let kept = copy::must_equal(head, JournalReader::open(to)?.verify()?)?;
    Ok(Salvaged { kept, acknowledged, ambiguous })
}

/// What the log holds. One that cannot be read holds nothing.
fn logged(path: &Path) -> Vec<u8> {
    let file = File::open(path).ok().and_then(|file| FileBackend::new(file).ok());
    file.and_then(|file| log::raw(&file).ok()).unwrap_or_default()
}

/// What the witness says. One that is damaged as well says nothing.
fn witnessed(path: &Path) -> Option<Head> {
    let file = FileBackend::new(File::open(path).ok()?).ok()?;
    head::read(&file).ok().flatten()
}

/// How many rows follow each other by the rules.
fn allowed(rows: impl Iterator<Item = Result<Vec<u8>, Trouble>>) -> Result<usize, Trouble> {
    let (mut replay, mut head, mut allowed) = (Replay::default(), Head::genesis(), 0usize);
    for row in rows {
        let (stored, after) = head.follow(&row?)?;
        if replay.write(head.entries, &stored.entry).is_err() {
            break;
        }
        (head, allowed) = (after, allowed.saturating_add(1));
    }
    Ok(allowed)
}

/// Lets the salvaged journal in `directory` be opened for signing. For a person who has read the report of [`salvage`] and
/// looked on the chain for what the lost entries may have signed. Without effect on a journal that was confirmed before.
///
/// # Errors
/// [`JournalError::InUse`] while a process has it open, [`JournalError::Storage`] when it was not salvaged or cannot be
/// written, [`JournalError::Damaged`] when it is.
pub fn confirm(directory: impl AsRef<Path>) -> Result<(), JournalError> {
    let directory = directory.as_ref();
    let place = directory.display().to_string();
    reader::caught(|| {
        let file = OpenOptions::new().read(true).write(true).open(directory.join(DATABASE));
        let file = FileBackend::new(file.map_err(Trouble::failed("open its file"))?);
        let file = file.map_err(Trouble::redb("open its file"))?;
        Ok(opening::file(&place, file, opening::SHARED).and_then(|database| {
            let mark = mark(&reader::begin(&database)?)?;
            let mark = mark.ok_or_else(|| Trouble::failed("confirm")(NotSalvaged))?;
            Ok(put(&database, Mark { confirmed: true, ..mark })?)
        }))
    })?
}

#[derive(Debug, thiserror::Error)]
#[error("it was not salvaged, there is nothing to confirm")]
struct NotSalvaged;

pub(crate) fn put(database: &Database, mark: Mark) -> Result<(), Trouble> {
    let transaction = database.begin_write().map_err(Trouble::redb(MARKING))?;
    let row = (mark.acknowledged, mark.confirmed);
    let mut table = transaction.open_table(SALVAGED).map_err(Trouble::redb(MARKING))?;
    table.insert((), row).map_err(Trouble::redb(MARKING))?;
    drop(table);
    transaction.commit().map_err(Trouble::redb(MARKING))
}

pub(crate) fn mark(transaction: &ReadTransaction) -> Result<Option<Mark>, Trouble> {
    let table = match transaction.open_table(SALVAGED) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        table => table.map_err(Trouble::redb(MARKING))?,
    };
    let row = redb::ReadableTable::get(&table, ()).map_err(Trouble::redb(MARKING))?;
    Ok(row.map(|row| {
        let (acknowledged, confirmed) = row.value();
        Mark { acknowledged, confirmed }
    }))
}

/// Whether the journal may be opened for signing.
pub(crate) fn must_be_confirmed(transaction: &ReadTransaction, head: Head) -> Result<(), Trouble> {
    match mark(transaction)? {
        Some(Mark { confirmed: false, .. }) => {
            Err(Trouble::failed("open")(Unconfirmed { kept: head.entries }))
        }
        _ => Ok(()),
    }
}
