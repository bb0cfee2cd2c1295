//! A chain in memory that grows with (paused) time, and nodes that tell of it, some of them falsely.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy::primitives::{Address, B256, U64, U256};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fake_node::{Reply, Script};
use crate::anvil::LOGGER;

/// What a node does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    None,
    /// Behind by so many blocks.
    Stale(u64),
    /// Stuck at this block.
    Stalled(u64),
    /// Ahead by so many blocks that do not exist.
    MadeUp(u64),
    WrongChain,
    ForgedBalance,
    ForgedReceipt,
    ForgedLog,
    MissingLogs,
    Nulls,
    /// On a branch of its own from this block on.
    Fork(u64),
    Breaks,
    Hangs,
    Limits(Option<Duration>),
    /// Fails every so many-th request.
    Flaky(u64),
}

/// All of them, as one node of three may do them at second 100 or so.
pub(crate) const LIES: [Lie; 16] = [
    Lie::None,
    Lie::Stale(1),
    Lie::Stale(12),
    Lie::Stalled(95),
    Lie::MadeUp(1_000),
    Lie::WrongChain,
    Lie::ForgedBalance,
    Lie::ForgedReceipt,
    Lie::ForgedLog,
    Lie::MissingLogs,
    Lie::Nulls,
    Lie::Fork(90),
    Lie::Breaks,
    Lie::Hangs,
    Lie::Limits(Some(Duration::from_secs(3))),
    Lie::Flaky(2),
];

/// 100 blocks, and one more each second; one log in each but every fifth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FakeChain {
    began: Instant,
}

/// A node of it. What it does wrong can change while it runs.
#[derive(Clone)]
pub(crate) struct ChainNode {
    chain: FakeChain,
    lie: Arc<Mutex<Lie>>,
    pub(crate) requests: Arc<AtomicU64>,
}

impl FakeChain {
    pub(crate) fn start() -> Self {
        Self { began: Instant::now() }
    }

    pub(crate) fn length(self) -> u64 {
        100 + self.began.elapsed().as_secs()
    }

    pub(crate) fn hash(self, number: u64) -> B256 {
        hash(number, 0)
    }

    /// What `eth_getLogs` up to `to` must say: the numbers of the blocks that have one.
    pub(crate) fn logged(from: u64, to: u64) -> Vec<u64> {
        (from..=to).filter(|number| !number.is_multiple_of(5)).collect()
    }

    pub(crate) fn balance(number: u64) -> U256 {
        U256::from(number * 1_000)
    }

    pub(crate) fn node(self, lie: Lie) -> ChainNode {
        ChainNode { chain: self, lie: Arc::new(Mutex::new(lie)), requests: Arc::default() }
    }
}

fn hash(number: u64, branch: u64) -> B256 {
    B256::left_padding_from(&((branch << 40) + number + 1).to_be_bytes())
}

/// The transaction that is mined in block `number`.
pub(crate) fn transaction(number: u64) -> B256 {
    B256::left_padding_from(&(number + (1 << 60)).to_be_bytes())
}

fn number(value: &Value) -> Option<u64> {
    serde_json::from_value::<U64>(value.clone()).ok().map(|number| number.to())
}

impl ChainNode {
    pub(crate) fn chain(&self) -> FakeChain {
        self.chain
    }

    pub(crate) fn does(&self, lie: Lie) {
        *self.lie.lock().unwrap() = lie;
    }

    pub(crate) fn script(&self) -> Arc<Script> {
        let node = self.clone();
        Arc::new(move |method, params| node.reply(method, params))
    }

    fn reply(&self, method: &str, params: &Value) -> Reply {
        let asked = self.requests.fetch_add(1, Ordering::SeqCst);
        let lie = *self.lie.lock().unwrap();
        if let Lie::Flaky(every) = lie
            && asked.is_multiple_of(every)
        {
            return Reply::Breaks;
        }
        if let Lie::Limits(after) = lie {
            return Reply::Limits(after);
        }
        if lie == Lie::Breaks {
            return Reply::Breaks;
        }
        if lie == Lie::Hangs {
            return Reply::Hangs;
        }
        if lie == Lie::Nulls {
            return Reply::Is(Value::Null);
        }
        View { chain: self.chain, lie }.answer(method, params)
    }
}

