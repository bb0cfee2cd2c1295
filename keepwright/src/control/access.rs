//! Who may speak on the loopback port: whoever has the token, and no web page.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use rand::{TryRngCore, rngs::OsRng};
use subtle::ConstantTimeEq;

use super::{ControlError, routes::Refused};

/// What a request on the port must bring.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Kept>);

struct Kept {
    token: String,
    hosts: [String; 2],
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("hosts", &self.0.hosts).finish_non_exhaustive()
    }
}

impl Gate {
    /// A new token, in a new file that only its owner may read.
    pub(crate) fn new(file: &Path, address: SocketAddr) -> Result<Self, ControlError> {
        let token = token().map_err(|cause| ControlError::System { path: file.to_owned(), cause })?;
        let system = || ControlError::system(file);
        match fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(system()(error)),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        let mut written = options.write(true).create_new(true).mode(0o600).open(file).map_err(system())?;
        writeln!(written, "{token}").map_err(system())?;
        let hosts = [address.to_string(), format!("localhost:{}", address.port())];
        Ok(Self(Arc::new(Kept { token, hosts })))
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        // A name that was made to resolve to this machine, or a page of another site, is how browsers are made to call.
        let host = text(header::HOST).is_some_and(|host| self.0.hosts.iter().any(|known| known == host));
        if !host || headers.contains_key(header::ORIGIN) {
            return Err(Refused::new(StatusCode::FORBIDDEN, "this port is for programs on this machine"));
        }
        let token = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let given = token.is_some_and(|token| bool::from(token.as_bytes().ct_eq(self.0.token.as_bytes())));
        let refused = || {
            Refused::new(StatusCode::UNAUTHORIZED, "the token is missing or wrong; it is in `control.token`")
        };
        given.then_some(()).ok_or_else(refused)
    }
}

/// 256 bits from the system, in hex.
fn token() -> std::io::Result<String> {
    let mut bytes = [0_u8; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(std::io::Error::other)?;
    Ok(alloy_primitives::hex::encode(bytes))
}

/// Lets through what the gate lets through.
pub(crate) async fn guard(
    State(gate): State<Gate>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    gate.check(request.headers())?;
    Ok(next.run(request).await)
}
