//! The one way to a node, or to several as one: JSON-RPC over HTTP, WebSocket or IPC, never without a time limit.

mod address;
mod agreed;
mod broadcast;
mod choose;
mod config;
mod failure;
mod health;
mod http;
mod line;
mod node;
mod pool;
mod questions;
mod quorum;
mod records;
mod status;
mod watch;
pub(crate) mod wire;

#[cfg(test)]
pub(crate) mod fake_chain;
#[cfg(test)]
pub(crate) mod fake_node;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{
    Head,
    units::{BlockNumber, ChainId},
};
use alloy::{
    primitives::{B256, Bytes},
    pubsub::SubscriptionStream,
    rpc::json_rpc::{RpcRecv, RpcSend},
};
use chain_door::KillSwitch;
use tokio::sync::watch as channel;

use self::{
    health::Input,
    node::{Limits, Node},
    pool::{Pool, TRIES},
    wire::WireHead,
};
pub(crate) use address::RpcAddress;
pub use config::{Finality, PoolConfig};
pub use failure::{ConnectError, RpcFailure, Scrubbed};
pub(crate) use questions::{Question, at};
pub(crate) use quorum::Agreement;
pub use status::{NodeHealth, NodeState, PoolHealth};
pub use wire::logs_from_json;

/// A node of one chain, or several that stand for one. Cheap to clone.
///
/// It has no wallet and no nonce filler. After a failure of the connection the next request dials again and checks the
/// chain id again: a different chain that came back behind the same address is a failure, never an answer. What comes
/// after the host in the URL may be a secret; no text that leaves this type contains it.
///
/// A pool ([`connect_pool`](Self::connect_pool)) sends each request to the healthiest node and stays with it. A read that
/// fails there goes to up to two others, one retry for each request of the last ten seconds at most, so that an outage
/// is met with no more than twice the usual rate; nothing but a read is ever sent twice. A signed transaction goes to
/// every node at once. A node that says it is asked too often is left alone for as long as it says, or for a jittered
/// and doubling while. With one node there is no retry, and whoever asks decides what a failure means.
#[derive(Clone)]
pub struct Endpoint {
    pool: Arc<Pool>,
    /// Where everything has to come from one node.
    only: Option<usize>,
}

impl Endpoint {
    /// Connects to `url` (`http(s)://`, `ws(s)://`, or the path of an IPC socket) and checks that it serves `expected`.
    ///
    /// # Errors
    /// When the URL is none, the node cannot be reached or does not answer, or it serves another chain.
    pub async fn connect(url: &str, expected: ChainId) -> Result<Self, ConnectError> {
        let config = PoolConfig::usual(vec![url.to_owned()], expected, UNKNOWN_BLOCK_TIME);
        Self::connect_with_patience(url, expected, config.patience).await
    }

