//! Budgets under races, restarts and clocks that jump: what is reserved and used never passes the cap.

use std::thread;

use agent_core::{
    ports::{Appended, Entry, EntryKind, Journal, Reservation, Sequence},
    units::Timestamp,
};
use alloy_primitives::U256;
use futures::executor::block_on;
use memory_journal::RedbJournal;

use super::sample::recorded;

const DAY: u64 = 86_400;
const CAP: u64 = 1_000;

fn spend(amount: u64, window: u64) -> Vec<Reservation> {
    let (amount, limit) = (U256::from(amount), U256::from(CAP));
    vec![Reservation { budget: "outflow".into(), amount, limit, window }]
}

fn attempt(text: &str, at: u64, amount: u64) -> Entry {
    Entry { at: Timestamp(at), reservations: spend(amount, DAY), ..recorded(text) }
}

fn written(journal: &RedbJournal, entry: Entry) -> bool {
    matches!(block_on(journal.append(entry)).unwrap(), Appended::Written(_))
}

/// What was reserved or used in all, at every prefix: the windows here are longer than the test's time.
fn never_over(journal: &RedbJournal) {
    let mut sum = U256::ZERO;
    for stored in block_on(journal.read(Sequence(0), usize::MAX)).unwrap() {
        if stored.entry.kind == EntryKind::Recorded {
            sum = stored.entry.reservations.iter().fold(sum, |sum, one| sum.saturating_add(one.amount));
        }
        assert!(sum <= U256::from(CAP), "{sum} at entry {}", stored.sequence.0);
    }
}

#[test]
fn one_of_sixty_four_rivals_at_the_cap_minus_one_wins() {
    for _ in 0..8 {
        let directory = tempfile::tempdir().unwrap();
        let journal = RedbJournal::open(directory.path()).unwrap();
        let rivals: Vec<_> = (0..64)
            .map(|rival| {
                let journal = journal.clone();
                thread::spawn(move || {
                    written(&journal, attempt(&format!("rival {rival}"), DAY, CAP.saturating_sub(1)))
                })
            })
            .collect();
        let won = rivals.into_iter().map(|rival| rival.join().unwrap()).filter(|won| *won).count();
        assert_eq!(won, 1);
        assert!(!written(&journal, attempt("two more", DAY, 2)));
        assert!(written(&journal, attempt("the last one", DAY, 1)));
        never_over(&journal);
    }
}

#[test]
fn neither_a_restart_nor_a_clock_that_jumps_a_day_raises_the_cap() {
    let directory = tempfile::tempdir().unwrap();
    let noon = 10 * DAY;
    let journal = RedbJournal::open(directory.path()).unwrap();
    assert!(written(&journal, attempt("first", noon, CAP)));
    let used = Entry { kind: EntryKind::Closed, claims: vec![], ..attempt("first", noon, CAP) };
    assert!(written(&journal, used));
    drop(journal);
    let journal = RedbJournal::open(directory.path()).unwrap();
    for at in [noon, 9 * DAY, noon.saturating_add(DAY), 0] {
        assert!(!written(&journal, attempt("again", at, 1)), "at {at}");
    }
    // Only when the window is over by the later of all clocks.
    assert!(written(&journal, attempt("again", 11 * DAY + 1, CAP)));
    assert!(!written(&journal, attempt("back", noon, 1)), "what lies ahead counts");
}
