//! The books in memory, as a replay of the entries makes them.

use std::{collections::BTreeMap, convert::Infallible};

use agent_core::{
    ports::{Conflict, Entry},
    units::Timestamp,
};
use alloy_primitives::{B256, U256};

use crate::ledger::{self, Books, Change, Intent};

/// What the derived tables must hold after the entries replayed so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) intents: BTreeMap<B256, u64>,
    /// With the entries that opened them.
    pub(crate) open: BTreeMap<u64, Entry>,
    /// What was added to them: the positions of the opening entry and of the replacing one, and the latter.
    pub(crate) replaced: BTreeMap<(u64, u64), Entry>,
    pub(crate) claims: BTreeMap<String, u64>,
    pub(crate) reserved: BTreeMap<String, U256>,
    pub(crate) used: BTreeMap<(String, u64, u64), U256>,
    pub(crate) totals: BTreeMap<String, U256>,
}

impl Replay {
    /// Writes `entry` at `sequence`, or says why a journal would not have.
    pub(crate) fn write(&mut self, sequence: u64, entry: &Entry) -> Result<(), Conflict> {
        let Ok(judged) = ledger::judge(self, sequence, entry);
        for change in judged? {
            self.apply(change, entry);
        }
        Ok(())
    }

    fn apply(&mut self, change: Change, entry: &Entry) {
        match change {
            Change::Open { subject, sequence } => {
                self.intents.insert(subject, sequence);
                self.open.insert(sequence, entry.clone());
            }
            Change::Add { since, sequence } => drop(self.replaced.insert((since, sequence), entry.clone())),
            Change::Shut { sequence } => {
                self.open.remove(&sequence);
                self.replaced.retain(|(since, _), _| *since != sequence);
            }
            Change::Hold { key, sequence } => drop(self.claims.insert(key, sequence)),
            Change::Free { key } => drop(self.claims.remove(&key)),
            Change::Reserve { budget, amount } => {
                let sum = self.reserved.entry(budget).or_default();
                *sum = sum.saturating_add(amount);
            }
            Change::Release { budget, amount } => {
                let sum = self.reserved.entry(budget).or_default();
                *sum = sum.saturating_sub(amount);
            }
            Change::Use { budget, at, sequence, amount } => {
                let total = self.totals.entry(budget.clone()).or_default();
                *total = total.saturating_add(amount);
                self.used.insert((budget, at.0, sequence), amount);
            }
        }
    }
}

impl Books for Replay {
    type Error = Infallible;

    fn opened(&self, subject: B256) -> Result<Option<u64>, Infallible> {
        Ok(self.intents.get(&subject).copied())
    }

    fn intent(&self, since: u64) -> Result<Option<Intent>, Infallible> {
        Ok(self.open.get(&since).map(|opening| {
            let replacing = self.replaced.range((since, 0)..=(since, u64::MAX));
            replacing.fold(Intent::open(since, opening), |intent, (_, entry)| intent.and(entry))
        }))
    }

    fn holder(&self, key: &str) -> Result<Option<u64>, Infallible> {
        Ok(self.claims.get(key).copied())
    }

    fn reserved(&self, budget: &str) -> Result<U256, Infallible> {
        Ok(self.reserved.get(budget).copied().unwrap_or_default())
    }

    fn used(&self, budget: &str, since: Option<Timestamp>) -> Result<U256, Infallible> {
        let Some(since) = since else { return Ok(self.totals.get(budget).copied().unwrap_or_default()) };
        let window = (budget.to_owned(), since.0, 0)..=(budget.to_owned(), u64::MAX, u64::MAX);
        Ok(sum(self.used.range(window).map(|(_, amount)| *amount)))
    }
}

fn sum(amounts: impl Iterator<Item = U256>) -> U256 {
    amounts.fold(U256::ZERO, U256::saturating_add)
}
