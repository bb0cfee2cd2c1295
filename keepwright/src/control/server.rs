//! Serves: accepts, bounds, and hands over to the routes.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Router, middleware::from_fn_with_state};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    join,
    net::TcpListener,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    ControlError, Panel,
    access::{Gate, guard},
    drop_box::DropBox,
    listen::{Accept, Socket, private, socket_of},
    routes,
};

/// How an agent can be controlled, beside its Unix socket and its folder for approvals.
#[derive(Debug, Clone, Copy, Default)]
pub struct ControlConfig {
    /// A loopback address for HTTP with a token; port 0 lets the system choose.
    pub http: Option<SocketAddr>,
}

/// Connections at once, on each of socket and port.
const CONNECTIONS: usize = 32;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(5);
/// How long a connection may live. One serves one request.
const LIFE: Duration = Duration::from_secs(660);
/// What a failed accept (no file descriptors, say) waits.
const PAUSE: Duration = Duration::from_millis(200);

/// A bound control interface that serves once it is [run](Self::run).
#[derive(Debug)]
pub struct Server {
    socket: Socket,
    port: Option<(TcpListener, Gate)>,
    drop_box: DropBox,
    panel: Panel,
}

impl Server {
    /// Binds the state folder's socket, makes its folder for approvals, and, where asked for, a loopback port and its token.
    /// Needs a tokio runtime with IO.
    ///
    /// # Errors
    /// When another process serves this folder, others can write to it, or the address is not a loopback one.
    pub fn bind(panel: Panel, config: ControlConfig) -> Result<Self, ControlError> {
        let state = panel.premises().state.clone();
        private(&state)?;
        let socket = Socket::bind(&socket_of(&state))?;
        let port = config.http.map(|address| port(address, &state.join("control.token"))).transpose()?;
        let drop_box = DropBox::open(&state)?;
        Ok(Self { socket, port, drop_box, panel })
    }

    /// Where HTTP is spoken, if it is.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.port.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// Serves until it is dropped. Nobody is listened to from that moment on: what accepts is part of this future, no task of its own.
    pub async fn run(self) {
        let Self { socket, port, drop_box, panel } = self;
        let router = routes::operator(panel.clone());
        let behind_gate = router.clone();
        let http = async {
            if let Some((listener, gate)) = port {
                serve(listener, behind_gate.layer(from_fn_with_state(gate, guard))).await;
            }
        };
        join!(http, drop_box.watch(panel), serve(socket, router));
    }
}

fn port(address: SocketAddr, token: &Path) -> Result<(TcpListener, Gate), ControlError> {
    if !address.ip().is_loopback() {
        return Err(ControlError::NotLoopback(address));
    }
    let system = || ControlError::system(address.to_string());
    let listener = std::net::TcpListener::bind(address).map_err(system())?;
    listener.set_nonblocking(true).map_err(system())?;
    let bound = listener.local_addr().map_err(system())?;
    let gate = Gate::new(token, bound)?;
    Ok((TcpListener::from_std(listener).map_err(system())?, gate))
}

/// Accepts for ever; connections end with it.
pub(crate) async fn serve(listener: impl Accept, router: Router) {
    let (room, mut connections) = (Arc::new(Semaphore::new(CONNECTIONS)), JoinSet::new());
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok(stream) => {
                let router = router.clone();
                connections.spawn(async move {
                    connection(stream, router).await;
                    drop(permit);
                });
            }
            Err(_for_now) => sleep(PAUSE).await,
        }
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false);
    let service = TowerToHyperService::new(router);
    // What goes wrong on a connection is told to whoever is at its other end, or to nobody.
    drop(timeout(LIFE, http.serve_connection(TokioIo::new(stream), service)).await);
}
