use std::{fs, path::Path, process::Command, thread, time::Duration};

use agent_core::ports::{Entry, Journal, JournalError, Sequence, Stored};
use futures::{executor::block_on, future::try_join_all};
use memory_journal::{JournalReader, RedbJournal};

use super::sample::{append, closed, recorded};

fn together(journal: &RedbJournal, entries: impl Iterator<Item = Entry>) {
    block_on(try_join_all(entries.map(|entry| journal.append(entry)))).unwrap();
}

fn export(reader: &JournalReader) -> Vec<Stored> {
    reader.entries(Sequence(0)).collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_reader_sees_one_moment_while_the_writer_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    together(&journal, (0..600).map(|number| recorded(&number.to_string())));
    let reader = JournalReader::open(directory.path()).unwrap();
    together(&journal, (0..400).map(|number| closed(&number.to_string())));
    let all = block_on(journal.read(Sequence(0), usize::MAX)).unwrap();
    assert_eq!(export(&reader), all[..600]);
    assert_eq!(reader.entries(Sequence(590)).count(), 10);
    assert_eq!(reader.open_intents().unwrap().len(), 600);
    assert_eq!(reader.verify().unwrap(), reader.head());
    let later = JournalReader::open(directory.path()).unwrap();
    assert_eq!(export(&later), all);
    assert_eq!(later.open_intents().unwrap().len(), 200);
}

/// Many commits, many openings: none may take a moment between two writes for damage.
#[test]
fn a_reader_never_takes_a_write_for_damage() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let writer = {
        let journal = journal.clone();
        thread::spawn(move || {
            for number in 0..300 {
                append(&journal, recorded(&format!("{number}")));
            }
        })
    };
    let mut seen = 0;
    while !writer.is_finished() {
        let reader = JournalReader::open(directory.path()).unwrap();
        let verified = reader.verify().unwrap();
        assert!(verified.entries >= seen, "{} after {seen}", verified.entries);
        seen = verified.entries;
    }
    writer.join().unwrap();
}

/// Long entries, so that the log goes into the redb file every few dozen and is written over beside the reader.
#[test]
fn a_reader_never_takes_a_checkpoint_for_damage() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let writer = {
        let journal = journal.clone();
        thread::spawn(move || {
            for number in 0..50 {
                let mut entry = recorded(&format!("{number}"));
                entry.payload.resize(100_000, 1);
                append(&journal, entry);
            }
        })
    };
    let (mut seen, mut looks) = (0, 0);
    while !writer.is_finished() {
        let reader = JournalReader::open(directory.path()).unwrap();
        let last = reader.entries(Sequence(seen)).last();
        let entries = reader.head().entries;
        assert_eq!(last.map(|last| last.unwrap().sequence.0 + 1), (entries > seen).then_some(entries));
        assert!(entries >= seen, "{entries} after {seen}");
        (seen, looks) = (entries, looks + 1);
    }
    writer.join().unwrap();
    println!("looked {looks} times");
    assert_eq!(JournalReader::open(directory.path()).unwrap().verify().unwrap().entries, 50);
}

/// The child is killed with the file open; nothing of what it left may change.
#[test]
fn what_a_killed_process_left_is_read_and_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(super::crash::DIRECTORY, directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while JournalReader::open(directory.path()).map_or(0, |reader| reader.head().entries) < 10 {
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let files =
        || ["journal.redb", "journal.log", "head"].map(|name| fs::read(directory.path().join(name)).unwrap());
    let before = files();
    let reader = JournalReader::open(directory.path()).unwrap();
    assert_eq!(reader.verify().unwrap(), reader.head());
    let found = export(&reader);
    let copy = directory.path().join("copy");
    reader.backup(&copy).unwrap();
    assert!(files() == before, "looking changed it");
    let refused = RedbJournal::open(directory.path());
    assert!(matches!(refused, Err(JournalError::InUse(_))), "{refused:?}");
    drop(reader);
    let journal = RedbJournal::open(directory.path()).unwrap();
    assert_eq!(block_on(journal.read(Sequence(0), usize::MAX)).unwrap(), found);
}

fn backed_up(from: &Path, to: &Path) -> Result<(), JournalError> {
    JournalReader::open(from)?.backup(to).map(drop)
}

#[test]
fn a_backup_of_a_running_journal_is_a_journal() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("journal"), directory.path().join("backup"));
    let journal = RedbJournal::open(&from).unwrap();
    together(&journal, (0..1_100).map(|number| recorded(&number.to_string())));
    together(&journal, (0..1_100).step_by(3).map(|number| closed(&number.to_string())));
    backed_up(&from, &to).unwrap();
    let copy = RedbJournal::open(&to).unwrap();
    let both = [&journal, &copy].map(|journal| {
        block_on(async {
            let all = journal.read(Sequence(0), usize::MAX).await.unwrap();
            (all, journal.open_intents().await.unwrap(), journal.verify().await.unwrap())
        })
    });
    assert!(both[0] == both[1]);
    assert_eq!(append(&copy, recorded("goes on")), both[0].2.entries);
    // Never over something that is there.
    let error = backed_up(&from, &to).unwrap_err().to_string();
    assert!(error.contains("new folder"), "{error}");
}

#[test]
fn a_damaged_journal_is_neither_read_nor_backed_up() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("journal"), directory.path().join("backup"));
    let journal = RedbJournal::open(&from).unwrap();
    append(&journal, recorded("before"));
    let older = fs::read(from.join("journal.log")).unwrap();
    append(&journal, recorded("after"));
    fs::write(from.join("journal.log"), older).unwrap();
    let error = backed_up(&from, &to).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { at: 1, .. }), "{error}");
    assert!(!to.exists());
}
