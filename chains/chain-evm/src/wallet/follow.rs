//! Following the transactions of one nonce until one is final, or all are stuck.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Mined, Settlement,
    ports::{Followed, Sent, Stuck, StuckReason},
    units::{Asset, BlockNumber},
};
use alloy::primitives::Address;
use futures::future::try_join_all;

use super::{
    lane::Lane,
    mined::{facts, succeeded},
    stuck::Circumstances,
    verdict::{Found, Look, Progress, Verdict, deep},
};
use crate::{
    backoff::Backoff,
    endpoint::{RpcFailure, wire::WireReceipt},
};

/// Looks, waits, and looks again, until there is something to say.
pub(super) async fn until_final(
    lane: Arc<Lane>,
    attempts: Vec<Sent>,
    watch: Vec<(Address, Asset)>,
) -> Followed {
    let Some(latest) = attempts.last().copied() else {
        return Followed::Final(Settlement::Dropped { why: "nothing was sent".to_owned() });
    };
    let following = Following { lane: &lane, attempts: &attempts, latest, watch: &watch };
    let mut progress = Progress::new(lane.config.confirmations, lane.config.stuck_after);
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
    loop {
        match following.step(&mut progress).await {
            Ok(Some(followed)) => {
                if matches!(followed, Followed::Final(_)) {
                    lane.forget(latest.nonce);
                }
                return followed;
            }
            Ok(None) => {
                backoff.succeeded();
                tokio::time::sleep(lane.config.poll).await;
            }
            Err(failure) => {
                let transaction = latest.transaction;
                tracing::warn!(%transaction, %failure, "a transaction under way cannot be looked at");
                backoff.failed().await;
            }
        }
    }
}

/// The transactions of one nonce.
struct Following<'a> {
    lane: &'a Lane,
    attempts: &'a [Sent],
    /// The last of them: what it replaces is not broadcast again.
    latest: Sent,
    watch: &'a [(Address, Asset)],
}

impl Following<'_> {
    async fn step(&self, progress: &mut Progress) -> Result<Option<Followed>, RpcFailure> {
        match progress.judge(self.look().await?) {
            Verdict::Wait => Ok(None),
            Verdict::Rebroadcast => {
                tracing::warn!(transaction = %self.latest.transaction, "no node has a transaction under way: sending it again");
                self.send_again().await;
                Ok(None)
            }
            Verdict::Offer => {
                self.send_again().await;
                Ok(None)
            }
            Verdict::Stuck(blocks) => {
                let reason = self.circumstances().await?.reason();
                Ok(reason.map(|reason| Followed::Stuck(self.stuck(reason, blocks))))
            }
            Verdict::Final(transaction, receipt) => {
                let mined = facts(&self.lane.endpoint, transaction, &receipt, self.watch).await?;
                Ok(Some(Followed::Final(settled(&receipt, mined))))
            }
            Verdict::Dropped => {
                let why = format!("nonce {} was used by another transaction", self.latest.nonce);
                Ok(Some(Followed::Final(Settlement::Dropped { why })))
            }
        }
    }

    async fn look(&self) -> Result<Look, RpcFailure> {
        let Lane { endpoint, config, from, .. } = self.lane;
        let nonce = self.latest.nonce;
        let block = endpoint.latest().await?.block;
        self.lane.saw(block);
        let head = block.number;
        // The nonce before the receipts: had one of them been mined by then, its receipt is there by now.
        let gone = endpoint.nonce_at(*from, deep(head, config.confirmations)).await? > nonce;
        let used = gone || endpoint.mined_nonce(*from).await? > nonce;
        let found = match self.receipt().await? {
            Some(found) => found,
            None if gone => Found::NonceGone,
            None if used => Found::NonceUsed,
            None if self.lane.is_private(self.latest, head) => Found::Withheld,
            None if endpoint.has_transaction(self.latest.transaction).await? => Found::Pending,
            None => Found::Nowhere,
        };
        Ok(Look { head, found })
    }

    /// The receipt of whichever was mined. After a reorg a node may still give one of a block that it has put aside, and
    /// another attempt's beside it.
    async fn receipt(&self) -> Result<Option<Found>, RpcFailure> {
        let endpoint = &self.lane.endpoint;
        let transactions = self.attempts.iter().map(|sent| sent.transaction);
        let receipts = try_join_all(transactions.map(async |transaction| {
            Ok::<_, RpcFailure>((transaction, endpoint.receipt(transaction).await?))
        }))
        .await?;
        let mut found = None;
        for (transaction, receipt) in receipts {
            let Some(receipt) = receipt else { continue };
            if self.stands(&receipt).await? {
                return Ok(Some(Found::Mined(transaction, Box::new(receipt))));
            }
            found = Some(Found::Orphaned);
        }
        Ok(found)
    }

    async fn stands(&self, receipt: &WireReceipt) -> Result<bool, RpcFailure> {
        let canonical = self.lane.endpoint.head_at(BlockNumber(receipt.block_number.to())).await?;
        Ok(canonical.is_some_and(|block| block.block.hash == receipt.block_hash))
    }

    async fn send_again(&self) {
        let Sent { transaction, .. } = self.latest;
        let (Some(attempt), Some(head)) = (self.lane.attempt(self.latest), self.lane.head()) else {
            tracing::warn!(%transaction, "this process did not sign it: it cannot be sent again");
            return;
        };
        if let Err(killed) = self.lane.send(&attempt, head).await {
            tracing::warn!(%transaction, %killed, "not sent again");
        }
    }

    async fn circumstances(&self) -> Result<Circumstances, RpcFailure> {
        let Lane { endpoint, from, .. } = self.lane;
        let Sent { transaction, nonce } = self.latest;
        let (mined, pending, history, balance, pooled, head) = futures::try_join!(
            endpoint.mined_nonce(*from),
            endpoint.pending_nonce(*from),
            endpoint.fee_history(1),
            endpoint.newest_balance(*from),
            endpoint.has_transaction(transaction),
            endpoint.latest(),
        )?;
        let kept = pooled || self.lane.is_private(self.latest, head.block.number);
        let next_base_fee = history.base_fee_per_gas.last().copied().unwrap_or_default().to();
        let gas = self.lane.attempt(self.latest).map(|attempt| attempt.signed.gas);
        let under_way = self.lane.nonces();
        Ok(Circumstances { nonce, mined, pending, under_way, balance, next_base_fee, gas, kept })
    }

    fn stuck(&self, reason: StuckReason, blocks: u64) -> Stuck {
        let Sent { transaction, nonce } = self.latest;
        tracing::warn!(%transaction, nonce, blocks, "stuck, and every later transaction of this key waits for it: {reason}");
        Stuck { reason, blocks }
    }
}

fn settled(receipt: &WireReceipt, mined: Mined) -> Settlement {
    if succeeded(receipt) { Settlement::Settled(mined) } else { Settlement::Reverted(mined) }
}
