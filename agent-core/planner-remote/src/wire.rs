//! The HTTP half under the client: refusals with their type, no redirects, and bodies with a bound.
//!
//! The client would read and log whatever an endpoint answers with an error. Here it gets to see successes only.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use agent_core::ports::BoxFuture;
use async_openai::{
    error::OpenAIError,
    middleware::{HttpRequestFactory, ReqwestService},
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use reqwest::{
    Body, Response,
    header::{HeaderMap, RETRY_AFTER},
};
use serde_json::Value;
use tower::Service;

use crate::{
    body::{Bounds, Fault, bounded, broke},
    contract::printable,
    endpoint::Endpoint,
    error::RemoteError,
};

/// Bytes of an error's body that are looked at for its code.
const REFUSAL: usize = 16 * 1024;
/// Characters of a code.
const CODE: usize = 64;

/// One exchange's way to the endpoint.
#[derive(Clone)]
pub(crate) struct Wire {
    inner: ReqwestService,
    endpoint: Endpoint,
    bounds: Bounds,
    fault: Fault,
}

impl Wire {
    pub(crate) fn new(endpoint: &Endpoint, bounds: Bounds, fault: Fault) -> Self {
        Self { inner: ReqwestService::new(endpoint.http.clone()), endpoint: endpoint.clone(), bounds, fault }
    }

    async fn exchange(mut self, request: HttpRequestFactory) -> Result<Response, RemoteError> {
        let sent = self.inner.call(request).await;
        // What is no failure of the transport is a request that cannot be built: one to an address that is none.
        let response = sent.map_err(|error| match &error {
            OpenAIError::Reqwest(error) => broke(error),
            OpenAIError::ApiError(_)
            | OpenAIError::JSONDeserialize(..)
            | OpenAIError::FileSaveError(_)
            | OpenAIError::FileReadError(_)
            | OpenAIError::StreamError(_)
            | OpenAIError::Boxed(_)
            | OpenAIError::InvalidArgument(_) => RemoteError::Unreachable,
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(self.bounded(response));
        }
        if status.is_redirection() {
            return Err(RemoteError::Redirected { status: status.as_u16() });
        }
        let (status, after) = (status.as_u16(), retry_after(response.headers()));
        let code = self.code(response).await;
        Err(refused(status, code, after))
    }

    fn bounded(self, response: Response) -> Response {
        let mut rebuilt = http::Response::new(());
        *rebuilt.status_mut() = response.status();
        rebuilt.headers_mut().clone_from(response.headers());
        let stream = bounded(response.bytes_stream().boxed(), self.bounds, self.endpoint.key(), self.fault);
        rebuilt.map(|()| Body::wrap_stream(stream)).into()
    }

    /// What an endpoint calls its refusal, where it says so in OpenAI's way.
    async fn code(&self, response: Response) -> Option<String> {
        let (bounds, fault) = (Bounds { all: REFUSAL, line: REFUSAL }, Fault::default());
        let body = bounded(response.bytes_stream().boxed(), bounds, self.endpoint.key(), fault);
        let chunks: Vec<Bytes> = body.try_collect().await.ok()?;
        let said: Value = serde_json::from_slice(&chunks.concat()).ok()?;
        let error = said.get("error")?;
        let word = |field: &str| error.get(field).and_then(Value::as_str).filter(|word| !word.is_empty());
        word("code").or_else(|| word("type")).map(|word| printable(word, CODE))
    }
}

/// What a status means. What is used up (`insufficient_quota`) comes with the status of what is too fast.
fn refused(status: u16, code: Option<String>, after: Option<Duration>) -> RemoteError {
    let used_up = code.as_deref() == Some("insufficient_quota");
    match status {
        429 if !used_up => RemoteError::Busy { after },
        503 | 529 if after.is_some() => RemoteError::Busy { after },
        408 | 409 | 425 | 500..=599 => RemoteError::Failed { status },
        _ => RemoteError::TurnedDown { status, code },
    }
}

/// Whole seconds, or milliseconds as OpenAI adds them. A date is passed over: it would need a clock that both agree on.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    number("retry-after-ms")
        .map(Duration::from_millis)
        .or_else(|| number(RETRY_AFTER.as_str()).map(Duration::from_secs))
}

impl Service<HttpRequestFactory> for Wire {
    type Response = Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let wire = self.clone();
        Box::pin(
            async move { wire.exchange(request).await.map_err(|error| OpenAIError::Boxed(Box::new(error))) },
        )
    }
}
