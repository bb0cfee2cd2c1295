use agent_core::{
    ports::{EntryKind, Journal, Sequence},
    units::Timestamp,
};
use alloy_primitives::B256;
use futures::executor::block_on;

use super::*;
use crate::{
    journal::RedbJournal,
    opening,
    tests::disk::{Down, Fault, Images, files, machine},
};

pub(crate) fn recorded(subject: u8) -> Entry {
    let (kind, subject, at) = (EntryKind::Recorded, B256::repeat_byte(subject), Timestamp(1));
    Entry { kind, subject, at, claims: vec![], reservations: vec![], payload: vec![] }
}

#[test]
fn a_misfit_is_refused_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let claims = vec![agent_core::ports::Claim { key: "nonce".into(), releasable: true }];
    let misfit = Entry { kind: EntryKind::Order, claims, ..recorded(1) };
    let error = block_on(journal.append(misfit)).unwrap_err().to_string();
    assert!(error.contains("can hold claims"), "{error}");
    assert_eq!(block_on(journal.append(recorded(1))).unwrap(), Appended::Written(Sequence(0)));
}

#[test]
fn a_group_is_checked_entry_by_entry() {
    let directory = tempfile::tempdir().unwrap();
    let journal = crate::directory::open(directory.path()).unwrap();
    let mut scribe = Scribe { journal, group: GROUP, poison: None };
    let answers = scribe.write(&[recorded(1), recorded(1), recorded(2)]).unwrap();
    let conflict = agent_core::ports::Conflict::WrongState;
    let expected = [
        Ok(Appended::Written(Sequence(0))),
        Ok(Appended::Rejected(conflict)),
        Ok(Appended::Written(Sequence(1))),
    ];
    assert_eq!(answers, expected);
}

/// Whatever fails of it: the one before is read, and nothing is written any more.
#[test]
fn after_a_failed_write_what_was_acknowledged_is_read() {
    let [disk, ..] = machine(Images::default(), None, 0);
    opening::begin("disk", disk.clone(), |_| Ok(())).unwrap();
    let images = disk.after(Down::Process);
    let two = |plan| {
        let disks = machine(images.clone(), plan, 0);
        let journal = opening::open("disk", files(disks.clone())).unwrap();
        let mut scribe = Scribe { journal, group: GROUP, poison: None };
        scribe.write(&[recorded(1)]).unwrap();
        let before = disks[0].operations();
        let second = scribe.write(&[recorded(2)]).map(drop);
        (scribe, second, before..disks[0].operations())
    };
    let (_, second, operations) = two(None);
    assert!(
        second.is_ok() && operations.clone().count() == 3,
        "a write, a sync, and the witness: {operations:?}"
    );
    for at in operations {
        let (mut scribe, second, _) = two(Some((at.saturating_add(1), Fault::Error)));
        second.unwrap_err();
        let snapshot = scribe.journal.snapshot().unwrap();
        assert_eq!(snapshot.page(Sequence(0), 9).unwrap().len(), 1);
        assert_eq!(snapshot.open_intents().unwrap().len(), 1);
        assert_eq!(crate::verify::verify(&snapshot).unwrap().entries, 1);
        let third = JournalError::from(scribe.write(&[recorded(3)]).unwrap_err()).to_string();
        assert!(third.contains("an earlier write failed"), "{third}");
        scribe.checkpoint();
        assert_eq!(scribe.journal.snapshot().unwrap().base.entries, 0, "a checkpoint after a failure");
    }
}
