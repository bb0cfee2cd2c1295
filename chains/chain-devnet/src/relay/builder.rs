//! Blocks with bundles in them.
//!
//! A block is mined on trial with everything that the winning relay has for it. Where an order did not come out as it must
//! (a revert that it does not allow, its transactions not all there and in order), the trial is taken back, and the block is
//! mined again without that order. So atomicity is what the chain shows, and not what a simulation hoped.

use std::collections::BTreeMap;

use alloy::primitives::{B256, Bytes, TxHash, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use serde_json::Value;

use super::book::{Fate, Why};
use super::order::Order;
use super::server::RelayHandle;
use crate::chain::{Chain, refused};
use crate::devnet::Devnet;
use crate::error::{DevnetError, Result};
use crate::world::Inclusion;

/// Makes the devnet's blocks, each with what one relay has for it.
#[derive(Debug)]
pub struct BlockBuilder {
    chain: Chain,
    relays: Vec<RelayHandle>,
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its number.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
    /// Its transactions, in order.
    pub transactions: Vec<TxHash>,
    /// The winner's orders that are in it, by their hashes.
    pub landed: Vec<B256>,
    /// The winner's orders that were left out of it.
    pub left_out: Vec<(B256, Why)>,
}

/// A block as it came out.
struct Trial {
    number: u64,
    hash: B256,
    timestamp: u64,
    transactions: Vec<TxHash>,
}

impl BlockBuilder {
    /// A builder of this devnet's blocks, for these relays. Nobody else may mine.
    ///
    /// # Errors
    /// Where the devnet mines by itself: it must be launched with [`Mining::Manual`](crate::Mining::Manual).
    pub fn new(devnet: &Devnet, relays: impl IntoIterator<Item = RelayHandle>) -> Result<Self> {
        if devnet.inclusion() != Inclusion::Mine {
            return Err(DevnetError::unknown("block of its own, on a devnet that is not Mining::Manual"));
        }
        Ok(Self { chain: Chain::new(devnet.provider().clone()), relays: relays.into_iter().collect() })
    }

    /// Makes the next block: what is in the public pool, and the orders that the winner has for exactly this block (`None`: no
    /// relay's). All relays learn that the block is there, and drop what could land in it at the latest.
    ///
    /// A block's transactions are sorted by the node, by what they offer for gas: a bundle's come in their order or not at
    /// all, but others may stand between them.
    ///
    /// # Errors
    /// Where there is no such relay, the node refuses, or a block had to be taken back that held a transaction of an
    /// impersonated account, which cannot be sent again.
    pub async fn build(&self, winner: Option<usize>) -> Result<Built> {
        let winner = match winner {
            Some(place) => {
                Some(self.relays.get(place).ok_or_else(|| DevnetError::unknown(format!("relay {place}")))?)
            }
            None => None,
        };
        let head = self.chain.provider().get_block_number().await.map_err(refused("eth_blockNumber"))?;
        let block = head.saturating_add(1);
        let orders = winner.map(|relay| relay.0.book.borrow().waiting(block)).unwrap_or_default();
        let (trial, landed, left_out) = self.mine(orders).await?;
        let settled = landed.iter().map(|(place, order)| (*place, order.hash, Fate::Landed { block }));
        let missed = left_out
            .iter()
            .map(|(place, order, why)| (*place, order.hash, Fate::LeftOut { why: why.clone() }));
        if let Some(relay) = winner {
            relay.0.book.send_modify(|book| {
                settled.chain(missed).for_each(|(place, _, fate)| book.settle(place, block, fate));
            });
        }
        for relay in &self.relays {
            relay.0.book.send_modify(|book| book.expire(block));
        }
        Ok(Built {
            block: trial.number,
            hash: trial.hash,
            transactions: trial.transactions,
            landed: landed.into_iter().map(|(_, order)| order.hash).collect(),
            left_out: left_out.into_iter().map(|(_, order, why)| (order.hash, why)).collect(),
        })
    }

    /// Mines until every order that was put in came out as it must.
    async fn mine(
        &self,
        mut orders: Vec<(usize, Order)>,
    ) -> Result<(Trial, Vec<(usize, Order)>, Vec<(usize, Order, Why)>)> {
        let mut left_out = Vec::new();
        if orders.is_empty() {
            return Ok((self.trial(None).await?, orders, left_out));
        }
        let public = self.pool().await?;
        let mut timestamp = None;
        loop {
            let snapshot = self.chain.provider().anvil_snapshot().await.map_err(refused("evm_snapshot"))?;
            let refused_orders = self.submit(&orders, &public).await?;
            let trial = self.trial(timestamp).await?;
            timestamp = Some(trial.timestamp);
            let mut bad = refused_orders;
            for (place, order) in &orders {
                if !bad.contains_key(place)
                    && let Some(why) = self.flaw(order, &trial).await?
                {
                    bad.insert(*place, why);
                }
            }
            if bad.is_empty() {
                return Ok((trial, orders, left_out));
            }
            self.take_back(snapshot, &orders, &public).await?;
            let mut good = Vec::new();
            for (place, order) in orders {
                match bad.remove(&place) {
                    Some(why) => left_out.push((place, order, why)),
                    None => good.push((place, order)),
                }
            }
            orders = good;
        }
    }

    /// The public pool: hashes, and the raw transactions as far as the node has them.
    async fn pool(&self) -> Result<BTreeMap<TxHash, Option<Bytes>>> {
        let provider = self.chain.provider();
        let content = provider.raw_request("txpool_content".into(), ()).await;
        let content: Value = content.map_err(refused("txpool_content"))?;
        let hashes = ["pending", "queued"].into_iter().filter_map(|part| content.get(part)?.as_object());
        let hashes = hashes.flat_map(|senders| senders.values().filter_map(Value::as_object));
        let hashes: Vec<TxHash> = hashes
            .flat_map(|nonces| nonces.values())
            .filter_map(|transaction| transaction.get("hash")?.as_str()?.parse().ok())
            .collect();
        let mut pool = BTreeMap::new();
        for hash in hashes {
            let raw = provider.raw_request("eth_getRawTransactionByHash".into(), (hash,)).await;
            pool.insert(hash, raw.map_err(refused("eth_getRawTransactionByHash"))?);
        }
        Ok(pool)
    }

    /// Gives the node the orders' transactions. Returns the orders of which it refused one.
    async fn submit(
        &self,
        orders: &[(usize, Order)],
        public: &BTreeMap<TxHash, Option<Bytes>>,
    ) -> Result<BTreeMap<usize, Why>> {
        let mut bad = BTreeMap::new();
        for (place, order) in orders {
            let unknown = order.transactions.iter().filter(|one| !public.contains_key(&one.hash));
            for transaction in unknown {
                if let Err(error) = self.chain.send_raw(&transaction.bytes).await {
                    let why = Why::Refused { transaction: transaction.hash, reason: reason(&error) };
                    bad.insert(*place, why);
                    break;
                }
            }
        }
        Ok(bad)
    }

    /// Mines a block; at this time, where there is one.
    async fn trial(&self, timestamp: Option<u64>) -> Result<Trial> {
        let provider = self.chain.provider();
        if let Some(timestamp) = timestamp {
            let set = provider.anvil_set_next_block_timestamp(timestamp);
            set.await.map_err(refused("evm_setNextBlockTimestamp"))?;
        }
        provider.anvil_mine(Some(1), None).await.map_err(refused("anvil_mine"))?;
        let block = provider.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest);
        let block = block.await.map_err(refused("eth_getBlockByNumber"))?;
        let block = block.ok_or_else(|| DevnetError::unknown("latest block"))?;
        Ok(Trial {
            number: block.header.number,
            hash: block.header.hash,
            timestamp: block.header.timestamp,
            transactions: block.transactions.hashes().collect(),
        })
    }

    /// What is wrong with how an order came out.
    async fn flaw(&self, order: &Order, trial: &Trial) -> Result<Option<Why>> {
        if !order.times.contains(&trial.timestamp) {
            return Ok(Some(Why::WrongTime(trial.timestamp)));
        }
        let mut places = trial.transactions.iter();
        for transaction in &order.transactions {
            // Searching on from the one before finds them in order or not at all.
            if !places.any(|hash| *hash == transaction.hash) {
                return Ok(Some(Why::OutOfOrder(transaction.hash)));
            }
            let receipt = self.chain.provider().get_transaction_receipt(transaction.hash);
            let receipt = receipt.await.map_err(refused("eth_getTransactionReceipt"))?;
            let succeeded = receipt.is_some_and(|receipt| receipt.status());
            if !succeeded && !order.may_revert.contains(&transaction.hash) {
                return Ok(Some(Why::Reverts(transaction.hash)));
            }
        }
        Ok(None)
    }

    /// Takes the block back and leaves the pool as it was: the node forgets what was mined, and keeps what was not.
    async fn take_back(
        &self,
        snapshot: U256,
        orders: &[(usize, Order)],
        public: &BTreeMap<TxHash, Option<Bytes>>,
    ) -> Result<()> {
        let provider = self.chain.provider();
        if !provider.anvil_revert(snapshot).await.map_err(refused("evm_revert"))? {
            return Err(DevnetError::unknown(format!("snapshot {snapshot}")));
        }
        for transaction in orders.iter().flat_map(|(_, order)| &order.transactions) {
            if !public.contains_key(&transaction.hash) {
                let dropped = provider.anvil_drop_transaction(transaction.hash).await;
                dropped.map_err(refused("anvil_dropTransaction"))?;
            }
        }
        let left = self.pool().await?;
        for (hash, raw) in public.iter().filter(|(hash, _)| !left.contains_key(*hash)) {
            let raw = raw.as_ref().ok_or_else(|| DevnetError::unknown(format!("raw transaction {hash}")))?;
            self.chain.send_raw(raw).await?;
        }
        Ok(())
    }
}

/// What the node said.
fn reason(error: &DevnetError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
