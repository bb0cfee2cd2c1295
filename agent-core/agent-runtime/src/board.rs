//! The board: open opportunities, and who is told when it changes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::{
    Opportunity, OpportunityId,
    ports::ToolContext,
    units::{BlockRef, Timestamp},
};
use tokio::sync::watch;

/// Open opportunities of all strategies. Cheap to clone; all clones are one board.
///
/// The mutex is a `std` one and private: nothing is awaited while it is held, and no lock leaves this module.
#[derive(Debug, Clone)]
pub struct Board {
    state: Arc<Mutex<State>>,
    changes: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct State {
    now: BlockRef,
    open: BTreeMap<OpportunityId, Opportunity>,
    /// At the door, or through it. Kept for as long as the agent runs: the journal keeps the rest.
    taken: BTreeSet<OpportunityId>,
}

impl Default for Board {
    fn default() -> Self {
        Self { state: Arc::default(), changes: Arc::new(watch::Sender::new(0)) }
    }
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|version| *version = version.wrapping_add(1));
    }

    /// Resolves whenever the board has changed since the receiver last looked.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A new head: opportunities whose deadline has passed go.
    pub(crate) fn tick(&self, now: BlockRef) {
        let mut state = self.state();
        if now.number >= state.now.number {
            state.now = now;
        }
        state.open.retain(|_, opportunity| opportunity.intent.deadline > now.timestamp);
        drop(state);
        self.changed();
    }

    /// Puts it on the board, or replaces an older appraisal of it.
    pub(crate) fn publish(&self, opportunity: Opportunity) {
        self.state().open.insert(opportunity.id, opportunity);
        self.changed();
    }

    /// Takes it off.
    pub(crate) fn withdraw(&self, id: OpportunityId) {
        self.state().open.remove(&id);
        self.changed();
    }

    /// Reserves it for one offer: false when somebody has it already.
    pub(crate) fn take(&self, id: OpportunityId) -> bool {
        self.state().taken.insert(id)
    }

    /// The door refused it for now: it may be offered again.
    pub(crate) fn give_back(&self, id: OpportunityId) {
        self.state().taken.remove(&id);
    }

    /// What tools may look at: what is open and not taken, best first.
    #[must_use]
    pub fn context(&self) -> ToolContext {
        let state = self.state();
        let free = state.open.values().filter(|opportunity| !state.taken.contains(&opportunity.id));
        let mut ranked: Vec<Opportunity> = free.cloned().collect();
        ranked.sort_by_key(|opportunity| (Reverse(opportunity.appraisal.net()), opportunity.id));
        ToolContext { now: state.now, board: ranked.into() }
    }

    /// Chain time of the last head.
    pub(crate) fn chain_time(&self) -> Timestamp {
        self.state().now.timestamp
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{scripted::sample_opportunity, units::UsdE8};

    use super::*;

    #[test]
    fn the_board_ranks_what_is_free_and_forgets_what_is_late() {
        let board = Board::default();
        let (mut better, worse) = (sample_opportunity(1), sample_opportunity(2));
        better.appraisal.gross = UsdE8(900_000_000);
        board.publish(worse.clone());
        board.publish(better.clone());
        let ids = |board: &Board| {
            board.context().board.iter().map(|opportunity| opportunity.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&board), [better.id, worse.id]);
        assert!(board.take(better.id) && !board.take(better.id));
        assert_eq!(ids(&board), [worse.id]);
        board.give_back(better.id);
        board.withdraw(worse.id);
        assert_eq!(ids(&board), [better.id]);
        board.tick(BlockRef { timestamp: better.intent.deadline, ..better.seen_at });
        assert_eq!(ids(&board), []);
    }
}
