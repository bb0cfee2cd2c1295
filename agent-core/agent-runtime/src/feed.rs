//! One strategy's events: history, live blocks, answers to its reads, outcomes; and what happens when its interests change.

mod chain;
mod reads;

use std::sync::Arc;

use agent_core::{
    ChainEvent, Interest, OutcomeReport, Query,
    ports::{Reader, Strategy},
};
use tokio::sync::mpsc;

use chain::Chain;
use reads::Reads;

/// The merged stream of one strategy's events.
pub(crate) struct Feed {
    chain: Chain,
    reads: Reads,
}

impl Feed {
    pub(crate) fn new(reader: Arc<dyn Reader>, strategy: &dyn Strategy) -> Self {
        Self { chain: Chain::new(reader.clone(), strategy.interests()), reads: Reads::new(reader) }
    }

    /// The next event, or a sentence about a read that failed (the strategy asks again with the next block). `None` when
    /// the chain's stream has ended. Dropping the future loses nothing.
    pub(crate) async fn next(
        &mut self,
        outcomes: &mut mpsc::UnboundedReceiver<OutcomeReport>,
    ) -> Option<Result<ChainEvent, String>> {
        let seen = self.chain.seen();
        tokio::select! {
            biased;
            Some(report) = outcomes.recv() => Some(Ok(ChainEvent::Outcome(report))),
            answer = self.reads.next(seen) => Some(answer),
            event = self.chain.next() => event.map(Ok),
        }
    }

    /// Starts reads; their answers come as events, each after the block that it was read at.
    /// False when too many are under way; none is started then.
    pub(crate) fn ask(&mut self, tag: u64, queries: Vec<Query>) -> bool {
        self.reads.ask(tag, queries)
    }

    /// What the strategy is interested in from now on. What is new is backfilled as history.
    pub(crate) fn follow(&mut self, interests: Vec<Interest>) {
        self.chain.follow(interests);
    }
}

#[cfg(test)]
mod tests;
