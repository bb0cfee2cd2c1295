//! What this crate asks a node, each question once.

use agent_core::{
    Head,
    units::{Asset, BlockNumber},
};
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use serde_json::{Value, json};

use crate::balance::{balance_in, balance_of};

use super::{
    Endpoint, RpcFailure,
    wire::{WireFeeHistory, WireHead, WireLog, WireLogs, WireReceipt},
};

/// A method and its parameters.
pub(crate) type Question = (&'static str, Value);

/// Questions in one batch: some nodes take no more, and many limit the size of an answer.
const BATCH: usize = 100;
/// Batches on their way at the same time.
const BATCHES: usize = 4;

impl Endpoint {
    /// Asks many questions at once, in JSON-RPC batches. All are answered, in their order, or the first failure is the
    /// answer.
    pub(crate) async fn ask_all(&self, questions: Vec<Question>) -> Result<Vec<Value>, RpcFailure> {
        let batches = questions.chunks(BATCH).map(|batch| self.ask_batch(batch.to_vec()).boxed());
        let batches: Vec<BoxFuture<'_, _>> = batches.collect();
        let answers: Vec<Vec<Value>> = stream::iter(batches).buffered(BATCHES).try_collect().await?;
        Ok(answers.concat())
    }

    async fn ask_batch(&self, questions: Vec<Question>) -> Result<Vec<Value>, RpcFailure> {
        let method = questions.first().map_or("nothing", |(method, _)| method);
        Ok(self.pool.ask_batch(self.only, method, &questions).await?.0)
    }

    /// The newest head.
    pub(crate) async fn latest(&self) -> Result<Head, RpcFailure> {
        Ok(self.latest_from().await?.0)
    }

    /// The canonical head at `number`, or `None` when the chain is not that long.
    pub(crate) async fn head_at(&self, number: BlockNumber) -> Result<Option<Head>, RpcFailure> {
        let head: Option<WireHead> = self.ask("eth_getBlockByNumber", (U64::from(number.0), false)).await?;
        Ok(head.map(Head::from))
    }

    /// The head of this hash, or `None` when the node does not know it.
    pub(crate) async fn head_of(&self, hash: B256) -> Result<Option<Head>, RpcFailure> {
        let head: Option<WireHead> = self.ask("eth_getBlockByHash", (hash, false)).await?;
        Ok(head.map(Head::from))
    }

    /// The logs that `filter` names.
    pub(crate) async fn logs(&self, filter: &Value) -> Result<Vec<WireLog>, RpcFailure> {
        let logs: WireLogs = self.ask("eth_getLogs", (filter,)).await?;
        Ok(logs.0)
    }

    /// Calls `to` in the state after `block`.
    pub(crate) async fn call(&self, to: Address, data: &Bytes, block: B256) -> Result<Bytes, RpcFailure> {
        let call = json!({ "to": to, "input": data, "data": data });
        self.ask("eth_call", (call, at(block))).await
    }

    /// The code at `address` after `block`.
    pub(crate) async fn code(&self, address: Address, block: B256) -> Result<Bytes, RpcFailure> {
        self.ask("eth_getCode", (address, at(block))).await
    }

    /// The native balance of `holder` after `block`.
    async fn native_balance(&self, holder: Address, block: B256) -> Result<U256, RpcFailure> {
        self.ask("eth_getBalance", (holder, at(block))).await
    }

    /// The native balance of `holder` after the newest block.
    pub(crate) async fn newest_balance(&self, holder: Address) -> Result<U256, RpcFailure> {
        self.ask("eth_getBalance", (holder, "latest")).await
    }

    /// The balance of `holder` after `block`; a token that does not answer like one is a failure.
    pub(crate) async fn balance(
        &self,
        holder: Address,
        asset: Asset,
        block: B256,
    ) -> Result<U256, RpcFailure> {
        let Asset::Token(token) = asset else { return self.native_balance(holder, block).await };
        let answer = self.call(token, &balance_of(holder), block).await?;
        balance_in(&answer).ok_or_else(|| RpcFailure::unreadable("eth_call", "balanceOf gave no number"))
    }

    /// How many transactions `address` has sent, the pool's included.
    pub(crate) async fn pending_nonce(&self, address: Address) -> Result<u64, RpcFailure> {
        let count: U64 = self.ask("eth_getTransactionCount", (address, "pending")).await?;
        Ok(count.to())
    }

    /// How many transactions of `address` are mined up to the head.
    pub(crate) async fn mined_nonce(&self, address: Address) -> Result<u64, RpcFailure> {
        let count: U64 = self.ask("eth_getTransactionCount", (address, "latest")).await?;
        Ok(count.to())
    }

    /// How many transactions of `address` are mined up to the canonical block `number`.
    pub(crate) async fn nonce_at(&self, address: Address, number: BlockNumber) -> Result<u64, RpcFailure> {
        let count: U64 = self.ask("eth_getTransactionCount", (address, U64::from(number.0))).await?;
        Ok(count.to())
    }

    /// The receipt of a mined transaction.
    pub(crate) async fn receipt(&self, transaction: B256) -> Result<Option<WireReceipt>, RpcFailure> {
        self.ask("eth_getTransactionReceipt", (transaction,)).await
    }

    /// Whether the transaction is mined on this chain, as far as a quorum of the nodes knows.
    ///
    /// # Errors
    /// When no node can be asked, or not enough of them agree.
    pub async fn has_mined(&self, transaction: B256) -> Result<bool, RpcFailure> {
        Ok(self.agreed_receipt(transaction).await?.is_some())
    }

    /// Whether the node has the transaction, mined or pending.
    pub(crate) async fn has_transaction(&self, transaction: B256) -> Result<bool, RpcFailure> {
        let found: Option<Value> = self.ask("eth_getTransactionByHash", (transaction,)).await?;
        Ok(found.is_some())
    }

    /// Base fees and median tips of the last `blocks` blocks.
    pub(crate) async fn fee_history(&self, blocks: u64) -> Result<WireFeeHistory, RpcFailure> {
        self.ask("eth_feeHistory", (U64::from(blocks), "latest", [50])).await
    }
}

/// A block by hash, which a reorg cannot turn into another one (EIP-1898).
pub(crate) fn at(block: B256) -> Value {
    json!({ "blockHash": block })
}
