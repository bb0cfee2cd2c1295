//! The other end of the socket: what the operator's commands use.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use agent_core::{
    OrderId,
    ports::{Question, Reply},
};
use alloy_primitives::B256;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{net::UnixStream, time::timeout};

use super::{
    ArmRequest, Complaint, ControlError, JournalPage, KillReport, PolicyReport, Replied, StandDownRequest,
    StatusReport, VerifyReport, listen::socket_of,
};

/// Bytes of an answer.
const ANSWER: usize = 64 * 1_024 * 1_024;
/// Longer than what a server gives itself.
const PATIENCE: Duration = Duration::from_secs(35);
const VERIFYING: Duration = Duration::from_secs(605);

/// Speaks to the agent of one state folder, over its Unix socket. Each call is a connection of its own.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

type Answer<T> = Result<T, ControlError>;

impl Client {
    /// A client of the agent whose state folder is `state`. Nothing is asked yet.
    #[must_use]
    pub fn of(state: &Path) -> Self {
        Self::at(socket_of(state))
    }

    /// A client of whoever serves `socket`.
    #[must_use]
    pub const fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// How things stand.
    ///
    /// # Errors
    /// Of this and every other call: [`ControlError::NotServed`] when no agent runs, [`ControlError::Refused`] with the agent's
    /// sentence, and [`ControlError::Broken`] when it does not answer.
    pub async fn status(&self) -> Answer<StatusReport> {
        self.get("/v1/status").await
    }

    /// What waits for a person, oldest first.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn questions(&self) -> Answer<Vec<Question>> {
        self.get("/v1/questions").await
    }

    /// Replies to a question.
    ///
    /// # Errors
    /// See [`status`](Self::status). An unknown digest, a question that is over and a second reply are refused.
    pub async fn reply(&self, digest: B256, reply: Reply) -> Answer<()> {
        self.post("/v1/reply", &Replied { digest, reply }).await
    }

    /// Latches the kill switch.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn kill(&self, why: &str) -> Answer<KillReport> {
        self.post("/v1/kill", &json!({ "why": why })).await
    }

    /// Arms a standing order.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn arm(&self, request: &ArmRequest) -> Answer<()> {
        self.post("/v1/orders/arm", request).await
    }

    /// Disarms one.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn disarm(&self, id: &OrderId) -> Answer<()> {
        self.post("/v1/orders/disarm", &json!({ "id": id })).await
    }

    /// Stands a class down.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn stand_down(&self, request: &StandDownRequest) -> Answer<()> {
        self.post("/v1/stand-down", request).await
    }

    /// Ends that early.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn resume(&self, class: &str) -> Answer<()> {
        self.post("/v1/resume", &json!({ "class": class })).await
    }

    /// Up to `limit` entries of the journal from `from` on; the agent may give fewer.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn journal(&self, from: u64, limit: usize) -> Answer<JournalPage> {
        self.get(&format!("/v1/journal?from={from}&limit={limit}")).await
    }

    /// Checks the journal's whole chain of hashes.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn verify(&self) -> Answer<VerifyReport> {
        let request = self.ask(Method::GET, "/v1/journal/verify", Vec::new());
        timeout(VERIFYING, request).await.map_err(|late| ControlError::Broken(late.to_string()))?
    }

    /// The policy that the agent runs under.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn policy(&self) -> Answer<PolicyReport> {
        self.get("/v1/policy").await
    }

    /// Confirms that policy after a change.
    ///
    /// # Errors
    /// See [`status`](Self::status).
    pub async fn confirm(&self, policy: B256) -> Answer<()> {
        self.post("/v1/policy/confirm", &json!({ "policy": policy })).await
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Answer<T> {
        let asking = self.ask(Method::GET, path, Vec::new());
        timeout(PATIENCE, asking).await.map_err(|late| ControlError::Broken(late.to_string()))?
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Answer<T> {
        let body = serde_json::to_vec(body).map_err(broken)?;
        let asking = self.ask(Method::POST, path, body);
        timeout(PATIENCE, asking).await.map_err(|late| ControlError::Broken(late.to_string()))?
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Answer<T> {
        let gone = |_| ControlError::NotServed(self.socket.clone());
        let stream = UnixStream::connect(&self.socket).await.map_err(gone)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let driver = tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header(header::HOST, "keepwright");
        let request = request.body(Full::new(Bytes::from(body))).map_err(broken)?;
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER).collect().await.map_err(broken)?.to_bytes();
        driver.abort();
        heard(status, &body)
    }
}

fn heard<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Answer<T> {
    if status.is_success() {
        return serde_json::from_slice(body).map_err(broken);
    }
    match serde_json::from_slice::<Complaint>(body) {
        Ok(complaint) => Err(ControlError::Refused(complaint.error)),
        Err(_) => Err(ControlError::Broken(format!("status {status}"))),
    }
}

fn broken(error: impl std::fmt::Display) -> ControlError {
    ControlError::Broken(error.to_string())
}