/// What one node sees at one moment.
struct View {
    chain: FakeChain,
    lie: Lie,
}

impl View {
    fn length(&self) -> u64 {
        let length = self.chain.length();
        if let Lie::Stale(by) = self.lie {
            return length - by;
        }
        if let Lie::MadeUp(by) = self.lie {
            return length + by;
        }
        if let Lie::Stalled(at) = self.lie { at } else { length }
    }

    fn hash(&self, number: u64) -> B256 {
        let forked = matches!(self.lie, Lie::Fork(from) if number >= from);
        hash(number, u64::from(forked))
    }

    fn find(&self, hash: &Value) -> Option<u64> {
        let hash: B256 = serde_json::from_value(hash.clone()).unwrap();
        let number = (U256::from_be_bytes(hash.0).to::<u64>() & ((1 << 40) - 1)).checked_sub(1)?;
        (number <= self.length() && self.hash(number) == hash).then_some(number)
    }

    fn head(&self, number: u64) -> Value {
        json!({ "hash": self.hash(number), "parentHash": self.hash(number.wrapping_sub(1)),
            "number": U64::from(number), "timestamp": U64::from(number), "baseFeePerGas": "0x7" })
    }

    fn logs(&self, number: u64) -> Option<Value> {
        if self.lie == Lie::MissingLogs || number.is_multiple_of(5) {
            return None;
        }
        let topic = if self.lie == Lie::ForgedLog { number + 7_000_000 } else { number };
        Some(
            json!({ "address": LOGGER, "topics": [B256::left_padding_from(&topic.to_be_bytes())], "data": "0x",
            "blockNumber": U64::from(number), "blockHash": self.hash(number), "logIndex": "0x0" }),
        )
    }

    fn answer(&self, method: &str, params: &Value) -> Reply {
        let unknown = Reply::Refuses(-32000, "header not found");
        Reply::Is(match method {
            "eth_chainId" => json!(U64::from(if self.lie == Lie::WrongChain { 7 } else { 31337 })),
            "eth_getBlockByNumber" => {
                let asked = number(&params[0]).unwrap_or_else(|| match params[0].as_str() {
                    Some("finalized") => self.length() - 10,
                    _ => self.length(),
                });
                if asked <= self.length() { self.head(asked) } else { Value::Null }
            }
            "eth_getBlockByHash" => self.find(&params[0]).map_or(Value::Null, |number| self.head(number)),
            "eth_getLogs" if params[0]["blockHash"].is_string() => {
                // As some nodes do: nothing, rather than a refusal, for a block that it does not have.
                self.find(&params[0]["blockHash"])
                    .into_iter()
                    .filter_map(|number| self.logs(number))
                    .collect()
            }
            "eth_getLogs" => {
                let blocks =
                    [&params[0]["fromBlock"], &params[0]["toBlock"]].map(|block| number(block).unwrap());
                (blocks[0]..=blocks[1].min(self.length())).filter_map(|number| self.logs(number)).collect()
            }
            "eth_getBalance" => match self.find(&params[1]["blockHash"]) {
                Some(number) => {
                    json!(FakeChain::balance(number) + U256::from(u8::from(self.lie == Lie::ForgedBalance)))
                }
                None => return unknown,
            },
            "eth_getTransactionReceipt" => self.receipt(&params[0]),
            other => panic!("{other}"),
        })
    }

    fn receipt(&self, asked: &Value) -> Value {
        let mined = (0..=self.length()).rev().find(|number| *asked == json!(transaction(*number)));
        mined.map_or(Value::Null, |number| {
            let status = u64::from(self.lie != Lie::ForgedReceipt);
            json!({ "blockHash": self.hash(number), "blockNumber": U64::from(number), "status": U64::from(status),
                "gasUsed": "0x5208", "effectiveGasPrice": "0x1", "contractAddress": Address::ZERO })
        })
    }
}
