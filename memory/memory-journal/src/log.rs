//! The log: the rows after the last checkpoint, durable after one write and one sync.
//!
//! Each group of rows is one write of whole sectors ([`sector`]), and nothing is written after it before it was synced. So a
//! crash can leave only the last group torn: some of its sectors are there, others are not. That group was acknowledged to
//! nobody, and is cut off. A group that is all there and does not follow the chain, or one that is missing before others
//! that were written later, is damage.
//!
//! A sector names the checkpoint that it follows by the hash in it, so that the log needs no header and no clearing: with
//! the commit of a checkpoint, all that was in the log is as good as blank, and the next group goes to its beginning. There
//! is no moment between the two.
//!
//! Room is made ahead, in chunks of zeros that are synced before they are used: the sync of a group then has its bytes to
//! write and no change of the file's length or of its map of blocks (on ext4, that is what a journal commit is spared).

mod sector;

use std::ops::Range;

use redb::StorageBackend;

use self::sector::{Mark, ROOM, SECTOR, Sector};
use crate::{chain::Head, trouble::Trouble};

#[cfg(test)]
mod tests;

/// The file grows by this much.
const CHUNK: u64 = 1 << 20;
const WRITING: &str = "write its log";
const READING: &str = "read its log";

/// The open log.
#[derive(Debug)]
pub(crate) struct Log {
    file: Box<dyn StorageBackend>,
    length: u64,
    mark: Mark,
    /// The next group's number since the checkpoint, and where it goes.
    number: u32,
    at: u64,
    /// Bytes that a crash left.
    torn: Range<u64>,
}

/// What is in a log after its checkpoint.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Of whole groups. Whether they follow the chain is for their reader to see.
    rows: Vec<Vec<u8>>,
    /// Sectors of whole groups.
    whole: usize,
    /// So many sectors after them may be what a crash left of a group.
    torn: usize,
}

impl Log {
    /// A new log in a file that has none yet, after `base`. Whatever is in the file is cleared.
    pub(crate) fn begin(file: impl StorageBackend, base: Head) -> Result<Self, Trouble> {
        let there = file.len().map_err(Trouble::failed(WRITING))?;
        let length = whole_chunks(there.max(1));
        clear(&file, length, 0)?;
        Ok(Self { file: Box::new(file), length, mark: Mark::of(base), number: 0, at: 0, torn: 0..0 })
    }

    /// Opens the log, and gives the rows in it that were written after `base`. Changes nothing: before anything is written,
    /// what a crash left must be [cleared](Self::clear_torn), the rows brought into a checkpoint, and the log
    /// [renewed](Self::renew).
    pub(crate) fn open(file: impl StorageBackend, base: Head) -> Result<(Self, Vec<Vec<u8>>), Trouble> {
        let Found { rows, whole, torn } = read(&file, base)?;
        let length = file.len().map_err(Trouble::failed(READING))?;
        let [at, torn] = [whole, torn].map(|sectors| u64::try_from(sectors.saturating_mul(SECTOR)));
        let at = at.map_err(Trouble::failed(READING))?;
        let torn = at..at.saturating_add(torn.map_err(Trouble::failed(READING))?);
        Ok((Self { file: Box::new(file), length, mark: Mark::of(base), number: 0, at: 0, torn }, rows))
    }

    /// Clears what is left of a group that was acknowledged to nobody: it must not be taken for a part of the next one.
    pub(crate) fn clear_torn(&mut self) -> Result<(), Trouble> {
        let torn = std::mem::take(&mut self.torn);
        let length =
            usize::try_from(torn.end.saturating_sub(torn.start)).map_err(Trouble::failed(WRITING))?;
        if length == 0 {
            return Ok(());
        }
        self.file.write(torn.start, &vec![0; length]).map_err(Trouble::failed(WRITING))?;
        self.file.sync_data().map_err(Trouble::failed(WRITING))
    }

    /// Makes the rows durable, all of them or, in a crash, none.
    pub(crate) fn append<'r>(&mut self, rows: impl Iterator<Item = &'r [u8]>) -> Result<(), Trouble> {
        let group = self.group(rows)?;
        let length = u64::try_from(group.len()).map_err(Trouble::failed(WRITING))?;
        let end = self.at.saturating_add(length);
        if end > self.length {
            let length = whole_chunks(end);
            clear(&*self.file, length, self.length)?;
            self.length = length;
        }
        self.file.write(self.at, &group).map_err(Trouble::failed(WRITING))?;
        self.file.sync_data().map_err(Trouble::failed("sync its log"))?;
        self.at = end;
        self.number = self.number.saturating_add(1);
        Ok(())
    }

    /// Everything in it is in a checkpoint now, which ends at `base`: it begins anew.
    pub(crate) fn renew(&mut self, base: Head) {
        (self.mark, self.number, self.at) = (Mark::of(base), 0, 0);
    }

    fn group<'r>(&self, rows: impl Iterator<Item = &'r [u8]>) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        for row in rows {
            let length = u32::try_from(row.len()).map_err(Trouble::failed(WRITING))?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(row);
        }
        let parts = bytes.chunks(ROOM);
        let mut left = u32::try_from(parts.len()).map_err(Trouble::failed(WRITING))?;
        let mut group = Vec::with_capacity(parts.len().saturating_mul(SECTOR));
        for part in parts {
            Sector::write(self.mark, self.number, left, part, &mut group);
            left = left.saturating_sub(1);
        }
        Ok(group)
    }
}

