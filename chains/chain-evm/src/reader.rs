//! The chain as events and answers: [`EvmReader`].

mod branch;
mod feed;
mod filter;
mod heads;
mod history;
mod multicall;
mod trouble;

#[cfg(test)]
mod tests;

use std::time::Duration;

use agent_core::{
    Answered, ChainEvent, Interest, Query,
    ports::{BoxFuture, ReadError, Reader},
    units::{BlockNumber, BlockRef},
};
use futures::{StreamExt, stream::BoxStream};

use self::{feed::Feed, multicall::Multicall};
use crate::endpoint::Endpoint;

/// How an [`EvmReader`] reads.
#[derive(Debug, Clone, Copy)]
pub struct ReaderConfig {
    /// Where the node cannot push heads: how often to ask for one. `None` is a tenth of the chain's own block time,
    /// between 100 ms and 1 s.
    pub poll: Option<Duration>,
    /// The most blocks to ask logs of at once. A node that refuses gets asked for fewer.
    pub span: u64,
    /// How many blocks are remembered: a reorg that deep is handled block by block. A deeper one rolls back further,
    /// to where an earlier chunk of history ended, and reads from there again.
    pub depth: usize,
}

impl ReaderConfig {
    /// What suits most nodes: 10 000 blocks at once, 256 blocks remembered.
    #[must_use]
    pub const fn usual() -> Self {
        Self { poll: None, span: 10_000, depth: 256 }
    }
}

/// Reads one chain through one endpoint.
///
/// Its streams survive a lost node: they wait, say so with a warning, and go on exactly where they were. They do not
/// read ahead: a block is fetched when the one before it was taken. Drop a stream to end it.
#[derive(Debug, Clone)]
pub struct EvmReader {
    endpoint: Endpoint,
    config: ReaderConfig,
    multicall: Multicall,
}

impl EvmReader {
    /// A reader of `endpoint`.
    #[must_use]
    pub fn new(endpoint: Endpoint, config: ReaderConfig) -> Self {
        let config = ReaderConfig { depth: config.depth.max(2), span: config.span.max(1), ..config };
        Self { endpoint, config, multicall: Multicall::default() }
    }
}

impl Reader for EvmReader {
    fn events(&self, from: BlockNumber, interests: Vec<Interest>) -> BoxStream<'static, ChainEvent> {
        let feed = Feed::new(self.endpoint.clone(), self.config, from, interests);
        let events = futures::stream::unfold(feed, |mut feed| async {
            let event = feed.next().await;
            Some((event, feed))
        });
        events.boxed()
    }

    fn read(&self, queries: Vec<Query>) -> BoxFuture<'_, Result<(BlockRef, Vec<Answered>), ReadError>> {
        Box::pin(async move {
            let what = "contracts at the latest block";
            let answers = self.multicall.read(&self.endpoint, &queries).await;
            answers.map_err(|cause| ReadError { what, cause: Box::new(cause) })
        })
    }
}
