use std::{fs, path::PathBuf};

use agent_core::ports::{Journal, JournalError, Sequence, Stored};
use alloy_primitives::keccak256;
use futures::{executor::block_on, future::try_join_all};
use memory_journal::{JournalReader, RedbJournal, Salvaged, confirm, salvage};

use super::sample::{append, closed, recorded};

struct Hurt {
    directory: tempfile::TempDir,
    entries: Vec<Stored>,
}

impl Hurt {
    /// A journal of sixty entries, to which `harm` was done.
    fn new(harm: impl FnOnce(&mut Vec<u8>)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = RedbJournal::open(directory.path().join("journal")).unwrap();
        for numbers in [0..10usize, 10..20, 20..40] {
            let texts: Vec<_> = numbers.map(|number| format!("entry {number}")).collect();
            let open = texts.iter().map(|text| {
                // Some rows are longer than a page, and one longer than is read at first.
                let length =
                    if text == "entry 20" { 30_000 } else { usize::from(recorded(text).subject[0]) * 20 };
                let mut entry = recorded(text);
                entry.payload.resize(length, 1);
                entry
            });
            let close = texts.iter().step_by(2).map(|text| closed(text));
            let sent = open.chain(close).map(|entry| journal.append(entry));
            block_on(try_join_all(sent)).unwrap();
        }
        let entries = block_on(journal.read(Sequence(0), usize::MAX)).unwrap();
        drop(journal);
        let hurt = Self { directory, entries };
        // What is still in the log would be found there.
        fs::write(hurt.directory.path().join("journal/journal.log"), vec![0; 1 << 20]).unwrap();
        let mut bytes = fs::read(hurt.file()).unwrap();
        harm(&mut bytes);
        fs::write(hurt.file(), bytes).unwrap();
        hurt
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("journal/journal.redb")
    }

    fn salvage(&self) -> Result<Salvaged, JournalError> {
        salvage(self.directory.path().join("journal"), self.saved())
    }

    fn saved(&self) -> PathBuf {
        self.directory.path().join("saved")
    }

    /// Every place where the bytes of entry `number` begin with its hash.
    fn rows(&self, bytes: &[u8], number: usize) -> Vec<usize> {
        let hash = self.entries[number].hash;
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(hash.as_slice())).collect()
    }
}

/// The entries that are in the saved journal, which follows all of its own checks.
fn saved(hurt: &Hurt) -> Vec<Stored> {
    let reader = JournalReader::open(hurt.saved()).unwrap();
    assert_eq!(reader.salvaged().map(|mark| mark.confirmed), Some(false));
    reader.entries(Sequence(0)).collect::<Result<_, _>>().unwrap()
}

#[test]
fn nothing_is_lost_when_the_tables_are() {
    // The first page says where everything is.
    let hurt = Hurt::new(|bytes| bytes[..4096].fill(0xff));
    assert!(matches!(
        RedbJournal::open(hurt.directory.path().join("journal")),
        Err(JournalError::Damaged { .. })
    ));
    let before = fs::read(hurt.file()).unwrap();
    let salvaged = hurt.salvage().unwrap();
    assert_eq!((salvaged.kept.entries, salvaged.acknowledged, salvaged.ambiguous), (60, Some(60), false));
    assert_eq!(salvaged.to_string(), "60 entries saved, each verified; no acknowledged entry is lost");
    assert_eq!(saved(&hurt), hurt.entries);
    assert!(fs::read(hurt.file()).unwrap() == before, "salvaging changed the evidence");
}

/// A process was killed, and what it left of the redb file cannot be read.
#[test]
fn what_is_only_in_the_log_is_saved_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("journal"), directory.path().join("saved"));
    let journal = RedbJournal::open(&from).unwrap();
    block_on(try_join_all((0..20).map(|number| journal.append(recorded(&number.to_string()))))).unwrap();
    let mut long = recorded("long");
    long.payload.resize(30_000, 1);
    append(&journal, long);
    let entries = block_on(journal.read(Sequence(0), usize::MAX)).unwrap();
    let killed =
        ["journal.redb", "journal.log", "head"].map(|name| (name, fs::read(from.join(name)).unwrap()));
    drop(journal);
    killed.iter().for_each(|(name, bytes)| fs::write(from.join(name), bytes).unwrap());
    fs::write(from.join("journal.redb"), b"nothing that can be read").unwrap();
    let salvaged = salvage(&from, &to).unwrap();
    assert_eq!((salvaged.kept.entries, salvaged.acknowledged), (21, Some(21)));
    let saved = JournalReader::open(&to).unwrap();
    assert_eq!(saved.entries(Sequence(0)).collect::<Result<Vec<_>, _>>().unwrap(), entries);
}

