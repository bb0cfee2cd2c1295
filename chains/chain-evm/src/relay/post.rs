//! One request to one relay, over HTTP.

use std::{fmt, time::Duration};

use alloy::transports::http::reqwest::{Client, Response, Url, header::CONTENT_TYPE, redirect::Policy};
use chain_door::KillSwitch;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{RouteError, identity::Identity};
use crate::endpoint::{RpcAddress, RpcFailure};

/// The longest answer that is read, in bytes: a hash, or a sentence.
const ANSWER: usize = 64 * 1024;

/// Where transactions are sent that the public may not see. Shown, it ends at the host.
pub(super) struct Relay {
    url: Url,
    address: RpcAddress,
    client: Client,
    patience: Duration,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    #[serde(default)]
    code: i64,
    message: String,
}

impl Relay {
    pub(super) fn at(url: &str, patience: Duration) -> Result<Self, RouteError> {
        let address: RpcAddress = url.parse().map_err(|_says_the_same| RouteError::NotAUrl)?;
        let RpcAddress::Http(url) = &address else { return Err(RouteError::NotAUrl) };
        if url.scheme() != "https" && !is_of_this_machine(url) {
            return Err(RouteError::Readable(address.to_string()));
        }
        // Whom it would be redirected to nobody has configured.
        let client = Client::builder().timeout(patience).redirect(Policy::none()).build();
        let client = client.map_err(|error| RouteError::Client(error.without_url().to_string()))?;
        Ok(Self { url: url.clone(), address, client, patience })
    }

    /// Posts one request, unless the kill switch is latched by now.
    pub(super) async fn ask(
        &self,
        method: &'static str,
        params: &Value,
        identity: Option<&Identity>,
        kill: &KillSwitch,
    ) -> Result<(), RpcFailure> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        if let Some(identity) = identity {
            request = request.header("X-Flashbots-Signature", identity.header(method, &body)?);
        }
        if kill.is_latched() {
            return Err(RpcFailure::unreadable(method, "the kill switch is latched: it was not sent"));
        }
        let asked = tokio::time::timeout(self.patience, self.read(method, request.body(body).send()));
        let answer =
            asked.await.map_err(|_elapsed| RpcFailure::TimedOut { method, after: self.patience })??;
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|_quotes_it| RpcFailure::unreadable(method, "the answer is not JSON-RPC"))?;
        answer.error.map_or(Ok(()), |AnswerError { code, message }| {
            Err(RpcFailure::Refused { method, code, message: self.address.scrub(&message), data: None })
        })
    }

    async fn read(
        &self,
        method: &'static str,
        sent: impl Future<Output = Result<Response, alloy::transports::http::reqwest::Error>>,
    ) -> Result<Vec<u8>, RpcFailure> {
        let failed = |error: alloy::transports::http::reqwest::Error| RpcFailure::Transport {
            method,
            cause: self.address.scrub(&error.without_url().to_string()),
        };
        let mut response = sent.await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len().saturating_add(chunk.len()) > ANSWER {
                return Err(RpcFailure::unreadable(method, "the answer is far too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Whether what goes there leaves this machine.
fn is_of_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
