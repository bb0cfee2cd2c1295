//! The journal on disk: a directory with the redb file and its witness.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use agent_core::ports::JournalError;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};

use crate::{
    chain::{FORMAT, Head},
    head::Witness,
    tables::{self, ENTRIES, Tables},
    trouble::{Panicked, Trouble, UnknownFormat},
};

/// The redb file's name.
pub(crate) const FILE: &str = "journal.redb";
/// The version of the whole file. Read before anything else.
const VERSION: TableDefinition<'static, (), u64> = TableDefinition::new("format");
/// Pages kept in memory. An append touches a few dozen.
const CACHE_BYTES: usize = 8 << 20;

/// An open journal: nobody else has it, its pages are whole and its last entry is the last acknowledged one.
#[derive(Debug)]
pub(crate) struct Journaled {
    pub(crate) database: Database,
    pub(crate) head: Head,
    pub(crate) witness: Witness,
}

/// Opens the journal in `directory`, or makes a new one.
pub(crate) fn open(directory: &Path) -> Result<Journaled, JournalError> {
    prepare(directory).map_err(Trouble::failed("make its directory"))?;
    // redb answers damage with an error where it checks for it, and promises no more than that.
    let opened = catch_unwind(AssertUnwindSafe(|| open_prepared(directory)));
    opened.unwrap_or_else(|_| Err(Trouble::damaged(0, Panicked.to_string()).into()))
}

fn open_prepared(directory: &Path) -> Result<Journaled, JournalError> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    let database = builder.create(directory.join(FILE)).map_err(|error| refused(directory, error))?;
    let head = settle(&database)?;
    let witness = Witness::open(directory, head)?;
    sync(directory).map_err(Trouble::failed("sync its directory"))?;
    Ok(Journaled { database, head, witness })
}

/// A directory that is there already keeps its mode.
fn prepare(directory: &Path) -> io::Result<()> {
    if !directory.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).open(directory.join(FILE)).map(drop)
}

/// Files that a loss of power takes away with their directory would be no journal.
fn sync(directory: &Path) -> io::Result<()> {
    let directory = fs::canonicalize(directory)?;
    File::open(&directory)?.sync_all()?;
    directory.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

fn refused(directory: &Path, error: DatabaseError) -> JournalError {
    if matches!(error, DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch) {
        return JournalError::InUse(directory.display().to_string());
    }
    if let DatabaseError::Storage(redb::StorageError::Io(error)) = &error
        && error.kind() == io::ErrorKind::InvalidData
    {
        return Trouble::damaged(0, error.to_string()).into();
    }
    Trouble::redb("open its file")(error).into()
}

/// Makes the tables of a new file, or finds out what an old one is; then where the chain stands.
pub(crate) fn settle(database: &Database) -> Result<Head, Trouble> {
    let reading = "read its format";
    let transaction = database.begin_read().map_err(Trouble::redb(reading))?;
    if transaction.list_tables().map_err(Trouble::redb(reading))?.next().is_none() {
        begin(database)?;
    }
    let transaction = database.begin_read().map_err(Trouble::redb(reading))?;
    recognise(&transaction)?;
    check_head(&transaction)
}

fn begin(database: &Database) -> Result<(), Trouble> {
    let transaction = database.begin_write().map_err(Trouble::redb("begin"))?;
    lay(&transaction).map_err(Trouble::redb("begin"))?;
    tables::put_head(&transaction, Head::genesis())?;
    transaction.commit().map_err(Trouble::redb("begin"))
}

fn lay(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    Tables::open(transaction)?;
    transaction.open_table(VERSION)?.insert((), u64::from(FORMAT))?;
    Ok(())
}

fn recognise(transaction: &redb::ReadTransaction) -> Result<(), Trouble> {
    let known = u64::from(FORMAT);
    let found = match transaction.open_table(VERSION) {
        Ok(table) => {
            table.get(()).map_err(Trouble::redb("read its format"))?.map_or(0, |found| found.value())
        }
        Err(redb::TableError::Storage(error)) => return Err(Trouble::redb("read its format")(error)),
        Err(_) => 0,
    };
    if found == known { Ok(()) } else { Err(Trouble::failed("open")(UnknownFormat { found, known })) }
}

/// The cheap check: the last entry is where the head says, and has the head's hash.
fn check_head(transaction: &redb::ReadTransaction) -> Result<Head, Trouble> {
    let head = tables::head(transaction)?;
    let entries = transaction.open_table(ENTRIES).map_err(Trouble::redb("read its head"))?;
    let last = entries.last().map_err(Trouble::redb("read its head"))?.map(|(position, _)| position.value());
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
