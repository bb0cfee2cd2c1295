//! One node: its address, its connection, and a time limit for each request.

use std::time::Duration;

use agent_core::units::ChainId;
use alloy::{
    primitives::U64,
    providers::{DynProvider, Provider},
    pubsub::SubscriptionStream,
    rpc::{
        client::BatchRequest,
        json_rpc::{RpcRecv, RpcSend},
    },
    transports::TransportResult,
};
use serde_json::Value;

use super::{Question, RpcFailure, address::RpcAddress, line::Line, wire::WireHead};

/// What one node gets and may give.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) patience: Duration,
    pub(super) max_answer: usize,
    pub(super) at_once: usize,
}

/// A node of one chain, with no retry of its own. After a failure of the connection the next request dials again and
/// checks the chain id again.
pub(super) struct Node {
    pub(super) address: RpcAddress,
    pub(super) chain: ChainId,
    pub(super) limits: Limits,
    pub(super) line: Line,
}

impl Node {
    pub(super) fn new(address: RpcAddress, chain: ChainId, limits: Limits) -> Self {
        Self { address, chain, limits, line: Line::default() }
    }

    /// Asks one JSON-RPC question.
    pub(super) async fn ask<P: RpcSend, R: RpcRecv>(
        &self,
        method: &'static str,
        params: P,
        patience: Duration,
    ) -> Result<R, RpcFailure> {
        let provider = self.provider().await?;
        let answer = self.within(method, patience, provider.client().request(method, params)).await;
        self.watch_line(&provider, answer)
    }

    /// Asks many questions in one JSON-RPC batch. All are answered, in their order, or the first failure is the answer.
    pub(super) async fn ask_batch(
        &self,
        method: &'static str,
        questions: &[Question],
        patience: Duration,
    ) -> Result<Vec<Value>, RpcFailure> {
        let provider = self.provider().await?;
        let asked = async {
            let mut batch = BatchRequest::new(provider.client());
            let waiting = questions.iter().map(|(method, params)| batch.add_call(*method, params));
            let waiting = waiting.collect::<Result<Vec<_>, _>>()?;
            batch.send().await?;
            futures::future::try_join_all(waiting).await
        };
        let answers = self.within(method, patience, Box::pin(asked)).await;
        self.watch_line(&provider, answers)
    }

    /// New heads, pushed as they come.
    pub(super) async fn subscribe_heads(&self) -> Result<SubscriptionStream<WireHead>, RpcFailure> {
        let provider = self.provider().await?;
        let asked = provider.subscribe::<_, WireHead>(("newHeads".to_owned(),));
        let subscribed = self.within("eth_subscribe", self.limits.patience, asked).await;
        Ok(self.watch_line(&provider, subscribed)?.into_stream())
    }

    /// The connection, dialled and checked when there is none.
    pub(super) async fn provider(&self) -> Result<DynProvider, RpcFailure> {
        // Whoever waits for another's dialling waits within its own limit.
        let after = self.limits.patience;
        let connected = tokio::time::timeout(after, self.line.get_or_dial(|| self.dial())).await;
        connected.unwrap_or(Err(RpcFailure::TimedOut { method: "dialling", after }))
    }

    async fn dial(&self) -> Result<DynProvider, RpcFailure> {
        let patience = self.limits.patience;
        let provider = self.within("dialling", patience, Box::pin(self.address.dial(self.limits))).await?;
        let asked = provider.client().request_noparams("eth_chainId");
        let found: U64 = self.within("eth_chainId", patience, asked).await?;
        let (expected, found) = (self.chain, ChainId(found.to()));
        if found == expected { Ok(provider) } else { Err(RpcFailure::WrongChain { expected, found }) }
    }

    /// Runs one request with the time limit; its errors come out without the URL's secrets.
    async fn within<T>(
        &self,
        method: &'static str,
        patience: Duration,
        request: impl IntoFuture<Output = TransportResult<T>>,
    ) -> Result<T, RpcFailure> {
        match tokio::time::timeout(patience, request.into_future()).await {
            Ok(answer) => {
                answer.map_err(|error| RpcFailure::new(method, error, &self.address, self.limits.max_answer))
            }
            Err(_elapsed) => Err(RpcFailure::TimedOut { method, after: patience }),
        }
    }

    /// Forgets a connection that failed, so that the next request dials again and looks at the chain id.
    fn watch_line<T>(&self, provider: &DynProvider, answer: Result<T, RpcFailure>) -> Result<T, RpcFailure> {
        if answer.as_ref().is_err_and(RpcFailure::breaks_the_line) {
            self.line.hang_up(provider);
        }
        answer
    }
}
