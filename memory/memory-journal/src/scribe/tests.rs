use agent_core::{
    ports::{EntryKind, Journal},
    units::Timestamp,
};
use alloy_primitives::B256;
use futures::executor::block_on;

use super::*;
use crate::{journal::RedbJournal, opening::Journaled};

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
    let Journaled { database, head, witness } = crate::directory::open(directory.path()).unwrap();
    let mut scribe = Scribe { database: Arc::new(database), witness, head, group: GROUP, poison: None };
    let answers = scribe.write(&[recorded(1), recorded(1), recorded(2)]).unwrap();
    let conflict = agent_core::ports::Conflict::WrongState;
    let expected = [
        Ok(Appended::Written(Sequence(0))),
        Ok(Appended::Rejected(conflict)),
        Ok(Appended::Written(Sequence(1))),
    ];
    assert_eq!(answers, expected);
}