/// Makes the file `length` long, and all of it zero from `from` on.
fn clear(file: &(impl StorageBackend + ?Sized), length: u64, from: u64) -> Result<(), Trouble> {
    let making = "make room in its log";
    // The length first, which is one step: a file that ends within a chunk was cut by somebody else.
    file.set_len(length).map_err(Trouble::failed(making))?;
    let zeros = usize::try_from(length.saturating_sub(from)).map_err(Trouble::failed(making))?;
    file.write(from, &vec![0; zeros]).map_err(Trouble::failed(making))?;
    file.sync_data().map_err(Trouble::failed(making))
}

const fn whole_chunks(length: u64) -> u64 {
    length.div_ceil(CHUNK).saturating_mul(CHUNK)
}

/// The rows that were written after `base`, and what a crash left. Changes nothing.
fn read(file: &(impl StorageBackend + ?Sized), base: Head) -> Result<Found, Trouble> {
    let bytes = all(file)?;
    let length = u64::try_from(bytes.len()).map_err(Trouble::failed(READING))?;
    if length == 0 || length != whole_chunks(length) {
        return Err(Trouble::damaged(base.entries, "the file `journal.log` is missing or cut"));
    }
    find(&bytes, base)
}

fn find(bytes: &[u8], base: Head) -> Result<Found, Trouble> {
    let mark = Mark::of(base);
    let sectors: Vec<_> = bytes.chunks(SECTOR).map(|bytes| Sector::read(mark, bytes)).collect();
    let (mut found, mut number) = (Found::default(), 0u32);
    loop {
        let rest = sectors.get(found.whole..).unwrap_or_default();
        let at =
            base.entries.saturating_add(u64::try_from(found.rows.len()).map_err(Trouble::failed(READING))?);
        let damaged = |what: &str| Trouble::damaged(at, what);
        let Some(group) = group(rest, number).map_err(damaged)? else {
            found.torn = torn(rest, number).map_err(damaged)?;
            return Ok(found);
        };
        let taken = group.len().div_ceil(ROOM);
        found.rows.extend(split(&group).ok_or_else(|| damaged("its part of the log is damaged"))?);
        found.whole = found.whole.saturating_add(taken);
        number = number.saturating_add(1);
    }
}

/// The rows that were written after `base`. Changes nothing.
pub(crate) fn rows(file: &impl StorageBackend, base: Head) -> Result<Vec<Vec<u8>>, Trouble> {
    Ok(read(file, base)?.rows)
}

/// What all sectors of a log hold, whatever they follow and in whatever state: for a salvage, which knows rows by their hash.
pub(crate) fn raw(file: &(impl StorageBackend + ?Sized)) -> Result<Vec<u8>, Trouble> {
    Ok(sector::parts(&all(file)?))
}

fn all(file: &(impl StorageBackend + ?Sized)) -> Result<Vec<u8>, Trouble> {
    let length = file.len().map_err(Trouble::failed(READING))?;
    let mut bytes = vec![0; usize::try_from(length).map_err(Trouble::failed(READING))?];
    file.read(0, &mut bytes).map_err(Trouble::failed(READING))?;
    Ok(bytes)
}

/// The bytes of the group that the sectors begin with, if all of it is there.
fn group(sectors: &[Sector<'_>], number: u32) -> Result<Option<Vec<u8>>, &'static str> {
    let Some(Sector::Ours { number: found, left, .. }) = sectors.first() else { return Ok(None) };
    if *found != number {
        return Ok(None);
    }
    let length = usize::try_from(*left).unwrap_or(usize::MAX);
    let sectors = sectors.get(..length).ok_or("its part of the log is cut")?;
    let mut bytes = Vec::with_capacity(length.saturating_mul(ROOM));
    for (sector, left) in sectors.iter().zip((1..=*left).rev()) {
        match sector {
            Sector::Ours { number: found, left: found_left, part }
                if (*found, *found_left) == (number, left) =>
            {
                bytes.extend_from_slice(part);
            }
            Sector::Other => return Ok(None),
            Sector::Ours { .. } | Sector::Damaged => return Err("its part of the log is damaged"),
        }
    }
    Ok(Some(bytes))
}

/// How many of the sectors after the last whole group a torn group may have left. Anything else that is ours is damage.
fn torn(sectors: &[Sector<'_>], number: u32) -> Result<usize, &'static str> {
    let (mut torn, mut size) = (0usize, None);
    for (sector, at) in sectors.iter().zip(1usize..) {
        match sector {
            Sector::Other => {}
            Sector::Ours { number: found, left, .. } => {
                let end = at.saturating_add(usize::try_from(*left).unwrap_or(usize::MAX));
                if *found != number || *size.get_or_insert(end) != end {
                    return Err("its part of the log is missing, and there are later ones");
                }
                torn = at;
            }
            Sector::Damaged => return Err("its part of the log is damaged"),
        }
    }
    Ok(torn)
}

/// The rows in a group's bytes; zeros fill its last sector.
fn split(mut group: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rows = Vec::new();
    while let Some((length, rest)) = group.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        if length == 0 {
            break;
        }
        let (row, rest) = rest.split_at_checked(length)?;
        rows.push(row.to_vec());
        group = rest;
    }
    (!rows.is_empty() && group.iter().all(|byte| *byte == 0)).then_some(rows)
}
