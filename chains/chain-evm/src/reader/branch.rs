//! The branch of the chain that was told, and what a new head does to it. No IO, so that every fork can be tested.

use std::{collections::VecDeque, time::Duration};

use agent_core::{
    Head,
    units::{BlockNumber, BlockRef},
};
use alloy::primitives::B256;

/// What follows from the heads known so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Everything known is told: wait for a new head, and [`offer`](Follow::offer) it.
    NewHead,
    /// Fetch the head of this hash and offer it.
    Parent(B256),
    /// Tell that the blocks after this one are void, then say [`rolled_back`](Follow::rolled_back).
    Rollback(BlockRef),
    /// Tell this block, then say [`told`](Follow::told).
    Block(Head),
    /// The fork lies below everything remembered.
    Lost,
    /// The node is so far behind what was told that nothing can be said: wait, and offer a newer head.
    Behind(BlockNumber),
}

/// Follows one node's chain: remembers the last heads that were told, and finds the way from them to any new head by
/// walking parents. It changes its memory only when told that an event is out, so a failure in between loses nothing.
#[derive(Debug)]
pub(super) struct Follow {
    /// Told and not void, oldest first, each the parent of the next. Never empty.
    told: VecDeque<Head>,
    /// The way to a new head, newest first.
    path: Vec<Head>,
    depth: usize,
}

impl Follow {
    /// Continues after `told`: linked heads, oldest first. `None` when there are none, or they are not linked.
    pub(super) fn after(told: Vec<Head>, depth: usize) -> Option<Self> {
        let linked = told.iter().zip(told.iter().skip(1)).all(|(parent, child)| is_child(child, parent));
        (linked && !told.is_empty()).then(|| Self { told: told.into(), path: Vec::new(), depth })
    }

    /// The newest block that was told.
    pub(super) fn tip(&self) -> Head {
        // Never empty; a default is unlinked to everything, so at worst the chain is read again.
        self.told.back().copied().unwrap_or(NOWHERE)
    }

    /// A tenth of the average time between the remembered blocks, between 100 ms and 1 s.
    pub(super) fn tenth_of_block_time(&self) -> Duration {
        let first = self.told.front().copied().unwrap_or(NOWHERE).block;
        let last = self.tip().block;
        let blocks = last.number.0.saturating_sub(first.number.0).max(1);
        let millis = last.timestamp.0.saturating_sub(first.timestamp.0).saturating_mul(100);
        Duration::from_millis(millis.checked_div(blocks).unwrap_or(0).clamp(100, 1_000))
    }

    /// Whether `hash` is among the told and remembered.
    pub(super) fn remembers(&self, hash: B256) -> bool {
        self.position(hash).is_some()
    }

    /// What to do now.
    pub(super) fn next(&self) -> Next {
        let Some(head) = self.path.last() else { return Next::NewHead };
        let oldest = self.told.front().copied().unwrap_or(NOWHERE).block.number;
        match self.position(head.parent) {
            Some(place) if place == self.told.len().saturating_sub(1) => Next::Block(*head),
            Some(place) => self.told.get(place).map_or(Next::Lost, |to| Next::Rollback(to.block)),
            None if head.block.number < oldest => Next::Behind(head.block.number),
            None if head.block.number <= oldest.next() => Next::Lost,
            None => Next::Parent(head.parent),
        }
    }

    /// Takes a new head, or the parent that was asked for. One that was told already changes nothing; a parent that is
    /// not the one asked for is refused, and the way to it forgotten.
    pub(super) fn offer(&mut self, head: Head) -> Result<(), NotTheParent> {
        let parent = self.position(head.parent).and_then(|place| self.told.get(place));
        let fits_parent = parent.is_none_or(|parent| is_child(&head, parent));
        let fits_child = self.path.last().is_none_or(|child| is_child(child, &head));
        if !fits_parent || !fits_child {
            self.abandon();
            return Err(NotTheParent(head.block));
        }
        if self.path.is_empty() && self.remembers(head.block.hash) {
            return Ok(());
        }
        self.path.push(head);
        Ok(())
    }

    /// The block that [`next`](Self::next) named is out. Gives the head that fell out of memory.
    pub(super) fn told(&mut self) -> Option<Head> {
        self.told.extend(self.path.pop());
        if self.told.len() > self.depth { self.told.pop_front() } else { None }
    }

    /// The rollback that [`next`](Self::next) named is out.
    pub(super) fn rolled_back(&mut self, to: BlockRef) {
        if let Some(place) = self.position(to.hash) {
            self.told.truncate(place.saturating_add(1));
        }
    }

    /// Forgets where it was going, not what was told.
    pub(super) fn abandon(&mut self) {
        self.path.clear();
    }

    fn position(&self, hash: B256) -> Option<usize> {
        self.told.iter().rposition(|head| head.block.hash == hash)
    }
}

/// The node gave another block than its own child names as parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node gave block {} ({}) where its child names another parent", .0.number, .0.hash)]
pub(super) struct NotTheParent(BlockRef);

const NOWHERE: Head = Head {
    block: BlockRef { number: BlockNumber(0), hash: B256::ZERO, timestamp: agent_core::units::Timestamp(0) },
    parent: B256::ZERO,
    base_fee: 0,
};

fn is_child(child: &Head, parent: &Head) -> bool {
    child.parent == parent.block.hash && child.block.number == parent.block.number.next()
}

#[cfg(test)]
mod tests;
