//! Nodes in memory for tests: a function from method and parameters to an answer.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use agent_core::units::ChainId;
use alloy::{
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::{
        client::RpcClient,
        json_rpc::{RequestPacket, Response, ResponsePacket, SerializedRequest},
    },
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use serde_json::{Value, json};

use super::{ConnectError, Endpoint, PoolConfig, line::Line, pool::Pool};

/// What the fake says to one request.
pub(crate) enum Reply {
    Is(Value),
    Refuses(i64, &'static str),
    Breaks,
    Limits(Option<Duration>),
    Hangs,
}

pub(crate) type Script = dyn Fn(&str, &Value) -> Reply + Send + Sync;

#[derive(Clone)]
struct FakeNode(Arc<Script>);

/// An endpoint whose node is `script`.
pub(crate) fn fake(script: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Endpoint {
    Endpoint { pool: Arc::new(pool_of(&config(1), vec![Arc::new(script)])), only: None }
}

/// A pool of which each node is a script, looked at as a real one is.
pub(crate) async fn fake_pool(
    config: PoolConfig,
    scripts: Vec<Arc<Script>>,
) -> Result<Endpoint, ConnectError> {
    config.check()?;
    let endpoint = Endpoint { pool: Arc::new(pool_of(&config, scripts)), only: None };
    endpoint.start().await?;
    Ok(endpoint)
}

/// What suits `nodes` fakes: a block each second, and a majority.
pub(crate) fn config(nodes: usize) -> PoolConfig {
    let urls = (0..nodes).map(|node| format!("http://fake{node}.test/secret")).collect();
    PoolConfig::usual(urls, ChainId(31337), Duration::from_secs(1))
}

fn pool_of(config: &PoolConfig, scripts: Vec<Arc<Script>>) -> Pool {
    let mut pool = Endpoint::pool_of(config).unwrap();
    assert_eq!(pool.nodes.len(), scripts.len());
    for (node, script) in pool.nodes.iter_mut().zip(scripts) {
        node.line = Line::of(provider(script));
    }
    pool
}

fn provider(script: Arc<Script>) -> DynProvider {
    let client = RpcClient::new(FakeNode(script), true);
    ProviderBuilder::new().disable_recommended_fillers().connect_client(client).erased()
}

impl FakeNode {
    async fn answer(self, request: SerializedRequest) -> Result<Response, TransportError> {
        let params = request.params().map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap());
        let answer = match (self.0)(request.method(), &params) {
            Reply::Is(value) => json!({ "jsonrpc": "2.0", "id": request.id(), "result": value }),
            Reply::Refuses(code, message) => {
                json!({ "jsonrpc": "2.0", "id": request.id(), "error": { "code": code, "message": message } })
            }
            Reply::Breaks => return Err(TransportErrorKind::custom_str("the wire broke")),
            Reply::Limits(after) => {
                return Err(TransportErrorKind::http_error_with_retry_after(429, String::new(), after));
            }
            Reply::Hangs => std::future::pending().await,
        };
        Ok(serde_json::from_value(answer).unwrap())
    }
}

impl tower::Service<RequestPacket> for FakeNode {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let node = self.clone();
        Box::pin(async move {
            match packet {
                RequestPacket::Single(request) => Ok(ResponsePacket::Single(node.answer(request).await?)),
                RequestPacket::Batch(requests) => {
                    let answers = requests.into_iter().map(|request| node.clone().answer(request));
                    Ok(ResponsePacket::Batch(futures::future::try_join_all(answers).await?))
                }
            }
        })
    }
}
