//! The node behind the proxy.

use alloy::transports::http::reqwest::{Client, Url, header};
use serde_json::{Value, json};

use super::kind::Failure;
use super::tally::Tallies;
use crate::error::{DevnetError, Result};

/// Where the node is, and a client of it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    http: Url,
    ws: String,
    client: Client,
}

/// What a client hears where the node itself does not answer, as behind any other proxy.
const BAD_GATEWAY: Failure = Failure::ServerError { status: 502 };

impl Node {
    /// The websocket is looked for at the same address.
    pub(crate) fn new(url: &str) -> Result<Self> {
        let bad = || DevnetError::unknown("an upstream that starts with http:// or https://");
        let http: Url = url.parse().map_err(|_unreadable| bad())?;
        let ws = url.strip_prefix("http").map(|rest| format!("ws{rest}")).ok_or_else(bad)?;
        Ok(Self { http, ws, client: Client::new() })
    }

    pub(crate) fn ws_url(&self) -> &str {
        &self.ws
    }

    /// Passes a client's request on and counts it.
    pub(crate) async fn forward(&self, request: &Value, tallies: &Tallies) -> Result<Value, Failure> {
        if let Some(method) = request.get("method").and_then(Value::as_str) {
            tallies.forwarded(method);
        }
        self.post(request).await
    }

    /// Asks on the proxy's own behalf.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Result<Value, Failure> {
        let request = json!({"jsonrpc": "2.0", "id": 0, "method": method, "params": params});
        let mut answer = self.post(&request).await?;
        answer.get_mut("result").map(Value::take).ok_or(BAD_GATEWAY)
    }

    /// The number of the node's latest block.
    pub(crate) async fn head(&self) -> Result<u64, Failure> {
        let number = self.ask("eth_blockNumber", json!([])).await?;
        super::json::quantity(&number).ok_or(BAD_GATEWAY)
    }

    async fn post(&self, request: &Value) -> Result<Value, Failure> {
        let sent = self
            .client
            .post(self.http.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(request.to_string())
            .send();
        let unreachable = |error| {
            tracing::debug!(%error, "the node behind the proxy did not answer");
            BAD_GATEWAY
        };
        let answer = sent.await.map_err(unreachable)?.bytes().await.map_err(unreachable)?;
        serde_json::from_slice(&answer).map_err(|error| {
            tracing::debug!(%error, "the node behind the proxy did not answer in JSON");
            BAD_GATEWAY
        })
    }
}
