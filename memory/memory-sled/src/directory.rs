//! The memory's directory: made for its owner only, held by one process.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use agent_core::ports::MemoryError;

use crate::trouble::Trouble;

/// The file that says who has the directory. sled has a lock of its own, but says "in use" only in prose, and lets go
/// of it during a repair.
const LOCK: &str = "keepwright.lock";

/// A directory that nobody else has, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Without links and dots, so that it has a name to put a suffix to.
    pub(crate) path: PathBuf,
    _lock: File,
}

impl Directory {
    /// A directory that is there already keeps its mode.
    pub(crate) fn take(path: &Path) -> Result<Self, MemoryError> {
        let failed = Trouble::io("make its directory");
        if !path.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(&failed)?;
        }
        let path = fs::canonicalize(path).map_err(&failed)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(path.join(LOCK)).map_err(&failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(MemoryError::InUse(path.display().to_string())),
            Err(TryLockError::Error(error)) => Err(failed(error).into()),
        }
    }

    /// What is in it, but for the lock.
    pub(crate) fn contents(&self) -> io::Result<Vec<PathBuf>> {
        let mut contents = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() != LOCK {
                contents.push(entry.path());
            }
        }
        Ok(contents)
    }

    /// Files that a loss of power takes away with their directory would be no memory.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        self.path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    }
}
