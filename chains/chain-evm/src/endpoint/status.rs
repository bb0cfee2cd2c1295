//! What may be seen of a pool from outside.

use std::{fmt, time::Duration};

use agent_core::units::{BlockNumber, ChainId};
use serde::{Deserialize, Serialize};

/// What a node is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeState {
    /// At the head and answering.
    Alive,
    /// Behind the others by more than is allowed.
    Lagging {
        /// By how many blocks.
        blocks: u64,
    },
    /// Ahead of what a quorum has seen by more than is allowed: it may be fast, or make blocks up.
    Ahead {
        /// By how many blocks.
        blocks: u64,
    },
    /// It answers, but its head has not changed for too long.
    Stalled {
        /// For how long.
        silent: Duration,
    },
    /// It has given no head yet.
    Untried,
    /// An older block of it is another than the majority's.
    OnFork,
    /// Its last requests failed.
    Unreachable,
    /// It asked for a rest, and gets it.
    RateLimited {
        /// How much of it is left.
        left: Duration,
    },
    /// It contradicted the majority, and is not asked.
    Quarantined {
        /// For how long it stays out.
        left: Duration,
    },
    /// It serves another chain, and is not asked again by this process.
    WrongChain {
        /// Which.
        found: ChainId,
    },
}

impl NodeState {
    /// Better is less. `None` is never asked, whatever becomes of the others.
    pub(super) const fn rank(self) -> Option<u8> {
        match self {
            Self::Alive => Some(0),
            Self::Lagging { .. } | Self::Ahead { .. } => Some(1),
            Self::Stalled { .. } => Some(2),
            Self::Untried => Some(3),
            Self::OnFork => Some(4),
            Self::Unreachable => Some(5),
            Self::RateLimited { .. } | Self::Quarantined { .. } | Self::WrongChain { .. } => None,
        }
    }
}

/// One node as the pool sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeHealth {
    /// Its address up to the host.
    pub address: String,
    /// What it is good for.
    pub state: NodeState,
    /// Whether reads go to it first.
    pub in_use: bool,
    /// Its newest head.
    pub head: Option<BlockNumber>,
    /// How many blocks that is behind the pool's.
    pub lag: Option<u64>,
    /// Requests that were sent to it.
    pub asked: u64,
    /// Requests that it did not answer.
    pub failed: u64,
    /// Its last failure, without secrets. It stays after the node has recovered.
    pub last_error: Option<String>,
}

/// A look at a pool. Counts are since it was connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolHealth {
    /// The nodes, in the order of the configuration.
    pub nodes: Vec<NodeHealth>,
    /// The head that a quorum has seen.
    pub head: Option<BlockNumber>,
    /// Reads that were sent to another node after one had failed.
    pub retried: u64,
    /// Requests given up without being sent: every node rests or is kept out, or no retry was left.
    pub shed: u64,
    /// Reads for which not enough nodes gave the same answer.
    pub without_quorum: u64,
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alive => f.write_str("alive"),
            Self::Lagging { blocks } => write!(f, "{blocks} blocks behind"),
            Self::Ahead { blocks } => write!(f, "{blocks} blocks ahead of what a quorum has seen"),
            Self::Stalled { silent } => write!(f, "no new head for {silent:.0?}"),
            Self::Untried => f.write_str("no head yet"),
            Self::OnFork => f.write_str("on another fork than the majority"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::RateLimited { left } => write!(f, "rate limited for {left:.1?} more"),
            Self::Quarantined { left } => {
                write!(f, "contradicted the majority: not asked for {left:.0?} more")
            }
            Self::WrongChain { found } => write!(f, "serves chain {found}: not asked again"),
        }
    }
}
