//! What planners have cost.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::units::MicroUsd;

/// What a planner has cost so far. Clones share it: the planner adds to it, whoever holds the purse reads it.
///
/// It is never too low: a planner that cannot know what an answer has cost adds the most that it can have cost.
#[derive(Debug, Clone, Default)]
pub struct Tab(Arc<AtomicU64>);

impl Tab {
    /// Adds to it.
    pub fn add(&self, cost: MicroUsd) {
        let plus = |total| Some(MicroUsd(total).plus(cost).0);
        // The update always says yes.
        let _before = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, plus);
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> MicroUsd {
        MicroUsd(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_a_tab_that_never_wraps() {
        let tab = Tab::default();
        tab.clone().add(MicroUsd(2));
        tab.add(MicroUsd(3));
        assert_eq!(tab.total(), MicroUsd(5));
        tab.add(MicroUsd(u64::MAX));
        assert_eq!(tab.total(), MicroUsd(u64::MAX));
    }
}