    /// [`connect`](Self::connect) with another time limit for each request than 10 s.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with_patience(
        url: &str,
        expected: ChainId,
        patience: Duration,
    ) -> Result<Self, ConnectError> {
        let config = PoolConfig::usual(vec![url.to_owned()], expected, UNKNOWN_BLOCK_TIME);
        let pool = Self::pool_of(&PoolConfig { patience, ..config })?;
        let dialled = match pool.nodes.first() {
            Some(node) => node.provider().await,
            None => return Err(ConnectError::NoAddress),
        };
        let endpoint = Self { pool: Arc::new(pool), only: None };
        match dialled {
            Ok(_reached) => Ok(endpoint),
            Err(cause) => Err(endpoint.unreachable(cause)),
        }
    }

    /// Connects to all nodes of `config` and looks at them from then on, until the last clone of the endpoint is
    /// dropped. Nodes that cannot be reached are tried again at every look; a node of another chain is left out for as
    /// long as the process runs.
    ///
    /// # Errors
    /// When an address is none, the quorum makes no sense, or not one node can be reached and serves the chain.
    ///
    /// # Panics
    /// Outside a tokio runtime, as `tokio::spawn` does.
    pub async fn connect_pool(config: PoolConfig) -> Result<Self, ConnectError> {
        let endpoint = Self { pool: Arc::new(Self::pool_of(&config)?), only: None };
        endpoint.start().await?;
        Ok(endpoint)
    }

    fn pool_of(config: &PoolConfig) -> Result<Pool, ConnectError> {
        config.check()?;
        let PoolConfig { patience, max_answer, at_once, .. } = *config;
        let limits = Limits { patience, max_answer, at_once };
        let addresses = config.urls.iter().map(|url| url.parse::<RpcAddress>());
        let nodes = addresses.map(|address| Ok(Node::new(address?, config.chain, limits)));
        Ok(Pool::new(nodes.collect::<Result<_, ConnectError>>()?, config))
    }

    /// The first look, and all that follow.
    async fn start(&self) -> Result<(), ConnectError> {
        let Self { pool, .. } = self;
        futures::future::join_all((0..pool.nodes.len()).map(|node| pool.reach(node))).await;
        pool.look_round(0).await;
        let health = pool.look();
        if health.nodes.iter().all(|node| node.head.is_none()) {
            // A look has no memory of its failure but its text; whoever configures wants the cause itself.
            let asked = match pool.nodes.first() {
                Some(node) => node.provider().await.err(),
                None => None,
            };
            return Err(
                self.unreachable(asked.unwrap_or(RpcFailure::NoNode { method: "eth_getBlockByNumber" }))
            );
        }
        watch::spawn(pool);
        Ok(())
    }

    fn unreachable(&self, cause: RpcFailure) -> ConnectError {
        if let RpcFailure::WrongChain { expected, found } = cause {
            return ConnectError::WrongChain { expected, found };
        }
        ConnectError::Unreachable { address: self.to_string(), cause }
    }

    /// The chain that it serves.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.pool.chain
    }

    /// What the nodes are good for at this moment, and what was asked of them. Asks nobody.
    #[must_use]
    pub fn health(&self) -> PoolHealth {
        self.pool.look()
    }

    /// The same, but every answer comes from the node that is best now, or none does: for questions that make sense
    /// together only.
    pub(crate) fn one(&self) -> Result<Self, RpcFailure> {
        let only = match self.only {
            Some(only) => only,
            None => self.pool.best_node("a request")?,
        };
        Ok(self.pinned(only))
    }

    fn pinned(&self, node: usize) -> Self {
        Self { pool: Arc::clone(&self.pool), only: Some(node) }
    }

    /// The nodes to ask for what has to come from one, best first.
    pub(crate) fn each(&self, method: &'static str) -> Result<Vec<Self>, RpcFailure> {
        let nodes = match self.only {
            Some(only) => vec![only],
            None => self.pool.order(method)?,
        };
        Ok(nodes.into_iter().take(TRIES).map(|node| self.pinned(node)).collect())
    }

    /// Whether one more of them may be asked now: an outage is not to multiply what is asked.
    pub(crate) fn may_retry(&self) -> bool {
        self.pool.may_retry()
    }

    /// Whether a node can push new heads.
    pub(crate) fn pushes(&self) -> bool {
        self.pool.nodes.iter().any(|node| node.address.is_persistent())
    }

    /// Asks one JSON-RPC question.
    pub(crate) async fn ask<P: RpcSend, R: RpcRecv>(
        &self,
        method: &'static str,
        params: P,
    ) -> Result<R, RpcFailure> {
        // Boxed: whoever asks several questions would carry the whole of each.
        Ok(Box::pin(self.pool.ask(self.only, method, params)).await?.0)
    }

    /// Gives a signed transaction to every node; done when one has taken it. Whatever `kill` catches before it left does not
    /// leave, and fails like an answer that never came.
    pub(crate) async fn broadcast(&self, signed: &Bytes, kill: &KillSwitch) -> Result<B256, RpcFailure> {
        Box::pin(self.pool.broadcast(signed, kill)).await
    }

    /// The newest head, and the node that gave it.
    pub(crate) async fn latest_from(&self) -> Result<(Head, Self), RpcFailure> {
        let method = "eth_getBlockByNumber";
        // A `null` is unreadable, and the node's fault: every chain has a newest block.
        let (head, node) =
            Box::pin(self.pool.ask::<_, WireHead>(self.only, method, ("latest", false))).await?;
        let head = Head::from(head);
        let giver = self.pinned(node);
        giver.gave(head);
        Ok((head, giver))
    }

    /// Takes note of a head that came from this node without being asked for.
    pub(crate) fn gave(&self, head: Head) {
        if let Some(node) = self.only {
            self.pool.take(node, Input::Head(head));
        }
    }

    /// The newest head that a node has given which is not out of line with the others. Asks nobody.
    pub(crate) fn heard(&self) -> Option<Head> {
        self.pool.records().heard(self.pool.now())
    }

    /// New heads, pushed as they come by the best node that does, and that node. Only where [`pushes`](Self::pushes).
    pub(crate) async fn subscribe_heads(&self) -> Result<(SubscriptionStream<WireHead>, Self), RpcFailure> {
        let method = "eth_subscribe";
        let nodes = self.pool.order(method)?;
        let pushes =
            |node: &usize| self.pool.nodes.get(*node).is_some_and(|node| node.address.is_persistent());
        let place = nodes.into_iter().find(pushes).ok_or(RpcFailure::NoNode { method })?;
        let node = self.pool.nodes.get(place).ok_or(RpcFailure::NoNode { method })?;
        let subscribed = node.subscribe_heads().await;
        self.pool.ended(place, subscribed.as_ref().err());
        Ok((subscribed?, self.pinned(place)))
    }

    /// After a subscription failed: whether heads can be polled from nodes that do not push meanwhile.
    pub(crate) fn polls_at_least(&self, failure: RpcFailure) -> Result<(), RpcFailure> {
        let may_poll = self.pool.nodes.len() > 1 && self.pool.best_node("eth_getBlockByNumber").is_ok();
        if may_poll { Ok(()) } else { Err(failure) }
    }

    /// Wakes whoever waits for a head that a quorum has; silent where nobody looks, with one node.
    pub(crate) fn newest(&self) -> channel::Receiver<Option<BlockNumber>> {
        self.pool.newest.subscribe()
    }

    /// How many blocks behind the others a node may be.
    pub(crate) fn lag_allowed(&self) -> u64 {
        self.pool.settings.lag_allowed
    }
}

/// One node is not looked at, so nothing depends on this.
const UNKNOWN_BLOCK_TIME: Duration = Duration::from_secs(12);

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |node: &Node| node.address.to_string();
        match self.only.and_then(|only| self.pool.nodes.get(only)) {
            Some(node) => node.address.fmt(f),
            None => f.write_str(&self.pool.nodes.iter().map(shown).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self}, chain {})", self.pool.chain)
    }
}
