//! One key on one chain: its nonces, and what it has under way.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use agent_core::ports::Sent;
use alloy::primitives::{Address, B256};

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
    under_way: Mutex<UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    /// The lowest nonce above every one that this wallet has seen used.
    next: u64,
    /// What may have to be broadcast again.
    signed: HashMap<B256, Signed>,
}

impl Lane {
    pub(super) fn new(from: Address, endpoint: Endpoint, key: Key, config: WalletConfig) -> Self {
        Self { from, endpoint, key, config, under_way: Mutex::default() }
    }

    /// The next free nonce: the node's count, or more where the node has not seen all that was sent.
    pub(super) fn next_nonce(&self, pending: u64) -> u64 {
        self.under_way().next.max(pending)
    }

    /// Keeps what was signed, and its nonce out of every later quote.
    pub(super) fn remember(&self, signed: Signed) {
        let mut under_way = self.under_way();
        under_way.next = under_way.next.max(signed.sent.nonce.saturating_add(1));
        under_way.signed.insert(signed.sent.transaction, signed);
    }

    /// What was signed as `sent`, when this process did.
    pub(super) fn signed(&self, sent: Sent) -> Option<Signed> {
        self.under_way().signed.get(&sent.transaction).cloned()
    }

    /// Drops the bytes of a transaction that is final or never left. Its nonce stays used.
    pub(super) fn forget(&self, transaction: B256) {
        self.under_way().signed.remove(&transaction);
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
