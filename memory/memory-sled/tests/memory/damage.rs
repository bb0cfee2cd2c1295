use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
};

use alloy_primitives::keccak256;
use memory_sled::{Opened, SledMemory};

use super::sample::{LIMITS, episode, open, remember, texts};

/// A memory with `records` episodes, closed, in a directory with room for quarantines beside it.
fn filled(records: usize) -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("memory");
    let memory = open(&directory);
    let sent: Vec<_> = (0..records)
        .map(|number| agent_core::ports::Memory::remember(&memory, episode("s", &number.to_string())))
        .collect();
    futures::executor::block_on(futures::future::try_join_all(sent)).unwrap();
    drop(memory);
    (parent, directory)
}

fn copy(directory: &Path, parent: &Path) -> PathBuf {
    let copy = parent.join("memory");
    fs::create_dir_all(copy.join("blobs")).unwrap();
    for file in
        fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file())
    {
        fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
    }
    copy
}

fn snapshot(directory: &Path) -> PathBuf {
    let mut files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.find(|file| file.file_name().unwrap().to_str().unwrap().starts_with("snap.")).unwrap()
}

#[test]
fn a_truncated_snapshot_is_repaired_without_a_loss() {
    let (_parent, directory) = filled(2_000);
    drop(open(&directory));
    let snapshot = snapshot(&directory);
    let length = fs::metadata(&snapshot).unwrap().len();
    OpenOptions::new().write(true).open(&snapshot).unwrap().set_len(length / 2).unwrap();

    let (memory, opened) = SledMemory::open(&directory, LIMITS).unwrap();
    let quarantined = fs::canonicalize(directory.with_file_name("memory.quarantine-1")).unwrap();
    assert_eq!(opened, Opened::Repaired { quarantined, lost: 0 });
    assert_eq!(texts(&memory, "").len(), 2_000);
    drop(memory);
    assert_eq!(texts(&open(&directory), "").len(), 2_000);
}

/// Zeroes each page of the log in turn: either nothing that is needed was there, or it is noticed.
#[test]
fn a_zeroed_page_is_quarantined() {
    let (_parent, directory) = filled(2_000);
    let log = fs::read(directory.join("db")).unwrap();
    let pages = log.chunks(4096).enumerate().filter(|(_, page)| page.iter().any(|byte| *byte != 0));
    let mut noticed = Vec::new();
    for (page, _) in pages.step_by(25) {
        let parent = tempfile::tempdir().unwrap();
        let copy = copy(&directory, parent.path());
        let mut log = log.clone();
        log.chunks_mut(4096).nth(page).unwrap().fill(0);
        fs::write(copy.join("db"), &log).unwrap();

        let (memory, opened) = SledMemory::open(&copy, LIMITS).unwrap();
        match opened {
            Opened::Clean => assert_eq!(texts(&memory, "").len(), 2_000, "page {page}"),
            Opened::Repaired { quarantined, lost } => {
                noticed.push((page, lost));
                assert!(quarantined.join("db").is_file());
                let there = u64::try_from(texts(&memory, "").len()).unwrap();
                assert_eq!(there.checked_add(lost), Some(2_000), "page {page}");
            }
            Opened::StartedEmpty { quarantined } => {
                noticed.push((page, 2_000));
                assert!(quarantined.join("db").is_file());
            }
        }
        remember(&memory, episode("s", "it works on"));
        assert_eq!(texts(&memory, "").first().map(String::as_str), Some("it works on"));
        drop(memory);
        assert_eq!(texts(&open(&copy), "").first().map(String::as_str), Some("it works on"));
    }
    println!("pages noticed, records lost: {noticed:?}");
    assert!(!noticed.is_empty());
}

#[test]
fn nothing_but_noise_starts_empty() {
    let (_parent, directory) = filled(10);
    let noise: Vec<u8> = keccak256("noise").iter().copied().cycle().take(4096).collect();
    for name in ["conf", "db"] {
        fs::write(directory.join(name), &noise).unwrap();
    }
    let (memory, opened) = SledMemory::open(&directory, LIMITS).unwrap();
    assert!(matches!(opened, Opened::StartedEmpty { .. }), "{opened:?}");
    assert_eq!(texts(&memory, "").len(), 0);
}

#[test]
fn lost_settings_lose_nothing() {
    let (_parent, directory) = filled(100);
    fs::write(directory.join("conf"), b"nothing but noise").unwrap();
    let (memory, opened) = SledMemory::open(&directory, LIMITS).unwrap();
    assert!(matches!(opened, Opened::Repaired { lost: 0, .. }), "{opened:?}");
    assert_eq!(texts(&memory, "").len(), 100);
}

#[test]
fn only_the_newest_quarantines_are_kept() {
    let (parent, directory) = filled(10);
    for _ in 0..6 {
        drop(open(&directory));
        fs::write(directory.join("conf"), b"nothing but noise").unwrap();
        let (_, opened) = SledMemory::open(&directory, LIMITS).unwrap();
        assert_ne!(opened, Opened::Clean);
    }
    let mut names: Vec<_> =
        fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let kept = (3..=6).map(|number| format!("memory.quarantine-{number}"));
    let expected: Vec<_> = std::iter::once("memory".to_owned()).chain(kept).collect();
    assert_eq!(names, expected.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Opened or not, and whatever is left: never a panic, and never a record that was not written.
#[test]
fn flipped_bits_and_cut_files() {
    let (_parent, directory) = filled(300);
    drop(open(&directory));
    let names = ["db".into(), "conf".into(), snapshot(&directory).file_name().unwrap().to_owned()];
    for seed in 0..60usize {
        let random = |salt: u8, below: usize| {
            let bytes = keccak256([&seed.to_be_bytes()[..], &[salt]].concat());
            usize::from_be_bytes(bytes[..8].try_into().unwrap()).checked_rem(below).unwrap_or(0)
        };
        let harmed = tempfile::tempdir().unwrap();
        let copy = copy(&directory, harmed.path());
        let file = copy.join(&names[random(0, 3)]);
        let mut bytes = fs::read(&file).unwrap();
        let at = random(1, bytes.iter().rposition(|byte| *byte != 0).unwrap());
        if random(2, 3) == 0 {
            bytes.truncate(at)
        } else {
            bytes[at] ^= 1 << random(3, 8)
        }
        fs::write(&file, bytes).unwrap();
        if let Ok((memory, _)) = SledMemory::open(&copy, LIMITS) {
            let known = |text: &String| text.parse::<u16>().is_ok_and(|number| number < 300);
            assert!(texts(&memory, "").iter().all(known), "seed {seed}");
        }
    }
}
