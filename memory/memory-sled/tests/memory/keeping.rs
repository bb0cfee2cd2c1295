use std::{fs, os::unix::fs::PermissionsExt, process::Command, thread};

use agent_core::{
    conformance,
    ports::{Memory, MemoryError, RecordKind},
};
use alloy_primitives::keccak256;
use futures::executor::block_on;
use memory_sled::{Limits, Opened, RECORD_BYTES, SUBJECT_BYTES, SledMemory};

use super::sample::{LIMITS, episode, open, record, remember, texts};

#[test]
fn conforms() {
    let directory = tempfile::tempdir().unwrap();
    block_on(conformance::memory(&open(directory.path()))).unwrap();
}

#[test]
fn reopening_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let memory = open(directory.path());
        remember(&memory, episode("liq", &round.to_string()));
        remember(&memory, record(RecordKind::Fact, "fact", &round.to_string()));
        let rounds: Vec<_> = (0..=round).rev().map(|round| round.to_string()).collect();
        assert_eq!(texts(&memory, "liq"), rounds);
        assert_eq!(texts(&memory, "fact"), [round.to_string()]);
    }
}

#[test]
fn the_oldest_go_first() {
    let directory = tempfile::tempdir().unwrap();
    let (memory, _) = SledMemory::open(directory.path(), Limits { episodes: 5, facts: 2 }).unwrap();
    for number in 0..8 {
        remember(&memory, episode("e", &number.to_string()));
        remember(&memory, record(RecordKind::Fact, &format!("f{number}"), &number.to_string()));
    }
    assert_eq!(texts(&memory, "e"), ["7", "6", "5", "4", "3"]);
    assert_eq!(texts(&memory, "f"), ["7", "6"]);
    remember(&memory, record(RecordKind::Fact, "f6", "again"));
    assert_eq!(texts(&memory, "f"), ["again", "7"], "a replaced fact takes nobody's place");
    drop(memory);
    let (memory, _) = SledMemory::open(directory.path(), Limits { episodes: 2, facts: 0 }).unwrap();
    assert_eq!(texts(&memory, ""), ["7", "6"], "a lower limit holds from the start");
    drop(memory);
    assert_eq!(texts(&open(directory.path()), ""), ["7", "6"]);
}

#[test]
fn an_oversized_record_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let memory = open(directory.path());
    let (subject, text) = ("s".repeat(SUBJECT_BYTES), "x".repeat(RECORD_BYTES - SUBJECT_BYTES));
    remember(&memory, episode(&subject, &text));
    for over in [episode(&subject, &format!("{text}x")), episode(&format!("{subject}s"), "")] {
        let refused = block_on(memory.remember(over));
        assert!(matches!(refused, Err(MemoryError::TooLarge { .. })), "{refused:?}");
    }
    assert_eq!(texts(&memory, "").len(), 1);
}

/// What sled puts into files of their own is never synced. Long texts make the largest leaves, long subjects that
/// share no prefix the largest inner nodes.
#[test]
fn the_largest_records_stay_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let memory = open(directory.path());
    let subject = |number: u32| {
        keccak256(number.to_be_bytes()).to_string().chars().cycle().take(SUBJECT_BYTES).collect::<String>()
    };
    let long = "x".repeat(RECORD_BYTES - SUBJECT_BYTES);
    let texts_long = (0..300).map(|number| episode(&subject(number), &long));
    let subjects_long = (300..4_000).map(|number| episode(&subject(number), ""));
    let sent: Vec<_> = texts_long.chain(subjects_long).map(|record| memory.remember(record)).collect();
    block_on(futures::future::try_join_all(sent)).unwrap();
    drop(memory);
    assert_eq!(fs::read_dir(directory.path().join("blobs")).unwrap().count(), 0);
    assert_eq!(texts(&open(directory.path()), "").len(), 4_000);
}

#[test]
fn sixteen_callers_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let memory = open(directory.path());
    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let memory = memory.clone();
            thread::spawn(move || {
                for number in 0..50 {
                    remember(&memory, episode(&format!("caller {caller}."), &number.to_string()));
                    remember(&memory, record(RecordKind::Fact, "shared", &number.to_string()));
                    assert_eq!(texts(&memory, "shared").len(), 1, "a fact that is replaced is never missing");
                }
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    let expected: Vec<_> = (0..50).rev().map(|number| number.to_string()).collect();
    for caller in 0..16 {
        assert_eq!(texts(&memory, &format!("caller {caller}.")), expected);
    }
    assert_eq!(block_on(memory.forget(String::new())).unwrap(), 16 * 50 + 1);
}

#[test]
fn a_second_handle_is_refused_until_the_last_clone_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let memory = open(directory.path());
    let clone = memory.clone();
    drop(memory);
    let refused = SledMemory::open(directory.path(), LIMITS);
    assert!(matches!(refused, Err(MemoryError::InUse(_))));
    remember(&clone, episode("s", "the clone works on"));
    drop(clone);
    assert_eq!(texts(&open(directory.path()), "").len(), 1);
}

#[test]
fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let memory = open(directory.path());
    let told = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(super::crash::DIRECTORY, directory.path())
        .output()
        .unwrap();
    let told = [told.stdout, told.stderr].concat();
    assert!(String::from_utf8_lossy(&told).contains("InUse"), "{}", String::from_utf8_lossy(&told));
    remember(&memory, episode("s", "the first works on"));
}

#[test]
fn the_directory_is_for_its_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new/memory");
    let _memory = SledMemory::open(&directory, LIMITS).unwrap();
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn what_cannot_be_a_directory_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = SledMemory::open(file.path(), LIMITS).map(|(_, opened): (_, Opened)| opened);
    assert!(matches!(refused, Err(MemoryError::Storage { .. })), "{refused:?}");
}
