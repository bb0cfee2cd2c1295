//! The kill switch: a latch that outlives the process.

use std::{
    fs::{self, File},
    io::{self, Write},
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
        self.latch_because("")
    }

    /// As [`latch`](Self::latch), with a sentence for whoever finds the file. One that is there already is kept.
    ///
    /// # Errors
    /// When the file cannot be written; this process stays latched all the same.
    pub fn latch_because(&self, why: &str) -> io::Result<()> {
        self.latched.store(true, Ordering::SeqCst);
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::options().append(true).create(true).open(self.file.as_path())?;
        if !why.is_empty() && file.metadata()?.len() == 0 {
            writeln!(file, "{why}")?;
        }
        file.sync_all()
    }

    /// What was said when it was latched; none while it is not.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let latched = self.is_latched();
        latched.then(|| fs::read_to_string(self.file.as_path()).unwrap_or_default().trim().to_owned())
    }

    /// Removes the file, for the next process. One that runs stays latched, which is why this is for an operator and for when
    /// none runs.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn clear(&self) -> io::Result<()> {
        match fs::remove_file(self.file.as_path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

#[cfg(test)]
impl KillSwitch {
    /// Latches in this process only: what a file could do is tested here, and not wherever a switch is needed.
    pub(crate) fn latch_in_memory(&self) {
        self.latched.store(true, Ordering::SeqCst);
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
        first.latch_because("the first reason that was given").unwrap();
        first.latch_because("a later one is not kept").unwrap();
        assert_eq!(first.why().unwrap(), "the first reason that was given");
        first.clear().unwrap();
        first.clear().unwrap();
        assert!(other.is_latched(), "a running agent stays dead");
        assert!(!KillSwitch::at(&file).is_latched(), "the operator cleared it for the next one");
    }
}
