//! Memory as the loop uses it: it has so long to answer, and where it fails there is a warning and the agent goes on.

use std::{sync::Arc, time::Duration};

use agent_core::ports::{Cue, Memory, MemoryError, Moment, Observer, Record};

/// How long memory may take. A disk that is slower than this is no help to a keeper.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Advisory {
    memory: Arc<dyn Memory>,
    observer: Arc<dyn Observer>,
}

impl Advisory {
    pub(crate) fn new(memory: Arc<dyn Memory>, observer: Arc<dyn Observer>) -> Self {
        Self { memory, observer }
    }

    pub(crate) async fn remember(&self, record: Record) {
        if self.patiently(self.memory.remember(record.clone())).await.is_some() {
            self.observer.saw(Moment::Remembered(&record));
        }
    }

    pub(crate) async fn recall(&self, cue: Cue) -> Vec<Record> {
        self.patiently(self.memory.recall(cue)).await.unwrap_or_default()
    }

    async fn patiently<T>(&self, answer: impl Future<Output = Result<T, MemoryError>>) -> Option<T> {
        let sentence = match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => format!("memory did not answer within {} s", PATIENCE.as_secs()),
        };
        self.observer.saw(Moment::Warned(&sentence));
        None
    }
}
