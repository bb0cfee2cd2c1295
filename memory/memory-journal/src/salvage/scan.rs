//! Rows by their bytes, wherever they lie: a row says the hash of the row before it, and its own.

use std::{fs::File, io, os::unix::fs::FileExt};

use crate::{
    chain::{FIRST, FORMAT, HEADER, Head},
    codec,
};

/// The header, and the entry's kind.
const BEGINNING: usize = 66;
/// Read at once.
const CHUNK: u64 = 1 << 20;
const CHUNK_BYTES: usize = 1 << 20;
/// Read at first of a row whose length is not known.
const WINDOW: usize = 1 << 13;

/// The redb file, and behind it what the log holds, as if they were one file.
#[derive(Debug)]
pub(crate) struct Evidence {
    file: File,
    length: u64,
    log: Vec<u8>,
}

impl Evidence {
    pub(crate) fn of(file: File, log: Vec<u8>) -> io::Result<Self> {
        Ok(Self { length: file.metadata()?.len(), file, log })
    }

    /// Fewer bytes than asked at the end of either.
    fn read_up_to(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        if let Some(offset) = offset.checked_sub(self.length) {
            let log =
                usize::try_from(offset).ok().and_then(|offset| self.log.get(offset..)).unwrap_or_default();
            return Ok(log.get(..length).unwrap_or(log).to_vec());
        }
        let there = self.length.saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(there).map_or(length, |there| there.min(length))];
        self.file.read_exact_at(&mut bytes, offset).map(|()| bytes)
    }
}

/// Where rows may begin: by the first bytes of the hash before each, in order.
#[derive(Debug)]
pub(crate) struct Scan(Vec<(u64, u64)>);

/// A row that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    offset: u64,
    length: usize,
}

/// The longest chain of rows from the beginning.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) rows: Vec<Place>,
    /// There is another that is as good.
    pub(crate) ambiguous: bool,
}

/// One step of a chain, or of several.
#[derive(Debug)]
struct Step {
    before: Option<usize>,
    head: Head,
    place: Place,
    /// The chain that ends here has the last acknowledged entry.
    witnessed: bool,
}

impl Place {
    pub(crate) fn read(self, evidence: &Evidence) -> io::Result<Vec<u8>> {
        evidence.read_up_to(self.offset, self.length)
    }
}

impl Scan {
    pub(crate) fn of(evidence: &Evidence) -> io::Result<Self> {
        let mut found = Vec::new();
        for (mut at, end) in [(0, evidence.length), (evidence.length, u64::MAX)] {
            while at < end {
                let bytes = evidence.read_up_to(at, CHUNK_BYTES.saturating_add(BEGINNING))?;
                // A row that begins in the next chunk is found there.
                let rows = bytes.windows(BEGINNING).take(CHUNK_BYTES).zip(at..);
                found.extend(rows.filter_map(|(window, offset)| Some((prefix(window)?, offset))));
                if bytes.len() < CHUNK_BYTES {
                    break;
                }
                at = at.saturating_add(CHUNK);
            }
        }
        found.sort_unstable();
        Ok(Self(found))
    }

    /// Follows the chain from its genesis, and all its branches where a crash left some; prefers the one that was
    /// acknowledged, then the longest.
    pub(crate) fn chain(&self, evidence: &Evidence, witnessed: Option<Head>) -> io::Result<Chain> {
        let mut steps: Vec<Step> = Vec::new();
        let (mut tips, mut ends) = (vec![None], Vec::new());
        while !tips.is_empty() {
            let mut next = Vec::new();
            for tip in tips {
                let (head, seen) =
                    step(&steps, tip).map_or((Head::genesis(), false), |step| (step.head, step.witnessed));
                let after = self.after(evidence, head)?;
                if after.is_empty() {
                    ends.push((seen, head.entries, tip));
                }
                for (head, place) in after {
                    let witnessed = seen || witnessed == Some(head);
                    next.push(Some(steps.len()));
                    steps.push(Step { before: tip, head, place, witnessed });
                }
            }
            tips = next;
        }
        ends.sort_unstable_by_key(|(seen, entries, _)| std::cmp::Reverse((*seen, *entries)));
        let mut best = ends.into_iter();
        let (seen, entries, mut tip) = best.next().unwrap_or_default();
        let ambiguous =
            best.next().is_some_and(|(other_seen, others, _)| (other_seen, others) == (seen, entries));
        let mut rows = Vec::new();
        while let Some(step) = step(&steps, tip) {
            rows.push(step.place);
            tip = step.before;
        }
        rows.reverse();
        Ok(Chain { rows, ambiguous })
    }

    /// The different rows that follow `head`.
    fn after(&self, evidence: &Evidence, head: Head) -> io::Result<Vec<(Head, Place)>> {
        let wanted = first_bytes(head.hash.as_slice());
        let from = self.0.partition_point(|(prefix, _)| Some(*prefix) < wanted);
        let candidates = self.0.iter().skip(from).take_while(|(prefix, _)| Some(*prefix) == wanted);
        let mut found: Vec<(Head, Place)> = Vec::new();
        for (_, offset) in candidates {
            if let Some(row) = row(evidence, *offset, head)?
                && !found.iter().any(|(other, _)| *other == row.0)
            {
                found.push(row);
            }
        }
        Ok(found)
    }
}

fn step(steps: &[Step], at: Option<usize>) -> Option<&Step> {
    steps.get(at?)
}

/// The first bytes of the hash of the row before, if a row may begin here.
fn prefix(window: &[u8]) -> Option<u64> {
    let known = (FIRST..=FORMAT).contains(window.first()?) && *window.get(HEADER)? <= codec::LAST_TAG;
    if known { first_bytes(window.get(1..)?) } else { None }
}

fn first_bytes(hash: &[u8]) -> Option<u64> {
    hash.first_chunk().map(|first| u64::from_be_bytes(*first))
}

/// The row at `offset`, if it is whole and follows `head`.
fn row(evidence: &Evidence, offset: u64, head: Head) -> io::Result<Option<(Head, Place)>> {
    let mut window = WINDOW;
    loop {
        let bytes = evidence.read_up_to(offset, window)?;
        let rest = bytes.get(HEADER..).map(codec::decode_first);
        if let Some(Ok((_, rest))) = rest {
            let length = bytes.len().saturating_sub(rest.len());
            let row = bytes.get(..length).and_then(|row| head.follow(row).ok());
            return Ok(row.map(|(_, after)| (after, Place { offset, length })));
        }
        if bytes.len() < window {
            return Ok(None);
        }
        // It may only be longer than what was read.
        window = window.saturating_mul(16);
    }
}
