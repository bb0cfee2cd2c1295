//! From requests to the panel, and back.

use std::time::Duration;

use agent_core::{
    OrderId, Refusal,
    ports::{Question, Sequence},
};
use alloy_primitives::B256;
use axum::{
    Json, Router,
    body::{Bytes, to_bytes},
    extract::{FromRequest, Query, Request, State, rejection::QueryRejection},
    http::StatusCode,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    ArmRequest, Complaint, JournalPage, KillReport, Panel, PolicyReport, Replied, StandDownRequest,
    StatusReport, VerifyReport, panel::PAGE,
};

/// Bytes of a request's body.
const BODY: usize = 256 * 1_024;
/// How long a request may take, its body included.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a journal may take to be verified.
const VERIFYING: Duration = Duration::from_secs(600);

/// Why something was not done, with its HTTP status.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    pub(crate) error: String,
    pub(crate) refusal: Option<Box<Refusal>>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), refusal: None }
    }

    /// The door or the journal is broken.
    pub(crate) fn broken(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    pub(crate) fn by_the_door(refusal: Refusal) -> Self {
        Self { status: StatusCode::CONFLICT, error: refusal.to_string(), refusal: Some(Box::new(refusal)) }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let complaint = Complaint { error: self.error, refusal: self.refusal };
        (self.status, Json(complaint)).into_response()
    }
}

/// A JSON body. Read without axum's own extractor, whose complaints are of many lines.
pub(crate) struct Told<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Told<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let too_large = |_| {
            Refused::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is broken off, or longer than {BODY} bytes"),
            )
        };
        let bytes: Bytes = to_bytes(request.into_body(), BODY).await.map_err(too_large)?;
        let wrong = |error| {
            Refused::new(StatusCode::BAD_REQUEST, format!("the body is not what this wants: {error}"))
        };
        serde_json::from_slice(&bytes).map(Self).map_err(wrong)
    }
}

/// Everything an operator may ask for.
pub(crate) fn operator(panel: Panel) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/questions", get(questions))
        .route("/v1/reply", post(reply))
        .route("/v1/kill", post(kill))
        .route("/v1/orders/arm", post(arm))
        .route("/v1/orders/disarm", post(disarm))
        .route("/v1/stand-down", post(stand_down))
        .route("/v1/resume", post(resume))
        .route("/v1/journal", get(journal))
        .route("/v1/policy", get(policy))
        .route("/v1/policy/confirm", post(confirm))
        .layer(from_fn(in_time))
        .route("/v1/journal/verify", get(verify))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(panel)
}

/// A command that the caller stops waiting for is seen through all the same: it may have reached the journal.
pub(crate) async fn in_time(request: Request, next: Next) -> Result<Response, Refused> {
    let late = |_| {
        let sentence = "this takes too long; ask for the status before you repeat it";
        Refused::new(StatusCode::GATEWAY_TIMEOUT, sentence)
    };
    let answering = tokio::spawn(next.run(request));
    timeout(PATIENCE, answering).await.map_err(late)?.map_err(Refused::broken)
}

pub(crate) async fn nothing(request: Request) -> Refused {
    let sentence = format!("there is no {} {}", request.method(), request.uri().path());
    Refused::new(StatusCode::NOT_FOUND, sentence)
}

async fn status(State(panel): State<Panel>) -> Json<StatusReport> {
    Json(panel.status())
}

async fn questions(State(panel): State<Panel>) -> Json<Vec<Question>> {
    Json(panel.questions())
}

async fn reply(State(panel): State<Panel>, Told(replied): Told<Replied>) -> Result<Json<()>, Refused> {
    panel.reply(replied).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KillRequest {
    why: String,
}

async fn kill(State(panel): State<Panel>, Told(KillRequest { why }): Told<KillRequest>) -> Json<KillReport> {
    Json(panel.kill(&why).await)
}

async fn arm(State(panel): State<Panel>, Told(request): Told<ArmRequest>) -> Result<Json<()>, Refused> {
    panel.arm(request).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DisarmRequest {
    id: OrderId,
}

async fn disarm(State(panel): State<Panel>, Told(request): Told<DisarmRequest>) -> Result<Json<()>, Refused> {
    panel.disarm(request.id).await.map(Json)
}

async fn stand_down(
    State(panel): State<Panel>,
    Told(request): Told<StandDownRequest>,
) -> Result<Json<()>, Refused> {
    panel.stand_down(request).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResumeRequest {
    class: String,
}

async fn resume(State(panel): State<Panel>, Told(request): Told<ResumeRequest>) -> Result<Json<()>, Refused> {
    panel.resume(request.class).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pages {
    #[serde(default)]
    from: u64,
    limit: Option<usize>,
}

async fn journal(
    State(panel): State<Panel>,
    pages: Result<Query<Pages>, QueryRejection>,
) -> Result<Json<JournalPage>, Refused> {
    let wrong = |_| Refused::new(StatusCode::BAD_REQUEST, "write `from` and `limit` as whole numbers");
    let Query(Pages { from, limit }) = pages.map_err(wrong)?;
    panel.journal(Sequence(from), limit.unwrap_or(PAGE)).await.map(Json)
}

async fn verify(State(panel): State<Panel>) -> Result<Json<VerifyReport>, Refused> {
    let late = |_| {
        Refused::new(StatusCode::GATEWAY_TIMEOUT, "the journal is too long to verify beside a running agent")
    };
    timeout(VERIFYING, panel.verify()).await.map_err(late)?.map(Json)
}

async fn policy(State(panel): State<Panel>) -> Json<PolicyReport> {
    Json(panel.policy())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmRequest {
    policy: B256,
}

async fn confirm(
    State(panel): State<Panel>,
    Told(request): Told<ConfirmRequest>,
) -> Result<Json<()>, Refused> {
    panel.confirm(request.policy).await.map(Json)
}
