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

/// Opportunities on the board at most; the least worth goes first.
const MOST: usize = 1_024;
/// For so many seconds of chain time after it was last published, a spent opportunity is not even shown to the door. Later
/// the journal says it.
const REMEMBERED: u64 = 600;

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
    /// At the door, or under way: at most as many as the door and the policy let in.
    busy: BTreeSet<OpportunityId>,
    /// Never to be taken again, and when each was last published. None of them is open.
    spent: BTreeMap<OpportunityId, Timestamp>,
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

    /// Resolves at once, and then whenever the board has changed since the receiver last looked.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        let mut changes = self.changes.subscribe();
        changes.mark_changed();
        changes
    }

    /// A new head: opportunities whose deadline has passed go, and what was spent long ago is forgotten.
    pub(crate) fn tick(&self, now: BlockRef) {
        let mut state = self.state();
        if now.number >= state.now.number {
            state.now = now;
        }
        let now = state.now.timestamp;
        state.open.retain(|_, opportunity| opportunity.intent.deadline > now);
        state.spent.retain(|_, published| published.plus(REMEMBERED) > now);
        drop(state);
        self.changed();
    }

    /// Puts it on the board, or replaces an older appraisal of it. Gives back what had to go because the board is full.
    pub(crate) fn publish(&self, opportunity: Opportunity) -> Option<OpportunityId> {
        let mut state = self.state();
        let now = state.now.timestamp;
        if let Some(published) = state.spent.get_mut(&opportunity.id) {
            *published = now;
            return None;
        }
        state.open.insert(opportunity.id, opportunity);
        let least = (state.open.len() > MOST).then(|| state.least()).flatten();
        if let Some(least) = least {
            state.open.remove(&least);
        }
        drop(state);
        self.changed();
        least
    }

    /// Takes it off.
    pub(crate) fn withdraw(&self, id: OpportunityId) {
        self.state().open.remove(&id);
        self.changed();
    }

    /// Reserves it for one offer: false when somebody has it already, or it is spent.
    pub(crate) fn take(&self, id: OpportunityId) -> bool {
        let mut state = self.state();
        !state.spent.contains_key(&id) && state.busy.insert(id)
    }

    /// Nothing came of it for now: it may be offered again.
    pub(crate) fn give_back(&self, id: OpportunityId) {
        self.state().busy.remove(&id);
        self.changed();
    }

    /// It went through the door for good.
    pub(crate) fn spent(&self, id: OpportunityId) {
        let mut state = self.state();
        let now = state.now.timestamp;
        state.open.remove(&id);
        state.busy.remove(&id);
        state.spent.insert(id, now);
        drop(state);
        self.changed();
    }

    /// What tools may look at: what is open and not taken, best first.
    #[must_use]
    pub fn context(&self) -> ToolContext {
        let state = self.state();
        ToolContext { now: state.now, board: state.ranked().into_iter().cloned().collect() }
    }

    /// What `pick` makes of the best that is open and not taken, and the head.
    pub(crate) fn best<T>(
        &self,
        most: usize,
        pick: impl FnMut(&Opportunity) -> Option<T>,
    ) -> (BlockRef, Vec<T>) {
        let state = self.state();
        (state.now, state.ranked().into_iter().filter_map(pick).take(most).collect())
    }

    /// Chain time of the last head.
    pub(crate) fn chain_time(&self) -> Timestamp {
        self.state().now.timestamp
    }

    /// How much is open, and how much is taken.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let state = self.state();
        (state.open.len(), state.busy.len().saturating_add(state.spent.len()))
    }
}

impl State {
    /// What is open and not taken, best first; equals in the order of their ids.
    fn ranked(&self) -> Vec<&Opportunity> {
        let free = self.open.values().filter(|opportunity| !self.busy.contains(&opportunity.id));
        let mut ranked: Vec<_> = free.collect();
        ranked.sort_by_key(|opportunity| Reverse(opportunity.appraisal.net()));
        ranked
    }

    fn least(&self) -> Option<OpportunityId> {
        let least = self
            .open
            .values()
            .min_by_key(|opportunity| (opportunity.appraisal.net(), Reverse(opportunity.id)));
        least.map(|opportunity| opportunity.id)
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

    #[test]
    fn what_is_spent_stays_away_while_it_is_published_and_is_forgotten_later() {
        let (board, opportunity) = (Board::default(), sample_opportunity(1));
        let at = |seconds| BlockRef { timestamp: Timestamp(seconds), ..opportunity.seen_at };
        board.tick(at(0));
        assert!(board.take(opportunity.id));
        board.spent(opportunity.id);
        for seconds in [0, REMEMBERED - 1] {
            board.tick(at(seconds));
            board.publish(opportunity.clone());
            assert_eq!((board.sizes(), board.take(opportunity.id)), ((0, 1), false));
        }
        board.tick(at(2 * REMEMBERED));
        assert_eq!(board.sizes(), (0, 0));
        assert!(board.take(opportunity.id), "the journal knows better");
    }

    #[test]
    fn a_full_board_loses_what_is_least_worth() {
        let board = Board::default();
        let worth = |value: i128| {
            let mut opportunity = sample_opportunity(0);
            opportunity.id = OpportunityId::derive("sample", &value.to_be_bytes(), b"");
            opportunity.appraisal.gross = UsdE8(value);
            opportunity
        };
        let most = i128::try_from(MOST).unwrap();
        assert!((1..=most).all(|value| board.publish(worth(value)).is_none()));
        assert_eq!(board.publish(worth(most + 1)), Some(worth(1).id));
        assert_eq!(board.publish(worth(0)), Some(worth(0).id), "the new one may be the least");
        assert_eq!(board.sizes(), (MOST, 0));
    }
}
