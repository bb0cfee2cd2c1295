//! The facts of a mined transaction.

use agent_core::{
    BalanceDelta, Mined,
    units::{Asset, BlockNumber, BlockRef, Wei},
};
use alloy::primitives::{Address, B256, U64, U256};

use crate::{
    balance::delta,
    endpoint::{Endpoint, RpcFailure, wire::WireReceipt},
};

/// Collects the facts. Fails only when the node cannot be reached; a balance that the node no longer knows (a pruned
/// state, a token that no longer answers) is left out, with a warning.
pub(super) async fn facts(
    endpoint: &Endpoint,
    transaction: B256,
    receipt: &WireReceipt,
    watch: &[(Address, Asset)],
) -> Result<Mined, RpcFailure> {
    let method = "eth_getBlockByHash";
    let head = endpoint.head_of(receipt.block_hash).await?;
    let head =
        head.ok_or_else(|| RpcFailure::unreadable(method, "the block of a final receipt is unknown"))?;
    let mut deltas = Vec::with_capacity(watch.len());
    for (holder, asset) in watch {
        match change(endpoint, *holder, *asset, head.parent, head.block.hash).await {
            Ok(change) => deltas.push(change),
            Err(failure) if failure.is_of_the_line() => return Err(failure),
            Err(failure) => {
                tracing::warn!(%transaction, %holder, ?asset, %failure, "a settled balance is left out");
            }
        }
    }
    let gas_used = receipt.gas_used.to();
    Ok(Mined {
        transaction,
        block: BlockRef { number: BlockNumber(receipt.block_number.to()), ..head.block },
        gas_used,
        gas_paid: gas_paid(receipt),
        deltas,
        created: receipt.contract_address.filter(|_| succeeded(receipt)),
    })
}

pub(super) fn succeeded(receipt: &WireReceipt) -> bool {
    receipt.status == U64::from(1)
}

/// Gas at its price, and what an OP-stack chain charges for the data.
fn gas_paid(receipt: &WireReceipt) -> Wei {
    let gas = Wei::for_gas(receipt.gas_used.to(), receipt.effective_gas_price.to()).unwrap_or(Wei(U256::MAX));
    Wei(gas.0.saturating_add(receipt.l1_fee.unwrap_or_default()))
}

async fn change(
    endpoint: &Endpoint,
    holder: Address,
    asset: Asset,
    parent: B256,
    block: B256,
) -> Result<BalanceDelta, RpcFailure> {
    let before = endpoint.balance(holder, asset, parent).await?;
    let after = endpoint.balance(holder, asset, block).await?;
    delta(holder, asset, before, after)
        .ok_or_else(|| RpcFailure::unreadable("eth_call", "the change does not fit"))
}
