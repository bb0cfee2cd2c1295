//! Where in the chain's order something became known.

use agent_core::{ChainLog, units::BlockNumber};

/// A place in the chain's order of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Stamp(BlockNumber, u64);

impl Stamp {
    /// The place of `log`.
    pub(crate) const fn of(log: &ChainLog) -> Self {
        Self(log.block, log.index)
    }

    /// The end of `block`: what a read at that block sees.
    pub(crate) const fn end_of(block: BlockNumber) -> Self {
        Self(block, u64::MAX)
    }

    /// The block it is in.
    pub(crate) const fn block(self) -> BlockNumber {
        self.0
    }
}
