//! The journal's directory: the redb file, its log and its witness.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use agent_core::ports::JournalError;
use redb::{Database, DatabaseError, backends::FileBackend};

use crate::{
    chain::Head,
    files::{DATABASE, Files, LOG, WITNESS},
    head::Witness,
    journaled::Journaled,
    opening,
    trouble::Trouble,
};

/// How the names of files begin that are not yet journals.
const BEGUN: &str = "journal.redb.new.";

/// Opens the journal in `directory`, or makes a new one. A directory that is there already keeps its mode.
pub(crate) fn open(directory: &Path) -> Result<Journaled, JournalError> {
    let place = directory.display().to_string();
    make(directory).map_err(Trouble::failed("make its directory"))?;
    let path = directory.join(DATABASE);
    if !path.try_exists().map_err(Trouble::failed("find its file"))? {
        let (begun, ()) = begin(directory, &place, |_| Ok(()))?;
        link(&begun, &path).map_err(Trouble::failed("begin"))?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let database = file(&options, &path).map_err(Trouble::redb("open its file"))?;
    options.create(true).mode(0o600);
    let log = file(&options, &directory.join(LOG)).map_err(Trouble::redb("open its log"))?;
    let witness = file(&options, &directory.join(WITNESS)).map_err(Trouble::redb("open its witness"))?;
    // Before the redb file says that there is a log: a loss of power must not take it away then.
    sync(directory).map_err(Trouble::failed("sync its directory"))?;
    let journaled = opening::open(&place, Files { database, log, witness })?;
    sweep(directory).map_err(Trouble::failed("clear its directory"))?;
    Ok(journaled)
}

fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() { Ok(()) } else { DirBuilder::new().recursive(true).mode(0o700).create(directory) }
}

fn file(options: &OpenOptions, path: &Path) -> Result<FileBackend, DatabaseError> {
    FileBackend::new(options.open(path)?)
}

/// Makes the file under another name. [`link`] puts it into its place when it is whole: a crash leaves no half journal.
fn begin<T>(
    directory: &Path,
    place: &str,
    fill: impl FnOnce(&Database) -> Result<T, Trouble>,
) -> Result<(PathBuf, T), JournalError> {
    static BEGINNINGS: AtomicU64 = AtomicU64::new(0);
    let number = BEGINNINGS.fetch_add(1, Ordering::Relaxed);
    let path = directory.join(format!("{BEGUN}{}.{number}", std::process::id()));
    remove(&path).map_err(Trouble::failed("begin"))?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let backend = file(&options, &path).map_err(Trouble::redb("begin"))?;
    let filled = opening::begin(place, backend, fill)?;
    Ok((path, filled))
}

/// Of two processes that begin at once, one finds the other's file there, and opens that.
fn link(begun: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(begun, path) {
        Err(error) if !path.try_exists()? => Err(error),
        _ => remove(begun),
    }
}

/// Removes what a crash while beginning left.
fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(BEGUN) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a journal in `directory`, which must not be there yet, with what `fill` puts into it.
pub(crate) fn create(
    directory: &Path,
    fill: impl FnOnce(&Database) -> Result<Head, Trouble>,
) -> Result<Head, JournalError> {
    let making = "make a new folder for it";
    DirBuilder::new().mode(0o700).create(directory).map_err(Trouble::failed(making))?;
    let (begun, head) = begin(directory, &directory.display().to_string(), fill)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let witness = file(&options, &directory.join(WITNESS)).map_err(Trouble::redb(making))?;
    Witness::begin(witness, head)?;
    let linked = link(&begun, &directory.join(DATABASE)).and_then(|()| sync(directory));
    linked.map_err(Trouble::failed(making))?;
    Ok(head)
}

/// Files that a loss of power takes away with their directory would be no journal.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    let directory = fs::canonicalize(directory)?;
    File::open(&directory)?.sync_all()?;
    directory.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
