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
        let names = ["journal.redb", "head"].map(PathBuf::from);
        let files = names.map(|name| (name.clone(), fs::read(directory.path().join(name)).unwrap()));
        drop(journal);
        Self { files: files.into(), entries }
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
    let bytes = image.bytes("journal.redb");
    let in_use: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let found = |seed: &usize| {
        let seed = *seed;
        let at = if seed.is_multiple_of(2) { random(seed, 320) } else { in_use[random(seed, in_use.len())] };
        let bit = random(!seed, 8);
        let harm = |bytes: &mut Vec<u8>| bytes[at] ^= 1 << bit;
        let said = format!("bit {bit} of byte {at}");
        image.survives("journal.redb", harm, &said)
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

/// The newest commit is gone, the one before is whole: the file alone cannot know.
#[test]
fn an_older_file_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    append(&journal, recorded("before"));
    let older = fs::read(directory.path().join("journal.redb")).unwrap();
    append(&journal, recorded("after"));
    drop(journal);
    fs::write(directory.path().join("journal.redb"), older).unwrap();
    let error = RedbJournal::open(directory.path()).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { at: 1, .. }), "{error}");
}

#[test]
fn cut_files() {
    let image = Image::take(false);
    for file in ["journal.redb", "head"] {
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
    let pages = image.bytes("journal.redb").len() / 4096;
    for page in (0..pages).filter(|page| page % (pages / 40 + 1) == 0) {
        let harm = |bytes: &mut Vec<u8>| bytes[page * 4096..(page + 1) * 4096].fill(0);
        image.survives("journal.redb", harm, &format!("page {page}"));
    }
}
