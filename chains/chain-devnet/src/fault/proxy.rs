//! The proxy itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::bench::{Bench, FaultHandle};
use super::node::Node;
use super::wire::{Door, Wire};
use super::{http, ws};
use crate::error::{DevnetError, Result};

/// A running proxy in front of a node. Dropping it closes its port and resets its connections.
#[derive(Debug)]
pub struct FaultProxy {
    handle: FaultHandle,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts a proxy on a free port of the loopback interface. It injects nothing until it is told to. Several may stand
    /// in front of one node. The node is not asked yet.
    ///
    /// # Errors
    /// Where the upstream is no `http://` or `https://` URL, or no port is free.
    pub async fn launch(upstream: &str) -> Result<Self> {
        let bench = Arc::new(Bench::new(Node::new(upstream)?));
        let io = |error| DevnetError::io("listen on", "127.0.0.1", error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        let door = Door { listener, wires: Arc::clone(&bench.wires), tallies: Arc::clone(&bench.tallies) };
        let service = routes(Arc::clone(&bench)).into_make_service_with_connect_info::<Wire>();
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(door, service).await {
                tracing::warn!(%error, "a fault proxy stopped");
            }
        });
        Ok(Self { handle: FaultHandle(bench), address, serving })
    }

    /// Where clients reach it over HTTP. Any path behind it is the same endpoint, as with providers that have a key there.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where clients reach it over a websocket.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// By which its faults are changed while it runs.
    #[must_use]
    pub fn handle(&self) -> FaultHandle {
        self.handle.clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.serving.abort();
        self.handle.sever();
    }
}

fn routes(bench: Arc<Bench>) -> Router {
    let endpoint = || get(ws::open).post(http::answer);
    Router::new()
        .route("/", endpoint())
        .route("/{*path}", endpoint())
        .layer(DefaultBodyLimit::disable())
        .with_state(bench)
}
