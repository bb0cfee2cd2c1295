//! From two files to an open journal: the checks that every open makes, whatever the files are.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use agent_core::ports::JournalError;
use redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend,
    TableDefinition, WriteTransaction,
};

use crate::{
    chain::{FIRST, FORMAT, Head},
    head::Witness,
    salvage,
    tables::{self, ENTRIES, Tables},
    trouble::{Panicked, Trouble, UnknownFormat},
};

/// The version of the whole file. Read before anything else.
const VERSION: TableDefinition<'static, (), u64> = TableDefinition::new("format");
/// One writer, and readers of other processes beside it.
pub(crate) const SHARED: ConcurrencyMode = ConcurrencyMode::SingleWriter;
const BEGINNING: &str = "begin";
const OPENING: &str = "read its head";
/// Pages kept in memory. An append touches a few dozen.
pub(crate) const CACHE_BYTES: usize = 8 << 20;

/// An open journal: nobody else writes it, its pages are whole and its last entry is the last acknowledged one.
#[derive(Debug)]
pub(crate) struct Journaled {
    pub(crate) database: Database,
    pub(crate) head: Head,
    pub(crate) witness: Witness,
}

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
    Tables::open(&transaction).map_err(Trouble::redb(BEGINNING))?;
    tables::put_head(&transaction, Head::genesis())?;
    put_version(&transaction).map_err(Trouble::redb(BEGINNING))?;
    transaction.commit().map_err(Trouble::redb(BEGINNING))?;
    let filled = fill(&database)?;
    database.close().map_err(Trouble::redb(BEGINNING))?;
    Ok(filled)
}

/// Opens the journal in the two files. `place` is what people call it.
pub(crate) fn open(
    place: &str,
    database: impl StorageBackend,
    witness: impl StorageBackend,
) -> Result<Journaled, JournalError> {
    // redb answers damage with an error where it checks for it, and promises no more than that.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        if database.len().map_err(Trouble::failed(OPENING))? == 0 {
            return Err(Trouble::damaged(0, "the file is empty").into());
        }
        let database = file(place, database, SHARED)?;
        let (version, head) = settle(&database)?;
        let witness = Witness::open(witness, head)?;
        if version != u64::from(FORMAT) {
            migrate(&database)?;
        }
        Ok(Journaled { database, head, witness })
    }));
    opened.unwrap_or_else(|_| Err(Trouble::damaged(0, Panicked.to_string()).into()))
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
    let transaction = database.begin_read().map_err(Trouble::redb(OPENING))?;
    let (version, head) = (recognise(&transaction)?, check_head(&transaction)?);
    salvage::must_be_confirmed(&transaction, head)?;
    Ok((version, head))
}

/// Brings a file of the version before up to date, in one step: rows stay as they are, and say their version themselves.
fn migrate(database: &Database) -> Result<(), Trouble> {
    let migrating = "bring its format up to date";
    let transaction = database.begin_write().map_err(Trouble::redb(migrating))?;
    Tables::open(&transaction).map_err(Trouble::redb(migrating))?;
    put_version(&transaction).map_err(Trouble::redb(migrating))?;
    transaction.commit().map_err(Trouble::redb(migrating))
}

fn put_version(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(VERSION)?.insert((), u64::from(FORMAT))?;
    Ok(())
}

/// The file's version, if this program knows it.
pub(crate) fn recognise(transaction: &redb::ReadTransaction) -> Result<u64, Trouble> {
    let found = match transaction.open_table(VERSION) {
        Ok(table) => table.get(()).map_err(Trouble::redb(OPENING))?.map_or(0, |found| found.value()),
        Err(redb::TableError::Storage(error)) => return Err(Trouble::redb(OPENING)(error)),
        Err(_) => 0,
    };
    let known = u64::from(FORMAT);
    if (u64::from(FIRST)..=known).contains(&found) {
        Ok(found)
    } else {
        Err(Trouble::failed("open")(UnknownFormat { found, known }))
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
