//! Flipped bits and cut files: everything that was acknowledged is there, or the journal does not open.

use std::panic::{AssertUnwindSafe, catch_unwind};

use agent_core::ports::{Sequence, Stored};

use super::{
    disk::{Dice, Down, Images, machine},
    life::sample,
    seed,
};
use crate::{opening, reader, trouble::Trouble, verify};

/// What opening and following all of it finds; `None` when that fails, as it may.
fn found(images: Images) -> Option<Vec<Stored>> {
    let look = || -> Result<Vec<Stored>, Trouble> {
        let [database, witness] = machine(images, None, 0);
        let opened = opening::open("disk", database, witness);
        let opened = opened.map_err(Trouble::failed("open"))?;
        let snapshot = &reader::caught(|| reader::snapshot(&opened.database))?;
        reader::caught(|| verify::verify(snapshot))?;
        reader::caught(|| reader::page(snapshot, Sequence(0), usize::MAX))
    };
    catch_unwind(AssertUnwindSafe(look)).expect("a panic escaped").ok()
}

/// Flips one bit in each of `count` copies; half of the flips hit the first page, where the commits are chosen.
fn flips(first: u64, count: u64) {
    let journals: Vec<_> = [Down::Power, Down::Process].into_iter().map(|down| sample(7, down)).collect();
    let (mut harmless, mut closed) = (0, 0);
    for seed in first..first + count {
        let mut dice = Dice::new(seed);
        let (images, entries) = &journals[dice.index(journals.len())];
        let mut images = images.clone();
        let file = usize::from(dice.below(50) == 0);
        let most = if file == 0 && dice.below(2) == 0 { 320 } else { images[file].len() };
        let at = dice.index(most);
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
    let (images, entries) = sample(7, Down::Power);
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

#[test]
fn the_witness_cut_at_every_byte() {
    cuts(1, |length| (0..length).collect());
}

#[test]
fn the_journal_cut_at_every_sixteenth_page() {
    cuts(0, |length| {
        (0..length).step_by(1 << 16).flat_map(|at| [at, at + 1, (at + 4_095).min(length - 1)]).collect()
    });
}

/// `KEEPWRIGHT_SEED` resumes it.
#[test]
#[ignore = "needs minutes"]
fn long_journal_flips() {
    const STEP: u64 = 1_000;
    let first = seed();
    for step in 0..10 {
        println!("KEEPWRIGHT_SEED={}", first + step * STEP);
        flips(first + step * STEP, STEP);
    }
}

#[test]
#[ignore = "needs minutes"]
fn long_journal_cut_at_every_byte() {
    cuts(0, |length| (0..length).collect());
}
