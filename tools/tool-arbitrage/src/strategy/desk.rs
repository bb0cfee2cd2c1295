//! Questions under way, and what the operator is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agent_core::{Query, ports::Outbox, units::BlockNumber};

use crate::market::{Entry, State};

/// Answers that do not come are given up when this many questions were asked after them.
const PATIENCE: usize = 16;

/// What a question was for: the terms of everything, and how the pools at these places stand.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) places: Vec<usize>,
}

/// The questions that were asked and not answered.
#[derive(Debug, Default)]
pub(super) struct Desk {
    asked: u64,
    pending: BTreeMap<u64, Pending>,
    /// The last block at which was asked, and the pool that is next.
    pub(super) last: Option<BlockNumber>,
    pub(super) next: usize,
    told: BTreeSet<String>,
    first: VecDeque<String>,
}

impl Desk {
    /// Asks.
    pub(super) fn ask(&mut self, pending: Pending, queries: Vec<Query>, outbox: &mut Outbox) {
        let tag = self.send(queries, outbox);
        self.pending.insert(tag, pending);
        if self.pending.len() > PATIENCE {
            self.pending.pop_first();
        }
    }

    /// Asks for somebody who remembers it by the tag.
    pub(super) fn send(&mut self, queries: Vec<Query>, outbox: &mut Outbox) -> u64 {
        self.asked = self.asked.saturating_add(1);
        outbox.ask(self.asked, queries);
        self.asked
    }

    /// What the question with this tag was for; what was asked before it is overtaken.
    pub(super) fn take(&mut self, tag: u64) -> Option<Pending> {
        let pending = self.pending.remove(&tag)?;
        self.pending = self.pending.split_off(&tag);
        Some(pending)
    }

    /// Forgets all questions, and asks again with the next block.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.last = None;
    }

    /// Something to say with the first event.
    pub(super) fn say_first(&mut self, sentence: String) {
        self.first.push_back(sentence);
    }

    /// Says it.
    pub(super) fn tell(&mut self, outbox: &mut Outbox) {
        self.first.drain(..).for_each(|sentence| outbox.warn(sentence));
    }

    /// Tells the operator something, once.
    pub(super) fn warn(&mut self, sentence: String, outbox: &mut Outbox) {
        if self.told.insert(sentence.clone()) {
            outbox.warn(sentence);
        }
    }

    /// Tells that a pool is left alone.
    pub(super) fn lost(&mut self, entry: Option<&Entry>, outbox: &mut Outbox) {
        if let Some(Entry { address, state: State::Distrusted(why), .. }) = entry {
            self.warn(format!("pool {address} is left alone from now on: {why}"), outbox);
        }
    }
}
