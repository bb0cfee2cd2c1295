//! The intents that the journal holds open, and which of them somebody in this process follows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::ports::{Ahead, DoorError, Stored};
use alloy_primitives::B256;

use crate::{Page, Transaction};

/// Open intents by subject. All clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Intents(Arc<Mutex<BTreeMap<B256, Open>>>);

#[derive(Debug)]
struct Open {
    followed: bool,
    ahead: Ahead,
}

impl Open {
    fn of(transaction: &Transaction) -> Self {
        let (nonce, frame, gas_limit) = (transaction.nonce, transaction.frame(), transaction.gas.limit);
        Self { followed: false, ahead: Ahead { nonce, frame, gas_limit } }
    }
}

impl Intents {
    /// What an earlier process left open: it counts as in flight, and nobody follows it yet.
    pub(super) fn left(open: &[Stored]) -> Result<Self, DoorError> {
        let mut intents = BTreeMap::new();
        for stored in open {
            match Page::of(stored)? {
                Page::Recorded(page) => intents.insert(stored.entry.subject, Open::of(&page.transaction)),
                Page::Refused(_) | Page::Closed { .. } | Page::Order { .. } => {
                    return Err(DoorError::Payload("an open intent whose page records none".to_owned()));
                }
            };
        }
        Ok(Self(Arc::new(Mutex::new(intents))))
    }

    /// What is on its way before the transaction with `nonce`, in that order.
    pub(super) fn ahead_of(&self, nonce: u64) -> Vec<Ahead> {
        let map = self.map();
        let before = map.values().map(|open| &open.ahead).filter(|ahead| ahead.nonce < nonce);
        let mut ahead: Vec<Ahead> = before.cloned().collect();
        ahead.sort_unstable_by_key(|ahead| ahead.nonce);
        ahead
    }

    pub(super) fn count(&self) -> usize {
        self.map().len()
    }

    pub(super) fn followed(&self) -> BTreeSet<B256> {
        self.map().iter().filter(|(_, open)| open.followed).map(|(subject, _)| *subject).collect()
    }

    /// Counts an intent that is about to be written; whether it was not counted before.
    pub(super) fn open(&self, subject: B256, transaction: &Transaction) -> bool {
        self.map().insert(subject, Open::of(transaction)).is_none()
    }

    /// The journal closed it, or never took it.
    pub(super) fn closed(&self, subject: B256) {
        self.map().remove(&subject);
    }

    /// Somebody follows it for as long as the guard lives.
    pub(super) fn follow(&self, subject: B256) -> Following {
        if let Some(open) = self.map().get_mut(&subject) {
            open.followed = true;
        }
        Following { intents: self.clone(), subject }
    }

    /// A panic elsewhere leaves the map whole: it is only ever changed by single calls.
    fn map(&self) -> MutexGuard<'_, BTreeMap<B256, Open>> {
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
        if let Some(open) = self.intents.map().get_mut(&self.subject) {
            open.followed = false;
        }
    }
}
