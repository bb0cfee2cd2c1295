//! The rules, and nothing but the rules: given what the books say, what does one more entry change, or what stands
//! in its way. No disk, no clock, no hash is known here.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    ports::{Claim, Conflict, Entry, EntryKind, Reservation},
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

    /// The position of the entry that opened `subject`, if one ever did.
    fn opened(&self, subject: B256) -> Result<Option<u64>, Self::Error>;

    /// If the intent is open now that the entry at `since` opened: what that entry and those say that added to it.
    fn intent(&self, since: u64) -> Result<Option<Intent>, Self::Error>;

    /// The entry that holds the claim.
    fn holder(&self, key: &str) -> Result<Option<u64>, Self::Error>;

    /// What open intents have reserved of `budget`, however long ago. No limit lets this sum overflow.
    fn reserved(&self, budget: &str) -> Result<U256, Self::Error>;

    /// What closed intents have used of `budget` at `since` or later; ever, for `None`. Saturates.
    fn used(&self, budget: &str, since: Option<Timestamp>) -> Result<U256, Self::Error>;
}

/// An open intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    /// The position of the entry that opened it.
    since: u64,
    claims: Vec<Claim>,
    /// By all of its entries together.
    reserved: BTreeMap<String, U256>,
    /// The latest of their times.
    at: Timestamp,
}

impl Intent {
    /// What the entry at `since` opened.
    pub(crate) fn open(since: u64, opening: &Entry) -> Self {
        let reserved = by_budget(&opening.reservations);
        Self { since, claims: opening.claims.clone(), reserved, at: opening.at }
    }

    /// With what a replacement adds.
    #[must_use]
    pub(crate) fn and(mut self, replacing: &Entry) -> Self {
        for (budget, amount) in by_budget(&replacing.reservations) {
            let sum = self.reserved.entry(budget).or_default();
            *sum = sum.saturating_add(amount);
        }
        self.at = self.at.max(replacing.at);
        self
    }
}

/// One line that an entry changes in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// The intent is open, since this entry.
    Open { subject: B256, sequence: u64 },
    /// The entry at `sequence` adds to the intent that is open since `since`.
    Add { since: u64, sequence: u64 },
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
        EntryKind::Recorded => open(books, sequence, entry),
        EntryKind::Replaced => replace(books, sequence, entry),
        EntryKind::Closed => settle(books, sequence, entry, Claims::Kept),
        EntryKind::Dropped => settle(books, sequence, entry, Claims::Freed),
    }
}

fn open<B: Books>(books: &B, sequence: u64, entry: &Entry) -> Result<Judged, B::Error> {
    if books.opened(entry.subject)?.is_some() {
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
    reserve(books, entry, changes)
}

/// The intent of `subject`, if it is open.
fn intent<B: Books>(books: &B, subject: B256) -> Result<Option<Intent>, B::Error> {
    books.opened(subject)?.map_or(Ok(None), |since| books.intent(since))
}

fn replace<B: Books>(books: &B, sequence: u64, entry: &Entry) -> Result<Judged, B::Error> {
    match intent(books, entry.subject)? {
        None => Ok(Err(Conflict::WrongState)),
        Some(intent) => reserve(books, entry, vec![Change::Add { since: intent.since, sequence }]),
    }
}

/// Adds what `entry` reserves to `changes`, if all of it is left.
fn reserve<B: Books>(books: &B, entry: &Entry, mut changes: Vec<Change>) -> Result<Judged, B::Error> {
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

/// What becomes of an intent's releasable claims.
#[derive(PartialEq, Eq)]
enum Claims {
    Kept,
    Freed,
}

fn settle<B: Books>(books: &B, sequence: u64, entry: &Entry, claims: Claims) -> Result<Judged, B::Error> {
    let Some(intent) = intent(books, entry.subject)? else {
        return Ok(Err(Conflict::WrongState));
    };
    // The latest of the times: what was used stays in the window for as long as any would keep it there.
    let at = entry.at.max(intent.at);
    let mut changes = vec![Change::Shut { sequence: intent.since }];
    changes.extend(intent.reserved.into_iter().map(|(budget, amount)| Change::Release { budget, amount }));
    if claims == Claims::Freed {
        let freed = intent.claims.into_iter().filter(|claim| claim.releasable);
        changes.extend(freed.map(|claim| Change::Free { key: claim.key }));
    }
    let used = by_budget(&entry.reservations).into_iter();
    changes.extend(used.map(|(budget, amount)| Change::Use { budget, at, sequence, amount }));
    Ok(Ok(changes))
}

fn by_budget(reservations: &[Reservation]) -> BTreeMap<String, U256> {
    let mut sums = BTreeMap::new();
    for reservation in reservations {
        let sum = sums.entry(reservation.budget.clone()).or_insert(U256::ZERO);
        *sum = sum.saturating_add(reservation.amount);
    }
    sums
}
