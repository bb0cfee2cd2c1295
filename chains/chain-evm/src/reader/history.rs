//! Past logs, in chunks of blocks that the node is willing to answer.

use std::collections::BTreeMap;

use agent_core::{
    ChainLog, Head,
    units::{BlockNumber, BlockRef},
};
use futures::{FutureExt, StreamExt};

use super::{
    branch::Follow,
    filter::{Blocks, Filters},
    trouble::Trouble,
};
use crate::endpoint::{Endpoint, RpcFailure};

/// Requests that are under way at the same time when many heads are needed.
const AT_ONCE: usize = 16;

/// One step through the past.
#[derive(Debug)]
pub(super) enum Past {
    /// Blocks after this one, told before, are void.
    Rollback(BlockRef),
    /// The next logs.
    Chunk(Chunk),
}

/// The logs of the blocks up to `head`.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) head: Head,
    pub(super) logs: Vec<ChainLog>,
    /// Set when `head` is the newest: how to go on from there.
    pub(super) live: Option<Follow>,
}

/// The blocks that were told and not taken back, the live ones included once those are given up.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// Before the oldest: where to roll back to when no anchor stands.
    before: BlockNumber,
    /// The newest. `None` when there are none.
    newest: Option<BlockNumber>,
}

impl Told {
    fn one_from(&mut self, oldest: BlockNumber) {
        self.before = self.before.min(BlockNumber(oldest.0.saturating_sub(1)));
    }
}

/// Walks from a block to the head.
#[derive(Debug)]
pub(super) struct History {
    from: BlockNumber,
    /// Heads that were told, oldest first, far apart. A fork is traced back to the newest one that still stands.
    anchors: Vec<Head>,
    told: Told,
    span: Span,
    depth: usize,
    /// Heads for the start of the live part, kept while some of them are still missing.
    gathered: BTreeMap<u64, Head>,
}

impl History {
    pub(super) const fn new(from: BlockNumber, span: u64, depth: usize) -> Self {
        let told = Told { before: BlockNumber(from.0.saturating_sub(1)), newest: None };
        Self { from, anchors: Vec::new(), told, span: Span::new(span), depth, gathered: BTreeMap::new() }
    }

    /// Keeps a head as an anchor, when it is newer than those there are.
    pub(super) fn remember(&mut self, head: Head) {
        if self.anchors.last().is_none_or(|last| last.block.number < head.block.number) {
            self.anchors.push(head);
        }
    }

    /// Forgets anchors above `to`, which are void.
    pub(super) fn rolled_back(&mut self, to: BlockRef) {
        self.told.one_from(to.number);
        self.anchors.retain(|anchor| anchor.block.number <= to.number);
    }

    /// Goes on after `tip` was told live: what of it lies above the anchor that still stands is to be taken back.
    pub(super) fn take_over(&mut self, tip: BlockNumber) {
        self.told.newest = Some(tip);
    }

    /// The next step. Nothing is remembered of a step that fails, so that it can be tried again.
    pub(super) async fn step(&mut self, endpoint: &Endpoint, filters: &Filters) -> Result<Past, Trouble> {
        if let Some(to) = self.fork(endpoint).await? {
            self.rolled_back(to.block);
            self.remember(to);
            self.told.newest = Some(to.block.number);
            return Ok(Past::Rollback(to.block));
        }
        let newest = endpoint.latest().await?;
        let next = self.anchors.last().map_or(self.from, |anchor| anchor.block.number.next().max(self.from));
        let chunk = if next > newest.block.number {
            self.still_after_anchor(endpoint, newest).await?;
            let live = self.branch_up_to(endpoint, newest).await?;
            Chunk { head: newest, logs: Vec::new(), live: Some(live) }
        } else {
            self.chunk(endpoint, filters, next, newest).await?
        };
        self.told.one_from(chunk.head.block.number);
        self.told.newest = Some(chunk.head.block.number);
        self.remember(chunk.head);
        Ok(Past::Chunk(chunk))
    }

    /// Fails when the newest anchor was put aside while a chunk was read, or a node gave the chunk that lags behind the
    /// one that gave the anchor.
    async fn still_after_anchor(&self, endpoint: &Endpoint, newest: Head) -> Result<(), Trouble> {
        let Some(anchor) = self.anchors.last() else { return Ok(()) };
        if newest.block.number < anchor.block.number {
            return Err(Trouble::Behind(anchor.block.number));
        }
        let same_height = newest.block.number == anchor.block.number;
        let now = if same_height { newest } else { canonical(endpoint, anchor.block.number).await? };
        if now.block.hash == anchor.block.hash { Ok(()) } else { Err(Trouble::Moved) }
    }

