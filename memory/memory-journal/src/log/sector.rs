//! One sector of the log: whose it is, its place in its group, and a part of the group's bytes.
//!
//! A disk writes a sector whole or not at all, so that what a crash left of a group is known sector by sector: it is the
//! group's, or it is what was there before. The header is redundant enough that no flipped bit makes one into the other.

use crate::chain::Head;

/// What a disk writes whole or not at all.
pub(super) const SECTOR: usize = 512;
/// The mark, the group's number, how many of its sectors are left, and that once more with every bit turned.
const HEADER: usize = 20;
/// What a sector holds of its group.
pub(super) const ROOM: usize = 492;
/// A mark that differs in so few bits is this one, damaged: marks are hashes, two of them differ in some thirty.
const DAMAGED_BITS: u32 = 8;

/// Names the checkpoint that a log follows: the sectors of all others are as good as blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark([u8; 8]);

impl Mark {
    pub(super) fn of(base: Head) -> Self {
        Self(base.hash.first_chunk().copied().unwrap_or_default())
    }

    /// In how many bits they differ.
    fn distance(self, other: Self) -> u32 {
        (u64::from_be_bytes(self.0) ^ u64::from_be_bytes(other.0)).count_ones()
    }
}

/// What a sector says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sector<'b> {
    /// Part of the group `number` after the checkpoint; with it, `left` sectors of the group are left.
    Ours { number: u32, left: u32, part: &'b [u8] },
    /// Blank, or of a log that was used up by an earlier checkpoint.
    Other,
    /// It was ours.
    Damaged,
}

impl<'b> Sector<'b> {
    pub(super) fn read(mark: Mark, bytes: &'b [u8]) -> Self {
        Self::parse(mark, bytes).unwrap_or(Self::Other)
    }

    fn parse(mark: Mark, bytes: &'b [u8]) -> Option<Self> {
        let (found, bytes) = bytes.split_first_chunk::<8>()?;
        let (number, bytes) = bytes.split_first_chunk::<4>()?;
        let (left, bytes) = bytes.split_first_chunk::<4>()?;
        let (turned, part) = bytes.split_first_chunk::<4>()?;
        let [number, left, turned] = [number, left, turned].map(|bytes| u32::from_be_bytes(*bytes));
        Some(match mark.distance(Mark(*found)) {
            0 if left == !turned && left > 0 => Self::Ours { number, left, part },
            0..=DAMAGED_BITS => Self::Damaged,
            _ => Self::Other,
        })
    }

    /// Writes one sector behind `bytes`; `part` is at most [`ROOM`] long.
    pub(super) fn write(mark: Mark, number: u32, left: u32, part: &[u8], bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&mark.0);
        for word in [number, left, !left] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(part);
        let padding = SECTOR.saturating_sub(HEADER).saturating_sub(part.len());
        bytes.extend(std::iter::repeat_n(0, padding));
    }
}

/// What all sectors of a file hold, whosever they are, one after the other.
pub(super) fn parts(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(SECTOR).filter_map(|sector| sector.get(HEADER..)).flatten().copied().collect()
}
