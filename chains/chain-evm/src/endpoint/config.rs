//! How a pool of nodes is made.

use std::{fmt, time::Duration};

use agent_core::units::ChainId;

use super::ConnectError;

/// When a block counts as final on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finality {
    /// That many blocks below the newest.
    Depth(u64),
    /// The node's `safe` tag.
    Safe,
    /// The node's `finalized` tag.
    Finalized,
}

/// The nodes of one chain, and how they are used together.
#[derive(Clone, PartialEq, Eq)]
pub struct PoolConfig {
    /// `http(s)://`, `ws(s)://`, or the path of an IPC socket. May hold secrets: neither `Debug` nor any error shows
    /// more than the hosts.
    pub urls: Vec<String>,
    /// The chain that all of them must serve.
    pub chain: ChainId,
    /// How many nodes must give the same answer where value depends on it: 1 (whoever is asked is believed), or more
    /// than half of the nodes.
    pub quorum: usize,
    /// The chain's time between blocks. The nodes' heads are looked at twice in that time, between every 250 ms and
    /// every 5 s.
    pub block_time: Duration,
    /// How many blocks behind the others' head a node may be and count as good.
    pub lag_allowed: u64,
    /// After this much time without a new head a node counts as stalled.
    pub stall_after: Duration,
    /// When a block counts as final.
    pub finality: Finality,
    /// What a node gets to answer one request. A read that fails over gives the next node as much again.
    pub patience: Duration,
    /// The longest answer that is read, in bytes. IPC answers have no limit: they come from this machine.
    pub max_answer: usize,
    /// Requests that may be under way to one node at the same time; more wait, within their time limit.
    pub at_once: usize,
}

impl PoolConfig {
    /// What suits most chains: a majority agrees; two blocks of lag; stalled after ten block times, at least 10 s; the
    /// node's `finalized`; 10 s and 32 MiB for an answer; 64 requests at once.
    #[must_use]
    pub fn usual(urls: Vec<String>, chain: ChainId, block_time: Duration) -> Self {
        let quorum = if urls.len() < 2 { 1 } else { majority(urls.len()) };
        Self {
            urls,
            chain,
            quorum,
            block_time,
            lag_allowed: 2,
            stall_after: block_time.saturating_mul(10).max(Duration::from_secs(10)),
            finality: Finality::Finalized,
            patience: Duration::from_secs(10),
            max_answer: 32 * 1024 * 1024,
            at_once: 64,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConnectError> {
        let (quorum, nodes) = (self.quorum, self.urls.len());
        match nodes {
            0 => Err(ConnectError::NoAddress),
            _ if quorum == 1 || (majority(nodes)..=nodes).contains(&quorum) => Ok(()),
            _ => Err(ConnectError::Quorum { quorum, nodes, least: majority(nodes) }),
        }
    }

    /// How often heads are looked at.
    pub(super) fn look_every(&self) -> Duration {
        let half = self.block_time.checked_div(2).unwrap_or_default();
        half.clamp(Duration::from_millis(250), Duration::from_secs(5))
    }
}

/// The fewest of `nodes` that no other group of as many can contradict.
const fn majority(nodes: usize) -> usize {
    nodes.div_euclid(2).saturating_add(1)
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConfig")
            .field("urls", &self.urls.len())
            .field("chain", &self.chain)
            .field("quorum", &self.quorum)
            .field("block_time", &self.block_time)
            .field("lag_allowed", &self.lag_allowed)
            .field("stall_after", &self.stall_after)
            .field("finality", &self.finality)
            .field("patience", &self.patience)
            .field("max_answer", &self.max_answer)
            .field("at_once", &self.at_once)
            .finish()
    }
}
