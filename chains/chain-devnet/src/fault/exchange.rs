//! One request from its arrival to its answer, the same for HTTP and websockets.

use serde_json::Value;

use super::bench::Bench;
use super::json;
use super::kind::{Failure, Fault, FaultKind, Lie, Stage};
use super::lie;
use super::schedule::Passage;
use super::view;

/// What a client is to hear.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The answer, as far as there is one.
    pub(crate) answer: Value,
    /// What becomes of it on the way.
    pub(crate) failure: Option<Failure>,
    /// Whether it comes twice.
    pub(crate) twice: bool,
}

impl Delivery {
    pub(crate) const fn plain(answer: Value) -> Self {
        Self { answer, failure: None, twice: false }
    }

    pub(crate) const fn failing(answer: Value, failure: Failure) -> Self {
        Self { answer, failure: Some(failure), twice: false }
    }
}

pub(crate) fn method(request: &Value) -> &str {
    request.get("method").and_then(Value::as_str).unwrap_or_default()
}

/// What the schedule and the rate limit have in store for a request.
pub(crate) fn fate(bench: &Bench, request: &Value) -> Option<Fault> {
    let method = method(request);
    bench.tallies.seen(method);
    let decided = bench.decide(Passage::Request(method));
    bench.over_limit().map(Fault::before).or(decided)
}

/// Answers a request, with whatever fault is its fate.
pub(crate) async fn exchange(bench: &Bench, request: Value) -> Delivery {
    let fate = fate(bench, &request);
    let delivered = match fate {
        None => asked(bench, request, None).await.map(Delivery::plain),
        Some(Fault::Fail { stage, failure }) => fail(bench, request, stage, failure).await,
        Some(Fault::Behind(blocks)) => asked(bench, request, Some(blocks)).await.map(Delivery::plain),
        Some(Fault::Lie(lie)) => deceive(bench, request, &lie).await.map(Delivery::plain),
        Some(Fault::Forget) => forget(bench, request).await.map(Delivery::plain),
        Some(Fault::Delay(delay)) => {
            bench.tallies.injected(FaultKind::Delay);
            tokio::time::sleep(delay).await;
            asked(bench, request, None).await.map(Delivery::plain)
        }
        Some(Fault::Repeat) => {
            bench.tallies.injected(FaultKind::Repeat);
            let repeated = |answer| Delivery { twice: true, ..Delivery::plain(answer) };
            asked(bench, request, None).await.map(repeated)
        }
    };
    // Where the node itself did not answer, so it is; no fault is counted.
    delivered.unwrap_or_else(|failure| Delivery::failing(Value::Null, failure))
}

/// Asks the node for as much as the client may see.
async fn asked(bench: &Bench, request: Value, behind: Option<u64>) -> Result<Value, Failure> {
    let view = *bench.head.borrow();
    let visible = match behind {
        None if view == view::HeadView::True => None,
        None => view.visible(bench.node.head().await?),
        Some(blocks) => Some(bench.node.head().await?.saturating_sub(blocks)),
    };
    match visible {
        None => bench.node.forward(&request, &bench.tallies).await,
        Some(visible) => {
            bench.tallies.injected(FaultKind::Behind);
            view::answer(&bench.node, request, visible, &bench.tallies).await
        }
    }
}

async fn fail(bench: &Bench, request: Value, stage: Stage, failure: Failure) -> Result<Delivery, Failure> {
    let refusal = if let Failure::RpcError { code, message } = &failure {
        Some(json::error(&request, *code, message))
    } else if let Failure::RateLimited { .. } = &failure {
        Some(json::error(&request, 429, "too many requests"))
    } else {
        None
    };
    // The right answer, made unpleasant, is no answer that was lost before the node was asked.
    let pleasant = !matches!(failure, Failure::Huge { .. } | Failure::Slow { .. });
    let stage = if pleasant { stage } else { Stage::After };
    let answer = match stage {
        Stage::Before => json::result(&request, Value::Null),
        Stage::After => asked(bench, request, None).await?,
    };
    bench.failed(stage, &failure);
    Ok(match (refusal, failure) {
        (Some(refusal), Failure::RpcError { .. }) => Delivery::plain(refusal),
        (Some(refusal), failure) => Delivery::failing(refusal, failure),
        (None, failure) => Delivery::failing(answer, failure),
    })
}

async fn deceive(bench: &Bench, request: Value, lie: &Lie) -> Result<Value, Failure> {
    let head = bench.node.head().await?;
    let mut answer = asked(bench, request.clone(), None).await?;
    if lie::tell(lie, &request, &mut answer, head) {
        bench.tallies.injected(lie.kind());
    }
    Ok(answer)
}

/// What cannot be a transaction is left to the node to refuse.
async fn forget(bench: &Bench, request: Value) -> Result<Value, Failure> {
    let Some(hash) = lie::transaction_hash(&request) else { return asked(bench, request, None).await };
    bench.tallies.forgot(hash);
    Ok(json::result(&request, serde_json::json!(hash)))
}
