//! The first look at opened trees: counts what is there, and makes the index right if it is not.

use agent_core::ports::RecordKind;

use crate::{
    index::{self, Place},
    trees::Trees,
    trouble::Trouble,
};

#[cfg(test)]
mod tests;

/// What the writer must know to go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The position after the newest.
    pub(crate) next: u64,
    pub(crate) episodes: u64,
    pub(crate) facts: u64,
}

impl Counts {
    pub(crate) const fn of(&mut self, kind: RecordKind) -> &mut u64 {
        match kind {
            RecordKind::Episode => &mut self.episodes,
            RecordKind::Fact => &mut self.facts,
        }
    }
}

/// Reads everything once.
pub(crate) fn settle(trees: &Trees) -> Result<Counts, Trouble> {
    let (mut counts, mut keys) = (Counts::default(), Vec::new());
    for kind in [RecordKind::Episode, RecordKind::Fact] {
        for row in trees.records(kind).iter() {
            let (key, bytes) = row.map_err(Trouble::sled("read"))?;
            let count = counts.of(kind);
            *count = count.saturating_add(1);
            let position = key.as_ref().try_into().map_or(0, u64::from_be_bytes);
            counts.next = counts.next.max(position.saturating_add(1));
            if let Some((sequence, record)) = trees.read(&key, &bytes) {
                keys.push(index::key(&record.subject, Place { kind, sequence }));
            }
        }
    }
    keys.sort_unstable();
    reindex(trees, &keys).map_err(Trouble::sled("read its index"))?;
    Ok(counts)
}

fn reindex(trees: &Trees, keys: &[Vec<u8>]) -> sled::Result<()> {
    let mut expected = keys.iter();
    for found in trees.subjects.iter().keys() {
        let found = found?;
        if expected.next().is_none_or(|expected| found != expected[..]) {
            return rebuild(trees, keys);
        }
    }
    if expected.next().is_some() { rebuild(trees, keys) } else { Ok(()) }
}

fn rebuild(trees: &Trees, keys: &[Vec<u8>]) -> sled::Result<()> {
    tracing::warn!(records = keys.len(), "the memory's index did not fit its records and was rebuilt");
    trees.subjects.clear()?;
    keys.iter().try_for_each(|key| trees.subjects.insert(key, &[]).map(drop))
}
