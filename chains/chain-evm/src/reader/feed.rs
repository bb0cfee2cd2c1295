//! The stream of events: the past in chunks, then block by block, through failures and forks.

use std::time::Duration;

use agent_core::{ChainEvent, ChainLog, Head, Interest, units::BlockNumber};

use super::{
    ReaderConfig,
    branch::{Follow, Next},
    filter::{Blocks, Filters},
    heads::Heads,
    history::{Chunk, History, Past},
    trouble::Trouble,
};
use crate::{backoff::Backoff, endpoint::Endpoint};

/// When the node is further ahead than this, catch up in strides of as many blocks: the way back from its head to ours
/// is kept in memory.
const STRIDE: u64 = 64;

/// One stream's state. Each step either gives an event and has changed the state for good, or gives none and can be
/// repeated, so that no failure skips or repeats a block.
pub(super) struct Feed {
    endpoint: Endpoint,
    filters: Filters,
    config: ReaderConfig,
    from: BlockNumber,
    history: History,
    live: Option<Live>,
    backoff: Backoff,
}

struct Live {
    follow: Follow,
    heads: Heads,
    /// Who is asked about the way to the new head: the node that gave it, until that fails.
    giver: Endpoint,
}

impl Feed {
    pub(super) fn new(
        endpoint: Endpoint,
        config: ReaderConfig,
        from: BlockNumber,
        interests: Vec<Interest>,
    ) -> Self {
        let history = History::new(from, config.span, config.depth);
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        Self { endpoint, filters: Filters::new(interests), config, from, history, live: None, backoff }
    }

    /// The next event, however long that takes.
    pub(super) async fn next(&mut self) -> ChainEvent {
        loop {
            match self.step().await {
                Ok(Some(event)) => {
                    self.backoff.succeeded();
                    return event;
                }
                Ok(None) => {}
                Err(trouble) => self.wait_after(&trouble).await,
            }
        }
    }

    async fn wait_after(&mut self, trouble: &Trouble) {
        let failures = self.backoff.failures().saturating_add(1);
        tracing::warn!(endpoint = %self.endpoint, failures, %trouble, "chain events wait for the node");
        if let Some(live) = &mut self.live {
            // The way to the new head stays true when the connection broke; otherwise it may lead nowhere by now.
            if !trouble.is_of_the_line() {
                live.follow.abandon();
            }
            live.heads.reset();
            live.giver = self.endpoint.clone();
        }
        self.backoff.failed().await;
    }

    async fn step(&mut self) -> Result<Option<ChainEvent>, Trouble> {
        let Some(live) = &mut self.live else { return self.past().await.map(Some) };
        match live.follow.next() {
            Next::NewHead => {
                live.look().await?;
                if live.follow.next() == Next::NewHead {
                    self.backoff.succeeded();
                }
                Ok(None)
            }
            Next::Parent(hash) => {
                let parent = live.giver.head_of(hash).await?.ok_or(Trouble::NoParent)?;
                live.follow.offer(parent)?;
                Ok(None)
            }
            Next::Rollback(to) => {
                tracing::info!(endpoint = %self.endpoint, to = %to.number, tip = %live.follow.tip().block.number, "reorg");
                live.follow.rolled_back(to);
                self.history.rolled_back(to);
                Ok(Some(ChainEvent::Rollback { to }))
            }
            Next::Block(head) => {
                let logs = logs_of(&live.giver, &self.filters, self.from, head).await?;
                self.told_block();
                Ok(Some(ChainEvent::Block { head, logs }))
            }
            Next::Lost => {
                tracing::warn!(
                    endpoint = %self.endpoint,
                    depth = self.config.depth,
                    "a reorg is deeper than the remembered blocks: reading again from the last block that still stands"
                );
                self.history.take_over(live.follow.tip().block.number);
                self.live = None;
                Ok(None)
            }
            Next::Behind(number) => Err(Trouble::Behind(number.next())),
        }
    }

    async fn past(&mut self) -> Result<ChainEvent, Trouble> {
        // One node a step: two that are not at the same head would contradict each other.
        match self.history.step(&self.endpoint.one()?, &self.filters).await? {
            Past::Rollback(to) => Ok(ChainEvent::Rollback { to }),
            Past::Chunk(Chunk { head, logs, live }) => {
                let last = live.is_some();
                self.live = live.map(|follow| {
                    let poll = self.config.poll.unwrap_or_else(|| follow.tenth_of_block_time());
                    let giver = self.endpoint.clone();
                    Live { follow, heads: Heads::new(self.endpoint.clone(), poll), giver }
                });
                Ok(ChainEvent::History { head, logs, last })
            }
        }
    }

    fn told_block(&mut self) {
        let Some(live) = &mut self.live else { return };
        let forgotten = live.follow.told();
        let every = u64::try_from(self.config.depth).unwrap_or(u64::MAX);
        if let Some(head) = forgotten.filter(|head| head.block.number.0.checked_rem(every) == Some(0)) {
            self.history.remember(head);
        }
    }
}

impl Live {
    /// Waits for a head and offers it, or a nearer one on the way to it.
    async fn look(&mut self) -> Result<(), Trouble> {
        let (mut head, giver) = self.heads.next().await?;
        let nearer = self.follow.tip().block.number.0.saturating_add(STRIDE);
        if head.block.number.0 > nearer {
            head = giver.head_at(BlockNumber(nearer)).await?.ok_or(Trouble::Moved)?;
            self.heads.hurry();
        }
        self.giver = giver;
        Ok(self.follow.offer(head)?)
    }
}

async fn logs_of(
    endpoint: &Endpoint,
    filters: &Filters,
    from: BlockNumber,
    head: Head,
) -> Result<Vec<ChainLog>, Trouble> {
    if head.block.number < from {
        return Ok(Vec::new());
    }
    let mut answers = Vec::new();
    for question in filters.questions(Blocks::Of(head.block)) {
        answers.extend(endpoint.logs_of_block(head.block.hash, &question).await?);
    }
    if !answers.iter().all(|log| log.is_of(head.block)) {
        return Err(Trouble::ForeignLog(head.block.number));
    }
    Ok(filters.wanted(answers))
}
