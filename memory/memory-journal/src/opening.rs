//! From three files to an open journal: the checks that every open makes, whatever the files are.

use std::io;

use agent_core::ports::JournalError;
use redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, ReadableTable, StorageBackend, TableDefinition,
    WriteTransaction,
};

use crate::{
    chain::Head,
    files::Files,
    head::{self, Witness},
    journaled::Journaled,
    log::Log,
    reader, salvage,
    tables::{self, ENTRIES},
    tail::Tail,
    trouble::{Trouble, UnknownFormat},
};

/// Without replacements and notes.
const FIRST: u64 = 1;
/// Without a log: how a journal begins, and what a backup is. Its first opening begins the log.
const UNLOGGED: u64 = 2;
/// With a log, which is never missing. Programs that know none refuse it, rather than be short of what is in there.
pub(crate) const LOGGED: u64 = 3;
/// The version of the whole file. Read before anything else.
const VERSION: TableDefinition<'static, (), u64> = TableDefinition::new("format");
/// One writer, and readers of other processes beside it.
pub(crate) const SHARED: ConcurrencyMode = ConcurrencyMode::SingleWriter;
const BEGINNING: &str = "begin";
const OPENING: &str = "read its head";
/// Pages kept in memory. A checkpoint touches some hundreds.
pub(crate) const CACHE_BYTES: usize = 8 << 20;

/// Makes a new journal in an empty file, and closes it: what is there afterwards is a whole journal without entries.
///
/// What `fill` puts into it is there as well.
pub(crate) fn begin<T>(
    place: &str,
    database: impl StorageBackend,
    fill: impl FnOnce(&Database) -> Result<T, Trouble>,
) -> Result<T, JournalError> {
    let database = file(place, database, SHARED)?;
    let transaction = database.begin_write().map_err(Trouble::redb(BEGINNING))?;
    tables::create(&transaction).map_err(Trouble::redb(BEGINNING))?;
    tables::put_head(&transaction, Head::genesis()).map_err(Trouble::redb(BEGINNING))?;
    put_version(&transaction, UNLOGGED).map_err(Trouble::redb(BEGINNING))?;
    transaction.commit().map_err(Trouble::redb(BEGINNING))?;
    let filled = fill(&database)?;
    database.close().map_err(Trouble::redb(BEGINNING))?;
    Ok(filled)
}

/// Opens the journal in the three files. `place` is what people call it.
///
/// What is in the log goes into the redb file at once, so that the log is never continued after a crash: what a failed sync
/// left of it, on disk or only in memory, is written anew and synced.
pub(crate) fn open<B: StorageBackend>(place: &str, files: Files<B>) -> Result<Journaled, JournalError> {
    // redb answers damage with an error where it checks for it, and promises no more than that.
    reader::caught(|| Ok(open_unguarded(place, files)))?
}

fn open_unguarded<B: StorageBackend>(place: &str, files: Files<B>) -> Result<Journaled, JournalError> {
    if files.database.len().map_err(Trouble::failed(OPENING))? == 0 {
        return Err(Trouble::damaged(0, "the file is empty").into());
    }
    let database = file(place, files.database, SHARED)?;
    let (version, base) = settle(&database)?;
    let witnessed = head::read(&files.witness)?;
    let (mut log, rows) = if version < LOGGED {
        // Before anything in the log is cleared: it may be all that is left of a journal whose file is gone.
        head::compare(witnessed, base)?;
        let log = Log::begin(files.log, base)?;
        migrate(&database)?;
        (log, Vec::new())
    } else {
        Log::open(files.log, base)?
    };
    let mut tail = Tail::of(&database)?;
    rows.into_iter().try_for_each(|row| tail.follow(row))?;
    head::compare(witnessed, tail.head())?;
    // Not before it is known that nothing is missing: what a salvage would want is left alone.
    log.clear_torn()?;
    tail.checkpoint(&database)?;
    log.renew(tail.head());
    let witness = Witness::begin(files.witness, tail.head())?;
    Ok(Journaled { tail, log, witness, database })
}

/// Opens a file, and puts it in order if it was not closed.
pub(crate) fn file(
    place: &str,
    database: impl StorageBackend,
    mode: ConcurrencyMode,
) -> Result<Database, JournalError> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_concurrency_mode(mode);
    builder.set_check_integrity_on_open(true);
    builder.create_with_backend(database).map_err(|error| refused(place, error))
}

/// redb's refusal to open `place`, as the port's.
pub(crate) fn refused(place: &str, error: DatabaseError) -> JournalError {
    if matches!(error, DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch) {
        return JournalError::InUse(place.to_owned());
    }
    if let DatabaseError::Storage(redb::StorageError::Io(error)) = &error
        && error.kind() == io::ErrorKind::InvalidData
    {
        return Trouble::damaged(0, error.to_string()).into();
    }
    Trouble::redb("open its file")(error).into()
}

/// Finds out what the file is, whether it may be signed from, and where its chain stands.
fn settle(database: &Database) -> Result<(u64, Head), Trouble> {
    let transaction = reader::begin(database)?;
    let (version, head) = (recognise(&transaction)?, check_head(&transaction)?);
    salvage::must_be_confirmed(&transaction, head)?;
    Ok((version, head))
}

/// Brings a file of a version before up to date, in one step: rows stay as they are, and say their version themselves.
fn migrate(database: &Database) -> Result<(), Trouble> {
    let migrating = "bring its format up to date";
    let transaction = database.begin_write().map_err(Trouble::redb(migrating))?;
    tables::create(&transaction).map_err(Trouble::redb(migrating))?;
    put_version(&transaction, LOGGED).map_err(Trouble::redb(migrating))?;
    transaction.commit().map_err(Trouble::redb(migrating))
}

fn put_version(transaction: &WriteTransaction, version: u64) -> Result<(), redb::Error> {
    transaction.open_table(VERSION)?.insert((), version)?;
    Ok(())
}

/// The file's version, if this program knows it.
pub(crate) fn recognise(transaction: &redb::ReadTransaction) -> Result<u64, Trouble> {
    let found = match transaction.open_table(VERSION) {
        Ok(table) => table.get(()).map_err(Trouble::redb(OPENING))?.map_or(0, |found| found.value()),
        Err(redb::TableError::Storage(error)) => return Err(Trouble::redb(OPENING)(error)),
        Err(_) => 0,
    };
    if (FIRST..=LOGGED).contains(&found) {
        Ok(found)
    } else {
        Err(Trouble::failed("open")(UnknownFormat { found, known: LOGGED }))
    }
}

/// The cheap check: the last entry is where the head says, and has the head's hash.
pub(crate) fn check_head(transaction: &redb::ReadTransaction) -> Result<Head, Trouble> {
    let head = tables::head(transaction)?;
    let entries = transaction.open_table(ENTRIES).map_err(Trouble::redb(OPENING))?;
    let last = entries.last().map_err(Trouble::redb(OPENING))?.map(|(position, _)| position.value());
    let found = match last {
        None => Head::genesis(),
        Some(last) => {
            let entries_there = last.checked_add(1).ok_or_else(|| Trouble::damaged(last, "no such entry"))?;
            Head { entries: entries_there, hash: tables::stored(&entries, last)?.hash }
        }
    };
    if found == head {
        Ok(head)
    } else {
        Err(Trouble::damaged(head.entries, "the last entry is not the head"))
    }
}
