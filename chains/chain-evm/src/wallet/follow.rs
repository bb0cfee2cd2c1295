//! Following a transaction until it is final.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Mined, Settlement,
    ports::{Followed, Sent},
    units::Asset,
};
use alloy::primitives::Address;

use super::{
    lane::Lane,
    mined::{facts, succeeded},
    verdict::{Found, Look, Progress, Verdict, deep},
};
use crate::{
    backoff::Backoff,
    endpoint::{RpcFailure, wire::WireReceipt},
};

/// Looks, waits, and looks again, however long it takes.
pub(super) async fn until_final(
    lane: Arc<Lane>,
    attempts: Vec<Sent>,
    watch: Vec<(Address, Asset)>,
) -> Followed {
    let Some(sent) = attempts.last().copied() else {
        return Followed::Final(Settlement::Dropped { why: "nothing was sent".to_owned() });
    };
    let mut progress = Progress::new(lane.config.confirmations, lane.config.stuck_after);
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
    loop {
        match step(&lane, &mut progress, sent, &watch).await {
            Ok(Some(settlement)) => {
                lane.forget(sent.transaction);
                return Followed::Final(settlement);
            }
            Ok(None) => {
                backoff.succeeded();
                tokio::time::sleep(lane.config.poll).await;
            }
            Err(failure) => {
                tracing::warn!(transaction = %sent.transaction, %failure, "a transaction under way cannot be looked at");
                backoff.failed().await;
            }
        }
    }
}

async fn step(
    lane: &Lane,
    progress: &mut Progress,
    sent: Sent,
    watch: &[(Address, Asset)],
) -> Result<Option<Settlement>, RpcFailure> {
    let look = look(lane, sent).await?;
    if let Some(blocks) = progress.stuck_for(&look) {
        let Sent { transaction, nonce } = sent;
        tracing::warn!(%transaction, nonce, blocks, "stuck: not mined, and every later transaction of this key waits for it");
    }
    match progress.judge(look) {
        Verdict::Wait => Ok(None),
        Verdict::Rebroadcast => {
            rebroadcast(lane, sent).await;
            Ok(None)
        }
        Verdict::Final(receipt) => {
            let mined = facts(&lane.endpoint, sent.transaction, &receipt, watch).await?;
            Ok(Some(settled(&receipt, mined)))
        }
        Verdict::Dropped => {
            let why = format!("nonce {} was used by another transaction", sent.nonce);
            Ok(Some(Settlement::Dropped { why }))
        }
    }
}

async fn look(lane: &Lane, sent: Sent) -> Result<Look, RpcFailure> {
    let Lane { endpoint, config, from, .. } = lane;
    let head = endpoint.latest().await?.block.number;
    // The nonce before the receipt: had the transaction been mined by then, the receipt is there by now.
    let used = endpoint.nonce_at(*from, deep(head, config.confirmations)).await? > sent.nonce;
    let found = match endpoint.receipt(sent.transaction).await? {
        Some(receipt) => {
            let canonical =
                endpoint.head_at(agent_core::units::BlockNumber(receipt.block_number.to())).await?;
            let stands = canonical.is_some_and(|block| block.block.hash == receipt.block_hash);
            if stands { Found::Mined(Box::new(receipt)) } else { Found::Orphaned }
        }
        None if used => Found::NonceGone,
        None if endpoint.has_transaction(sent.transaction).await? => Found::Pending,
        None => Found::Nowhere,
    };
    Ok(Look { head, found })
}

async fn rebroadcast(lane: &Lane, sent: Sent) {
    let transaction = sent.transaction;
    let Some(signed) = lane.signed(sent) else {
        tracing::warn!(%transaction, "the node lost a transaction that this process did not sign: it cannot be sent again");
        return;
    };
    tracing::warn!(%transaction, "the node does not have a transaction under way: sending it again");
    if let Err(killed) = lane.broadcast(&signed).await {
        tracing::warn!(%transaction, %killed, "not sent again");
    }
}

fn settled(receipt: &WireReceipt, mined: Mined) -> Settlement {
    if succeeded(receipt) { Settlement::Settled(mined) } else { Settlement::Reverted(mined) }
}
