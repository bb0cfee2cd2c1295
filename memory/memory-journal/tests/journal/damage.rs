use std::{
    fs,
    path::{Path, PathBuf},
};

use agent_core::ports::{Journal, JournalError, Sequence, Stored};
use alloy_primitives::keccak256;
use futures::executor::block_on;
use memory_journal::RedbJournal;

use super::sample::{append, closed, recorded};

/// A journal's files and what it had acknowledged.
struct Image {
    files: Vec<(PathBuf, Vec<u8>)>,
    entries: Vec<Stored>,
}

impl Image {
    /// As a crash leaves it, or as a clean end does.
    fn take(cleanly: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = RedbJournal::open(directory.path()).unwrap();
        for number in 0..40 {
            append(&journal, recorded(&format!("entry {number}")));
            if number % 3 == 0 {
                append(&journal, closed(&format!("entry {number}")));
            }
        }
        let entries = block_on(journal.read(Sequence(0), usize::MAX)).unwrap();
        let journal = (!cleanly).then_some(journal);
        let files = Self::files(directory.path());
        drop(journal);
        Self { files, entries }
    }

    fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let names = ["journal.redb", "journal.log", "head"].map(PathBuf::from);
        names.map(|name| (name.clone(), fs::read(directory.join(name)).unwrap())).into()
    }

    /// What becomes of the journal after `harm` was done to one of its files: true when the harm was found.
    fn survives(&self, file: &str, harm: impl Fn(&mut Vec<u8>), said: &str) -> bool {
        let directory = tempfile::tempdir().unwrap();
        for (name, bytes) in &self.files {
            let mut bytes = bytes.clone();
            if name == Path::new(file) {
                harm(&mut bytes);
            }
            fs::write(directory.path().join(name), bytes).unwrap();
        }
        match check(directory.path()) {
            Err(_) => true,
            Ok(entries) => {
                assert!(entries == self.entries, "{said}: entries are missing and nobody noticed");
                false
            }
        }
    }

    fn bytes(&self, file: &str) -> &[u8] {
        &self.files.iter().find(|(name, _)| name == Path::new(file)).unwrap().1
    }
}

fn check(directory: &Path) -> Result<Vec<Stored>, JournalError> {
    let journal = RedbJournal::open(directory)?;
    block_on(journal.verify())?;
    block_on(journal.read(Sequence(0), usize::MAX))
}

/// The same everywhere and every time.
fn random(seed: usize, below: usize) -> usize {
    let bytes = keccak256(seed.to_be_bytes());
    usize::from_be_bytes(bytes[..8].try_into().unwrap()).checked_rem(below).unwrap()
}

/// Half of the flips hit the header, where the commits are chosen; the rest hit bytes that are in use.
fn flipped_bits(cleanly: bool, samples: usize) {
    let image = Image::take(cleanly);
    let in_use = ["journal.redb", "journal.log"].map(|file| {
        let bytes = image.bytes(file);
        (file, (0..bytes.len()).filter(|at| bytes[*at] != 0).collect::<Vec<_>>())
    });
    let found = |seed: &usize| {
        let seed = *seed;
        let (file, in_use) = &in_use[usize::from(seed.is_multiple_of(3))];
        let header = seed.is_multiple_of(2) && *file == "journal.redb";
        let at = if header { random(seed, 320) } else { in_use[random(seed, in_use.len())] };
        let bit = random(!seed, 8);
        let harm = |bytes: &mut Vec<u8>| bytes[at] ^= 1 << bit;
        let said = format!("bit {bit} of byte {at} of {file}");
        image.survives(file, harm, &said)
    };
    let found = (0..samples).filter(found).count();
    println!("{samples} bits flipped, {found} found, the others harmed nothing");
    assert!(found > samples / 10);
}

#[test]
fn flipped_bits_after_a_crash() {
    flipped_bits(false, 100);
}

#[test]
fn flipped_bits_after_a_clean_end() {
    flipped_bits(true, 100);
}

/// The byte that says which commit is the newest, and whether the file was closed: every bit, in both images.
#[test]
fn the_choice_of_the_commit_is_not_taken_on_trust() {
    for cleanly in [true, false] {
        let image = Image::take(cleanly);
        for bit in 0..8 {
            image.survives("journal.redb", |bytes| bytes[9] ^= 1 << bit, &format!("bit {bit}, {cleanly}"));
        }
    }
}