    /// Where to roll back to, when something that was told lies above the newest anchor that stands.
    async fn fork(&self, endpoint: &Endpoint) -> Result<Option<Head>, Trouble> {
        let Some(newest) = self.told.newest else { return Ok(None) };
        for anchor in self.anchors.iter().rev() {
            let now = endpoint.head_at(anchor.block.number).await?;
            let now = now.ok_or(Trouble::Behind(anchor.block.number))?;
            if now.block.hash == anchor.block.hash {
                return Ok((newest > anchor.block.number).then_some(*anchor));
            }
        }
        let before = self.told.before;
        Ok(Some(canonical(endpoint, before).await?))
    }

    async fn chunk(
        &mut self,
        endpoint: &Endpoint,
        filters: &Filters,
        next: BlockNumber,
        newest: Head,
    ) -> Result<Chunk, Trouble> {
        loop {
            let to = filters.until(next, self.span.end(next)).min(newest.block.number);
            let head = if to == newest.block.number { newest } else { canonical(endpoint, to).await? };
            let logs = match logs_between(endpoint, filters, next, head).await {
                Err(Trouble::Rpc(refusal)) if too_much(&refusal) && self.span.shrink() => {
                    tracing::debug!(%endpoint, blocks = self.span.blocks, %refusal, "asking for fewer blocks");
                    continue;
                }
                other => other?,
            };
            self.still_after_anchor(endpoint, newest).await?;
            let last = to == newest.block.number;
            let live = if last { Some(self.branch_up_to(endpoint, head).await?) } else { None };
            self.span.grow();
            return Ok(Chunk { head, logs, live });
        }
    }

    /// The last heads up to `newest`, so that a fork right after the start is recognised. What was fetched survives a
    /// failure: one request of many may fail each time.
    async fn branch_up_to(&mut self, endpoint: &Endpoint, newest: Head) -> Result<Follow, Trouble> {
        let depth = u64::try_from(self.depth).unwrap_or(u64::MAX);
        let last = newest.block.number.0;
        let numbers = last.saturating_sub(depth.saturating_sub(1))..last;
        self.gathered.retain(|number, _| numbers.contains(number));
        let missing = numbers.filter(|number| !self.gathered.contains_key(number));
        let missing = missing.map(|number| canonical(endpoint, BlockNumber(number)).boxed());
        let mut fetched = futures::stream::iter(missing.collect::<Vec<_>>()).buffered(AT_ONCE);
        let mut failed = Ok(());
        while let Some(head) = fetched.next().await {
            match head {
                Ok(head) => drop(self.gathered.insert(head.block.number.0, head)),
                Err(trouble) => failed = Err(trouble),
            }
        }
        drop(fetched);
        failed?;
        let heads = std::mem::take(&mut self.gathered).into_values().chain([newest]).collect();
        Follow::after(heads, self.depth).ok_or(Trouble::Moved)
    }
}

/// The logs of `from` up to `head`. The answer is thrown away when `head` is not canonical before and after.
async fn logs_between(
    endpoint: &Endpoint,
    filters: &Filters,
    from: BlockNumber,
    head: Head,
) -> Result<Vec<ChainLog>, Trouble> {
    let mut answers = Vec::new();
    for question in filters.questions(Blocks::Range(from, head.block.number)) {
        answers.extend(endpoint.logs_up_to(head, &question).await?);
    }
    if canonical(endpoint, head.block.number).await?.block.hash != head.block.hash {
        return Err(Trouble::Moved);
    }
    let asked = from..=head.block.number;
    if !answers.iter().all(|log| asked.contains(&log.block())) {
        return Err(Trouble::ForeignLog(head.block.number));
    }
    Ok(filters.wanted(answers))
}

async fn canonical(endpoint: &Endpoint, number: BlockNumber) -> Result<Head, Trouble> {
    endpoint.head_at(number).await?.ok_or(Trouble::Behind(number))
}

/// Whether fewer blocks may be answered where these were not.
const fn too_much(failure: &RpcFailure) -> bool {
    failure.is_refusal() || matches!(failure, RpcFailure::TimedOut { .. } | RpcFailure::TooLarge { .. })
}

/// How many blocks to ask for at once.
#[derive(Debug)]
struct Span {
    blocks: u64,
    most: u64,
}

impl Span {
    const fn new(most: u64) -> Self {
        Self { blocks: most, most }
    }

    fn end(&self, first: BlockNumber) -> BlockNumber {
        BlockNumber(first.0.saturating_add(self.blocks.saturating_sub(1)))
    }

    /// Halves; `false` when one block is all that is asked for already.
    const fn shrink(&mut self) -> bool {
        let could = self.blocks > 1;
        self.blocks = self.blocks.div_ceil(2);
        could
    }

    fn grow(&mut self) {
        self.blocks = self.blocks.saturating_mul(2).min(self.most).max(1);
    }
}
