//! What tools may see of the strategy: a copy that it leaves behind after every block.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::{OpportunityId, units::BlockRef};
use alloy_primitives::Address;
use serde::Serialize;

/// How far the strategy is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for the logs that say which pools there are.
    #[default]
    Backfilling,
    /// Following the chain.
    Following,
}

/// The strategy's state after an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    pub(crate) at: BlockRef,
    /// How many are followed.
    pub(crate) pools: usize,
    /// How many are still to be read.
    pub(crate) awaiting: usize,
    /// Those that are not, and why.
    pub(crate) left_alone: BTreeMap<Address, String>,
    /// How many cycles gain by their rates, before costs.
    pub(crate) cycles: usize,
    /// How each open opportunity came about, the best first.
    pub(crate) explanations: BTreeMap<OpportunityId, Vec<String>>,
}

/// A handle to what the strategy last saw. Cheap to clone; never blocks for long.
#[derive(Debug, Clone, Default)]
pub struct ArbitrageView {
    snapshot: Arc<Mutex<Snapshot>>,
}

impl ArbitrageView {
    /// How far the strategy is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.lock().phase.clone()
    }

    /// How many pools are known of, and still to be read before they are followed. Cycles go through the others meanwhile.
    #[must_use]
    pub fn awaiting(&self) -> usize {
        self.lock().awaiting
    }

    /// Why a pool is left alone; `None` for one that is followed, or is not known.
    #[must_use]
    pub fn left_alone(&self, pool: &Address) -> Option<String> {
        self.lock().left_alone.get(pool).cloned()
    }

    /// The snapshot. Every writer replaces whole values, so that a poisoned lock holds nothing half done.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
