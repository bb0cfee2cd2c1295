//! A journal's lives: it is opened, written, goes down with the machine, and is opened again.

use std::collections::BTreeMap;

use agent_core::{
    ports::{Appended, Claim, Entry, EntryKind, JournalError, Reservation, Sequence, Stored},
    units::Timestamp,
};
use alloy_primitives::{B256, U256, keccak256};

use super::disk::{Dice, Disk, Down, Fault, Images, files, machine};
use crate::{
    journaled::Journaled,
    ledger::model::Model,
    opening, reader,
    scribe::{GROUP, Scribe},
    verify,
};

/// What the world outside knows of the journal.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// What was acknowledged, or seen after a reopening: it may never go away again.
    pub(crate) kept: BTreeMap<u64, Entry>,
    /// Everything that was ever sent, by its payload.
    sent: BTreeMap<Vec<u8>, Entry>,
    open: Vec<B256>,
}

/// What one fault did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Everything that was acknowledged.
    Whole,
    /// An error that says so.
    Closed,
}

/// Entries like those of an agent at work: intents that open and end, refusals with long payloads.
fn entry(told: &mut Told, dice: &mut Dice) -> Entry {
    let number = told.sent.len().to_be_bytes();
    let at = Timestamp(1_000 + dice.below(200));
    let mut payload = number.to_vec();
    let most = if dice.below(10) == 0 { 9_000 } else { 300 };
    payload.resize(8 + dice.index(most), 7);
    let plain = |kind, subject| Entry { kind, subject, at, claims: vec![], reservations: vec![], payload };
    let spend = |amount| {
        let (budget, amount, limit) = ("gas".to_owned(), U256::from(amount), U256::from(500u16));
        vec![Reservation { budget, amount, limit, window: 50 }]
    };
    let entry = match dice.below(10) {
        0..=4 => {
            let subject = keccak256(number);
            told.open.push(subject);
            let key = format!("nonce:1:0xaa:{}", dice.below(40));
            let claims = vec![Claim { key, releasable: dice.below(2) == 0 }];
            Entry { claims, reservations: spend(dice.below(20)), ..plain(EntryKind::Recorded, subject) }
        }
        5..=7 if !told.open.is_empty() => {
            let subject = told.open.remove(dice.index(told.open.len()));
            let kind = if dice.below(3) == 0 { EntryKind::Dropped } else { EntryKind::Closed };
            let used = if kind == EntryKind::Closed { spend(dice.below(20)) } else { vec![] };
            Entry { reservations: used, ..plain(kind, subject) }
        }
        _ => plain(EntryKind::Refused, B256::ZERO),
    };
    told.sent.insert(entry.payload.clone(), entry.clone());
    entry
}

/// Makes the file, as [`crate::directory`] does under another name: until it is whole, there is none.
fn begin(images: &mut Images, plan: Option<(u64, Fault)>, down: Down, seed: u64) -> (u64, bool) {
    let [disk, ..] = machine(Images::default(), plan, seed);
    let begun = opening::begin("disk", disk.clone(), |_| Ok(()));
    if begun.is_ok() {
        *images = disk.after(down);
    }
    (disk.operations(), disk.struck().is_some())
}

/// Opens, checks, writes `groups` groups, with a checkpoint now and then, and closes or does not; stops at the first error.
fn live(disks: [Disk; 3], told: &mut Told, groups: u64, dice: &mut Dice) -> Result<(), JournalError> {
    let journal = opening::open("disk", files(disks))?;
    check(&journal, told)?;
    let mut scribe = Scribe { journal, group: GROUP, poison: None };
    for _ in 0..groups {
        let entries: Vec<_> = (0..=dice.below(4)).map(|_| entry(told, dice)).collect();
        for (answer, entry) in scribe.write(&entries)?.into_iter().zip(entries) {
            if let Appended::Written(Sequence(at)) = answer.unwrap() {
                told.kept.insert(at, entry);
            }
        }
        if dice.below(5) == 0 {
            scribe.checkpoint();
        }
    }
    if dice.below(3) == 0 {
        scribe.checkpoint();
    }
    Ok(())
}

/// Every entry that was acknowledged is there, and nothing is there that was not sent and allowed, in one piece.
fn check(journal: &Journaled, told: &mut Told) -> Result<(), JournalError> {
    let snapshot = &reader::caught(|| journal.snapshot())?;
    let verified = reader::caught(|| verify::verify(snapshot))?;
    let there = reader::caught(|| snapshot.page(Sequence(0), usize::MAX))?;
    let open = reader::caught(|| snapshot.open_intents())?;
    compare(verified.entries, there, &open, told);
    Ok(())
}

