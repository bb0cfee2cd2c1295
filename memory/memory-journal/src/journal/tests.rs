use futures::{
    executor::block_on,
    future::{join_all, try_join_all},
};
use proptest::prelude::*;

use super::*;
use crate::ledger::model::{Model, entries};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Everything is sent before anything is awaited, so that groups form; half-way, the journal is reopened.
    #[test]
    fn a_journal_on_disk_answers_as_the_model(entries in entries()) {
        let directory = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        for half in entries.chunks(entries.len().div_ceil(2).max(1)) {
            let journal = RedbJournal::open(directory.path()).unwrap();
            let found = block_on(try_join_all(half.iter().map(|entry| journal.append(entry.clone())))).unwrap();
            for (entry, found) in half.iter().zip(found) {
                let expected = model.append(entry).map_or_else(Appended::Rejected, |at| Appended::Written(Sequence(at)));
                prop_assert_eq!(found, expected);
            }
            let verified = block_on(journal.verify()).unwrap();
            prop_assert_eq!(usize::try_from(verified.entries), Ok(model.entries().len()));
        }
        let journal = RedbJournal::open(directory.path()).unwrap();
        let (all, open) = block_on(async {
            (journal.read(Sequence(0), usize::MAX).await.unwrap(), journal.open_intents().await.unwrap())
        });
        let all: Vec<_> = all.into_iter().map(|stored| stored.entry).collect();
        prop_assert_eq!(all.as_slice(), model.entries());
        let open: Vec<_> = open.into_iter().map(|stored| stored.entry).collect();
        prop_assert_eq!(open, model.open());
    }
}

#[test]
fn what_was_sent_is_written_though_nobody_waits() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let entry = crate::scribe::tests::recorded(1);
    drop(journal.append(entry.clone()));
    drop(join_all([journal.append(entry)]));
    drop(journal);
    let journal = RedbJournal::open(directory.path()).unwrap();
    assert_eq!(block_on(journal.verify()).unwrap().entries, 1);
}
