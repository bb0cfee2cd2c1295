//! The one way to a node: JSON-RPC over HTTP, WebSocket or IPC, never without a time limit.

mod address;
mod failure;
mod line;
mod questions;
pub(crate) mod wire;

#[cfg(test)]
pub(crate) mod fake_node;

use std::{fmt, sync::Arc, time::Duration};

use agent_core::units::ChainId;
use alloy::{
    primitives::U64,
    providers::{DynProvider, Provider},
    rpc::json_rpc::{RpcRecv, RpcSend},
};

use self::{address::RpcAddress, line::Line};
pub use failure::{ConnectError, RpcFailure, Scrubbed};
pub(crate) use questions::{Question, at};

/// What a node gets to answer one request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A node of one chain. Cheap to clone.
///
/// It has no wallet, no nonce filler and no retry of its own: whoever asks decides what a failure means. After a
/// failure of the connection the next request dials again and checks the chain id again: a different chain that came
/// back behind the same address is a failure, never an answer. What comes after the host in the URL may be a secret; no
/// text that leaves this type contains it.
#[derive(Clone)]
pub struct Endpoint {
    shared: Arc<Shared>,
}

struct Shared {
    address: RpcAddress,
    chain: ChainId,
    patience: Duration,
    line: Line,
}

impl Endpoint {
    /// Connects to `url` (`http(s)://`, `ws(s)://`, or the path of an IPC socket) and checks that it serves `expected`.
    ///
    /// # Errors
    /// When the URL is none, the node cannot be reached or does not answer, or it serves another chain.
    pub async fn connect(url: &str, expected: ChainId) -> Result<Self, ConnectError> {
        Self::connect_with_patience(url, expected, PATIENCE).await
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
        let address: RpcAddress = url.parse()?;
        let shared = Shared { address, chain: expected, patience, line: Line::default() };
        let endpoint = Self { shared: Arc::new(shared) };
        match endpoint.provider().await {
            Ok(_reached) => Ok(endpoint),
            Err(RpcFailure::WrongChain { expected, found }) => {
                Err(ConnectError::WrongChain { expected, found })
            }
            Err(cause) => Err(ConnectError::Unreachable { address: endpoint.to_string(), cause }),
        }
    }

    /// The chain that it serves.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.shared.chain
    }

    /// Whether the node can push new heads.
    pub(crate) fn pushes(&self) -> bool {
        self.shared.address.is_persistent()
    }

    /// Asks one JSON-RPC question.
    pub(crate) async fn ask<P: RpcSend, R: RpcRecv>(
        &self,
        method: &'static str,
        params: P,
    ) -> Result<R, RpcFailure> {
        let provider = self.provider().await?;
        let answer = self.within(method, provider.client().request(method, params)).await;
        self.watch_line(&provider, answer)
    }

    /// Runs one request with the time limit; its errors come out without the URL's secrets.
    async fn within<T>(
        &self,
        method: &'static str,
        request: impl IntoFuture<Output = alloy::transports::TransportResult<T>>,
    ) -> Result<T, RpcFailure> {
        match tokio::time::timeout(self.shared.patience, request.into_future()).await {
            Ok(answer) => answer.map_err(|error| RpcFailure::new(method, error, &self.shared.address)),
            Err(_elapsed) => Err(RpcFailure::TimedOut { method, after: self.shared.patience }),
        }
    }

    /// The connection, dialled and checked when there is none.
    pub(crate) async fn provider(&self) -> Result<DynProvider, RpcFailure> {
        let Shared { address, line, .. } = &*self.shared;
        line.get_or_dial(|| async {
            let provider = self.within("dialling", Box::pin(address.dial(self.shared.patience))).await?;
            let found: U64 =
                self.within("eth_chainId", provider.client().request_noparams("eth_chainId")).await?;
            let (expected, found) = (self.shared.chain, ChainId(found.to()));
            if found == expected { Ok(provider) } else { Err(RpcFailure::WrongChain { expected, found }) }
        })
        .await
    }

    /// Forgets a connection that failed, so that the next request dials again and looks at the chain id.
    fn watch_line<T>(&self, provider: &DynProvider, answer: Result<T, RpcFailure>) -> Result<T, RpcFailure> {
        if answer.as_ref().is_err_and(RpcFailure::is_of_the_line) {
            self.shared.line.hang_up(provider);
        }
        answer
    }

    #[cfg(test)]
    pub(crate) fn over(provider: DynProvider, chain: ChainId) -> Self {
        let address = RpcAddress::Http("http://fake.test/secret".parse().unwrap());
        let line = Line::of(provider);
        Self { shared: Arc::new(Shared { address, chain, patience: PATIENCE, line }) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.address.fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self}, chain {})", self.shared.chain)
    }
}
