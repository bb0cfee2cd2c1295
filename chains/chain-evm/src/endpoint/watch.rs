//! The task that looks at the nodes of a pool while nobody asks: heads, chain ids, forks.

use std::{mem::discriminant, sync::Arc, time::Duration};

use agent_core::{
    Head,
    units::{BlockNumber, ChainId},
};
use alloy::{
    primitives::{B256, U64},
    rpc::json_rpc::{RpcRecv, RpcSend},
};
use futures::future::join_all;

use super::{RpcFailure, choose::forked, health::Input, pool::Pool, status::NodeState, wire::WireHead};

/// Every so many looks, chain ids and an older block are compared, too.
const AUDIT_EVERY: u64 = 3;
/// How far below what may lag the older block is.
const BELOW_LAG: u64 = 2;
/// What a node gets to answer a look, at least: it may have to be dialled first.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at the nodes until the last endpoint of `pool` is gone.
pub(super) fn spawn(pool: &Arc<Pool>) {
    let every = pool.settings.look_every;
    let pool = Arc::downgrade(pool);
    tokio::spawn(async move {
        let mut said = Vec::new();
        for round in 1u64.. {
            tokio::time::sleep(spread(every, rand::random())).await;
            let Some(pool) = pool.upgrade() else { return };
            pool.look_round(round).await;
            pool.say_changes(&mut said);
        }
    });
}

/// Between nine and eleven tenths, so that many agents do not look at the same moment.
fn spread(every: Duration, chance: u32) -> Duration {
    let tenth = every.checked_div(10).unwrap_or_default();
    let micros = u64::try_from(tenth.as_micros()).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(1);
    let more = u64::from(chance).checked_rem(micros).unwrap_or_default();
    every.saturating_sub(tenth).saturating_add(Duration::from_micros(more))
}

impl Pool {
    /// One look at every node that may be asked.
    pub(super) async fn look_round(&self, round: u64) {
        join_all((0..self.nodes.len()).map(|node| self.look_at(node))).await;
        if round.checked_rem(AUDIT_EVERY) == Some(0) {
            self.audit().await;
        }
        let best = self.records().best(self.now());
        self.newest.send_if_modified(|newest| {
            let changed = *newest != best;
            *newest = best;
            changed
        });
    }

    async fn look_at(&self, node: usize) {
        let latest = ("latest", false);
        if let Some(Ok(head)) = self.look_question::<_, WireHead>(node, "eth_getBlockByNumber", latest).await
        {
            self.take(node, Input::Head(Head::from(head)));
        }
    }

    /// Compares the chain, and a block that all nodes should have by now.
    async fn audit(&self) {
        let below = self.settings.lag_allowed.saturating_add(BELOW_LAG);
        let best = self.records().best(self.now());
        let Some(number) = best.and_then(|best| best.0.checked_sub(below)).map(BlockNumber) else { return };
        let hashes = join_all((0..self.nodes.len()).map(|node| self.audit_one(node, number))).await;
        for (node, forked) in forked(&hashes).into_iter().enumerate() {
            if let Some(forked) = forked {
                self.take(node, Input::Fork(forked));
            }
        }
    }

    async fn audit_one(&self, node: usize, number: BlockNumber) -> Option<B256> {
        let found: U64 = self.look_question(node, "eth_chainId", ()).await?.ok()?;
        let found = ChainId(found.to());
        if found != self.chain {
            self.take(node, Input::WrongChain(found));
            return None;
        }
        let asked = self.look_question::<_, Option<WireHead>>(
            node,
            "eth_getBlockByNumber",
            (U64::from(number.0), false),
        );
        let head = Head::from(asked.await?.ok()??);
        (head.block.number == number).then_some(head.block.hash)
    }

    /// Asks a node that may be asked; dialling included, it gets no more time than a look may take.
    async fn look_question<P: RpcSend, R: RpcRecv>(
        &self,
        node: usize,
        method: &'static str,
        params: P,
    ) -> Option<Result<R, RpcFailure>> {
        if !self.records().may_ask(node, self.now()) {
            return None;
        }
        let after = self.settings.look_every.max(PATIENCE).min(self.settings.patience);
        let asked = self.nodes.get(node)?.ask(method, params, after);
        let answer = tokio::time::timeout(after, asked).await;
        let answer = answer.unwrap_or(Err(RpcFailure::TimedOut { method, after }));
        self.ended(node, answer.as_ref().err());
        Some(answer)
    }

    fn say_changes(&self, said: &mut Vec<NodeState>) {
        let health = self.look();
        for (place, node) in health.nodes.iter().enumerate() {
            let before = said.get(place);
            if before.is_some_and(|before| discriminant(before) == discriminant(&node.state)) {
                continue;
            }
            let (address, state, error) = (&node.address, node.state, &node.last_error);
            if state == NodeState::Alive {
                tracing::info!(node = %address, "a node is alive");
            } else {
                tracing::warn!(node = %address, %state, ?error, "a node is not alive");
            }
        }
        *said = health.nodes.iter().map(|node| node.state).collect();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

    use super::*;

    proptest::proptest! {
        #[test]
        fn looks_are_spread_by_a_tenth(millis in 250u64..5_000, chance: u32) {
            let every = Duration::from_millis(millis);
            let (least, most) = (Duration::from_micros(millis * 900), Duration::from_micros(millis * 1_100));
            let pause = spread(every, chance);
            proptest::prop_assert!((least..=most).contains(&pause), "{pause:?}");
        }
    }
}
