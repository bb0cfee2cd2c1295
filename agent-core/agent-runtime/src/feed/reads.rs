//! The reads of one strategy.

use std::sync::Arc;

use agent_core::{
    ChainEvent, Query,
    ports::{BoxFuture, Reader},
    units::BlockNumber,
};
use futures::{StreamExt, stream::FuturesUnordered};

/// Reads of one strategy at once. A node that hangs makes a strategy's reads fail; it does not fill the memory.
pub(super) const AT_ONCE: usize = 64;

type Answer = (BlockNumber, ChainEvent);

/// Reads under way, and answers that are ahead of the blocks that the strategy has seen. Together at most [`AT_ONCE`].
pub(super) struct Reads {
    reader: Arc<dyn Reader>,
    pending: FuturesUnordered<BoxFuture<'static, Result<Answer, String>>>,
    early: Vec<Answer>,
}

impl Reads {
    pub(super) fn new(reader: Arc<dyn Reader>) -> Self {
        Self { reader, pending: FuturesUnordered::new(), early: Vec::new() }
    }

    pub(super) fn ask(&self, tag: u64, queries: Vec<Query>) -> bool {
        if self.pending.len().saturating_add(self.early.len()) >= AT_ONCE {
            return false;
        }
        let reader = self.reader.clone();
        self.pending.push(Box::pin(async move {
            let (at, answers) = reader.read(queries).await.map_err(|error| error.to_string())?;
            Ok((at.number, ChainEvent::Answer { tag, at, answers }))
        }));
        true
    }

    /// The next answer that is not ahead of `seen`, or the next failure. An early answer waits for its block: strategies
    /// are told the world in order.
    pub(super) async fn next(&mut self, seen: Option<BlockNumber>) -> Result<ChainEvent, String> {
        let is_due = |(at, _): &Answer| Some(*at) <= seen;
        if let Some(due) = self.early.iter().position(is_due) {
            return Ok(self.early.remove(due).1);
        }
        while let Some(answer) = self.pending.next().await {
            match answer? {
                due if is_due(&due) => return Ok(due.1),
                early => self.early.push(early),
            }
        }
        std::future::pending().await
    }
}
