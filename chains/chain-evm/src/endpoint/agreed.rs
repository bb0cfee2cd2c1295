//! Reads that a quorum must give the same answer to.

use std::{sync::Arc, time::Duration};

use agent_core::{Head, units::BlockNumber};
use alloy::{
    primitives::{B256, U64},
    rpc::json_rpc::{RpcRecv, RpcSend},
};
use serde_json::{Value, value::RawValue};

use super::{
    Agreement, Endpoint, Finality, RpcFailure,
    pool::{Outcome, Pool, raw},
    quorum::Said,
    wire::{WireHead, WireLog, WireLogs, WireReceipt},
};

/// How often a node that does not have a block yet is asked for it again, in half a block time.
const WAITS: u32 = 8;

impl Endpoint {
    /// Asks every node, and gives what the configured quorum of them says: for reads that decide about value. With a
    /// quorum of one it is [`ask`](Self::ask). A node that contradicts the quorum under `rule` is quarantined, and one
    /// that lacks what the quorum has three times in a row. No quorum is a failure of the line: ask again later.
    ///
    /// The answers are compared as `R`, so `R` should hold what matters and nothing that clients add of their own.
    pub(crate) async fn ask_agreed<P: RpcSend, R>(
        &self,
        method: &'static str,
        params: P,
        rule: Agreement<Outcome<R>>,
    ) -> Result<R, RpcFailure>
    where
        R: RpcRecv + Clone + PartialEq,
    {
        if self.pool.settings.quorum < 2 {
            return self.ask(method, params).await;
        }
        let params = raw(method, &params)?;
        let ask = move |pool: Arc<Pool>, node| {
            let params = params.clone();
            async move {
                let patience = pool.settings.patience;
                let said: Box<RawValue> = pool.ask_node(node, method, params, patience).await?;
                let answer = serde_json::from_str(said.get());
                let answer = answer.map_err(|error| RpcFailure::unreadable(method, error.to_string()))?;
                let nothing = matches!(said.get(), "null" | "[]");
                Ok(if nothing { Said::Nothing(answer) } else { Said::Answer(answer) })
            }
        };
        self.pool.agree(method, rule, ask).await
    }

    /// The receipt of a mined transaction, as a quorum has it. Nodes at different heads may differ; two different
    /// receipts in one block are a lie.
    pub(crate) async fn agreed_receipt(&self, transaction: B256) -> Result<Option<WireReceipt>, RpcFailure> {
        let method = "eth_getTransactionReceipt";
        self.ask_agreed(method, (transaction,), Agreement::loosely(two_of_one_block)).await
    }

    /// The newest block that is final by the chain's rule, as a quorum has it.
    ///
    /// # Errors
    /// When no node can say, or not enough of them agree; and where the chain is not that long yet.
    pub async fn final_head(&self) -> Result<Head, RpcFailure> {
        let method = "eth_getBlockByNumber";
        let none = || RpcFailure::unreadable(method, "no block is final yet");
        let tag = match self.pool.settings.finality {
            Finality::Safe => "safe",
            Finality::Finalized => "finalized",
            Finality::Depth(depth) => {
                let (newest, _) = self.latest_from().await?;
                let number = newest.block.number.0.checked_sub(depth).ok_or_else(none)?;
                return self.agreed_head(BlockNumber(number)).await?.ok_or_else(none);
            }
        };
        let head: Option<WireHead> = self.ask(method, (tag, false)).await?;
        let number = Head::from(head.ok_or_else(none)?).block.number;
        self.agreed_head(number).await?.ok_or_else(none)
    }

    async fn agreed_head(&self, number: BlockNumber) -> Result<Option<Head>, RpcFailure> {
        let rule = Agreement::loosely(|_, _| false);
        let params = (U64::from(number.0), false);
        let head: Option<WireHead> = self.ask_agreed("eth_getBlockByNumber", params, rule).await?;
        Ok(head.map(Head::from))
    }

    /// The logs of one block by its hash, as `filter` has it, from nodes that have the block: one that does not may
    /// answer with none.
    pub(crate) async fn logs_of_block(
        &self,
        block: B256,
        filter: &Value,
    ) -> Result<Vec<WireLog>, RpcFailure> {
        let pool = &self.pool;
        if pool.settings.quorum > 1 {
            let known = move || ("eth_getBlockByHash", (block, false));
            return self.agreed_logs(known, block, filter, Agreement::on_block()).await;
        }
        let one = self.one()?;
        let unknown = || RpcFailure::unreadable("eth_getBlockByHash", "the node does not know the block");
        // Who gave the head has the block, and so does the only node there is; but what answers behind their address may
        // have changed since, and an unknown block may have no logs.
        if self.only.is_some() || pool.nodes.len() == 1 {
            let (logs, head) = futures::try_join!(one.logs(filter), one.head_of(block))?;
            return head.map(|_| logs).ok_or_else(unknown);
        }
        one.head_of(block).await?.ok_or_else(unknown)?;
        one.logs(filter).await
    }

    /// The logs of canonical blocks up to `head`, as `filter` has them. Of what most nodes do not keep, whoever keeps it
    /// is believed when all others refuse.
    pub(crate) async fn logs_up_to(&self, head: Head, filter: &Value) -> Result<Vec<WireLog>, RpcFailure> {
        if self.pool.settings.quorum < 2 {
            return self.logs(filter).await;
        }
        let number = U64::from(head.block.number.0);
        let known = move || ("eth_getBlockByNumber", (number, false));
        let rule = Agreement::loosely(|_, _| false).or_of_who_keeps_it();
        self.agreed_logs(known, head.block.hash, filter, rule).await
    }

    async fn agreed_logs<P: RpcSend + 'static>(
        &self,
        known: impl Fn() -> (&'static str, P),
        block: B256,
        filter: &Value,
        rule: Agreement<Outcome<Vec<WireLog>>>,
    ) -> Result<Vec<WireLog>, RpcFailure> {
        let method = "eth_getLogs";
        let filter = raw(method, &(filter,))?;
        let ask = move |pool: Arc<Pool>, node| {
            let (filter, (by, of)) = (filter.clone(), known());
            async move {
                if !pool.has_block(node, by, of, block).await? {
                    return Ok(Said::Cannot);
                }
                let patience = pool.settings.patience;
                let WireLogs(logs) = pool.ask_node(node, method, filter, patience).await?;
                Ok(if logs.is_empty() { Said::Nothing(logs) } else { Said::Answer(logs) })
            }
        };
        self.pool.agree(method, rule, ask).await
    }
}

fn two_of_one_block(one: &Outcome<Option<WireReceipt>>, other: &Outcome<Option<WireReceipt>>) -> bool {
    let (Ok(Some(one)), Ok(Some(other))) = (one, other) else { return false };
    one.block_hash == other.block_hash && one != other
}

impl Pool {
    /// Whether a node answers the question with this block, now or within half a block time.
    async fn has_block<P: RpcSend>(
        &self,
        node: usize,
        method: &'static str,
        params: P,
        block: B256,
    ) -> Result<bool, RpcFailure> {
        let pause: Duration = self.settings.look_every.checked_div(WAITS).unwrap_or_default();
        for wait in 0..=WAITS {
            if wait > 0 {
                tokio::time::sleep(pause).await;
            }
            let head: Option<WireHead> =
                self.ask_node(node, method, params.clone(), self.settings.patience).await?;
            if head.is_some_and(|head| Head::from(head).block.hash == block) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
