//! One key on one chain, and what it has under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use agent_core::{
    ports::Sent,
    units::{BlockNumber, BlockRef, Timestamp, Wei},
};
use alloy::primitives::{Address, B256};
use chain_door::OrderFlow;

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
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The newest head heard of.
    head: Option<BlockRef>,
    /// Whether it was said that the key needs more of the native coin.
    said_low: bool,
    /// What may have to be sent again, by nonce.
    under_way: BTreeMap<u64, UnderWay>,
}

/// What one nonce has under way.
#[derive(Default)]
struct UnderWay {
    attempts: Vec<Attempt>,
    /// The head at which it was first to be seen by some only: the time that it has begins here for all of its attempts.
    private_since: Option<BlockNumber>,
    /// What the relays have, and the head at which they got it.
    offered: Option<(B256, BlockNumber)>,
}

/// A signed transaction, and who may see it.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) signed: Signed,
    pub(super) flow: OrderFlow,
    pub(super) deadline: Option<Timestamp>,
}

/// Which way an attempt goes at a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To the nodes.
    Public,
    /// To the nodes, and the relays are to forget what they have of this nonce.
    PublicInstead,
    /// To the relays, for the next blocks.
    Private,
    /// The relays have it for the next blocks.
    Offered,
}

impl Lane {
    pub(super) fn new(from: Address, endpoint: Endpoint, key: Key, config: WalletConfig) -> Self {
        Self { from, endpoint, key, config, state: Mutex::default() }
    }

    /// Takes note of a head.
    pub(super) fn saw(&self, head: BlockRef) {
        self.state().head = Some(head);
    }

    /// Takes note of what the key holds, and says once each time that it falls below what is configured.
    pub(super) fn balance(&self, balance: Wei) {
        let low = balance < self.config.top_up_below;
        let was_low = std::mem::replace(&mut self.state().said_low, low);
        if low && !was_low {
            let (from, least) = (self.from, self.config.top_up_below);
            tracing::warn!(%from, "the key runs low: it holds {balance}, and needs {least} to go on acting for a while; send it some");
        }
    }

    /// The head that was last taken note of.
    pub(super) fn head(&self) -> Option<BlockRef> {
        self.state().head
    }

    /// Keeps what was signed.
    pub(super) fn remember(&self, attempt: Attempt) {
        let mut state = self.state();
        let attempts = &mut state.under_way.entry(attempt.signed.sent.nonce).or_default().attempts;
        if !attempts.iter().any(|other| other.signed.sent == attempt.signed.sent) {
            attempts.push(attempt);
        }
    }

    /// What was signed as `sent`, when this process did.
    pub(super) fn attempt(&self, sent: Sent) -> Option<Attempt> {
        let state = self.state();
        state.under_way.get(&sent.nonce)?.attempts.iter().find(|attempt| attempt.signed.sent == sent).cloned()
    }

    /// Whether `sent` may be seen by some only, at this head.
    pub(super) fn is_private(&self, sent: Sent, head: BlockNumber) -> bool {
        let Some(attempt) = self.attempt(sent) else { return false };
        let since = self.state().under_way.get(&sent.nonce).and_then(|under_way| under_way.private_since);
        is_private(attempt.flow, since, head)
    }

    /// Which way `attempt` is to go now. Who asks goes it.
    pub(super) fn way(&self, attempt: &Attempt, head: BlockNumber) -> Way {
        let Sent { transaction, nonce } = attempt.signed.sent;
        let mut state = self.state();
        let under_way = state.under_way.entry(nonce).or_default();
        if attempt.flow != OrderFlow::Public {
            under_way.private_since.get_or_insert(head);
        }
        if !is_private(attempt.flow, under_way.private_since, head) {
            let other = under_way.offered.take_if(|(offered, _)| *offered != transaction);
            return if other.is_some() { Way::PublicInstead } else { Way::Public };
        }
        let offer = (transaction, head);
        if under_way.offered == Some(offer) {
            return Way::Offered;
        }
        under_way.offered = Some(offer);
        Way::Private
    }

    /// The nonces that something of this process is under way with.
    pub(super) fn nonces(&self) -> BTreeSet<u64> {
        self.state().under_way.keys().copied().collect()
    }

    /// Drops the bytes of a transaction that never left.
    pub(super) fn take_back(&self, sent: Sent) {
        let mut state = self.state();
        if let Some(under_way) = state.under_way.get_mut(&sent.nonce) {
            under_way.attempts.retain(|attempt| attempt.signed.sent != sent);
            if under_way.attempts.is_empty() {
                state.under_way.remove(&sent.nonce);
            }
        }
    }

    /// Drops the bytes of all transactions of a nonce that is used for good.
    pub(super) fn forget(&self, nonce: u64) {
        self.state().under_way.remove(&nonce);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_private(flow: OrderFlow, since: Option<BlockNumber>, head: BlockNumber) -> bool {
    match flow {
        OrderFlow::Public => false,
        OrderFlow::Private => true,
        OrderFlow::PrivateThenPublic { after_blocks } => {
            head.0.saturating_sub(since.unwrap_or(head).0) < after_blocks
        }
    }
}
