//! Many contract reads at one block: through Multicall3 where the chain has it, one call each where it does not.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use agent_core::{Answered, Query, units::BlockRef};
use alloy::{
    primitives::{Address, B256, Bytes, address},
    sol,
    sol_types::SolCall,
};
use futures::{FutureExt, StreamExt, TryStreamExt};

use crate::endpoint::{Endpoint, RpcFailure};

/// Where Multicall3 is on every chain that has it.
pub(super) const MULTICALL3: Address = address!("0xcA11bde05977b3631167028862bE2a173976CA11");
/// Queries in one call: what 50 million gas, the usual limit of a node, answer safely.
const TOGETHER: usize = 250;
/// Calls that are under way at the same time.
const AT_ONCE: usize = 16;

sol! {
    struct Call3 { address target; bool allowFailure; bytes callData; }
    struct Result3 { bool success; bytes returnData; }
    function aggregate3(Call3[] calls) returns (Result3[] returnData);
}

/// Reads, and remembers whether the chain has Multicall3.
#[derive(Debug, Clone, Default)]
pub(super) struct Multicall {
    present: Arc<AtomicBool>,
}

impl Multicall {
    /// Answers all `queries` at the newest block. All answers are of one node; when it fails, others are asked for all of
    /// them.
    pub(super) async fn read(
        &self,
        endpoint: &Endpoint,
        queries: &[Query],
    ) -> Result<(BlockRef, Vec<Answered>), RpcFailure> {
        let method = "eth_call";
        let mut last = Err(RpcFailure::NoNode { method });
        for (tried, one) in endpoint.each(method)?.iter().enumerate() {
            if tried > 0 && !endpoint.may_retry() {
                break;
            }
            last = self.read_of_one(one, queries).await;
            match &last {
                Err(failure) if failure.another_may_answer() => {}
                _answered => break,
            }
        }
        last
    }

    async fn read_of_one(
        &self,
        endpoint: &Endpoint,
        queries: &[Query],
    ) -> Result<(BlockRef, Vec<Answered>), RpcFailure> {
        // The node that gives the head has its state; another may not yet.
        let block = endpoint.latest().await?.block;
        let answers = if queries.len() > 1 && self.is_present(endpoint, block.hash).await? {
            let parts = queries.chunks(TOGETHER).map(|part| together(endpoint, block.hash, part).boxed());
            let parts: Vec<_> = parts.collect();
            futures::stream::iter(parts).buffered(AT_ONCE).try_concat().await?
        } else {
            one_by_one(endpoint, block.hash, queries).await?
        };
        Ok((block, answers))
    }

    async fn is_present(&self, endpoint: &Endpoint, block: B256) -> Result<bool, RpcFailure> {
        // Only a yes is remembered: it may be deployed tomorrow.
        if !self.present.load(Ordering::Relaxed) {
            let code = endpoint.code(MULTICALL3, block).await?;
            self.present.store(!code.is_empty(), Ordering::Relaxed);
        }
        Ok(self.present.load(Ordering::Relaxed))
    }
}

/// One call for all; when the node refuses that (one query may have eaten all gas), each by itself.
async fn together(endpoint: &Endpoint, block: B256, queries: &[Query]) -> Result<Vec<Answered>, RpcFailure> {
    let calls = queries.iter().map(|query| Call3 {
        target: query.to,
        allowFailure: true,
        callData: query.data.clone(),
    });
    let data = aggregate3Call { calls: calls.collect() }.abi_encode();
    let answer = match endpoint.call(MULTICALL3, &data.into(), block).await {
        Err(refusal) if refusal.is_refusal() => return one_by_one(endpoint, block, queries).await,
        other => other?,
    };
    let results = aggregate3Call::abi_decode_returns(&answer)
        .map_err(|error| RpcFailure::unreadable("eth_call", error.to_string()))?;
    if results.len() != queries.len() {
        return Err(RpcFailure::unreadable("eth_call", "multicall answered another number of calls"));
    }
    let answered =
        |result: Result3| if result.success { Ok(result.returnData) } else { Err(result.returnData) };
    Ok(results.into_iter().map(answered).collect())
}

async fn one_by_one(
    endpoint: &Endpoint,
    block: B256,
    queries: &[Query],
) -> Result<Vec<Answered>, RpcFailure> {
    let calls: Vec<_> = queries.iter().map(|query| single(endpoint, block, query).boxed()).collect();
    futures::stream::iter(calls).buffered(AT_ONCE).try_collect().await
}

async fn single(endpoint: &Endpoint, block: B256, query: &Query) -> Result<Answered, RpcFailure> {
    match endpoint.call(query.to, &query.data, block).await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(failure) => failure.revert_data().map(|data: Bytes| Err(data)).ok_or(failure),
    }
}
