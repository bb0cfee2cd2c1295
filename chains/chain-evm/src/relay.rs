//! The ways past the public pool: private RPCs and block builders.

mod bundle;
mod identity;
mod post;
#[cfg(test)]
pub(crate) mod tests;

use std::{fmt, sync::Arc, time::Duration};

use agent_core::units::{BlockNumber, BlockRef, Timestamp};
use alloy::primitives::{Address, Bytes};
use chain_door::KillSwitch;
use futures::future::join_all;
use serde_json::json;

use self::{
    bundle::{Bundle, BundleName},
    identity::Identity,
    post::Relay,
};
use crate::endpoint::RpcFailure;

/// What a relay gets to answer one request. The door waits for it, and the next block does not.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why there are no routes.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The text is not repeated: it may hold a secret.
    #[error("a private rpc or builder is not an http(s):// url")]
    NotAUrl,
    /// Whoever sits on the way would read the transaction.
    #[error("{0} is not private: use https://, or an address of this machine")]
    Readable(String),
    /// The HTTP client cannot be made.
    #[error("the client for relays cannot be made: {0}")]
    Client(String),
    /// A bundle names its block.
    #[error("bundles are for no block: say at least 1 block ahead")]
    NoBlockAhead,
}

/// An RPC that keeps what it is sent to itself and its builders.
#[derive(Clone)]
pub struct PrivateRpc {
    /// `https://..`. May hold a secret; no text shows more than the host.
    pub url: String,
    /// What it calls the request.
    pub method: RawMethod,
}

impl fmt::Debug for PrivateRpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateRpc").field("method", &self.method).finish_non_exhaustive()
    }
}

/// How an RPC takes a signed transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawMethod {
    /// As a node does: its URL alone makes it private.
    SendRawTransaction,
    /// `eth_sendPrivateRawTransaction`.
    SendPrivateRawTransaction,
}

impl RawMethod {
    const fn name(self) -> &'static str {
        match self {
            Self::SendRawTransaction => "eth_sendRawTransaction",
            Self::SendPrivateRawTransaction => "eth_sendPrivateRawTransaction",
        }
    }
}

/// Where transactions go that the public may not see. Cheap to clone.
///
/// Requests to builders are signed with a key of their own, which is made anew in each process: it holds no money, names
/// nobody, and earns no reputation that outlives a restart.
#[derive(Clone)]
pub struct OrderFlowRoutes(Arc<Routes>);

struct Routes {
    private_rpcs: Vec<(RawMethod, Relay)>,
    builders: Vec<Relay>,
    blocks_ahead: u64,
    identity: Identity,
}

/// A signed transaction on its way past the public pool.
pub(crate) struct Offer<'a> {
    pub(crate) from: Address,
    pub(crate) nonce: u64,
    pub(crate) bytes: &'a Bytes,
    /// The chain time after which it is worthless.
    pub(crate) deadline: Option<Timestamp>,
}

impl OrderFlowRoutes {
    /// No way but the public one.
    #[must_use]
    pub fn none() -> Self {
        let (private_rpcs, builders, identity) = (Vec::new(), Vec::new(), Identity::random());
        Self(Arc::new(Routes { private_rpcs, builders, blocks_ahead: 1, identity }))
    }

    /// Private RPCs, and builders that take `eth_sendBundle`. A bundle is offered for each of the next `blocks_ahead` blocks.
    /// Nobody is asked yet: one that is down is tried at every block.
    ///
    /// # Errors
    /// When a URL is none, or can be read on the way, or bundles are for no block.
    pub fn new(
        private_rpcs: &[PrivateRpc],
        builders: &[String],
        blocks_ahead: u64,
    ) -> Result<Self, RouteError> {
        if blocks_ahead == 0 {
            return Err(RouteError::NoBlockAhead);
        }
        let rpcs = private_rpcs.iter().map(|rpc| Ok((rpc.method, Relay::at(&rpc.url, PATIENCE)?)));
        let builders = builders.iter().map(|url| Relay::at(url, PATIENCE));
        Ok(Self(Arc::new(Routes {
            private_rpcs: rpcs.collect::<Result<_, RouteError>>()?,
            builders: builders.collect::<Result<_, RouteError>>()?,
            blocks_ahead,
            identity: Identity::random(),
        })))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.private_rpcs.is_empty() && self.0.builders.is_empty()
    }

    /// Sends it to every route at once, for the blocks after `head`. What a relay says is no failure: it is followed on
    /// the chain. Once the kill switch is latched, or its deadline has passed, nothing is sent.
    pub(crate) async fn offer(&self, offer: &Offer<'_>, head: BlockRef, kill: &KillSwitch) {
        if offer.deadline.is_some_and(|deadline| head.timestamp > deadline) {
            return;
        }
        let Routes { private_rpcs, builders, identity, .. } = &*self.0;
        let raw = private_rpcs.iter().map(async |(method, relay)| {
            let params = json!([offer.bytes]);
            told(relay, relay.ask(method.name(), &params, None, kill).await);
        });
        let bundles =
            builders.iter().flat_map(|relay| self.targets(head.number).map(move |block| (relay, block)));
        let bundles = bundles.map(async |(relay, block)| {
            let bundle = Bundle::of(offer, block);
            told(relay, relay.ask("eth_sendBundle", &json!([bundle]), Some(identity), kill).await);
        });
        futures::join!(join_all(raw), join_all(bundles));
    }

    /// Asks the builders to forget the bundles with this nonce for the blocks after `head`. A private RPC forgets nothing.
    pub(crate) async fn withdraw(&self, from: Address, nonce: u64, head: BlockNumber, kill: &KillSwitch) {
        let Routes { builders, identity, .. } = &*self.0;
        let bundles = builders.iter().flat_map(|relay| self.targets(head).map(move |block| (relay, block)));
        let bundles = bundles.map(async |(relay, block)| {
            let cancel = json!([{ "replacementUuid": BundleName { from, nonce, block } }]);
            told(relay, relay.ask("eth_cancelBundle", &cancel, Some(identity), kill).await);
        });
        join_all(bundles).await;
    }

    fn targets(&self, head: BlockNumber) -> impl Iterator<Item = BlockNumber> + use<> {
        let last = head.0.saturating_add(self.0.blocks_ahead);
        (head.0.saturating_add(1)..=last).map(BlockNumber)
    }
}

fn told(relay: &Relay, answer: Result<(), RpcFailure>) {
    match answer {
        Ok(()) => tracing::debug!(%relay, "a relay took it"),
        Err(failure) => tracing::warn!(%relay, %failure, "a relay may not have taken a transaction"),
    }
}

impl fmt::Debug for OrderFlowRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Routes { private_rpcs, builders, blocks_ahead, .. } = &*self.0;
        let private_rpcs: Vec<_> = private_rpcs.iter().map(|(_, relay)| relay.to_string()).collect();
        let builders: Vec<_> = builders.iter().map(ToString::to_string).collect();
        let mut shown = f.debug_struct("OrderFlowRoutes");
        shown.field("private_rpcs", &private_rpcs).field("builders", &builders);
        shown.field("blocks_ahead", blocks_ahead).finish_non_exhaustive()
    }
}
