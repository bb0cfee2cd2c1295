//! The kill switch: a latch that outlives the process.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Latched while its file exists, or once anything in this process latched it. The door, and the wallet right before each
/// signature and each broadcast, look at it. Only an operator clears it, by removing the file while nothing runs.
#[derive(Debug, Clone)]
pub struct KillSwitch {
    file: Arc<PathBuf>,
    latched: Arc<AtomicBool>,
}

impl KillSwitch {
    /// The switch whose file is `file`. Several processes that name one file share one switch.
    #[must_use]
    pub fn at(file: &Path) -> Self {
        Self { file: Arc::new(file.to_owned()), latched: Arc::new(AtomicBool::new(false)) }
    }

    /// Whether nothing may be signed or broadcast. A file that cannot be looked at counts as latched.
    #[must_use]
    pub fn is_latched(&self) -> bool {
        let latched = self.latched.load(Ordering::SeqCst) || self.file.try_exists().unwrap_or(true);
        if latched {
            // Removing the file under a running agent does not bring it back.
            self.latched.store(true, Ordering::SeqCst);
        }
        latched
    }

    /// Latches, in this process at once and durably for every other and later one.
    ///
    /// # Errors
    /// When the file cannot be written; this process stays latched all the same.
    pub fn latch(&self) -> io::Result<()> {
        self.latched.store(true, Ordering::SeqCst);
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        File::create(self.file.as_path())?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latch_survives_the_process_and_the_removal_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/KILL");
        let (first, other) = (KillSwitch::at(&file), KillSwitch::at(&file));
        assert!(!first.is_latched() && !other.is_latched());
        first.latch().unwrap();
        assert!(first.clone().is_latched() && other.is_latched() && KillSwitch::at(&file).is_latched());
        fs::remove_file(&file).unwrap();
        assert!(other.is_latched(), "a running agent stays dead");
        assert!(!KillSwitch::at(&file).is_latched(), "the operator cleared it for the next one");
    }
}
