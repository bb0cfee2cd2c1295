//! How far the strategy is: where the chain is, and what has yet to be read.

use agent_core::{
    Head,
    units::{BlockNumber, BlockRef},
};

use crate::{market::Survey, undo::horizon, view::Phase};

/// After this many blocks without an answer a survey starts over.
const PATIENCE: u64 = 5;

/// Where the strategy is.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// The newest block.
    pub(super) now: Option<Head>,
    /// How far it is.
    pub(super) phase: Phase,
    /// Whether history is over, of the first logs asked for at least.
    pub(super) live: bool,
    /// Whether logs were asked for whose history is not here yet.
    pub(super) awaiting: bool,
    /// The survey under way, and the block at which it last asked.
    pub(super) survey: Option<(Survey, BlockNumber)>,
    /// The block from which on the next survey is due.
    pub(super) due: BlockNumber,
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

    /// Some history is complete: the market is read anew, as logs of the past do not say when they were.
    pub(super) fn arrive(&mut self) {
        self.live = true;
        self.awaiting = false;
        self.phase = Phase::Surveying;
        self.survey = None;
        self.due = BlockNumber::default();
    }

    /// Blocks after `to` are void.
    pub(super) fn return_to(&mut self, to: BlockRef) {
        self.now = self.now.map(|head| Head { block: to, ..head });
        self.survey = None;
        self.due = BlockNumber::default();
        if !self.awaiting {
            self.phase = Phase::Surveying;
        }
    }

    /// A survey is wanted from `block` on.
    pub(super) fn survey_from(&mut self, block: BlockNumber) {
        self.due = self.due.min(block);
    }

    /// Whether a survey should begin now.
    pub(super) fn wants_survey(&self) -> bool {
        let waiting =
            self.survey.as_ref().is_some_and(|(_, asked)| asked.0.saturating_add(PATIENCE) > self.head().0);
        self.live && !waiting && self.due <= self.head()
    }

    /// The survey failed in a way that may pass.
    pub(super) fn retry_later(&mut self) {
        self.survey = None;
        self.due = BlockNumber(self.head().0.saturating_add(PATIENCE));
    }
}
