//! One strategy's events: history, live blocks, answers to its reads, outcomes; and what happens when its interests grow.

use std::{collections::VecDeque, sync::Arc};

use agent_core::{
    ChainEvent, Interest, OutcomeReport, Query,
    ports::{BoxFuture, Reader, Strategy},
    units::BlockNumber,
};
use futures::{
    StreamExt,
    stream::{BoxStream, FuturesUnordered},
};
use tokio::sync::mpsc;

/// The merged stream of one strategy's events.
pub(crate) struct Feed {
    reader: Arc<dyn Reader>,
    from: BlockNumber,
    interests: Vec<Interest>,
    chain: BoxStream<'static, ChainEvent>,
    /// The last block that the strategy has seen.
    seen: Option<agent_core::Head>,
    answers: FuturesUnordered<BoxFuture<'static, Result<ChainEvent, String>>>,
    waiting: VecDeque<ChainEvent>,
}

impl Feed {
    pub(crate) fn new(reader: Arc<dyn Reader>, strategy: &dyn Strategy) -> Self {
        let (from, interests) = strategy.interests();
        let chain = reader.events(from, interests.clone());
        let (answers, waiting) = (FuturesUnordered::new(), VecDeque::new());
        Self { reader, from, interests, chain, seen: None, answers, waiting }
    }

    /// The next event, or a sentence about a read that failed (the strategy asks again with the next block). `None` when
    /// the chain's stream has ended.
    pub(crate) async fn next(
        &mut self,
        outcomes: &mut mpsc::UnboundedReceiver<OutcomeReport>,
    ) -> Option<Result<ChainEvent, String>> {
        if let Some(event) = self.waiting.pop_front() {
            return Some(Ok(event));
        }
        tokio::select! {
            biased;
            Some(report) = outcomes.recv() => Some(Ok(ChainEvent::Outcome(report))),
            Some(answer) = self.answers.next() => Some(answer),
            event = self.chain.next() => {
                let event = event?;
                self.remember(&event);
                Some(Ok(event))
            }
        }
    }

    /// Starts reads; their answers come as events.
    pub(crate) fn ask(&self, tag: u64, queries: Vec<Query>) {
        let reader = self.reader.clone();
        self.answers.push(Box::pin(async move {
            let (at, answers) = reader.read(queries).await.map_err(|error| error.to_string())?;
            Ok(ChainEvent::Answer { tag, at, answers })
        }));
    }

    /// Backfills what the strategy has become interested in, up to the block that it has seen, and goes on from there with
    /// everything.
    pub(crate) async fn follow(&mut self, interests: Vec<Interest>) {
        let added: Vec<Interest> =
            interests.iter().filter(|interest| !self.interests.contains(interest)).cloned().collect();
        if added.is_empty() {
            return;
        }
        self.interests = interests;
        let Some(seen) = self.seen else {
            self.chain = self.reader.events(self.from, self.interests.clone());
            return;
        };
        let logs = self.history(added, seen.block.number).await;
        self.waiting.push_back(ChainEvent::History { head: seen, logs, last: true });
        self.chain = self.reader.events(seen.block.number.next(), self.interests.clone());
    }

    async fn history(&mut self, interests: Vec<Interest>, until: BlockNumber) -> Vec<agent_core::ChainLog> {
        let mut past = self.reader.events(self.from, interests);
        let mut kept = Vec::new();
        while let Some(event) = past.next().await {
            match event {
                ChainEvent::History { logs, last, .. } => {
                    kept.extend(logs);
                    if last {
                        break;
                    }
                }
                // A reorg during the backfill: what it voids is not known to be wrong, so the count starts over.
                ChainEvent::Rollback { to } => {
                    kept.retain(|log: &agent_core::ChainLog| log.block <= to.number)
                }
                ChainEvent::Block { logs, .. } => kept.extend(logs),
                ChainEvent::Answer { .. } | ChainEvent::Outcome(_) => {}
            }
        }
        kept.retain(|log| log.block <= until);
        kept
    }

    fn remember(&mut self, event: &ChainEvent) {
        match event {
            ChainEvent::History { head, .. } | ChainEvent::Block { head, .. } => self.seen = Some(*head),
            ChainEvent::Rollback { to } => {
                self.seen = self.seen.map(|head| agent_core::Head { block: *to, ..head });
            }
            ChainEvent::Answer { .. } | ChainEvent::Outcome(_) => {}
        }
    }
}
