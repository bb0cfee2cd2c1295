//! The intents that the journal holds open, and which of them somebody in this process follows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::ports::Stored;
use alloy_primitives::B256;

/// Subjects of open intents, and whether each is followed. All clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Intents(Arc<Mutex<BTreeMap<B256, bool>>>);

impl Intents {
    /// What an earlier process left open: it counts as in flight, and nobody follows it yet.
    pub(super) fn left(open: &[Stored]) -> Self {
        let open = open.iter().map(|stored| (stored.entry.subject, false)).collect();
        Self(Arc::new(Mutex::new(open)))
    }

    pub(super) fn count(&self) -> usize {
        self.map().len()
    }

    pub(super) fn followed(&self) -> BTreeSet<B256> {
        self.map().iter().filter(|(_, followed)| **followed).map(|(subject, _)| *subject).collect()
    }

    /// Counts an intent that is about to be written; whether it was not counted before.
    pub(super) fn open(&self, subject: B256) -> bool {
        self.map().insert(subject, false).is_none()
    }

    /// The journal closed it, or never took it.
    pub(super) fn closed(&self, subject: B256) {
        self.map().remove(&subject);
    }

    /// Somebody follows it for as long as the guard lives.
    pub(super) fn follow(&self, subject: B256) -> Following {
        self.map().insert(subject, true);
        Following { intents: self.clone(), subject }
    }

    /// A panic elsewhere leaves the map whole: it is only ever changed by single calls.
    fn map(&self) -> MutexGuard<'_, BTreeMap<B256, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When dropped before its intent was closed, the intent is free to be taken up again.
#[derive(Debug)]
pub(super) struct Following {
    intents: Intents,
    subject: B256,
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(followed) = self.intents.map().get_mut(&self.subject) {
            *followed = false;
        }
    }
}
