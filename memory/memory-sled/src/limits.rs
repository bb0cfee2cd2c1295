//! How much is remembered.

use agent_core::ports::{MemoryError, Record, RecordKind};

/// The most bytes that a record's subject and text can have together.
///
/// Both limits keep sled's nodes (up to 17 records or 257 subjects) within the 128 KiB that its log takes. Larger
/// ones go to files of their own, which nothing ever syncs.
pub const RECORD_BYTES: usize = 4096;

/// The most bytes that a record's subject can have.
pub const SUBJECT_BYTES: usize = 256;

/// How many records are kept; when there are more, the oldest of the kind go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most episodes.
    pub episodes: u64,
    /// The most facts, one for each subject.
    pub facts: u64,
}

impl Limits {
    pub(crate) const fn of(&self, kind: RecordKind) -> u64 {
        match kind {
            RecordKind::Episode => self.episodes,
            RecordKind::Fact => self.facts,
        }
    }
}

pub(crate) const fn check_size(record: &Record) -> Result<(), MemoryError> {
    let (subject, text) = (record.subject.len(), record.text.len());
    if subject > SUBJECT_BYTES {
        return Err(MemoryError::TooLarge { size: subject, limit: SUBJECT_BYTES });
    }
    let size = subject.saturating_add(text);
    if size <= RECORD_BYTES { Ok(()) } else { Err(MemoryError::TooLarge { size, limit: RECORD_BYTES }) }
}
