//! What the chain tells a strategy, in order and exactly once.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::{
    ports::SourceError,
    units::{BlockNumber, BlockRef},
};

/// A block's header, as far as agents care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Height, hash and time.
    pub block: BlockRef,
    /// The parent's hash; reorgs are found by it.
    pub parent: B256,
    /// Base fee in wei per gas; zero before EIP-1559.
    pub base_fee: u128,
}

/// One log that a strategy declared its interest in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainLog {
    /// The block that holds it.
    pub block: BlockNumber,
    /// Its position in that block.
    pub index: u64,
    /// The emitting contract.
    pub address: Address,
    /// Topics, the event's signature first.
    pub topics: Vec<B256>,
    /// Unindexed arguments.
    pub data: Bytes,
}

/// The logs a strategy wants: any of the addresses, and any of the first topics, from one block on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interest {
    /// The first block whose logs are wanted. One that is still to come brings no history.
    #[serde(default)]
    pub from: BlockNumber,
    /// Emitting contracts; empty means any.
    pub addresses: Vec<Address>,
    /// Event signatures; empty means any.
    pub topics: Vec<B256>,
}

impl Interest {
    /// Whether `log` is among the wanted.
    #[must_use]
    pub fn wants(&self, log: &ChainLog) -> bool {
        let address = self.addresses.is_empty() || self.addresses.contains(&log.address);
        let topic =
            self.topics.is_empty() || log.topics.first().is_some_and(|topic| self.topics.contains(topic));
        address && topic && log.block >= self.from
    }
}

/// One contract read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The contract.
    pub to: Address,
    /// Selector and arguments.
    pub data: Bytes,
}

/// What a contract read gave: bytes, or the revert data.
pub type Answered = Result<Bytes, Bytes>;

/// What a source outside of the chain said when it was asked, or why it said nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Its name in the config.
    pub source: String,
    /// The newest block when the answer arrived: its timestamp is the time of arrival.
    pub at: BlockRef,
    /// The answer as it came, at most [`MOST_BYTES`](crate::ports::MOST_BYTES) long. Anybody may have written it.
    pub said: Result<Bytes, SourceError>,
}

/// One thing that happened, as strategies see it.
///
/// Order: first any number of [`History`](Self::History) chunks up to a block, then one [`Block`](Self::Block) per new
/// block. After a reorg comes [`Rollback`](Self::Rollback), then the blocks of the new branch.
/// A reorg during history, or one deeper than the reader remembers, goes on with `History` after the rollback.
/// [`Answer`](Self::Answer)s come in between, each after the block it was read at. [`Observed`](Self::Observed) comes at any time:
/// what was said outside of the chain is not taken back by a reorg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainEvent {
    /// Past logs up to and including the head; more history may follow. All of one block's logs are in one chunk.
    History {
        /// The last block whose logs are all known.
        head: Head,
        /// Logs in order.
        logs: Vec<ChainLog>,
        /// Whether the next event is live.
        last: bool,
    },
    /// A new block with all its logs of interest, in order.
    Block {
        /// Its header.
        head: Head,
        /// Logs in order.
        logs: Vec<ChainLog>,
    },
    /// Blocks after this one are void.
    Rollback {
        /// The last block that still stands.
        to: BlockRef,
    },
    /// The answer to a strategy's [`Outbox::ask`](crate::ports::Outbox::ask).
    Answer {
        /// The tag the strategy gave.
        tag: u64,
        /// The block that was read.
        at: BlockRef,
        /// One answer per query, in order.
        answers: Vec<Answered>,
    },
    /// A source outside of the chain answered.
    Observed(Observation),
    /// The door or the chain said what became of one of the strategy's opportunities.
    Outcome(crate::outcome::OutcomeReport),
}
