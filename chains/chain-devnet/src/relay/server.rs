//! The relay's JSON-RPC server, and the handle by which a test changes and reads it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::{Address, TxHash};
use alloy::providers::Provider;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::book::{Book, Fate, Kept, RelayTally};
use super::order::{self, BadOrder, Order, Wish};
use super::signature::{self, BadSignature};
use crate::chain::Chain;
use crate::devnet::Devnet;
use crate::error::{DevnetError, Result};
use crate::fault::Link;
use crate::fault::json::{error, result};
use crate::fault::tally::Tallies;
use crate::fault::wire::{Door, Wires};

/// How a relay behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Manner {
    /// As it should.
    #[default]
    Honest,
    /// As it should, so much later.
    Slow(Duration),
    /// It answers with this status and a page of HTML, and does nothing.
    ServerError(u16),
    /// It never answers, and does nothing.
    Silent,
    /// It says yes and does nothing.
    Forgetful,
    /// It says yes, keeps the order, and gives its transactions to the public pool as well.
    Leaky,
}

#[derive(Debug)]
pub(crate) struct Shared {
    chain: Chain,
    pub(crate) book: watch::Sender<Book>,
    manner: Mutex<Manner>,
    wires: Arc<Wires>,
    tallies: Arc<Tallies>,
}

/// A running relay. Dropping it closes its port and resets its connections.
#[derive(Debug)]
pub struct Relay {
    handle: RelayHandle,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

/// Changes a running relay and reads what it did. Clones are the same relay.
#[derive(Debug, Clone)]
pub struct RelayHandle(pub(crate) Arc<Shared>);

impl Relay {
    /// Starts a relay of this devnet on a free port of the loopback interface. Nothing lands before a
    /// [`BlockBuilder`](super::BlockBuilder) has it win a block.
    ///
    /// # Errors
    /// Where no port is free.
    pub async fn launch(devnet: &Devnet) -> Result<Self> {
        let io = |error| DevnetError::io("listen on", "127.0.0.1", error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        let shared = Arc::new(Shared {
            chain: Chain::new(devnet.provider().clone()),
            book: watch::Sender::default(),
            manner: Mutex::default(),
            wires: Arc::default(),
            tallies: Arc::default(),
        });
        let door = Door { listener, wires: Arc::clone(&shared.wires), tallies: Arc::clone(&shared.tallies) };
        let routes = Router::new().route("/", post(answer)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(door, routes).await {
                tracing::warn!(%error, "a relay stopped");
            }
        });
        Ok(Self { handle: RelayHandle(shared), address, serving })
    }

    /// Where clients reach it.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// By which it is changed and read while it runs.
    #[must_use]
    pub fn handle(&self) -> RelayHandle {
        self.handle.clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
        self.handle.0.wires.sever(&self.handle.0.tallies);
    }
}

impl RelayHandle {
    /// How it behaves from now on.
    pub fn set_manner(&self, manner: Manner) {
        *self.0.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Whether clients reach it at all.
    pub fn set_link(&self, link: Link) {
        self.0.wires.set_link(link, &self.0.tallies);
    }

    /// The orders that it accepted, in the order of their arrival, and what became of them.
    #[must_use]
    pub fn orders(&self) -> Vec<Kept> {
        self.0.book.borrow().kept()
    }

    /// What came to it.
    #[must_use]
    pub fn tally(&self) -> RelayTally {
        self.0.book.borrow().tally.clone()
    }

    /// Waits until its orders are so.
    pub async fn until(&self, mut is_so: impl FnMut(&[Kept]) -> bool) -> Vec<Kept> {
        let mut books = self.0.book.subscribe();
        // The sender is ours: it cannot be gone.
        books.wait_for(|book| is_so(&book.kept())).await.map(|book| book.kept()).unwrap_or_default()
    }

    /// Waits until its tally is so.
    pub async fn until_tally(&self, mut is_so: impl FnMut(&RelayTally) -> bool) -> RelayTally {
        let mut books = self.0.book.subscribe();
        books.wait_for(|book| is_so(&book.tally)).await.map(|book| book.tally.clone()).unwrap_or_default()
    }
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Signature(#[from] BadSignature),
    #[error(transparent)]
    Order(#[from] BadOrder),
    #[error("the method {0} is not known here")]
    Method(String),
    #[error("the node behind the relay does not answer")]
    Node,
}

impl Refusal {
    const fn code(&self) -> i64 {
        match self {
            Self::Signature(_) => -32_600,
            Self::Order(_) => -32_602,
            Self::Method(_) => -32_601,
            Self::Node => -32_603,
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Signature(_) => StatusCode::FORBIDDEN,
            Self::Order(_) | Self::Method(_) | Self::Node => StatusCode::OK,
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "not JSON\n").into_response();
    };
    let manner = shared.receive(&request);
    match manner {
        Manner::Slow(delay) => tokio::time::sleep(delay).await,
        Manner::Silent => return std::future::pending().await,
        Manner::ServerError(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let html = HeaderValue::from_static("text/html");
            return (status, [(header::CONTENT_TYPE, html)], "<html>not now</html>\n").into_response();
        }
        Manner::Honest | Manner::Forgetful | Manner::Leaky => {}
    }
    let header = headers.get(signature::HEADER).and_then(|header| header.to_str().ok());
    let sender = header.map_or(Err(BadSignature::Missing), |header| signature::sender(header, &body));
    let (status, answer) = match shared.serve(&request, sender, manner).await {
        Ok(answer) => (StatusCode::OK, result(&request, answer)),
        Err(refusal) => {
            shared.refused(&refusal);
            (refusal.status(), error(&request, refusal.code(), &refusal.to_string()))
        }
    };
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], answer.to_string()).into_response()
}

impl Shared {
    /// Counts a request. Returns how it is treated.
    fn receive(&self, request: &Value) -> Manner {
        let manner = *self.manner.lock().unwrap_or_else(PoisonError::into_inner);
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        self.book.send_modify(|book| {
            book.requested(method);
            let mistreated = u64::from(manner != Manner::Honest);
            book.tally.mistreated = book.tally.mistreated.saturating_add(mistreated);
        });
        manner
    }

