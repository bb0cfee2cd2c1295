//! The books in two layers: what the checkpoint holds, and over it what the entries since then have changed.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{ports::Entry, units::Timestamp};
use alloy_primitives::{B256, U256};

use crate::ledger::{Books, Change, Intent};

#[cfg(test)]
mod tests;

/// What a checkpoint must change in its tables: what it says now of each line, however often that changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// New subjects.
    pub(crate) intents: BTreeMap<B256, u64>,
    /// Intents that were opened or added to; `None` if they are shut now.
    pub(crate) open: BTreeMap<u64, Option<Intent>>,
    /// What was added to intents that are still open.
    pub(crate) replaced: BTreeSet<(u64, u64)>,
    /// Who holds a claim now; `None` for nobody.
    pub(crate) claims: BTreeMap<String, Option<u64>>,
    pub(crate) reserved: BTreeMap<String, U256>,
    /// What was used besides, by budget, then chain time and position.
    pub(crate) used: BTreeMap<String, BTreeMap<(u64, u64), U256>>,
    pub(crate) totals: BTreeMap<String, U256>,
}

/// The books as they are now.
#[derive(Debug)]
pub(crate) struct Layers<B> {
    base: B,
    changes: Changes,
}

impl<B: Books> Layers<B> {
    /// Nothing has changed since `base`.
    pub(crate) fn over(base: B) -> Self {
        Self { base, changes: Changes::default() }
    }

    pub(crate) const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// What `entry` changes: the rules have allowed it.
    pub(crate) fn write(&mut self, changes: Vec<Change>, entry: &Entry) -> Result<(), B::Error> {
        changes.into_iter().try_for_each(|change| self.apply(change, entry))
    }

    fn apply(&mut self, change: Change, entry: &Entry) -> Result<(), B::Error> {
        match change {
            Change::Open { subject, sequence } => {
                self.changes.intents.insert(subject, sequence);
                self.changes.open.insert(sequence, Some(Intent::open(sequence, entry)));
            }
            Change::Add { since, sequence } => {
                let intent = self.intent(since)?.map(|intent| intent.and(entry));
                self.changes.open.insert(since, intent);
                self.changes.replaced.insert((since, sequence));
            }
            Change::Shut { sequence } => {
                self.changes.open.insert(sequence, None);
                let later = self.changes.replaced.split_off(&(sequence, 0));
                let others = later.into_iter().filter(|(since, _)| *since != sequence);
                self.changes.replaced.extend(others);
            }
            Change::Hold { key, sequence } => drop(self.changes.claims.insert(key, Some(sequence))),
            Change::Free { key } => drop(self.changes.claims.insert(key, None)),
            Change::Reserve { budget, amount } => {
                let sum = self.reserved(&budget)?.saturating_add(amount);
                self.changes.reserved.insert(budget, sum);
            }
            Change::Release { budget, amount } => {
                let sum = self.reserved(&budget)?.saturating_sub(amount);
                self.changes.reserved.insert(budget, sum);
            }
            Change::Use { budget, at, sequence, amount } => {
                let total = self.used(&budget, None)?.saturating_add(amount);
                self.changes.totals.insert(budget.clone(), total);
                self.changes.used.entry(budget).or_default().insert((at.0, sequence), amount);
            }
        }
        Ok(())
    }
}

impl<B: Books> Books for Layers<B> {
    type Error = B::Error;

    fn opened(&self, subject: B256) -> Result<Option<u64>, B::Error> {
        self.changes.intents.get(&subject).map_or_else(|| self.base.opened(subject), |since| Ok(Some(*since)))
    }

    fn intent(&self, since: u64) -> Result<Option<Intent>, B::Error> {
        self.changes.open.get(&since).map_or_else(|| self.base.intent(since), |intent| Ok(intent.clone()))
    }

    fn holder(&self, key: &str) -> Result<Option<u64>, B::Error> {
        self.changes.claims.get(key).map_or_else(|| self.base.holder(key), |holder| Ok(*holder))
    }

    fn reserved(&self, budget: &str) -> Result<U256, B::Error> {
        self.changes.reserved.get(budget).map_or_else(|| self.base.reserved(budget), |sum| Ok(*sum))
    }

    fn used(&self, budget: &str, since: Option<Timestamp>) -> Result<U256, B::Error> {
        let Some(from) = since else {
            let total = self.changes.totals.get(budget);
            return total.map_or_else(|| self.base.used(budget, None), |total| Ok(*total));
        };
        let besides = self.changes.used.get(budget).into_iter().flat_map(|used| used.range((from.0, 0)..));
        let before = self.base.used(budget, since)?;
        Ok(besides.fold(before, |sum, (_, amount)| sum.saturating_add(*amount)))
    }
}
