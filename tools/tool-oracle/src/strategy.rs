//! The strategy: answers of sources and of targets in, updates out.

mod decide;
mod feed;

use agent_core::{
    Answered, ChainEvent, Head, Interest, Observation, OutcomeReport, Query,
    ports::{Outbox, Strategy},
    units::BlockRef,
};

use self::feed::Feed;
use crate::{
    board::{Board, Shut},
    config::{FeedsConfig, FeedsError},
    view::FeedsView,
};

/// The name in policies, budgets and memory.
pub const STRATEGY: &str = "oracle-feeds";

/// Keeps feeds fresh.
///
/// At every block it reads what the targets hold; when that is known, and whenever a source answers, it decides for each feed whether an
/// update is due, and publishes it or withdraws it. After a reorg it publishes nothing until the targets were read again.
#[derive(Debug)]
pub struct FeedStrategy {
    config: FeedsConfig,
    feeds: Vec<Feed>,
    board: Board,
    view: FeedsView,
    /// The newest block.
    head: Option<Head>,
    /// The tag of the last question; answers to older ones are overtaken.
    asked: u64,
}

impl FeedStrategy {
    /// A strategy that knows nothing yet.
    ///
    /// # Errors
    /// When the config cannot be kept to.
    pub fn new(config: FeedsConfig) -> Result<Self, FeedsError> {
        config.check()?;
        let feeds = config.feeds.iter().cloned().map(Feed::new).collect();
        let (board, view) = (Board::default(), FeedsView::default());
        Ok(Self { config, feeds, board, view, head: None, asked: 0 })
    }

    /// What tools see of it.
    #[must_use]
    pub fn view(&self) -> FeedsView {
        self.view.clone()
    }

    fn reach(&mut self, head: Head, outbox: &mut Outbox) {
        self.head = Some(head);
        self.board.tidy(head.block.timestamp, head.block.number, outbox);
        let executor = self.config.executor;
        let queries: Vec<Query> =
            self.feeds.iter().flat_map(|feed| feed.config.target.queries(executor)).collect();
        if !queries.is_empty() {
            self.asked = self.asked.saturating_add(1);
            outbox.ask(self.asked, queries);
        }
    }

    fn answer(&mut self, tag: u64, at: BlockRef, answers: &[Answered], outbox: &mut Outbox) {
        if tag != self.asked {
            return;
        }
        let mut rest = answers;
        for feed in &mut self.feeds {
            let count = feed.config.target.queries(self.config.executor).len();
            let (own, others) = rest.split_at_checked(count).unwrap_or((&[], &[]));
            feed.held = Some((at, feed.config.target.read(own)));
            rest = others;
        }
        for place in 0..self.feeds.len() {
            self.decide(place, outbox);
        }
    }

    fn observed(&mut self, observation: &Observation, outbox: &mut Outbox) {
        for place in 0..self.feeds.len() {
            let heard = self.feeds.get_mut(place).is_some_and(|feed| feed.hear(observation));
            if heard {
                self.decide(place, outbox);
            }
        }
    }

    /// Everything that was read is void; what was said outside of the chain is not.
    fn rollback(&mut self, to: BlockRef, outbox: &mut Outbox) {
        self.head = self.head.map(|head| Head { block: to, ..head });
        // An answer that is under way may be of a void block.
        self.asked = self.asked.saturating_add(1);
        for feed in &mut self.feeds {
            feed.held = None;
            feed.due_since = None;
        }
        self.board.void(outbox);
    }

    fn close(&mut self, report: &OutcomeReport, outbox: &mut Outbox) {
        let head = self.head.map(|head| head.block.number).unwrap_or_default();
        let shut = self.board.close(report, head, self.config.terms.rest_blocks, outbox);
        if shut == Some(Shut::Reverted) {
            outbox.warn(format!(
                "an update of {} was mined and reverted; it is not paid for again until its target changes",
                report.class
            ));
        }
    }
}

impl Strategy for FeedStrategy {
    fn name(&self) -> &str {
        STRATEGY
    }

    /// None: what targets hold is read at every block, also where no log says that it changed, as when a round times out.
    fn interests(&self) -> Vec<Interest> {
        Vec::new()
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        match event {
            ChainEvent::History { head, last: true, .. } | ChainEvent::Block { head, .. } => {
                self.reach(*head, outbox);
            }
            ChainEvent::History { .. } => {}
            ChainEvent::Rollback { to } => self.rollback(*to, outbox),
            ChainEvent::Answer { tag, at, answers } => self.answer(*tag, *at, answers, outbox),
            ChainEvent::Observed(observation) => self.observed(observation, outbox),
            ChainEvent::Outcome(report) => self.close(report, outbox),
        }
        self.publish_view();
    }
}

#[cfg(test)]
mod tests;
