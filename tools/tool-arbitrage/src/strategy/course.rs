//! How far the strategy is: where the chain is, and which logs are here.

use std::collections::BTreeMap;

use agent_core::{
    Head,
    units::{BlockNumber, BlockRef},
};
use alloy_primitives::B256;

use crate::{undo::horizon, view::Phase};

/// Where the strategy is.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// The newest block.
    pub(super) now: Option<Head>,
    /// How far it is.
    pub(super) phase: Phase,
    /// The first block of which the logs of all pools are wanted: the one after the newest when the factories' history was here.
    pub(super) followed: Option<BlockNumber>,
    /// The last block that can be gone back to.
    floor: BlockNumber,
    /// The latest blocks of the branch that is followed.
    branch: BTreeMap<BlockNumber, B256>,
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
            self.branch.insert(head.block.number, head.block.hash);
        }
        let reachable = BlockNumber(horizon(head.block.number).0.saturating_sub(1));
        self.branch = self.branch.split_off(&reachable);
        self.floor = self.floor.max(reachable);
    }

    /// Logs up to the newest block came, and the next event is live or not.
    pub(super) fn take_history(&mut self, last: bool) {
        self.phase = if last { Phase::Following } else { Phase::Backfilling };
        if last {
            let next = self.head().next();
            self.followed.get_or_insert(next);
        }
    }

    /// Whether this is a block of the branch that is followed.
    pub(super) fn knows(&self, block: BlockRef) -> bool {
        self.branch.get(&block.number) == Some(&block.hash)
    }

    /// Whether it is known what was at this block: it is not too old, and no other than the one that was seen.
    pub(super) fn reaches_back(&self, to: BlockRef) -> bool {
        to.number >= self.floor && self.branch.get(&to.number).is_none_or(|hash| *hash == to.hash)
    }

    /// Blocks after `to` are void. Logs of the new ones are wanted even where those of the old ones were not: what is read of a
    /// pool from now on may be of any of them.
    pub(super) fn return_to(&mut self, to: BlockRef) {
        self.now = self.now.map(|head| Head { block: to, ..head });
        self.floor = self.floor.min(to.number);
        self.branch.retain(|number, _| *number < to.number);
        self.branch.insert(to.number, to.hash);
        self.followed = self.followed.map(|from| from.min(to.number.next()));
    }
}
