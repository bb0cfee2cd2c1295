//! The trees, and the one way to change them.

use std::{
    fs::File,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use agent_core::ports::{Record, RecordKind};
use sled::{Batch, Db, IVec, Transactional, Tree, transaction::ConflictableTransactionError};

use crate::{
    codec,
    index::{self, Place},
    trouble::Trouble,
};

/// Records by their position, and the index of their subjects. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Trees {
    database: Db,
    pub(crate) episodes: Tree,
    pub(crate) facts: Tree,
    pub(crate) subjects: Tree,
    /// How often a damaged record was met.
    pub(crate) damaged: Arc<AtomicU64>,
    /// Held for writing during a commit and for reading during a whole read: sled's iterators see changes half done,
    /// and a fact that is being replaced must not be missed. Not held during a flush.
    gate: Arc<RwLock<()>>,
}

/// Changes that happen together or not at all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    episodes: Batch,
    facts: Batch,
    subjects: Batch,
}

impl Change {
    pub(crate) fn keep(&mut self, sequence: u64, record: &Record) {
        let place = Place { kind: record.kind, sequence };
        self.records(record.kind).insert(&sequence.to_be_bytes(), codec::encode(sequence, record));
        self.subjects.insert(index::key(&record.subject, place), &[]);
    }

    pub(crate) fn forget(&mut self, index_key: IVec, place: Place) {
        self.drop_record(place);
        self.subjects.remove(index_key);
    }

    /// Forgets a record that has no key in the index.
    pub(crate) fn drop_record(&mut self, place: Place) {
        self.records(place.kind).remove(&place.sequence.to_be_bytes());
    }

    const fn records(&mut self, kind: RecordKind) -> &mut Batch {
        match kind {
            RecordKind::Episode => &mut self.episodes,
            RecordKind::Fact => &mut self.facts,
        }
    }
}

impl Trees {
    pub(crate) fn open(database: Db) -> sled::Result<Self> {
        Ok(Self {
            episodes: database.open_tree("episodes")?,
            facts: database.open_tree("facts")?,
            subjects: database.open_tree("subjects")?,
            database,
            damaged: Arc::default(),
            gate: Arc::default(),
        })
    }

    pub(crate) const fn records(&self, kind: RecordKind) -> &Tree {
        match kind {
            RecordKind::Episode => &self.episodes,
            RecordKind::Fact => &self.facts,
        }
    }

    /// Nothing changes while the guard lives.
    pub(crate) fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes all trees at once. Not durable before [`flush`](Self::flush).
    pub(crate) fn commit(&self, change: &Change) -> Result<(), Trouble> {
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let trees = (&self.episodes, &self.facts, &self.subjects);
        let done = trees.transaction(|(episodes, facts, subjects)| {
            episodes.apply_batch(&change.episodes)?;
            facts.apply_batch(&change.facts)?;
            subjects.apply_batch(&change.subjects)?;
            Ok::<_, ConflictableTransactionError<sled::Error>>(())
        });
        done.map_err(Trouble::transaction("write"))
    }

    /// What was committed survives a loss of power. sled's own flush starts the writing and does not wait for the
    /// disk (`sync_file_range`), so its file is synced after it.
    pub(crate) fn flush(&self, file: &File) -> Result<(), Trouble> {
        self.database.flush().map_err(Trouble::sled("flush"))?;
        file.sync_data().map_err(Trouble::io("sync"))
    }

    /// The record of a row, unless it is damaged: then it is counted and skipped.
    pub(crate) fn read(&self, key: &[u8], bytes: &[u8]) -> Option<(u64, Record)> {
        let sequence = key.try_into().ok().map(u64::from_be_bytes);
        let record = sequence.and_then(|sequence| Some((sequence, codec::decode(sequence, bytes).ok()?)));
        if record.is_none() {
            self.damaged.fetch_add(1, Ordering::Relaxed);
        }
        record
    }
}

/// The file that sled writes its log to.
pub(crate) fn log_file(directory: &Path) -> std::io::Result<File> {
    File::open(directory.join("db"))
}
