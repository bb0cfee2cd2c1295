//! What tools may see of the strategy: a copy that it leaves behind after every event.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::standing::Standing;

/// A handle to how the feeds stand. Cheap to clone; never blocks for long.
#[derive(Debug, Clone, Default)]
pub struct FeedsView {
    standings: Arc<Mutex<BTreeMap<String, Standing>>>,
}

impl FeedsView {
    /// How a feed stands. `None` for one that is not kept.
    #[must_use]
    pub fn standing(&self, feed: &str) -> Option<Standing> {
        self.lock().get(feed).cloned()
    }

    /// The standings. Every writer replaces whole values, so that a poisoned lock holds nothing half done.
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Standing>> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