fn compare(entries: u64, there: Vec<Stored>, open: &[Stored], told: &mut Told) {
    assert_eq!(usize::try_from(entries), Ok(there.len()));
    let mut model = Model::default();
    for (at, Stored { sequence, entry, .. }) in (0..).zip(&there) {
        assert_eq!(sequence.0, at);
        assert_eq!(Some(entry), told.sent.get(&entry.payload), "nobody sent entry {at}");
        assert_eq!(model.append(entry), Ok(at), "the rules do not allow entry {at}");
    }
    for (at, entry) in &told.kept {
        let found = there.get(usize::try_from(*at).unwrap());
        assert_eq!(found.map(|stored| &stored.entry), Some(entry), "entry {at} was acknowledged and is lost");
    }
    assert_eq!(open.iter().map(|stored| stored.entry.clone()).collect::<Vec<_>>(), model.open());
    told.kept = there.into_iter().map(|stored| (stored.sequence.0, stored.entry)).collect();
    told.open = model.open().into_iter().map(|entry| entry.subject).collect();
}

/// A journal that lived twice without a fault, as it is on the disk, and its entries. The last of its lives ends without a
/// checkpoint if `tail` is so.
pub(crate) fn sample(seed: u64, down: Down, tail: bool) -> (Images, Vec<Stored>) {
    let (mut told, mut dice, mut images) = (Told::default(), Dice::new(seed), Images::default());
    begin(&mut images, None, down, seed);
    for _ in 0..2 {
        let disks = machine(images, None, seed);
        live(disks.clone(), &mut told, 6, &mut dice).unwrap();
        images = disks[0].after(down);
    }
    let disks = machine(images, None, seed);
    let mut journal = opening::open("disk", files(disks.clone())).unwrap();
    for _ in 0..3 {
        let entries: Vec<_> = (0..3).map(|_| entry(&mut told, &mut dice)).collect();
        journal.append(&entries).unwrap();
    }
    let there = journal.snapshot().unwrap().page(Sequence(0), usize::MAX).unwrap();
    if !tail {
        journal.checkpoint().unwrap();
    }
    drop(journal);
    (disks[0].after(down), there)
}

/// One journal that begins and lives `lives` times without a fault, and how many operations each of that took.
pub(crate) fn rehearse(seed: u64, lives: u64, groups: u64) -> Vec<u64> {
    let (mut told, mut dice, mut images) = (Told::default(), Dice::new(seed), Images::default());
    let mut operations = vec![begin(&mut images, None, Down::Power, seed).0];
    operations.extend((0..lives).map(|_| {
        let disks = machine(images.clone(), None, seed);
        live(disks.clone(), &mut told, groups, &mut dice).unwrap();
        images = disks[0].after(Down::Power);
        disks[0].operations()
    }));
    operations
}

/// The same journal, with a fault at operation `at` of life `life`, the beginning being life 0; then it must be whole,
/// or say that it is not.
pub(crate) fn strike(
    seed: u64,
    groups: u64,
    (life, at, fault): (u64, u64, Fault),
    down: Down,
) -> Option<Found> {
    let (mut told, mut dice, mut images) = (Told::default(), Dice::new(seed), Images::default());
    let mut struck = false;
    for now in 0..=life {
        let plan = (now == life).then_some((at, fault));
        if now == 0 {
            struck = begin(&mut images, plan, down, seed).1;
            continue;
        }
        let disks = machine(images, plan, seed ^ at);
        let lived = live(disks.clone(), &mut told, groups, &mut dice);
        struck = disks[0].struck().is_some();
        assert!(struck || lived.is_ok(), "nothing failed but the journal: {lived:?}");
        images = disks[0].after(down);
    }
    if !struck {
        return None;
    }
    // Reopened, written, down again without warning, reopened: what was seen once stays.
    for _ in 0..2 {
        if images[0].is_empty() {
            begin(&mut images, None, down, seed);
        }
        let disks = machine(images, None, seed);
        match live(disks.clone(), &mut told, 2, &mut dice) {
            Ok(()) => images = disks[0].after(down),
            Err(error) => {
                let said = error.to_string();
                assert!(matches!(error, JournalError::Damaged { .. }), "{said}");
                // Only a platter that lost what it was told, or tore a sector, may cost the journal.
                assert!(matches!(fault, Fault::Error | Fault::Short), "{said}");
                return Some(Found::Closed);
            }
        }
    }
    Some(Found::Whole)
}
