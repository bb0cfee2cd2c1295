//! JSON-RPC over HTTP with an end to what is read: alloy's own transport takes in a body of any size.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use alloy::{
    rpc::json_rpc::{RequestPacket, ResponsePacket},
    transports::{
        TransportError, TransportErrorKind, TransportFut, TransportResult,
        http::reqwest::{Client, Response, StatusCode, Url, header::RETRY_AFTER},
    },
};
use tower::Service;

/// What is kept of the body of an error that is no JSON-RPC.
const OF_AN_ERROR: usize = 4 * 1024;

/// An answer is longer than the endpoint takes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the answer is larger than {most} bytes")]
pub(super) struct TooLarge {
    pub(super) most: usize,
}

/// alloy's HTTP transport, but for the end to what is read, and a rate limit that keeps its `Retry-After` whatever its
/// body says.
#[derive(Debug, Clone)]
pub(super) struct BoundedHttp {
    client: Client,
    url: Url,
    most: usize,
}

impl BoundedHttp {
    /// Posts to `url`; reads at most `most` bytes of each answer.
    pub(super) const fn new(client: Client, url: Url, most: usize) -> Self {
        Self { client, url, most }
    }

    async fn post(self, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let request = self.client.post(self.url).headers(packet.headers()).json(&packet);
        let mut response = request.send().await.map_err(TransportErrorKind::custom)?;
        let status = response.status();
        if status.is_success() {
            let body = read(&mut response, self.most).await?.ok_or(TooLarge { most: self.most });
            let body = body.map_err(TransportErrorKind::custom)?;
            return serde_json::from_slice(&body)
                .map_err(|error| TransportError::deser_err(error, String::from_utf8_lossy(&body)));
        }
        let retry_after = retry_after(&response);
        let body = read(&mut response, OF_AN_ERROR).await.ok().flatten().unwrap_or_default();
        // A refusal with an unhappy status is a refusal; a rate limit is a rate limit, however it is dressed.
        if status != StatusCode::TOO_MANY_REQUESTS
            && let Ok(answer) = serde_json::from_slice::<ResponsePacket>(&body)
            && answer.is_error()
        {
            return Ok(answer);
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        Err(TransportErrorKind::http_error_with_retry_after(status.as_u16(), text, retry_after))
    }
}

/// The whole body, or `None` when it is longer than `most`.
async fn read(response: &mut Response, most: usize) -> TransportResult<Option<Vec<u8>>> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > most) {
        return Ok(None);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(TransportErrorKind::custom)? {
        if body.len().saturating_add(chunk.len()) > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// In seconds only: a date would need a clock that agrees with the server's.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

impl Service<RequestPacket> for BoundedHttp {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().post(packet))
    }
}
