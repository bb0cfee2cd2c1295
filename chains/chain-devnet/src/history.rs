//! What happens to the chain itself, and to what waits for it: times, reorganisations, lost transactions, nonces that somebody
//! else uses.

use alloy::primitives::{Address, B256, Bytes, TxHash};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use serde_json::json;

use crate::chain::refused;
use crate::devnet::Devnet;
use crate::error::Result;
use crate::manifest::Head;

/// What becomes of the transactions of blocks that a reorganisation takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// They are gone, as if nobody had sent them.
    Dropped,
    /// They wait in the pool again, as far as their accounts are not impersonated.
    Pending,
}

impl Devnet {
    /// Makes a block at each of these times, in seconds since 1970.
    ///
    /// # Errors
    /// Where one of them lies before the block ahead of it.
    pub async fn mine_at(&self, timestamps: impl IntoIterator<Item = u64>) -> Result<()> {
        for timestamp in timestamps {
            self.set_next_block_timestamp(timestamp).await?;
            self.mine(1).await?;
        }
        Ok(())
    }

    /// Replaces the last `depth` blocks by empty ones of the same numbers, and returns the new head. The node tells
    /// subscribers of the new heads and not of the logs that are gone (no `removed: true`): a client learns of it by the
    /// parents' hashes. Where the node mines at once, transactions that are [`Orphans::Pending`] are in new blocks right
    /// away.
    ///
    /// # Errors
    /// Where the chain is shorter than that, or the node refuses.
    pub async fn reorg(&self, depth: u64, orphans: Orphans) -> Result<Head> {
        let mut lost = Vec::new();
        if orphans == Orphans::Pending {
            lost = self.raw_transactions(depth).await?;
        }
        let replaced = self.provider().raw_request("anvil_reorg".into(), json!([depth, []])).await;
        let () = replaced.map_err(refused("anvil_reorg"))?;
        let head = self.latest_block().await?;
        for raw in lost {
            self.chain().send_raw(&raw).await?;
        }
        Ok(head)
    }

    /// The transactions of the last so many blocks, as they were sent.
    async fn raw_transactions(&self, depth: u64) -> Result<Vec<Bytes>> {
        let head = self.latest_block().await?.number;
        let first = head.saturating_sub(depth).saturating_add(1);
        let mut raws = Vec::new();
        for number in first..=head {
            let block = self.provider().get_block_by_number(number.into());
            let block = block.await.map_err(refused("eth_getBlockByNumber"))?;
            let hashes: Vec<B256> =
                block.map(|block| block.transactions.hashes().collect()).unwrap_or_default();
            for hash in hashes {
                let raw = self.provider().raw_request("eth_getRawTransactionByHash".into(), (hash,)).await;
                let raw: Option<Bytes> = raw.map_err(refused("eth_getRawTransactionByHash"))?;
                raws.extend(raw);
            }
        }
        Ok(raws)
    }

    /// Throws a transaction out of the pool. Returns whether it was there.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn drop_transaction(&self, hash: TxHash) -> Result<bool> {
        let dropped = self.provider().anvil_drop_transaction(hash).await;
        dropped.map(|dropped| dropped.is_some()).map_err(refused("anvil_dropTransaction"))
    }

    /// Uses a nonce of an account behind its owner's back: a transfer of nothing to itself, which offers so much for a unit
    /// of gas, in wei. It takes the place of a pending transaction with that nonce where it offers more (anvil wants no tenth
    /// more, as other nodes do). In [`Mining::Manual`](crate::Mining::Manual) it stays pending.
    ///
    /// # Errors
    /// Where the nonce is used, the offer is too low, or the account has no ether.
    pub async fn use_nonce(&self, account: Address, nonce: u64, max_fee_per_gas: u128) -> Result<TxHash> {
        let is_unlocked = self.manifest().accounts.iter().any(|known| known.address == account);
        if is_unlocked {
            return self.chain().use_nonce(account, nonce, max_fee_per_gas).await;
        }
        let provider = self.provider();
        provider.anvil_impersonate_account(account).await.map_err(refused("anvil_impersonateAccount"))?;
        let sent = self.chain().use_nonce(account, nonce, max_fee_per_gas).await;
        let stopped = provider.anvil_stop_impersonating_account(account).await;
        stopped.map_err(refused("anvil_stopImpersonatingAccount"))?;
        sent
    }
}
