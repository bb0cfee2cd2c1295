#![expect(clippy::arithmetic_side_effects, reason = "places in a test's file do not overflow")]

use agent_core::{ports::Entry, units::Timestamp};
use alloy_primitives::B256;

use super::*;
use crate::tests::disk::{Disk, Images, machine};

fn row(head: &mut Head, length: usize) -> Vec<u8> {
    let (kind, subject, at) = (agent_core::ports::EntryKind::Noted, B256::ZERO, Timestamp(1));
    let entry = Entry { kind, subject, at, claims: vec![], reservations: vec![], payload: vec![7; length] };
    let (row, after) = head.link(&entry).unwrap();
    *head = after;
    row
}

/// Groups of rows after the genesis, and the file that they are in.
fn written(groups: &[&[usize]]) -> (Disk, Vec<Vec<u8>>) {
    let [_, file, _] = machine(Images::default(), None, 0);
    let mut log = Log::begin(file.clone(), Head::genesis()).unwrap();
    let (mut head, mut rows) = (Head::genesis(), Vec::new());
    for group in groups {
        let group: Vec<_> = group.iter().map(|length| row(&mut head, *length)).collect();
        log.append(group.iter().map(Vec::as_slice)).unwrap();
        rows.extend(group);
    }
    (file, rows)
}

fn bytes(file: &Disk) -> Vec<u8> {
    all(file).unwrap()
}

fn with(bytes: Vec<u8>) -> Disk {
    let [_, file, _] = machine([vec![], bytes, vec![]], None, 0);
    file
}

fn blank(bytes: &mut [u8], sector: usize) {
    bytes[sector * SECTOR..][..SECTOR].fill(0);
}

#[test]
fn what_is_written_is_read() {
    let (file, expected) = written(&[&[10], &[300, 1, 500], &[9_000], &[0]]);
    assert_eq!(rows(&file, Head::genesis()).unwrap(), expected);
}

#[test]
fn room_is_made_in_whole_chunks() {
    let (file, expected) = written(&[&[10], &[1_500_000], &[1_500_000], &[3]]);
    assert_eq!(u64::try_from(bytes(&file).len()), Ok(3 * CHUNK));
    assert_eq!(rows(&file, Head::genesis()).unwrap(), expected);
}

/// It follows another checkpoint, of this journal or of another.
#[test]
fn a_log_after_another_checkpoint_is_blank() {
    let (file, _) = written(&[&[10], &[300]]);
    let other = Head { entries: 2, hash: B256::repeat_byte(5) };
    assert_eq!(read(&file, other).unwrap(), Found::default());
}

#[test]
fn a_renewed_log_is_written_over() {
    let (file, _) = written(&[&[10], &[5_000]]);
    let mut base = Head::genesis();
    row(&mut base, 1);
    let (mut log, _) = Log::open(file.clone(), Head::genesis()).unwrap();
    log.renew(base);
    let mut head = base;
    let new = [row(&mut head, 600)];
    log.append(new.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(rows(&file, base).unwrap(), new);
    // Whoever still has the checkpoint before is told that its log is gone.
    assert!(read(&file, Head::genesis()).is_err());
}

/// Every subset of the sectors of the last group: all of it, or none.
#[test]
fn a_torn_group_is_cut_off_whatever_is_left_of_it() {
    let (file, expected) = written(&[&[10], &[1_800]]);
    for left in 0..16u8 {
        let mut torn = bytes(&file);
        (0..4).filter(|sector| left & (1 << sector) == 0).for_each(|sector| blank(&mut torn, 1 + sector));
        let file = with(torn);
        let kept = if left == 15 { 2 } else { 1 };
        assert_eq!(rows(&file, Head::genesis()).unwrap(), expected[..kept], "{left:04b}");
        if left == 15 {
            continue;
        }
        // What is left is cleared, so that the next group cannot be taken for a part of it.
        let (mut log, found) = Log::open(file.clone(), Head::genesis()).unwrap();
        log.clear_torn().unwrap();
        assert_eq!(found, expected[..kept]);
        assert_eq!(read(&file, Head::genesis()).unwrap().torn, 0);
    }
}

#[test]
fn a_group_that_is_missing_before_another_is_damage() {
    let (file, _) = written(&[&[10], &[1_800], &[10]]);
    for sector in 0..5 {
        let mut torn = bytes(&file);
        blank(&mut torn, sector);
        assert!(read(&with(torn), Head::genesis()).is_err(), "sector {sector}");
    }
}

/// Without help from the witness. Whether a row is what it was, its hash says.
#[test]
fn no_flipped_bit_cuts_a_group_off() {
    let (file, expected) = written(&[&[10], &[300, 700]]);
    let mut bytes = bytes(&file)[..8 * SECTOR].to_vec();
    // Every bit of the headers, and one of each other byte.
    let header = |at: usize| at % SECTOR < SECTOR - ROOM;
    let bits = (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    for (at, bit) in bits.filter(|(at, bit)| header(*at) || at % 8 == *bit) {
        bytes[at] ^= 1 << bit;
        let found = find(&bytes, Head::genesis());
        bytes[at] ^= 1 << bit;
        if let Ok(Found { rows: found, .. }) = found {
            let mut head = Head::genesis();
            let followed = found.iter().try_for_each(|row| head.follow(row).map(|(_, after)| head = after));
            assert!(followed.is_err() || found == expected, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_cut_log_is_damage() {
    let (file, _) = written(&[&[10]]);
    for length in [0, 1, 511, 512, 513, 1 << 19, (1 << 20) - 1] {
        let mut cut = bytes(&file);
        cut.truncate(length);
        assert!(read(&with(cut), Head::genesis()).is_err(), "{length}");
    }
}