    fn refused(&self, refusal: &Refusal) {
        let bad = u64::from(matches!(refusal, Refusal::Signature(_)));
        self.book.send_modify(|book| {
            book.tally.refused = book.tally.refused.saturating_add(1);
            book.tally.bad_signatures = book.tally.bad_signatures.saturating_add(bad);
        });
    }

    async fn serve(
        &self,
        request: &Value,
        sender: Result<Address, BadSignature>,
        manner: Manner,
    ) -> Result<Value, Refusal> {
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        let parameter = request.pointer("/params/0").unwrap_or(&Value::Null);
        let head = self.chain.provider().get_block_number().await.map_err(|_unreachable| Refusal::Node)?;
        match method {
            "eth_sendBundle" => {
                let sender = sender?;
                match order::bundle(parameter, sender, head)? {
                    Wish::Include(order) => {
                        let hash = order.hash;
                        self.keep(order, manner).await;
                        Ok(json!({ "bundleHash": hash }))
                    }
                    Wish::Cancel(name) => Ok(self.cancel(sender, &name, manner)),
                }
            }
            "eth_cancelBundle" => {
                let name = parameter.get("replacementUuid").and_then(Value::as_str);
                let missing = || BadOrder::Malformed(String::from("no replacementUuid"));
                let name = name.ok_or_else(missing)?;
                Ok(self.cancel(sender?, name, manner))
            }
            "eth_sendPrivateTransaction" => {
                sender?;
                Ok(self.keep_single(order::private(parameter, head)?, manner).await)
            }
            "eth_cancelPrivateTransaction" => {
                sender?;
                let hash = parameter.get("txHash").and_then(|hash| hash.as_str()?.parse::<TxHash>().ok());
                let hash = hash.ok_or_else(|| BadOrder::Malformed(String::from("no txHash")))?;
                Ok(json!(manner == Manner::Forgetful || self.change(|book| book.cancel_private(hash))))
            }
            "eth_sendPrivateRawTransaction" | "eth_sendRawTransaction" => {
                // Nobody must sign here, and who does must do it right.
                sender
                    .or_else(|bad| if bad == BadSignature::Missing { Ok(Address::ZERO) } else { Err(bad) })?;
                Ok(self.keep_single(order::raw(parameter, head)?, manner).await)
            }
            other => Err(Refusal::Method(other.to_owned())),
        }
    }

    async fn keep_single(&self, order: Order, manner: Manner) -> Value {
        let hash = order.hash;
        self.keep(order, manner).await;
        json!(hash)
    }

    async fn keep(&self, order: Order, manner: Manner) {
        if manner == Manner::Leaky {
            for transaction in &order.transactions {
                if let Err(error) = self.chain.send_raw(&transaction.bytes).await {
                    tracing::debug!(%error, "the public pool did not take a leaked transaction");
                }
            }
        }
        let fate = if manner == Manner::Forgetful { Fate::Forgotten } else { Fate::Waiting };
        self.change(|book| book.accept(order, fate));
    }

    /// The large builders answer a cancellation with 200, whether there was something to cancel or not.
    fn cancel(&self, sender: Address, name: &str, manner: Manner) -> Value {
        if manner != Manner::Forgetful {
            self.change(|book| book.cancel(sender, name));
        }
        json!(200)
    }

    fn change<T: Default>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        let mut outcome = T::default();
        self.book.send_modify(|book| outcome = change(book));
        outcome
    }
}
