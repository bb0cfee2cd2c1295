//! The chain of hashes: `hash(n) = keccak256(hash(n-1) ‖ n ‖ version ‖ entry bytes)`.

use agent_core::ports::{Entry, EntryKind, Sequence, Stored};
use alloy_primitives::{B256, Keccak256, keccak256};

use crate::{
    codec,
    trouble::{Misfit, Trouble},
};

/// The version of a row that is written, and of the entry in it. The file has one of its own.
pub(crate) const FORMAT: u8 = 2;
/// The first version. Its rows are read as they are; it had no replacements and no notes.
pub(crate) const FIRST: u8 = 1;

/// Version, hash of the row before, own hash; then the entry.
pub(crate) const HEADER: usize = 65;
/// Where a row's own hash is.
const OWN: std::ops::Range<usize> = 33..HEADER;
/// What a row usually has beside its payload: memory is asked for once.
const USUAL: usize = 512;

/// Where the chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// How many entries there are, which is the next one's sequence.
    pub(crate) entries: u64,
    /// The hash of the last one, or of the genesis.
    pub(crate) hash: B256,
}

impl Head {
    /// Before the first entry.
    pub(crate) fn genesis() -> Self {
        Self { entries: 0, hash: keccak256(b"keepwright/journal/1") }
    }

    /// The row for `entry` at the next position, and where the chain stands after it.
    pub(crate) fn link(self, entry: &Entry) -> Result<(Vec<u8>, Self), Misfit> {
        let entries = self.entries.checked_add(1).ok_or(Misfit::TooLong)?;
        let mut row = Vec::with_capacity(entry.payload.len().saturating_add(USUAL));
        row.push(FORMAT);
        row.extend_from_slice(self.hash.as_slice());
        row.extend_from_slice(B256::ZERO.as_slice());
        codec::encode(entry, &mut row)?;
        let hash = hash(self.hash, self.entries, FORMAT, row.get(HEADER..).unwrap_or_default());
        if let Some(own) = row.get_mut(OWN) {
            own.copy_from_slice(hash.as_slice());
        }
        Ok((row, Self { entries, hash }))
    }

    /// The entry in the row that is next, and where the chain stands after it.
    pub(crate) fn follow(self, bytes: &[u8]) -> Result<(Stored, Self), Trouble> {
        let damaged = |what: &str| Trouble::damaged(self.entries, what);
        let Row { before, stored } = Row::read(self.entries, bytes)?;
        if before != self.hash {
            return Err(damaged("the entry does not follow the one before it"));
        }
        let entries = self.entries.checked_add(1).ok_or_else(|| damaged("no such entry"))?;
        let after = Self { entries, hash: stored.hash };
        Ok((stored, after))
    }

    pub(crate) fn to_bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        let (entries, hash) = bytes.split_at_mut(8);
        entries.copy_from_slice(&self.entries.to_be_bytes());
        hash.copy_from_slice(self.hash.as_slice());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, hash) = bytes.split_first_chunk::<8>()?;
        let hash = <[u8; 32]>::try_from(hash).ok()?;
        Some(Self { entries: u64::from_be_bytes(*entries), hash: hash.into() })
    }
}

fn hash(before: B256, sequence: u64, version: u8, body: &[u8]) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(before);
    hasher.update(sequence.to_be_bytes());
    hasher.update([version]);
    hasher.update(body);
    hasher.finalize()
}

/// One row of the journal, found to match its own hash.
#[derive(Debug)]
pub(crate) struct Row {
    /// The hash that the entry before it has, if the chain is whole.
    pub(crate) before: B256,
    pub(crate) stored: Stored,
}

impl Row {
    /// Reads the row at `sequence`. A row that does not match its hash is never given to anybody.
    pub(crate) fn read(sequence: u64, bytes: &[u8]) -> Result<Self, Trouble> {
        let damaged = |what: &str| Trouble::damaged(sequence, what);
        let (&version, bytes) = bytes.split_first().ok_or_else(|| damaged("the row is empty"))?;
        if !(FIRST..=FORMAT).contains(&version) {
            return Err(damaged("the row's version is unknown"));
        }
        let (before, bytes) = bytes.split_first_chunk::<32>().ok_or_else(|| damaged("the row is cut"))?;
        let (own, body) = bytes.split_first_chunk::<32>().ok_or_else(|| damaged("the row is cut"))?;
        let before = B256::from(before);
        if hash(before, sequence, version, body) != B256::from(own) {
            return Err(damaged("the entry does not match its hash"));
        }
        let entry = codec::decode(body).map_err(|error| damaged(&error.to_string()))?;
        if version == FIRST && matches!(entry.kind, EntryKind::Replaced | EntryKind::Noted) {
            return Err(damaged("the row's version has no such entries"));
        }
        Ok(Self { before, stored: Stored { sequence: Sequence(sequence), hash: own.into(), entry } })
    }
}
