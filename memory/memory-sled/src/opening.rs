//! Opening, and what to do when that does not go well.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use agent_core::ports::{MemoryError, RecordKind};
use sled::{Config, Mode};

use crate::{
    directory::Directory,
    limits::Limits,
    quarantine,
    settle::settle,
    trees::{Trees, log_file},
    trouble::Trouble,
    witness::Witness,
    writer::{Writer, caught},
};

/// What opening found. Worth a line in the operator's log when it is not [`Clean`](Self::Clean).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Opened {
    /// Everything that was acknowledged is there.
    Clean,
    /// sled refused its files, or opened them short of records. What could be read is there.
    Repaired {
        /// The files as sled left them.
        quarantined: PathBuf,
        /// How many records are gone, as far as is known. After a loss of power it may count some that were forgotten.
        lost: u64,
    },
    /// Nothing could be read. The memory is empty.
    StartedEmpty {
        /// The files as sled left them.
        quarantined: PathBuf,
    },
}

/// Pages kept in memory. sled takes several times as much.
const CACHE_BYTES: u64 = 8 << 20;
/// sled's threads may still hold its lock for a moment after its last handle is gone.
const LOCK_TRIES: u32 = 100;
const LOCK_WAIT: Duration = Duration::from_millis(10);

pub(crate) fn open(path: &Path, limits: Limits) -> Result<(Writer, Directory, Opened), MemoryError> {
    let directory = Directory::take(path)?;
    let (mut writer, opened) = open_or_repair(&directory, limits)?;
    caught("open", || {
        writer.trim(RecordKind::Episode)?;
        writer.trim(RecordKind::Fact)?;
        writer.flush()
    })?;
    directory.sync().map_err(Trouble::io("sync its directory"))?;
    Ok((writer, directory, opened))
}

fn open_or_repair(directory: &Directory, limits: Limits) -> Result<(Writer, Opened), Trouble> {
    let repairing = Trouble::io("repair");
    if let Some(writer) = attempt(directory, limits)?
        && writer.witness.missing(&writer.counts) == 0
    {
        return Ok((writer, Opened::Clean));
    }
    let quarantined = quarantine::copy(directory).map_err(&repairing)?;
    quarantine::delete_derived(directory).map_err(&repairing)?;
    if let Some(writer) = attempt(directory, limits)? {
        let lost = writer.witness.missing(&writer.counts);
        let is_empty = writer.counts.episodes == 0 && writer.counts.facts == 0;
        let opened = if is_empty && lost > 0 {
            Opened::StartedEmpty { quarantined }
        } else {
            Opened::Repaired { quarantined, lost }
        };
        return Ok((writer, opened));
    }
    quarantine::empty(directory).map_err(&repairing)?;
    let writer = attempt(directory, limits)?.ok_or_else(|| Trouble::panicked("open an empty directory"))?;
    Ok((writer, Opened::StartedEmpty { quarantined }))
}

/// Opens the trees and reads everything once, so that damage is found now and not in the middle of a run. None when
/// the files are bad.
fn attempt(directory: &Directory, limits: Limits) -> Result<Option<Writer>, Trouble> {
    let attempted = caught("open", || {
        let config = Config::new()
            .path(&directory.path)
            .cache_capacity(CACHE_BYTES)
            .mode(Mode::LowSpace)
            .flush_every_ms(None);
        let trees = Trees::open(open_patiently(&config)?).map_err(Trouble::sled("open"))?;
        let counts = settle(&trees)?;
        let file = log_file(&directory.path).map_err(Trouble::io("open its file"))?;
        let witness = Witness::open(directory).map_err(Trouble::io("open its witness"))?;
        Ok(Writer { trees, file, limits, counts, witness })
    });
    match attempted {
        Err(trouble) if trouble.is_corruption() => Ok(None),
        attempted => attempted.map(Some),
    }
}

fn open_patiently(config: &Config) -> Result<sled::Db, Trouble> {
    let mut tries = 0u32;
    loop {
        match config.open() {
            Err(error) if is_locked(&error) && tries < LOCK_TRIES => {
                tries = tries.saturating_add(1);
                thread::sleep(LOCK_WAIT);
            }
            opened => return opened.map_err(Trouble::sled("open")),
        }
    }
}

/// sled says so in prose only. The directory is ours, so this is our own past, on its way out.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}
