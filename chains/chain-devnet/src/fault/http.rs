//! Requests over HTTP.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde_json::Value;

use super::bench::Bench;
use super::exchange::{Delivery, exchange};
use super::kind::Failure;
use super::wire::Wire;

/// A slow body comes in so many pieces.
pub(crate) const PIECES: usize = 8;
/// A huge body comes in pieces of this size.
const CHUNK: usize = 65_536;
const PAGE: &str =
    "<html><head><title>Error</title></head><body><h1>The server is not well</h1></body></html>\n";
/// What looks like an answer for a while.
pub(crate) const NOT_JSON: &str = r#"{"jsonrpc": "2.0", "id": 1, "result": ]"#;

/// Answers a request or a batch.
pub(crate) async fn answer(
    State(bench): State<Arc<Bench>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    body: Bytes,
) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "not JSON\n").into_response();
    };
    let delivery = deliver(&bench, request).await;
    let text = delivery.answer.to_string();
    match delivery.failure {
        None => whole(text),
        Some(failure) => broken(failure, text, &wire).await,
    }
}

/// Answers a request or a batch. The first failure in a batch is the whole batch's.
pub(crate) async fn deliver(bench: &Bench, request: Value) -> Delivery {
    let Value::Array(requests) = request else { return exchange(bench, request).await };
    let mut answers = Vec::new();
    let mut failure = None;
    for request in requests {
        let delivery = exchange(bench, request).await;
        answers.push(delivery.answer);
        failure = failure.or(delivery.failure);
    }
    Delivery { failure, ..Delivery::plain(Value::Array(answers)) }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn whole(text: String) -> Response {
    ([(header::CONTENT_TYPE, JSON)], text).into_response()
}

fn html(status: StatusCode) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))], PAGE).into_response()
}

/// An answer that does not arrive as it should.
pub(crate) async fn broken(failure: Failure, text: String, wire: &Wire) -> Response {
    match failure {
        Failure::Reset => {
            // Not a byte of what follows will be written.
            wire.cut();
            whole(text)
        }
        Failure::Silence => std::future::pending().await,
        Failure::RateLimited { retry_after } => {
            let mut response = (StatusCode::TOO_MANY_REQUESTS, whole(text)).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
        Failure::ServerError { status } => {
            html(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        }
        Failure::Malformed => whole(String::from(NOT_JSON)),
        Failure::Truncated => promised(text.len(), Body::from_stream(half(&text))),
        Failure::Huge { bytes } => {
            promised(text.len().saturating_add(bytes), Body::from_stream(padded(text, bytes)))
        }
        Failure::Slow { pause } => promised(text.len(), Body::from_stream(dripping(text, pause))),
        // That one is an answer like any other.
        Failure::RpcError { .. } => whole(text),
    }
}

/// A body of which the header says the length.
fn promised(length: usize, body: Body) -> Response {
    let length = HeaderValue::from(u64::try_from(length).unwrap_or(u64::MAX));
    ([(header::CONTENT_TYPE, JSON), (header::CONTENT_LENGTH, length)], body).into_response()
}

/// The first half of a text.
pub(crate) fn first_half(text: &str) -> &str {
    text.get(..text.len().checked_div(2).unwrap_or_default()).unwrap_or_default()
}

/// Half of the body, which is sent before the connection ends.
fn half(text: &str) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    let half = Bytes::copy_from_slice(first_half(text).as_bytes());
    stream::once(async { Ok(half) }).chain(stream::once(async {
        // A poll without a result is when the server writes out what it has.
        tokio::task::yield_now().await;
        Err(io::ErrorKind::UnexpectedEof.into())
    }))
}

fn padded(text: String, bytes: usize) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let blank = Bytes::from(vec![b' '; CHUNK.min(bytes)]);
    let sizes = std::iter::successors(Some(bytes), |left| Some(left.saturating_sub(CHUNK)));
    let blanks = sizes.take_while(|left| *left > 0).map(move |left| blank.slice(..left.min(CHUNK)));
    stream::iter(std::iter::once(Bytes::from(text)).chain(blanks).map(Ok))
}

fn dripping(text: String, pause: Duration) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let size = text.len().div_ceil(PIECES).max(1);
    let pieces: Vec<_> = text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
    stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok(piece)
    })
}