#[test]
fn everything_before_the_first_lost_entry_is_saved() {
    let mut hurt = Hurt::new(|_| {});
    let mut bytes = fs::read(hurt.file()).unwrap();
    for at in hurt.rows(&bytes, 33) {
        bytes[at] ^= 1;
    }
    fs::write(hurt.file(), bytes).unwrap();
    let salvaged = hurt.salvage().unwrap();
    assert_eq!((salvaged.kept.entries, salvaged.acknowledged), (33, Some(60)));
    let said = salvaged.to_string();
    assert!(said.contains("27 acknowledged entries are lost: entry 33 and all after it"), "{said}");
    hurt.entries.truncate(33);
    assert_eq!(saved(&hurt), hurt.entries);
}

#[test]
fn a_salvaged_journal_signs_nothing_until_a_person_says_so() {
    let hurt = Hurt::new(|bytes| bytes.truncate(bytes.len() / 2));
    let salvaged = hurt.salvage().unwrap();
    let error = RedbJournal::open(hurt.saved()).unwrap_err().to_string();
    assert!(error.contains("salvaged") && error.contains("confirm"), "{error}");
    // A backup of it is no way around.
    let copy = hurt.directory.path().join("copy");
    JournalReader::open(hurt.saved()).unwrap().backup(&copy).unwrap();
    assert!(RedbJournal::open(&copy).is_err());
    confirm(hurt.saved()).unwrap();
    let journal = RedbJournal::open(hurt.saved()).unwrap();
    assert_eq!(append(&journal, recorded("goes on")), salvaged.kept.entries);
    drop(journal);
    let mark = JournalReader::open(hurt.saved()).unwrap().salvaged().unwrap();
    assert!(mark.confirmed && mark.acknowledged == Some(60), "{mark:?}");
}

#[test]
fn without_a_witness_it_is_said_that_nobody_knows() {
    let hurt = Hurt::new(|bytes| bytes[..4096].fill(0));
    fs::remove_file(hurt.directory.path().join("journal/head")).unwrap();
    let salvaged = hurt.salvage().unwrap();
    assert_eq!((salvaged.kept.entries, salvaged.acknowledged), (60, None));
    assert!(salvaged.to_string().contains("is not known"), "{salvaged}");
}

#[test]
fn a_journal_in_use_is_not_salvaged_and_a_whole_one_is_not_confirmed() {
    let hurt = Hurt::new(|_| {});
    let journal = RedbJournal::open(hurt.directory.path().join("journal")).unwrap();
    assert!(matches!(hurt.salvage(), Err(JournalError::InUse(_))));
    drop(journal);
    let error = confirm(hurt.directory.path().join("journal")).unwrap_err().to_string();
    assert!(error.contains("nothing to confirm"), "{error}");
    let hurt = Hurt::new(|bytes| bytes.fill(7));
    assert!(matches!(hurt.salvage(), Err(JournalError::Damaged { at: 0, .. })));
    assert!(!hurt.saved().exists());
}

/// Whatever is done to the file, what is saved is a beginning of what was there.
#[test]
fn no_harm_makes_salvaging_invent_anything() {
    for seed in 0..12u8 {
        let hurt = Hurt::new(|bytes| {
            for blow in 0..40u8 {
                let random = keccak256([seed, blow]);
                let at = u64::from_be_bytes(random[..8].try_into().unwrap());
                let at = usize::try_from(at).unwrap() % bytes.len();
                let end = (at + usize::from(random[8]) * 16).min(bytes.len());
                bytes[at..end].iter_mut().for_each(|byte| *byte ^= random[9]);
            }
        });
        match hurt.salvage() {
            Ok(salvaged) => {
                let kept = usize::try_from(salvaged.kept.entries).unwrap();
                assert_eq!(saved(&hurt), hurt.entries[..kept], "seed {seed}");
            }
            Err(error) => assert!(matches!(error, JournalError::Damaged { at: 0, .. }), "{error}"),
        }
    }
}
