//! A node in memory with a state for every block, for tests: it answers what a simulator fetches, and counts.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use alloy::primitives::{Address, B256, Bytes, U64, U256, keccak256};
use serde_json::{Value, json};

use crate::endpoint::{
    Endpoint,
    fake_node::{Reply, fake},
};

/// One account after one block.
#[derive(Debug, Clone, Default)]
pub(super) struct FakeAccount {
    pub(super) balance: u64,
    pub(super) nonce: u64,
    pub(super) code: Bytes,
    pub(super) slots: BTreeMap<U256, U256>,
}

/// One block and the state after it.
#[derive(Debug, Clone, Default)]
pub(super) struct FakeBlock {
    pub(super) number: u64,
    pub(super) accounts: BTreeMap<Address, FakeAccount>,
}

/// Blocks by hash, and which is the latest.
#[derive(Debug, Default)]
pub(super) struct FakeWorld {
    pub(super) blocks: Mutex<BTreeMap<B256, FakeBlock>>,
    pub(super) latest: Mutex<B256>,
    pub(super) asked: Mutex<BTreeMap<String, usize>>,
}

impl FakeWorld {
    pub(super) fn with(hash: B256, block: FakeBlock) -> Arc<Self> {
        let world = Arc::new(Self::default());
        world.add(hash, block);
        world
    }

    pub(super) fn add(&self, hash: B256, block: FakeBlock) {
        self.blocks.lock().unwrap().insert(hash, block);
        *self.latest.lock().unwrap() = hash;
    }

    /// How often a method was asked.
    pub(super) fn asked(&self, method: &str) -> usize {
        self.asked.lock().unwrap().get(method).copied().unwrap_or_default()
    }

    /// An endpoint to it. What it does not know itself, `more` answers.
    pub(super) fn endpoint(
        self: &Arc<Self>,
        more: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
    ) -> Endpoint {
        let world = self.clone();
        fake(move |method, params| {
            *world.asked.lock().unwrap().entry(method.to_owned()).or_default() += 1;
            world.answer(method, params).map_or_else(|| more(method, params), Reply::Is)
        })
    }

    /// The answer to what it knows.
    pub(super) fn answer(&self, method: &str, params: &Value) -> Option<Value> {
        let read = |value: &Value| serde_json::from_value::<B256>(value.clone()).unwrap();
        match method {
            "eth_getBlockByNumber" if params[0] == "latest" => {
                Some(self.header(*self.latest.lock().unwrap()))
            }
            "eth_getBlockByNumber" => {
                let number: U64 = serde_json::from_value(params[0].clone()).unwrap();
                Some(json!({ "hash": ancestor(number.to()) }))
            }
            "eth_getBlockByHash" => Some(self.header(read(&params[0]))),
            "eth_call" if params[0]["to"].is_null() => {
                let data: Bytes = serde_json::from_value(params[0]["input"].clone()).unwrap();
                Some(self.probe(&data, read(&params[1]["blockHash"])))
            }
            "eth_getTransactionCount" if params[1]["blockHash"].is_null() => None,
            "eth_getTransactionCount" => Some(json!(U64::from(self.account(params, 1).nonce))),
            "eth_getCode" => Some(json!(self.account(params, 1).code)),
            "eth_getStorageAt" => {
                let slot: U256 = serde_json::from_value(params[1].clone()).unwrap();
                let value = self.account(params, 2).slots.get(&slot).copied().unwrap_or_default();
                Some(json!(B256::from(value)))
            }
            _ => None,
        }
    }

    fn header(&self, hash: B256) -> Value {
        let number = self.blocks.lock().unwrap()[&hash].number;
        json!({ "hash": hash, "parentHash": B256::ZERO, "number": U64::from(number), "gasLimit": "0x1c9c380",
            "timestamp": U64::from(1_000 + 12 * number), "baseFeePerGas": "0x3b9aca00",
            "miner": BUILDER, "mixHash": keccak256(hash) })
    }

    fn account(&self, params: &Value, block: usize) -> FakeAccount {
        let address: Address = serde_json::from_value(params[0].clone()).unwrap();
        let hash: B256 = serde_json::from_value(params[block]["blockHash"].clone()).unwrap();
        self.blocks.lock().unwrap()[&hash].accounts.get(&address).cloned().unwrap_or_default()
    }

    /// What the probe answers: a zero word, then hash and balance of each.
    fn probe(&self, data: &Bytes, hash: B256) -> Value {
        let blocks = self.blocks.lock().unwrap();
        let mut words = vec![B256::ZERO];
        for address in data[usize::from(data[1])..].chunks(20).map(Address::from_slice) {
            let account = blocks[&hash].accounts.get(&address);
            words.push(account.map(|account| keccak256(&account.code)).unwrap_or_default());
            words.push(U256::from(account.map(|account| account.balance).unwrap_or_default()).into());
        }
        json!(Bytes::from(words.concat()))
    }
}

pub(super) const BUILDER: Address = Address::repeat_byte(0xbb);

/// The hash of the canonical block of a number, where one is asked for by number.
pub(super) fn ancestor(number: u64) -> B256 {
    B256::left_padding_from(&number.to_be_bytes())
}
