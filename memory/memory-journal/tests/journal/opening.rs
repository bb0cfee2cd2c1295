use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use agent_core::{
    conformance,
    ports::{Journal, JournalError, Sequence},
};
use futures::executor::block_on;
use memory_journal::RedbJournal;

use super::sample::{append, closed, dropped, recorded};

#[test]
fn conforms() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    block_on(conformance::journal(&journal)).unwrap();
}

#[test]
fn reopening_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    for text in ["a", "b", "c"] {
        append(&journal, recorded(text));
    }
    append(&journal, closed("a"));
    append(&journal, dropped(recorded("b").subject));
    let snapshot = |journal: &RedbJournal| {
        block_on(async {
            let all = journal.read(Sequence(0), 100).await.unwrap();
            (all, journal.open_intents().await.unwrap(), journal.verify().await.unwrap())
        })
    };
    let before = snapshot(&journal);
    assert_eq!((before.0.len(), before.1.len()), (5, 1));
    drop(journal);
    let journal = RedbJournal::open(directory.path()).unwrap();
    assert_eq!(snapshot(&journal), before);
    assert_eq!(append(&journal, recorded("d")), 5);
}

#[test]
fn a_second_handle_is_refused_until_the_last_clone_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let clone = journal.clone();
    drop(journal);
    let refused = RedbJournal::open(directory.path());
    assert!(matches!(refused, Err(JournalError::InUse(_))), "{refused:?}");
    append(&clone, recorded("the clone works on"));
    drop(clone);
    RedbJournal::open(directory.path()).unwrap();
}

#[test]
fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let told = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(super::crash::DIRECTORY, directory.path())
        .output()
        .unwrap();
    let told = [told.stdout, told.stderr].concat();
    assert!(String::from_utf8_lossy(&told).contains("InUse"), "{}", String::from_utf8_lossy(&told));
    append(&journal, recorded("the first works on"));
}

#[test]
fn files_are_for_their_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new/journal");
    let _journal = RedbJournal::open(&directory).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in fs::read_dir(&directory).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[test]
fn an_unknown_format_is_named() {
    let directory = tempfile::tempdir().unwrap();
    drop(RedbJournal::open(directory.path()).unwrap());
    let database = redb::Database::open(directory.path().join("journal.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = redb::TableDefinition::<(), u64>::new("format");
    transaction.open_table(table).unwrap().insert((), 7).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = RedbJournal::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("format is 7, this program knows 3"), "{error}");
}

#[test]
fn a_file_that_is_no_journal_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("journal.redb");
    fs::write(&file, b"dear diary").unwrap();
    assert!(matches!(RedbJournal::open(directory.path()), Err(JournalError::Damaged { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"dear diary");
}
