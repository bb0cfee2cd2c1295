//! Kills, losses of power and failing operations, at every operation.

use std::collections::BTreeMap;

use super::{
    disk::{Dice, Down, FAULTS, Fault},
    life::{rehearse, strike},
    seed,
};

const GROUPS: u64 = 4;
/// So many different journals, each with up to three lives.
const JOURNALS: u64 = 16;

/// What became of a fault, and how many times.
type Tally = BTreeMap<String, u64>;

/// `count` faults at random operations of random journals.
fn at_random(first: u64, count: u64) -> Tally {
    let (mut tally, mut rehearsed) = (Tally::new(), BTreeMap::new());
    for seed in first..first + count {
        let (journal, lives) = (seed % JOURNALS, 1 + seed % 3);
        let operations: &Vec<u64> =
            rehearsed.entry((journal, lives)).or_insert_with(|| rehearse(journal, lives, GROUPS));
        let mut dice = Dice::new(!seed);
        let life = dice.index(operations.len());
        let at = 1 + dice.below(operations[life]);
        let fault = if dice.below(2) == 0 { Fault::Kill } else { FAULTS[dice.index(FAULTS.len())] };
        let down = if dice.below(4) == 0 { Down::Process } else { Down::Power };
        let found = strike(journal, GROUPS, (life.try_into().unwrap(), at, fault), down);
        let found = found.unwrap_or_else(|| panic!("seed {seed}: operation {at} of life {life} never came"));
        *tally.entry(format!("{fault:?}, {down:?}: {found:?}")).or_default() += 1;
    }
    tally
}

fn whole_after_kills(tally: &Tally) -> u64 {
    tally.iter().filter(|(what, _)| what.starts_with("Kill")).map(|(_, count)| count).sum()
}

#[test]
fn a_fault_at_any_operation() {
    let tally = at_random(0, 200);
    println!("{tally:#?}");
    assert!(whole_after_kills(&tally) > 100);
}

/// `KEEPWRIGHT_SEED` resumes it.
#[test]
#[ignore = "long: scripts/test --long journal"]
fn long_journal_kills() {
    const STEP: u64 = 1_000;
    let (mut kills, mut all) = (0, 0);
    let mut seed = seed();
    while kills < 10_000 {
        println!("KEEPWRIGHT_SEED={seed}");
        let tally = at_random(seed, STEP);
        (kills, all, seed) = (kills + whole_after_kills(&tally), all + STEP, seed + STEP);
        println!("{tally:#?}");
    }
    println!("{all} faults, {kills} of them kills; nothing that was acknowledged was lost");
}

/// Every operation of one small journal, and every fault.
#[test]
#[ignore = "long: scripts/test --long journal"]
fn long_journal_faults_at_every_operation() {
    let (journal, groups) = (seed(), 2);
    let mut tally = Tally::new();
    for (life, operations) in rehearse(journal, 2, groups).into_iter().enumerate() {
        for at in 1..=operations {
            for (fault, down) in
                FAULTS.into_iter().flat_map(|fault| [(fault, Down::Process), (fault, Down::Power)])
            {
                let found = strike(journal, groups, (life.try_into().unwrap(), at, fault), down).unwrap();
                *tally.entry(format!("{fault:?}, {down:?}: {found:?}")).or_default() += 1;
            }
        }
    }
    println!("{tally:#?}");
}
