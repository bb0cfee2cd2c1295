use std::thread;

use agent_core::ports::Journal;
use futures::executor::block_on;
use memory_journal::RedbJournal;

use super::sample::{append, recorded};

#[test]
fn sixty_four_threads_append_without_a_gap() {
    const THREADS: u64 = 64;
    const EACH: u64 = 20;
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let journal = journal.clone();
            thread::spawn(move || {
                let texts = (0..EACH).map(|number| format!("{thread}/{number}"));
                texts.map(|text| append(&journal, recorded(&text))).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut sequences: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (0..THREADS * EACH).collect::<Vec<_>>());
    assert_eq!(block_on(journal.verify()).unwrap().entries, THREADS * EACH);
}

#[test]
fn one_of_many_rivals_wins_a_claim() {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    let rivals = (0..32u8).map(|rival| {
        let mut entry = recorded(&format!("rival {rival}"));
        entry.claims = recorded("the prize").claims;
        journal.append(entry)
    });
    let answers = block_on(futures::future::try_join_all(rivals)).unwrap();
    let won = answers.iter().filter(|answer| matches!(answer, agent_core::ports::Appended::Written(_)));
    assert_eq!(won.count(), 1);
}
