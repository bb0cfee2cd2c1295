//! Flipped bits and cut files: everything that was acknowledged is there, or the journal does not open.

use std::panic::{AssertUnwindSafe, catch_unwind};

use agent_core::ports::{Sequence, Stored};

use super::{
    disk::{Dice, Down, Images, files, machine},
    life::sample,
    seed,
};
use crate::{opening, reader, trouble::Trouble, verify};

/// What opening and following all of it finds; `None` when that fails, as it may.
fn found(images: Images) -> Option<Vec<Stored>> {
    let look = || -> Result<Vec<Stored>, Trouble> {
        let opened = opening::open("disk", files(machine(images, None, 0)));
        let opened = opened.map_err(Trouble::failed("open"))?;
        let snapshot = &reader::caught(|| opened.snapshot())?;
        reader::caught(|| verify::verify(snapshot))?;
        reader::caught(|| snapshot.page(Sequence(0), usize::MAX))
    };
    catch_unwind(AssertUnwindSafe(look)).expect("a panic escaped").ok()
}

/// All ways for a journal to have ended, the log being all of it, or a tail, or as good as empty.
fn samples() -> Vec<(Images, Vec<Stored>)> {
    let downs = [Down::Power, Down::Process];
    downs.into_iter().flat_map(|down| [true, false].map(|tail| sample(7, down, tail))).collect()
}

/// Where a flip hits: the redb file, half of the time its first page, where the commits are chosen; the sectors of the log
/// that were ever written; or the witness.
fn target(images: &Images, dice: &mut Dice) -> (usize, usize) {
    let written = images[1].iter().rposition(|byte| *byte != 0).unwrap() + 100;
    match dice.below(50) {
        0 => (2, dice.index(images[2].len())),
        1..=24 => (1, dice.index(written)),
        25..=37 => (0, dice.index(320)),
        _ => (0, dice.index(images[0].len())),
    }
}

/// Flips one bit in each of `count` copies.
fn flips(first: u64, count: u64) {
    let journals = samples();
    let (mut harmless, mut closed) = (0, 0);
    for seed in first..first + count {
        let mut dice = Dice::new(seed);
        let (images, entries) = &journals[dice.index(journals.len())];
        let mut images = images.clone();
        let (file, at) = target(&images, &mut dice);
        images[file][at] ^= 1 << dice.below(8);
        match found(images) {
            Some(there) => {
                assert!(
                    there == *entries,
                    "seed {seed}: file {file}, byte {at}: entries are not what they were"
                );
                harmless += 1;
            }
            None => closed += 1,
        }
    }
    println!("{count} bits flipped: {closed} found, {harmless} harmed nothing");
    assert!(closed > 0 && harmless > 0);
}

/// Cuts a file of a journal at each of `lengths`.
fn cuts(file: usize, lengths: impl Fn(usize) -> Vec<usize>) {
    let (images, entries) = sample(7, Down::Power, true);
    let (mut harmless, mut closed) = (0, 0);
    for length in lengths(images[file].len()) {
        let mut images = images.clone();
        images[file].truncate(length);
        match found(images) {
            Some(there) => {
                assert!(there == entries, "file {file} cut to {length}: entries are not what they were");
                harmless += 1;
            }
            None => closed += 1,
        }
    }
    println!("file {file} cut {} times: {closed} found, {harmless} harmed nothing", closed + harmless);
    assert!(closed > 0);
}

#[test]
fn flipped_bits() {
    flips(0, 120);
}

/// Every bit of the sectors' headers, and one of each other byte in the log, in every state that it can be in.
#[test]
#[ignore = "long: scripts/test --long journal"]
fn long_journal_every_byte_of_the_log() {
    for (images, entries) in samples() {
        let written = images[1].iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let (mut harmless, mut closed) = (0, 0);
        let bits = (0..written).flat_map(|at| (0..8).map(move |bit| (at, bit)));
        for (at, bit) in bits.filter(|(at, bit)| at % 512 < 20 || at % 8 == *bit) {
            let mut images = images.clone();
            images[1][at] ^= 1 << bit;
            match found(images) {
                Some(there) => {
                    assert!(there == entries, "bit {bit} of byte {at}: entries are not what they were");
                    harmless += 1;
                }
                None => closed += 1,
            }
        }
        println!("{} bits of the log flipped: {closed} found, {harmless} harmed nothing", closed + harmless);
    }
}

#[test]
fn the_witness_cut_at_every_byte() {
    cuts(2, |length| (0..length).collect());
}

#[test]
fn the_log_cut_at_every_eighth_page() {
    cuts(1, |length| {
        (0..length).step_by(1 << 15).flat_map(|at| [at, at + 1, (at + 511).min(length - 1)]).collect()
    });
}

#[test]
fn the_journal_cut_at_every_sixteenth_page() {
    cuts(0, |length| {
        (0..length).step_by(1 << 16).flat_map(|at| [at, at + 1, (at + 4_095).min(length - 1)]).collect()
    });
}

/// `KEEPWRIGHT_SEED` resumes it.
#[test]
#[ignore = "long: scripts/test --long journal"]
fn long_journal_flips() {
    const STEP: u64 = 1_000;
    let first = seed();
    for step in 0..10 {
        println!("KEEPWRIGHT_SEED={}", first + step * STEP);
        flips(first + step * STEP, STEP);
    }
}

#[test]
#[ignore = "long: scripts/test --long journal"]
fn long_journal_cut_at_every_byte() {
    cuts(0, |length| (0..length).collect());
    cuts(1, |length| (0..length).collect());
}
