//! A journal without a disk: the plain model that real ones are compared with, and what door tests stand on.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use alloy_primitives::{B256, U256, keccak256};

use crate::{
    ports::{
        Appended, BoxFuture, Conflict, Entry, EntryKind, Journal, JournalError, Reservation, Sequence,
        Stored, Verified,
    },
    units::Timestamp,
};

/// A list of entries; every question is answered by looking through all of them.
#[derive(Debug, Default)]
pub struct ListJournal(Mutex<Vec<Stored>>);

impl ListJournal {
    /// A journal that holds these entries already.
    #[must_use]
    pub fn holding(entries: Vec<Stored>) -> Self {
        Self(Mutex::new(entries))
    }

    /// Everything that it holds.
    #[must_use]
    pub fn entries(&self) -> Vec<Stored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Stored>) -> T,
    ) -> BoxFuture<'static, Result<T, JournalError>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(std::future::ready(Ok(work(&mut entries))))
    }
}

impl Journal for ListJournal {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Appended, JournalError>> {
        self.with(|entries| match conflict(entries, &entry) {
            Some(conflict) => Appended::Rejected(conflict),
            None => {
                let sequence = Sequence(u64::try_from(entries.len()).unwrap_or(u64::MAX));
                let before = entries.last().map_or(B256::ZERO, |stored| stored.hash);
                let hash = keccak256([before.as_slice(), format!("{entry:?}").as_bytes()].concat());
                entries.push(Stored { sequence, hash, entry });
                Appended::Written(sequence)
            }
        })
    }

    fn open_intents(&self) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.with(|entries| open(entries).cloned().collect())
    }

    fn read(&self, from: Sequence, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.with(move |entries| {
            entries.iter().filter(|stored| stored.sequence >= from).take(limit).cloned().collect()
        })
    }

    fn verify(&self) -> BoxFuture<'_, Result<Verified, JournalError>> {
        self.with(|entries| Verified {
            entries: u64::try_from(entries.len()).unwrap_or(u64::MAX),
            head: entries.last().map_or(B256::ZERO, |stored| stored.hash),
        })
    }
}

/// The entry that closed what `recorded` opened.
fn end<'a>(entries: &'a [Stored], recorded: &Stored) -> Option<&'a Entry> {
    let ends = |entry: &&Entry| {
        entry.subject == recorded.entry.subject
            && matches!(entry.kind, EntryKind::Closed | EntryKind::Dropped)
    };
    entries.iter().map(|stored| &stored.entry).find(ends)
}

fn recorded(entries: &[Stored]) -> impl Iterator<Item = &Stored> {
    entries.iter().filter(|stored| stored.entry.kind == EntryKind::Recorded)
}

fn open(entries: &[Stored]) -> impl Iterator<Item = &Stored> {
    recorded(entries).filter(|stored| end(entries, stored).is_none())
}

fn is_open(entries: &[Stored], subject: B256) -> bool {
    open(entries).any(|stored| stored.entry.subject == subject)
}

fn conflict(entries: &[Stored], entry: &Entry) -> Option<Conflict> {
    match entry.kind {
        EntryKind::Refused | EntryKind::Order | EntryKind::Noted => None,
        EntryKind::Closed | EntryKind::Dropped => {
            (!is_open(entries, entry.subject)).then_some(Conflict::WrongState)
        }
        EntryKind::Replaced if is_open(entries, entry.subject) => over(entries, entry),
        EntryKind::Replaced => Some(Conflict::WrongState),
        EntryKind::Recorded => {
            let again = recorded(entries).any(|stored| stored.entry.subject == entry.subject);
            again
                .then_some(Conflict::WrongState)
                .or_else(|| claimed(entries, entry))
                .or_else(|| over(entries, entry))
        }
    }
}

fn claimed(entries: &[Stored], entry: &Entry) -> Option<Conflict> {
    let held = |key: &str| {
        recorded(entries).any(|stored| {
            let dropped = end(entries, stored).is_some_and(|end| end.kind == EntryKind::Dropped);
            stored.entry.claims.iter().any(|claim| claim.key == key && !(claim.releasable && dropped))
        })
    };
    let mut keys = BTreeSet::new();
    let taken = entry.claims.iter().find(|claim| !keys.insert(&claim.key) || held(&claim.key));
    taken.map(|claim| Conflict::Claimed(claim.key.clone()))
}

fn over(entries: &[Stored], entry: &Entry) -> Option<Conflict> {
    let mut before: Vec<&Reservation> = Vec::new();
    entry.reservations.iter().find_map(|asked| {
        let written = recorded(entries).flat_map(|stored| counted(entries, stored, asked, entry.at));
        let same = before.iter().copied().filter(|other| other.budget == asked.budget);
        let taken = written.chain(same).fold(U256::ZERO, |sum, other| sum.saturating_add(other.amount));
        before.push(asked);
        let within = taken.checked_add(asked.amount).is_some_and(|sum| sum <= asked.limit);
        let (budget, left) = (asked.budget.clone(), asked.limit.saturating_sub(taken));
        (!within).then_some(Conflict::OverBudget { budget, asked: asked.amount, left })
    })
}

/// What of `stored` counts against `asked` at `now`: what is still reserved, however old, and what was used within the window.
fn counted<'a>(
    entries: &'a [Stored],
    stored: &'a Stored,
    asked: &Reservation,
    now: Timestamp,
) -> Vec<&'a Reservation> {
    let of_budget =
        |entry: &'a Entry| entry.reservations.iter().filter(|reservation| reservation.budget == asked.budget);
    match end(entries, stored) {
        None => attempts(entries, stored).flat_map(of_budget).collect(),
        Some(end) => {
            // The latest of the times, and the window's first second: a clock that jumps frees nothing.
            let latest = attempts(entries, stored).map(|entry| entry.at).fold(end.at, Timestamp::max);
            if in_window(latest, asked.window, now) { of_budget(end).collect() } else { Vec::new() }
        }
    }
}

/// The entry that opened an intent, and those that added to it.
fn attempts<'a>(entries: &'a [Stored], recorded: &'a Stored) -> impl Iterator<Item = &'a Entry> {
    entries.iter().map(|stored| &stored.entry).filter(|entry| {
        entry.subject == recorded.entry.subject
            && matches!(entry.kind, EntryKind::Recorded | EntryKind::Replaced)
    })
}

fn in_window(at: Timestamp, window: u64, now: Timestamp) -> bool {
    window == 0 || at.plus(window) >= now
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;

    #[test]
    fn the_model_conforms() {
        futures::executor::block_on(crate::conformance::journal(&ListJournal::default())).unwrap();
    }

    #[test]
    fn the_memory_model_conforms() {
        let memory = crate::scripted::ListMemory::default();
        futures::executor::block_on(crate::conformance::memory(&memory)).unwrap();
    }
}
