//! Rows by their bytes, wherever they lie in a file: a row says the hash of the row before it, and its own.

use std::{fs::File, io, os::unix::fs::FileExt};

use crate::{
    chain::{FIRST, FORMAT, Head},
    codec,
};

/// Version, hash of the row before, own hash; then the entry, which begins with its kind.
const HEADER: usize = 65;
const BEGINNING: usize = 66;
/// Read at once.
const CHUNK: u64 = 1 << 20;
const CHUNK_BYTES: usize = 1 << 20;
/// Read at first of a row whose length is not known.
const WINDOW: usize = 1 << 13;

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
    pub(crate) fn read(self, file: &File) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.length];
        file.read_exact_at(&mut bytes, self.offset).map(|()| bytes)
    }
}

impl Scan {
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let mut found = Vec::new();
        let mut at = 0u64;
        loop {
            let bytes = read_up_to(file, at, CHUNK_BYTES.saturating_add(BEGINNING))?;
            // A row that begins in the next chunk is found there.
            let rows = bytes.windows(BEGINNING).take(CHUNK_BYTES).zip(at..);
            found.extend(rows.filter_map(|(window, offset)| Some((prefix(window)?, offset))));
            if bytes.len() < CHUNK_BYTES {
                found.sort_unstable();
                return Ok(Self(found));
            }
            at = at.saturating_add(CHUNK);
        }
    }

    /// Follows the chain from its genesis, and all its branches where a crash left some; prefers the one that was
    /// acknowledged, then the longest.
    pub(crate) fn chain(&self, file: &File, witnessed: Option<Head>) -> io::Result<Chain> {
        let mut steps: Vec<Step> = Vec::new();
        let (mut tips, mut ends) = (vec![None], Vec::new());
        while !tips.is_empty() {
            let mut next = Vec::new();
            for tip in tips {
                let (head, seen) =
                    step(&steps, tip).map_or((Head::genesis(), false), |step| (step.head, step.witnessed));
                let after = self.after(file, head)?;
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
    fn after(&self, file: &File, head: Head) -> io::Result<Vec<(Head, Place)>> {
        let wanted = first_bytes(head.hash.as_slice());
        let from = self.0.partition_point(|(prefix, _)| Some(*prefix) < wanted);
        let candidates = self.0.iter().skip(from).take_while(|(prefix, _)| Some(*prefix) == wanted);
        let mut found: Vec<(Head, Place)> = Vec::new();
        for (_, offset) in candidates {
            if let Some(row) = row(file, *offset, head)?
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
fn row(file: &File, offset: u64, head: Head) -> io::Result<Option<(Head, Place)>> {
    let mut window = WINDOW;
    loop {
        let bytes = read_up_to(file, offset, window)?;
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

/// Fewer bytes than asked at the file's end.
fn read_up_to(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let there = file.metadata()?.len().saturating_sub(offset);
    let mut bytes = vec![0; usize::try_from(there).map_or(length, |there| there.min(length))];
    file.read_exact_at(&mut bytes, offset).map(|()| bytes)
}
