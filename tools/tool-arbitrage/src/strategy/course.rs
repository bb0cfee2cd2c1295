//! How far the strategy is: where the chain is, and whether all logs asked for are here.

use agent_core::{
    Head,
    units::{BlockNumber, BlockRef},
};

use crate::{undo::horizon, view::Phase};

/// Where the strategy is.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// The newest block.
    pub(super) now: Option<Head>,
    /// How far it is.
    pub(super) phase: Phase,
    /// The last block that can be gone back to.
    pub(super) floor: BlockNumber,
}

impl Course {
    /// The newest block's number.
    pub(super) fn head(&self) -> BlockNumber {
        self.now.map(|head| head.block.number).unwrap_or_default()
    }

    /// A block is known. The history of a new interest may end before the newest block.
    pub(super) fn reach(&mut self, head: Head) {
        if head.block.number >= self.head() {
            self.now = Some(head);
        }
        let reachable = horizon(head.block.number).0.saturating_sub(1);
        self.floor = self.floor.max(BlockNumber(reachable));
    }

    /// Logs were asked for that are not here yet.
    pub(super) const fn await_history(&mut self) {
        self.phase = Phase::Backfilling;
    }

    /// Everything asked for is here.
    pub(super) const fn arrive(&mut self) {
        self.phase = Phase::Following;
    }

    /// Blocks after `to` are void.
    pub(super) fn return_to(&mut self, to: BlockRef) {
        self.now = self.now.map(|head| Head { block: to, ..head });
    }
}
