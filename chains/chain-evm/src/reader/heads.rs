//! Where new heads come from: pushed where the node can, polled where it cannot.

use std::time::Duration;

use agent_core::{Head, units::BlockNumber};
use alloy::pubsub::SubscriptionStream;
use futures::StreamExt;
use tokio::sync::watch;

use crate::endpoint::{Endpoint, RpcFailure, wire::WireHead};

/// After this much silence a subscription is checked by asking: it may be dead without having said so.
const SILENCE: Duration = Duration::from_secs(15);

/// The source of new heads for one stream.
pub(super) struct Heads {
    endpoint: Endpoint,
    poll: Duration,
    pushed: Option<Pushed>,
    /// What the other nodes of a pool have.
    newest: watch::Receiver<Option<BlockNumber>>,
    refused: bool,
    hurry: bool,
}

/// A subscription, and the node that it is of.
struct Pushed {
    heads: SubscriptionStream<WireHead>,
    giver: Endpoint,
    last: Option<BlockNumber>,
}

/// What ended a wait.
enum Woken {
    Pushed(Option<WireHead>),
    Newest(Option<BlockNumber>),
    Silence,
}

impl Heads {
    pub(super) fn new(endpoint: Endpoint, poll: Duration) -> Self {
        let newest = endpoint.newest();
        Self { endpoint, poll, pushed: None, newest, refused: false, hurry: true }
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

    /// A head, perhaps one that is known already, and the node that gave it.
    pub(super) async fn next(&mut self) -> Result<(Head, Endpoint), RpcFailure> {
        if self.endpoint.pushes() && self.pushed.is_none() && !self.refused {
            self.subscribe().await?;
        }
        if std::mem::take(&mut self.hurry) {
            return self.endpoint.latest_from().await;
        }
        match self.woken().await {
            Woken::Pushed(Some(head)) => {
                let head = Head::from(head);
                if let Some(pushed) = &mut self.pushed {
                    pushed.last = Some(head.block.number);
                    pushed.giver.gave(head);
                    return Ok((head, pushed.giver.clone()));
                }
            }
            Woken::Pushed(None) => self.reset(),
            Woken::Newest(newest) => {
                let last = self.pushed.as_ref().and_then(|pushed| pushed.last);
                let late = newest.zip(last).is_some_and(|(newest, last)| {
                    newest.0.saturating_sub(last.0) > self.endpoint.lag_allowed()
                });
                if late {
                    tracing::warn!(endpoint = %self.endpoint, "the node that pushes heads is behind: subscribing again");
                    self.reset();
                }
            }
            Woken::Silence => {}
        }
        self.endpoint.latest_from().await
    }

    /// Waits for a pushed head, or for the other nodes of the pool to have one, but not for ever.
    async fn woken(&mut self) -> Woken {
        let Self { pushed, newest, poll, .. } = self;
        let others = async {
            match newest.changed().await {
                Ok(()) => *newest.borrow_and_update(),
                // Only when the pool is gone, and this with it.
                Err(_gone) => std::future::pending().await,
            }
        };
        let Some(pushed) = pushed else {
            return tokio::select! {
                newest = others => Woken::Newest(newest),
                () = tokio::time::sleep(*poll) => Woken::Silence,
            };
        };
        tokio::select! {
            biased;
            head = pushed.heads.next() => Woken::Pushed(head),
            newest = others => Woken::Newest(newest),
            () = tokio::time::sleep(SILENCE) => Woken::Silence,
        }
    }

    async fn subscribe(&mut self) -> Result<(), RpcFailure> {
        match self.endpoint.subscribe_heads().await {
            Ok((heads, giver)) => self.pushed = Some(Pushed { heads, giver, last: None }),
            Err(refusal) if refusal.is_refusal() => {
                tracing::warn!(endpoint = %self.endpoint, %refusal, "new heads are polled");
                self.refused = true;
            }
            // The nodes that do not push may be all that is left of a pool.
            Err(failure) => return self.endpoint.polls_at_least(failure),
        }
        self.hurry = true;
        Ok(())
    }
}
