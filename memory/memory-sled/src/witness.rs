//! How many records there were at the last acknowledgement, in a small file beside sled's.
//!
//! sled opens some damaged files without a word, and empty: a zeroed segment header is one way. The witness finds
//! that out. It is not synced: it may be behind after a loss of power, and then finds less.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
};

use alloy_primitives::keccak256;

use crate::{directory::Directory, settle::Counts};

/// The file's name.
const NAME: &str = "keepwright.counts";
/// Two numbers and four bytes of their hash: less than a sector, so that a write is old or new.
const LENGTH: usize = 20;

/// The open witness.
#[derive(Debug)]
pub(crate) struct Witness {
    file: File,
    last: Option<Counts>,
}

impl Witness {
    pub(crate) fn open(directory: &Directory) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(directory.path.join(NAME))?;
        let mut bytes = [0; LENGTH];
        // One that cannot be read knows nothing.
        let last = file.read_exact_at(&mut bytes, 0).ok().and_then(|()| read(&bytes));
        Ok(Self { file, last })
    }

    /// How many acknowledged records are not among those found.
    pub(crate) fn missing(&self, found: &Counts) -> u64 {
        self.last.as_ref().map_or(0, |last| {
            let episodes = last.episodes.saturating_sub(found.episodes);
            episodes.saturating_add(last.facts.saturating_sub(found.facts))
        })
    }

    /// Before a flush: no more than what will be there after it, whether or not it happens.
    pub(crate) fn lower(&mut self, counts: Counts) -> io::Result<()> {
        let last = self.last.unwrap_or_default();
        let (episodes, facts) = (last.episodes.min(counts.episodes), last.facts.min(counts.facts));
        self.put(Counts { episodes, facts, ..counts })
    }

    /// After a flush.
    pub(crate) fn put(&mut self, counts: Counts) -> io::Result<()> {
        if self.last.is_some_and(|last| (last.episodes, last.facts) == (counts.episodes, counts.facts)) {
            return Ok(());
        }
        self.file.write_all_at(&written(counts), 0)?;
        self.last = Some(counts);
        Ok(())
    }
}

fn written(counts: Counts) -> [u8; LENGTH] {
    let numbers = [counts.episodes.to_be_bytes(), counts.facts.to_be_bytes()].concat();
    let seal = keccak256(&numbers);
    let mut bytes = [0; LENGTH];
    for (to, from) in bytes.iter_mut().zip(numbers.iter().chain(seal.as_slice())) {
        *to = *from;
    }
    bytes
}

fn read(bytes: &[u8; LENGTH]) -> Option<Counts> {
    let (episodes, rest) = bytes.split_first_chunk::<8>()?;
    let facts = rest.first_chunk::<8>()?;
    let (episodes, facts) = (u64::from_be_bytes(*episodes), u64::from_be_bytes(*facts));
    let counts = Counts { next: 0, episodes, facts };
    (written(counts) == *bytes).then_some(counts)
}
