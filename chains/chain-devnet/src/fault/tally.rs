//! What passed and what was done to it, so that a test can show that its faults really happened.

use std::collections::BTreeMap;

use alloy::primitives::TxHash;
use tokio::sync::watch;

use super::kind::{FaultKind, Stage};

/// What passed through a proxy, and what was done to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The faults that were injected, by kind.
    pub injected: BTreeMap<FaultKind, u64>,
    /// How many of the failures came before the node saw the request.
    pub before: u64,
    /// How many of the failures came after the node had accepted the request.
    pub after: u64,
    /// The requests that came, by method; pushed frames as `eth_subscription`.
    pub seen: BTreeMap<String, u64>,
    /// The requests that the node was asked on a client's behalf, by method.
    pub forwarded: BTreeMap<String, u64>,
    /// The transactions that were accepted and thrown away.
    pub forgotten: Vec<TxHash>,
}

impl Tally {
    /// How often a fault of this kind was injected.
    #[must_use]
    pub fn count(&self, kind: FaultKind) -> u64 {
        self.injected.get(&kind).copied().unwrap_or_default()
    }

    /// How many faults were injected.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.injected.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// How many requests of a method came.
    #[must_use]
    pub fn seen(&self, method: &str) -> u64 {
        self.seen.get(method).copied().unwrap_or_default()
    }

    /// How many requests of a method the node was asked.
    #[must_use]
    pub fn forwarded(&self, method: &str) -> u64 {
        self.forwarded.get(method).copied().unwrap_or_default()
    }
}

/// The tally while it grows.
#[derive(Debug, Default)]
pub(crate) struct Tallies(watch::Sender<Tally>);

fn bump<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, by: u64) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(by);
}

impl Tallies {
    pub(crate) fn injected(&self, kind: FaultKind) {
        self.injected_times(kind, 1);
    }

    pub(crate) fn injected_times(&self, kind: FaultKind, times: usize) {
        if let Ok(by @ 1..) = u64::try_from(times) {
            self.0.send_modify(|tally| bump(&mut tally.injected, kind, by));
        }
    }

    pub(crate) fn failed(&self, kind: FaultKind, stage: Stage) {
        self.0.send_modify(|tally| {
            bump(&mut tally.injected, kind, 1);
            let count = match stage {
                Stage::Before => &mut tally.before,
                Stage::After => &mut tally.after,
            };
            *count = count.saturating_add(1);
        });
    }

    pub(crate) fn seen(&self, method: &str) {
        self.0.send_modify(|tally| bump(&mut tally.seen, method.to_owned(), 1));
    }

    pub(crate) fn forwarded(&self, method: &str) {
        self.0.send_modify(|tally| bump(&mut tally.forwarded, method.to_owned(), 1));
    }

    pub(crate) fn forgot(&self, hash: TxHash) {
        self.0.send_modify(|tally| {
            bump(&mut tally.injected, FaultKind::Forget, 1);
            tally.forgotten.push(hash);
        });
    }

    pub(crate) fn now(&self) -> Tally {
        self.0.borrow().clone()
    }

    /// Waits until the tally is so.
    pub(crate) async fn until(&self, is_so: impl FnMut(&Tally) -> bool) -> Tally {
        let mut tallies = self.0.subscribe();
        match tallies.wait_for(is_so).await {
            Ok(tally) => tally.clone(),
            // The sender is ours: it cannot be gone.
            Err(_closed) => self.now(),
        }
    }
}
