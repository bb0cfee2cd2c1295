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

/// Walks from a block to the head.
#[derive(Debug)]
pub(super) struct History {
    from: BlockNumber,
    /// Heads that were told, oldest first, far apart. A fork is traced back to the newest one that still stands.
    anchors: Vec<Head>,
    span: Span,
    depth: usize,
    /// Heads for the start of the live part, kept while some of them are still missing.
    gathered: BTreeMap<u64, Head>,
}

impl History {
    pub(super) const fn new(from: BlockNumber, span: u64, depth: usize) -> Self {
        Self { from, anchors: Vec::new(), span: Span::new(span), depth, gathered: BTreeMap::new() }
    }

    /// Keeps a head as an anchor, when it is newer than those there are.
    pub(super) fn remember(&mut self, head: Head) {
        if self.anchors.last().is_none_or(|last| last.block.number < head.block.number) {
            self.anchors.push(head);
        }
    }

    /// Forgets anchors above `to`, which are void.
    pub(super) fn rolled_back(&mut self, to: BlockRef) {
        self.anchors.retain(|anchor| anchor.block.number <= to.number);
    }

    /// The next step. Nothing is remembered of a step that fails, so that it can be tried again.
    pub(super) async fn step(&mut self, endpoint: &Endpoint, filters: &Filters) -> Result<Past, Trouble> {
        if let Some(to) = self.fork(endpoint).await? {
            self.rolled_back(to);
            return Ok(Past::Rollback(to));
        }
        let newest = endpoint.latest().await?;
        let next = self.anchors.last().map_or(self.from, |anchor| anchor.block.number.next());
        let chunk = if next > newest.block.number {
            let live = self.branch_up_to(endpoint, newest).await?;
            Chunk { head: newest, logs: Vec::new(), live: Some(live) }
        } else {
            self.chunk(endpoint, filters, next, newest).await?
        };
        self.remember(chunk.head);
        Ok(Past::Chunk(chunk))
    }

    /// Where to roll back to, when the newest anchor no longer stands.
    async fn fork(&self, endpoint: &Endpoint) -> Result<Option<BlockRef>, Trouble> {
        for (age, anchor) in self.anchors.iter().rev().enumerate() {
            let now = endpoint.head_at(anchor.block.number).await?;
            let now = now.ok_or(Trouble::Behind(anchor.block.number))?;
            if now.block.hash == anchor.block.hash {
                return Ok((age > 0).then_some(anchor.block));
            }
        }
        if self.anchors.is_empty() {
            return Ok(None);
        }
        let before = BlockNumber(self.from.0.saturating_sub(1));
        let before = endpoint.head_at(before).await?.ok_or(Trouble::Behind(before))?;
        Ok(Some(before.block))
    }

    async fn chunk(
        &mut self,
        endpoint: &Endpoint,
        filters: &Filters,
        next: BlockNumber,
        newest: Head,
    ) -> Result<Chunk, Trouble> {
        loop {
            let to = self.span.end(next).min(newest.block.number);
            let head = if to == newest.block.number { newest } else { canonical(endpoint, to).await? };
            let logs = match logs_between(endpoint, filters, next, head).await {
                Err(Trouble::Rpc(refusal)) if too_much(&refusal) && self.span.shrink() => {
                    tracing::debug!(%endpoint, blocks = self.span.blocks, %refusal, "asking for fewer blocks");
                    continue;
                }
                other => other?,
            };
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
        answers.extend(endpoint.logs(&question).await?);
    }
    if canonical(endpoint, head.block.number).await?.block.hash != head.block.hash {
        return Err(Trouble::Moved);
    }
    Ok(filters.wanted(answers))
}

async fn canonical(endpoint: &Endpoint, number: BlockNumber) -> Result<Head, Trouble> {
    endpoint.head_at(number).await?.ok_or(Trouble::Behind(number))
}

/// Whether fewer blocks may be answered where these were not.
const fn too_much(failure: &RpcFailure) -> bool {
    failure.is_refusal() || matches!(failure, RpcFailure::TimedOut { .. })
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