/// The newest checkpoint is gone, the one before is whole: the redb file alone cannot know.
#[test]
fn an_older_file_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    append(&RedbJournal::open(directory.path()).unwrap(), recorded("before"));
    let older = fs::read(file("journal.redb")).unwrap();
    append(&RedbJournal::open(directory.path()).unwrap(), recorded("after"));
    fs::write(file("journal.redb"), &older).unwrap();
    // The log was not written over yet: nothing is lost.
    assert_eq!(check(directory.path()).unwrap().len(), 2);
    append(&RedbJournal::open(directory.path()).unwrap(), recorded("over it"));
    fs::write(file("journal.redb"), older).unwrap();
    let error = RedbJournal::open(directory.path()).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { at: 1, .. }), "{error}");
}

/// A log of another journal, of an earlier day, or none: what was acknowledged is not in it.
#[test]
fn a_log_that_is_not_the_right_one_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let log = directory.path().join("journal.log");
    let journal = RedbJournal::open(directory.path()).unwrap();
    append(&journal, recorded("one"));
    let earlier = fs::read(&log).unwrap();
    append(&journal, recorded("two"));
    let killed = Image::files(directory.path());
    drop(journal);
    let stranger = RedbJournal::open(other.path()).unwrap();
    for text in ["1", "2", "3"] {
        append(&stranger, recorded(text));
    }
    drop(stranger);
    append(&RedbJournal::open(other.path()).unwrap(), recorded("4"));
    let foreign = fs::read(other.path().join("journal.log")).unwrap();
    for (wrong, said) in [(Some(earlier), "earlier"), (Some(foreign), "foreign"), (None, "none")] {
        killed.iter().for_each(|(name, bytes)| fs::write(directory.path().join(name), bytes).unwrap());
        match wrong {
            Some(wrong) => fs::write(&log, wrong).unwrap(),
            None => fs::remove_file(&log).unwrap(),
        }
        let error = RedbJournal::open(directory.path()).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{said}: {error}");
    }
}

/// Part of the last group is gone, which was acknowledged: what is left of it is for a salvage.
#[test]
fn what_is_left_of_an_acknowledged_group_is_not_cleared() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let mut entry = recorded("long");
    entry.payload.resize(2_000, 1);
    append(&journal, entry);
    let mut killed = Image::files(directory.path());
    drop(journal);
    killed
        .iter_mut()
        .filter(|(name, _)| name == Path::new("journal.log"))
        .for_each(|(_, log)| log[512..1024].fill(0));
    killed.iter().for_each(|(name, bytes)| fs::write(directory.path().join(name), bytes).unwrap());
    let error = RedbJournal::open(directory.path()).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { at: 0, .. }), "{error}");
    let log = fs::read(directory.path().join("journal.log")).unwrap();
    assert!(killed.iter().any(|(_, bytes)| *bytes == log), "opening changed the evidence");
}

/// The log holds all of it, and the file that it follows is gone.
#[test]
fn a_journal_without_its_redb_file_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    append(&RedbJournal::open(directory.path()).unwrap(), recorded("one"));
    fs::remove_file(directory.path().join("journal.redb")).unwrap();
    for _ in 0..2 {
        let error = RedbJournal::open(directory.path()).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    }
}

#[test]
fn cut_files() {
    let image = Image::take(false);
    for file in ["journal.redb", "journal.log", "head"] {
        let length = image.bytes(file).len();
        for seed in 0..24 {
            let kept = if seed == 0 { 0 } else { random(seed, length) };
            let said = format!("{file} cut to {kept} of {length}");
            assert!(image.survives(file, |bytes| bytes.truncate(kept), &said), "{said}");
        }
    }
}

#[test]
fn zeroed_pages() {
    let image = Image::take(true);
    for file in ["journal.redb", "journal.log"] {
        let pages = image.bytes(file).len() / 4096;
        for page in (0..pages).filter(|page| page % (pages / 40 + 1) == 0) {
            let harm = |bytes: &mut Vec<u8>| bytes[page * 4096..(page + 1) * 4096].fill(0);
            image.survives(file, harm, &format!("page {page} of {file}"));
        }
    }
}
