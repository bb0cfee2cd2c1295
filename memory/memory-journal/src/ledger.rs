//! The rules, and nothing but the rules: given what the books say, what does one more entry change, or what stands
//! in its way. No disk, no clock, no hash is known here.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    ports::{Conflict, Entry, EntryKind, Reservation},
    units::Timestamp,
};
use alloy_primitives::{B256, U256};

use crate::trouble::Misfit;

#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod tests;

/// What the rules need to know of everything written so far.
pub(crate) trait Books {
    /// Why a book could not be read.
    type Error;

    /// Whether an entry ever opened `subject`.
    fn opened(&self, subject: B256) -> Result<bool, Self::Error>;

    /// If `subject` is open now: the position of the entry that opened it, and the entry.
    fn opening(&self, subject: B256) -> Result<Option<(u64, Entry)>, Self::Error>;

    /// The entry that holds the claim.
    fn holder(&self, key: &str) -> Result<Option<u64>, Self::Error>;

    /// What open intents have reserved of `budget`, however long ago. No limit lets this sum overflow.
    fn reserved(&self, budget: &str) -> Result<U256, Self::Error>;

    /// What closed intents have used of `budget` at `since` or later; ever, for `None`. Saturates.
    fn used(&self, budget: &str, since: Option<Timestamp>) -> Result<U256, Self::Error>;
}

/// One line that an entry changes in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// The intent is open, since this entry.
    Open { subject: B256, sequence: u64 },
    /// The intent that was open since `sequence` is not any more.
    Shut { sequence: u64 },
    /// The entry holds the claim.
    Hold { key: String, sequence: u64 },
    /// Nobody holds the claim.
    Free { key: String },
    /// So much more is reserved.
    Reserve { budget: String, amount: U256 },
    /// So much less is.
    Release { budget: String, amount: U256 },
    /// So much was used, at that time; the entry at `sequence` says so.
    Use { budget: String, at: Timestamp, sequence: u64, amount: U256 },
}

/// What an entry changes, or why it may not.
pub(crate) type Judged = Result<Vec<Change>, Conflict>;

/// Whether the entry has only fields that its kind can have. A claim that nobody would hold is refused rather than
/// left out: its writer believes in it.
pub(crate) const fn fits(entry: &Entry) -> Result<(), Misfit> {
    let (claims, reservations) = match entry.kind {
        EntryKind::Recorded => (true, true),
        EntryKind::Replaced | EntryKind::Closed | EntryKind::Dropped => (false, true),
        EntryKind::Refused | EntryKind::Order | EntryKind::Noted => (false, false),
    };
    if !claims && !entry.claims.is_empty() {
        return Err(Misfit::Claims);
    }
    if !reservations && !entry.reservations.is_empty() {
        return Err(Misfit::Reservations);
    }
    Ok(())
}

/// What `entry` changes in the books when it is written at `sequence`. Its state is checked first, then its claims,
/// then its reservations, each in the entry's order.
pub(crate) fn judge<B: Books>(books: &B, sequence: u64, entry: &Entry) -> Result<Judged, B::Error> {
    match entry.kind {
        EntryKind::Refused | EntryKind::Order | EntryKind::Noted => Ok(Ok(Vec::new())),
        EntryKind::Replaced => Ok(Err(Conflict::WrongState)),
        EntryKind::Recorded => open(books, sequence, entry),
        EntryKind::Closed => close(books, sequence, entry),
        EntryKind::Dropped => drop(books, entry),
    }
}

fn open<B: Books>(books: &B, sequence: u64, entry: &Entry) -> Result<Judged, B::Error> {
    if books.opened(entry.subject)? {
        return Ok(Err(Conflict::WrongState));
    }
    let mut changes = vec![Change::Open { subject: entry.subject, sequence }];
    let mut keys = BTreeSet::new();
    for claim in &entry.claims {
        // Two claims to one key in one entry stand in each other's way.
        if !keys.insert(&claim.key) || books.holder(&claim.key)?.is_some() {
            return Ok(Err(Conflict::Claimed(claim.key.clone())));
        }
        changes.push(Change::Hold { key: claim.key.clone(), sequence });
    }
    let mut asked = BTreeMap::new();
    for reservation in &entry.reservations {
        let before = asked.entry(reservation.budget.as_str()).or_insert(U256::ZERO);
        let taken = before.saturating_add(taken(books, reservation, entry.at)?);
        if let Err(conflict) = within(reservation, taken) {
            return Ok(Err(conflict));
        }
        *before = before.saturating_add(reservation.amount);
    }
    changes.extend(asked.into_iter().map(|(budget, amount)| {
        let budget = budget.to_owned();
        Change::Reserve { budget, amount }
    }));
    Ok(Ok(changes))
}

/// What counts against a reservation at `at`. Time that lies ahead of `at` counts too: a clock that jumps back frees
/// nothing. The window's first second belongs to it.
fn taken<B: Books>(books: &B, reservation: &Reservation, at: Timestamp) -> Result<U256, B::Error> {
    let since = (reservation.window > 0).then(|| Timestamp(at.0.saturating_sub(reservation.window)));
    let used = books.used(&reservation.budget, since)?;
    Ok(books.reserved(&reservation.budget)?.saturating_add(used))
}

fn within(reservation: &Reservation, taken: U256) -> Result<(), Conflict> {
    match taken.checked_add(reservation.amount) {
        Some(sum) if sum <= reservation.limit => Ok(()),
        _ => Err(Conflict::OverBudget {
            budget: reservation.budget.clone(),
            asked: reservation.amount,
            left: reservation.limit.saturating_sub(taken),
        }),
    }
}

fn close<B: Books>(books: &B, sequence: u64, entry: &Entry) -> Result<Judged, B::Error> {
    let Some((since, opening)) = books.opening(entry.subject)? else {
        return Ok(Err(Conflict::WrongState));
    };
    let mut changes = shut(&opening, since);
    let used = by_budget(&entry.reservations);
    // The later of the two times: what was used stays in the window for as long as either would keep it there.
    let at = entry.at.max(opening.at);
    changes.extend(used.into_iter().map(|(budget, amount)| {
        let budget = budget.clone();
        Change::Use { budget, at, sequence, amount }
    }));
    Ok(Ok(changes))
}

fn drop<B: Books>(books: &B, entry: &Entry) -> Result<Judged, B::Error> {
    let Some((since, opening)) = books.opening(entry.subject)? else {
        return Ok(Err(Conflict::WrongState));
    };
    let mut changes = shut(&opening, since);
    let freed = opening.claims.into_iter().filter(|claim| claim.releasable);
    changes.extend(freed.map(|claim| Change::Free { key: claim.key }));
    Ok(Ok(changes))
}

fn shut(opening: &Entry, since: u64) -> Vec<Change> {
    let reserved = by_budget(&opening.reservations).into_iter();
    let release = |(budget, amount): (&String, U256)| Change::Release { budget: budget.clone(), amount };
    std::iter::once(Change::Shut { sequence: since }).chain(reserved.map(release)).collect()
}

fn by_budget(reservations: &[Reservation]) -> BTreeMap<&String, U256> {
    let mut sums = BTreeMap::new();
    for reservation in reservations {
        let sum = sums.entry(&reservation.budget).or_insert(U256::ZERO);
        *sum = sum.saturating_add(reservation.amount);
    }
    sums
}
