//! What tools may see of the strategy: a copy that it leaves behind after every block.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::{OpportunityId, units::BlockRef};
use alloy_primitives::Address;
use serde::Serialize;

use crate::v3_0::Account;

/// How far the strategy is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Reading the pool's configuration.
    #[default]
    Surveying,
    /// Waiting for the logs that positions are made of.
    Backfilling,
    /// Following the chain.
    Following,
    /// It will not work with this pool; the sentence says why.
    Refused(String),
}

/// Users that are left alone, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// They owe at a stable rate, which is not priced.
    pub stable_debt: usize,
    /// Something of theirs has no price.
    pub unpriced: usize,
    /// Their logs do not add up, or the chain said otherwise.
    pub distrusted: usize,
}

/// The strategy's state after an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    pub(crate) at: BlockRef,
    /// The riskiest first.
    pub(crate) riskiest: Vec<(Address, Account)>,
    pub(crate) borrowers: usize,
    pub(crate) skipped: Skipped,
    /// How each open opportunity came about.
    pub(crate) explanations: BTreeMap<OpportunityId, Vec<String>>,
}

/// A handle to what the strategy last saw. Cheap to clone; never blocks for long.
#[derive(Debug, Clone, Default)]
pub struct LiquidationView {
    snapshot: Arc<Mutex<Snapshot>>,
}

impl LiquidationView {
    /// How far the strategy is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.lock().phase.clone()
    }

    /// Who is left alone, and why.
    #[must_use]
    pub fn skipped(&self) -> Skipped {
        self.lock().skipped
    }

    /// The snapshot. Every writer replaces whole values, so that a poisoned lock holds nothing half done.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
