//! One question and one answer.

use async_openai::{Client, error::OpenAIError};
use futures::StreamExt;
use serde_json::Value;

use crate::{
    answer::Answer,
    body::{Bounds, Fault},
    endpoint::{Account, Endpoint},
    error::RemoteError,
    wire::Wire,
};

/// Puts the request, and reads the answer to its end.
///
/// `answer` has what was there when it went wrong: a count of tokens may have come before that.
pub(crate) async fn exchange(
    endpoint: &Endpoint,
    bounds: Bounds,
    request: &Value,
    answer: &mut Answer,
) -> Result<(), RemoteError> {
    let fault = Fault::default();
    // Without its executor, which retries by itself, asks the environment for a proxy, and sets no bound.
    let client = Client::build(endpoint.http.clone(), endpoint.account.clone()).with_http_service(Wire::new(
        endpoint,
        bounds,
        fault.clone(),
    ));
    let read = match request.get("stream") {
        Some(Value::Bool(true)) => streamed(&client, request, answer).await,
        _ => whole(&client, request, answer).await,
    };
    if let Some(key) = endpoint.key() {
        answer.scrub(&key);
    }
    // A body that broke looks like anything to whoever was reading it.
    read.map_err(|error| fault.get().cloned().unwrap_or(error))?;
    answer.whole()
}

async fn whole(client: &Client<Account>, request: &Value, answer: &mut Answer) -> Result<(), RemoteError> {
    let said: Value = client.chat().create_byot(request).await.map_err(|error| typed(&error))?;
    answer.take(said)
}

async fn streamed(client: &Client<Account>, request: &Value, answer: &mut Answer) -> Result<(), RemoteError> {
    let mut pieces =
        client.chat().create_stream_byot::<_, Value>(request).await.map_err(|error| typed(&error))?;
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => answer.take(piece)?,
            // It ends with a count that nobody needs to have: what came before is an answer, if it is a whole one.
            Err(_) if answer.finish.is_some() => break,
            Err(error) => return Err(typed(&error)),
        }
    }
    Ok(())
}

fn typed(error: &OpenAIError) -> RemoteError {
    match error {
        OpenAIError::Boxed(boxed) => {
            boxed.downcast_ref::<RemoteError>().cloned().unwrap_or(RemoteError::Unreachable)
        }
        OpenAIError::Reqwest(error) => crate::body::broke(error),
        OpenAIError::StreamError(_) => RemoteError::Broken,
        OpenAIError::ApiError(_)
        | OpenAIError::JSONDeserialize(..)
        | OpenAIError::FileSaveError(_)
        | OpenAIError::FileReadError(_)
        | OpenAIError::InvalidArgument(_) => RemoteError::Garbled,
    }
}
