//! One key on one chain, and what it has under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use agent_core::ports::Sent;
use alloy::primitives::Address;

use super::{
    WalletConfig,
    key_task::{Key, Signed},
};
use crate::endpoint::Endpoint;

/// What the handles of one wallet share. The lock is held for a look only, never across an await.
pub(super) struct Lane {
    pub(super) from: Address,
    pub(super) endpoint: Endpoint,
    pub(super) key: Key,
    pub(super) config: WalletConfig,
    /// What may have to be broadcast again, by nonce.
    under_way: Mutex<BTreeMap<u64, Vec<Signed>>>,
}

impl Lane {
    pub(super) fn new(from: Address, endpoint: Endpoint, key: Key, config: WalletConfig) -> Self {
        Self { from, endpoint, key, config, under_way: Mutex::default() }
    }

    /// Keeps what was signed.
    pub(super) fn remember(&self, signed: Signed) {
        let mut under_way = self.under_way();
        let attempts = under_way.entry(signed.sent.nonce).or_default();
        if !attempts.iter().any(|attempt| attempt.sent == signed.sent) {
            attempts.push(signed);
        }
    }

    /// What was signed as `sent`, when this process did.
    pub(super) fn signed(&self, sent: Sent) -> Option<Signed> {
        self.under_way().get(&sent.nonce)?.iter().find(|attempt| attempt.sent == sent).cloned()
    }

    /// The nonces that something of this process is under way with.
    pub(super) fn nonces(&self) -> BTreeSet<u64> {
        self.under_way().keys().copied().collect()
    }

    /// Drops the bytes of a transaction that never left.
    pub(super) fn take_back(&self, sent: Sent) {
        let mut under_way = self.under_way();
        if let Some(attempts) = under_way.get_mut(&sent.nonce) {
            attempts.retain(|attempt| attempt.sent != sent);
            if attempts.is_empty() {
                under_way.remove(&sent.nonce);
            }
        }
    }

    /// Drops the bytes of all transactions of a nonce that is used for good.
    pub(super) fn forget(&self, nonce: u64) {
        self.under_way().remove(&nonce);
    }

    fn under_way(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<Signed>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
