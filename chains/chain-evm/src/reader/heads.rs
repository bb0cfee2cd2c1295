//! Where new heads come from: pushed where the node can, polled where it cannot.

use std::time::Duration;

use agent_core::Head;
use alloy::pubsub::SubscriptionStream;
use futures::StreamExt;

use crate::endpoint::{Endpoint, RpcFailure, wire::WireHead};

/// After this much silence a subscription is checked by asking: it may be dead without having said so.
const SILENCE: Duration = Duration::from_secs(15);

/// The source of new heads for one stream.
pub(super) struct Heads {
    endpoint: Endpoint,
    poll: Duration,
    pushed: Option<SubscriptionStream<WireHead>>,
    refused: bool,
    hurry: bool,
}

impl Heads {
    pub(super) const fn new(endpoint: Endpoint, poll: Duration) -> Self {
        Self { endpoint, poll, pushed: None, refused: false, hurry: true }
    }

    /// The next head is to be asked for at once: something may have been missed.
    pub(super) const fn hurry(&mut self) {
        self.hurry = true;
    }

    /// After a failure: whatever was open may be dead.
    pub(super) fn reset(&mut self) {
        self.pushed = None;
        self.hurry = true;
    }

    /// A head, perhaps one that is known already.
    pub(super) async fn next(&mut self) -> Result<Head, RpcFailure> {
        if self.endpoint.pushes() && self.pushed.is_none() && !self.refused {
            self.subscribe().await?;
        }
        if std::mem::take(&mut self.hurry) {
            return self.endpoint.latest().await;
        }
        let Some(pushed) = &mut self.pushed else {
            tokio::time::sleep(self.poll).await;
            return self.endpoint.latest().await;
        };
        match tokio::time::timeout(SILENCE, pushed.next()).await {
            Ok(Some(head)) => Ok(head.into()),
            Ok(None) => {
                self.reset();
                self.endpoint.latest().await
            }
            Err(_silent) => self.endpoint.latest().await,
        }
    }

    async fn subscribe(&mut self) -> Result<(), RpcFailure> {
        match self.endpoint.subscribe_heads().await {
            Ok(pushed) => self.pushed = Some(pushed),
            Err(refusal) if refusal.is_refusal() => {
                tracing::warn!(endpoint = %self.endpoint, %refusal, "new heads are polled");
                self.refused = true;
            }
            Err(failure) => return Err(failure),
        }
        self.hurry = true;
        Ok(())
    }
}
