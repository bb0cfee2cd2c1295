//! What the chain says.

use futures::stream::BoxStream;

use crate::{
    event::{Answered, ChainEvent, Interest, Query},
    ports::BoxFuture,
    units::{BlockNumber, BlockRef},
};

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
#[error("read of {what} failed: {cause}")]
pub struct ReadError {
    /// What was read.
    pub what: &'static str,
    /// What went wrong.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Reads a chain.
pub trait Reader: Send + Sync {
    /// History from block `from` to the head, then every new block, gap-free and in order, with the logs of interest, of
    /// each from its own first block on. Reconnects by itself; ends only when the reader is closed.
    ///
    /// That history is over is always said, by an empty last chunk where there was none. After a rollback below `from`,
    /// blocks below it come without logs.
    fn events(&self, from: BlockNumber, interests: Vec<Interest>) -> BoxStream<'static, ChainEvent>;

    /// Answers several contract reads at one and the same block, the latest.
    fn read(&self, queries: Vec<Query>) -> BoxFuture<'_, Result<(BlockRef, Vec<Answered>), ReadError>>;
}
