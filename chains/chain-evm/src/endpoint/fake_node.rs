//! A node in memory for tests: a function from method and parameters to an answer.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use agent_core::units::ChainId;
use alloy::{
    providers::{Provider, ProviderBuilder},
    rpc::{
        client::RpcClient,
        json_rpc::{RequestPacket, Response, ResponsePacket, SerializedRequest},
    },
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use serde_json::{Value, json};

use super::Endpoint;

/// What the fake says to one request.
pub(crate) enum Reply {
    Is(Value),
    Refuses(i64, &'static str),
    Breaks,
}

type Script = dyn Fn(&str, &Value) -> Reply + Send + Sync;

#[derive(Clone)]
struct FakeNode(Arc<Script>);

/// An endpoint whose node is `script`.
pub(crate) fn fake(script: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Endpoint {
    let client = RpcClient::new(FakeNode(Arc::new(script)), true);
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_client(client).erased();
    Endpoint::over(provider, ChainId(31337))
}

impl FakeNode {
    fn answer(&self, request: &SerializedRequest) -> Result<Response, TransportError> {
        let params = request.params().map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap());
        let answer = match (self.0)(request.method(), &params) {
            Reply::Is(value) => json!({ "jsonrpc": "2.0", "id": request.id(), "result": value }),
            Reply::Refuses(code, message) => {
                json!({ "jsonrpc": "2.0", "id": request.id(), "error": { "code": code, "message": message } })
            }
            Reply::Breaks => return Err(TransportErrorKind::custom_str("the wire broke")),
        };
        Ok(serde_json::from_value(answer).unwrap())
    }
}

impl tower_service::Service<RequestPacket> for FakeNode {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let answer = match &packet {
            RequestPacket::Single(request) => self.answer(request).map(ResponsePacket::Single),
            RequestPacket::Batch(requests) => requests
                .iter()
                .map(|request| self.answer(request))
                .collect::<Result<Vec<_>, _>>()
                .map(ResponsePacket::Batch),
        };
        Box::pin(std::future::ready(answer))
    }
}
