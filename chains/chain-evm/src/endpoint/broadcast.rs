//! Giving signed bytes to every node, for as long as nothing says stop.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use alloy::primitives::{B256, Bytes};
use chain_door::KillSwitch;
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::oneshot;

use super::{
    RpcFailure,
    pool::{Pool, tell},
};

const METHOD: &str = "eth_sendRawTransaction";

impl Pool {
    /// Gives `bytes` to every node; done when one has taken them, the others get theirs meanwhile. Once `kill` is latched,
    /// what has not left by then does not leave any more, whatever it waits for: a connection, or its turn.
    pub(super) async fn broadcast(
        self: &Arc<Self>,
        bytes: &Bytes,
        kill: &KillSwitch,
    ) -> Result<B256, RpcFailure> {
        let nodes = self.order(METHOD)?;
        let (taken, answer) = oneshot::channel();
        let (pool, bytes, kill) = (Arc::clone(self), bytes.clone(), kill.clone());
        tokio::spawn(async move {
            let give = async |node| {
                let asked = pool.ask_node(node, METHOD, (&bytes,), pool.settings.patience);
                unless_latched(&kill, asked).await.unwrap_or_else(|| Err(killed()))
            };
            let mut answers: FuturesUnordered<_> = nodes.into_iter().map(give).collect();
            let (mut taken, mut worst) = (Some(taken), None);
            while let Some(answer) = answers.next().await {
                match answer {
                    Ok(hash) => tell(&mut taken, Ok(hash)),
                    Err(failure) if says_known(&failure) => worst = Some(failure),
                    Err(failure) => drop(worst.get_or_insert(failure)),
                }
            }
            tell(&mut taken, Err(worst.unwrap_or(RpcFailure::NoNode { method: METHOD })));
        });
        answer.await.unwrap_or(Err(RpcFailure::NoNode { method: METHOD }))
    }
}

/// Runs `leaving` until the switch is latched, which is looked at before each of its steps.
async fn unless_latched<T>(kill: &KillSwitch, leaving: impl Future<Output = T>) -> Option<T> {
    let mut leaving = pin!(leaving);
    poll_fn(
        |context| {
            if kill.is_latched() { Poll::Ready(None) } else { leaving.as_mut().poll(context).map(Some) }
        },
    )
    .await
}

fn killed() -> RpcFailure {
    RpcFailure::unreadable(METHOD, "the kill switch is latched: it may not have been sent")
}

/// A node that has a transaction already says more of where it is than one that refuses or fails.
fn says_known(failure: &RpcFailure) -> bool {
    let RpcFailure::Refused { message, .. } = failure else { return false };
    let message = message.to_string().to_ascii_lowercase();
    message.contains("known") || message.contains("already")
}
