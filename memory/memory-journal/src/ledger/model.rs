//! The rules once more, as slowly and as plainly as they can be said: a list of what was written, and sums over it.

use agent_core::{
    ports::{Claim, Conflict, Entry, EntryKind, Reservation},
    units::Timestamp,
};
use alloy_primitives::{B256, U256};
use proptest::{collection::vec, prelude::*};

/// What was written so far.
#[derive(Debug, Default)]
pub(crate) struct Model(Vec<Entry>);

impl Model {
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<u64, Conflict> {
        let opened = self.find(EntryKind::Recorded, entry.subject).is_some();
        match entry.kind {
            EntryKind::Refused | EntryKind::Order | EntryKind::Noted => {}
            EntryKind::Recorded if opened => return Err(Conflict::WrongState),
            EntryKind::Recorded => self.check_claims(entry).and_then(|()| self.check_budgets(entry))?,
            _ if !self.is_open(entry.subject) => return Err(Conflict::WrongState),
            EntryKind::Replaced => self.check_budgets(entry)?,
            EntryKind::Closed | EntryKind::Dropped => {}
        }
        let at = self.0.len().try_into().unwrap();
        self.0.push(entry.clone());
        Ok(at)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub(crate) fn open(&self) -> Vec<Entry> {
        self.opening().filter(|entry| self.is_open(entry.subject)).cloned().collect()
    }

    fn find(&self, kind: EntryKind, subject: B256) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.kind == kind && entry.subject == subject)
    }

    fn opening(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(|entry| entry.kind == EntryKind::Recorded)
    }

    fn is_open(&self, subject: B256) -> bool {
        self.find(EntryKind::Recorded, subject).is_some()
            && self.find(EntryKind::Closed, subject).is_none()
            && self.find(EntryKind::Dropped, subject).is_none()
    }

    fn check_claims(&self, entry: &Entry) -> Result<(), Conflict> {
        for (index, claim) in entry.claims.iter().enumerate() {
            if entry.claims[..index].iter().any(|other| other.key == claim.key) || self.is_held(&claim.key) {
                return Err(Conflict::Claimed(claim.key.clone()));
            }
        }
        Ok(())
    }

    fn check_budgets(&self, entry: &Entry) -> Result<(), Conflict> {
        for (index, wanted) in entry.reservations.iter().enumerate() {
            let taken = self
                .taken(wanted, entry.at)
                .saturating_add(of_budget(&entry.reservations[..index], &wanted.budget));
            if taken.checked_add(wanted.amount).is_none_or(|sum| sum > wanted.limit) {
                let (budget, asked) = (wanted.budget.clone(), wanted.amount);
                return Err(Conflict::OverBudget { budget, asked, left: wanted.limit.saturating_sub(taken) });
            }
        }
        Ok(())
    }

    fn is_held(&self, key: &str) -> bool {
        self.opening().any(|entry| {
            let dropped = self.find(EntryKind::Dropped, entry.subject).is_some();
            entry.claims.iter().any(|claim| claim.key == key && !(claim.releasable && dropped))
        })
    }

    fn taken(&self, wanted: &Reservation, at: Timestamp) -> U256 {
        self.opening()
            .fold(U256::ZERO, |sum, opening| sum.saturating_add(self.counted(opening.subject, wanted, at)))
    }

    /// What one intent counts.
    fn counted(&self, subject: B256, wanted: &Reservation, at: Timestamp) -> U256 {
        let of_intent: Vec<_> = self.0.iter().filter(|entry| entry.subject == subject).collect();
        let of = |kinds: &[EntryKind]| {
            let of_kinds = of_intent.iter().filter(|entry| kinds.contains(&entry.kind));
            of_kinds.fold(U256::ZERO, |sum, entry| {
                sum.saturating_add(of_budget(&entry.reservations, &wanted.budget))
            })
        };
        if self.is_open(subject) {
            return of(&[EntryKind::Recorded, EntryKind::Replaced]);
        }
        let noted = [EntryKind::Refused, EntryKind::Order, EntryKind::Noted];
        let latest =
            of_intent.iter().filter(|entry| !noted.contains(&entry.kind)).map(|entry| entry.at).max();
        let in_window = wanted.window == 0 || latest.unwrap().0 >= at.0.saturating_sub(wanted.window);
        if in_window { of(&[EntryKind::Closed, EntryKind::Dropped]) } else { U256::ZERO }
    }
}

fn of_budget(reservations: &[Reservation], budget: &str) -> U256 {
    let of_it = reservations.iter().filter(|reservation| reservation.budget == budget);
    of_it.fold(U256::ZERO, |sum, reservation| sum.saturating_add(reservation.amount))
}

/// Entries of few subjects, claims and budgets, so that they get in each other's way; names that begin alike, so that
/// a range that runs over is found; a clock that jumps both ways.
pub(crate) fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let claim = (prop::sample::select(vec!["", "a", "ab", "a\0", "b"]), any::<bool>())
        .prop_map(|(key, releasable)| Claim { key: key.into(), releasable });
    let amount = prop_oneof![20 => (0..6u64).prop_map(U256::from), 1 => Just(U256::MAX)];
    let limit = prop_oneof![20 => (4..16u64).prop_map(U256::from), 1 => Just(U256::MAX)];
    let reservation = (
        prop::sample::select(vec!["", "x", "x\0", "xy"]),
        amount,
        limit,
        prop::sample::select(vec![0, 10, 20, 30]),
    )
        .prop_map(|(budget, amount, limit, window)| Reservation {
            budget: budget.into(),
            amount,
            limit,
            window,
        });
    let kind = prop_oneof![
        1 => Just(EntryKind::Refused),
        1 => Just(EntryKind::Order),
        1 => Just(EntryKind::Noted),
        3 => Just(EntryKind::Replaced),
        8 => Just(EntryKind::Recorded),
        4 => Just(EntryKind::Closed),
        2 => Just(EntryKind::Dropped),
    ];
    let at = prop_oneof![20 => 0..60u64, 1 => Just(u64::MAX)].prop_map(Timestamp);
    let entry = (kind, 0..12u8, at, vec(claim, 0..3), vec(reservation, 0..3), any::<u8>()).prop_map(
        |(kind, subject, at, mut claims, mut reservations, payload)| {
            if kind != EntryKind::Recorded {
                claims.clear();
            }
            if matches!(kind, EntryKind::Refused | EntryKind::Order | EntryKind::Noted) {
                reservations.clear();
            }
            let subject = B256::repeat_byte(subject);
            Entry { kind, subject, at, claims, reservations, payload: vec![payload] }
        },
    );
    vec(entry, 0..60)
}
