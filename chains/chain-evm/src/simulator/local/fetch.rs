//! State of one block from the node, in as few round trips as it takes.

use std::sync::atomic::{AtomicU64, Ordering};

use agent_core::ports::Frame;
use alloy::primitives::{Address, B256, Bytes, U64, U256, bytes};
use revm::state::AccountInfo;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    cache::Cache,
    state::{Key, Known, Misses},
};
use crate::{
    endpoint::{Endpoint, Question, RpcFailure, at},
    simulator::{SimulationFailure, parent::Parent},
};

/// Answers with a zero word and then, for each address behind this code, its code's hash and its balance. It runs as a
/// creation that is called only: every node can do that, with no contract there and no override.
const PROBE: Bytes =
    bytes!("602e60205b38821015602a57601482600c39600051803f825231816020015260400190601401906004565b6000f3");
/// Addresses that one probe is asked about: its answer counts as the code of a contract, which may not be long.
const PROBED_AT_ONCE: usize = 100;
/// Gas for a probe, most of it for the length of its answer.
const PROBE_GAS: u64 = 10_000_000;

/// Fetches at one block, by its hash.
#[derive(Debug)]
pub(super) struct Fetcher {
    endpoint: Endpoint,
    round_trips: AtomicU64,
}

impl Fetcher {
    pub(super) const fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, round_trips: AtomicU64::new(0) }
    }

    pub(super) fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// The newest block.
    pub(super) async fn latest(&self) -> Result<Parent, RpcFailure> {
        self.count();
        Parent::latest(&self.endpoint).await
    }

    /// The block of this hash.
    pub(super) async fn block(&self, hash: B256) -> Result<Parent, RpcFailure> {
        self.count();
        Parent::of(&self.endpoint, hash).await
    }

    /// What the node thinks that a frame touches. It is a hint: what it leaves out is missed later, and what it names in
    /// vain is read for nothing. No hint when the node has none to give.
    pub(super) async fn hint(&self, parent: &Parent, frame: &Frame, gas_limit: u64) -> Misses {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Item {
            address: Address,
            storage_keys: Vec<U256>,
        }
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct List {
            access_list: Vec<Item>,
        }
        self.count();
        let call =
            json!({ "from": frame.from, "to": frame.to, "input": frame.data, "gas": U64::from(gas_limit) });
        let list: Result<List, _> =
            self.endpoint.ask("eth_createAccessList", (call, at(parent.block.hash))).await;
        let items = list.map(|list| list.access_list).unwrap_or_default();
        items
            .into_iter()
            .flat_map(|item| {
                let slots = item.storage_keys.into_iter().map(move |slot| Key::Slot(item.address, slot));
                slots.chain([Key::Account(item.address)])
            })
            .collect()
    }

    /// The values of `wanted` after `parent`. One round trip, and one more for contracts that were never seen before at
    /// their address, and for hashes of ancestors.
    pub(super) async fn fetch(
        &self,
        cache: &Cache,
        parent: &Parent,
        wanted: &Misses,
    ) -> Result<Vec<Known>, SimulationFailure> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let plan = Plan::of(cache, wanted);
        let mut answers = self.ask(plan.questions(parent)).await?.into_iter();
        let probed = probed(&plan.accounts, &mut answers)?;
        let nonces: Vec<U64> = read_each("eth_getTransactionCount", &mut answers, plan.accounts.len())?;
        let codes: Vec<Bytes> = read_each("eth_getCode", &mut answers, plan.unseen.len())?;
        codes.into_iter().for_each(|code| cache.codes().keep(code));
        let values: Vec<U256> = read_each("eth_getStorageAt", &mut answers, plan.slots.len())?;
        self.fetch_changed_codes(cache, parent, &probed).await?;

        let mut known = Vec::with_capacity(wanted.len());
        for (probed, nonce) in probed.into_iter().zip(nonces) {
            known.push(Known::Account(probed.address, probed.account(cache, nonce.to())?));
        }
        let slots = plan.slots.iter().zip(values);
        known.extend(slots.map(|((address, slot), value)| Known::Slot(*address, *slot, value)));
        known.extend(self.ancestors(parent, &plan.hashes).await?);
        Ok(known)
    }

    /// The code of accounts that have another one than when they were last seen.
    async fn fetch_changed_codes(
        &self,
        cache: &Cache,
        parent: &Parent,
        probed: &[Probed],
    ) -> Result<(), RpcFailure> {
        let lacks = |probed: &&Probed| {
            !probed.code_hash.is_zero() && cache.codes().get(probed.address, probed.code_hash).is_none()
        };
        let questions: Vec<_> =
            probed.iter().filter(lacks).map(|probed| code_of(probed.address, parent)).collect();
        let lacking = questions.len();
        let mut answers = self.ask(questions).await?.into_iter();
        let codes: Vec<Bytes> = read_each("eth_getCode", &mut answers, lacking)?;
        codes.into_iter().for_each(|code| cache.codes().keep(code));
        Ok(())
    }

    /// Hashes of ancestors. They can only be asked for by number, so the block itself is looked up the same way after them:
    /// while it is canonical, so are they.
    async fn ancestors(&self, parent: &Parent, numbers: &[u64]) -> Result<Vec<Known>, SimulationFailure> {
        #[derive(Deserialize)]
        struct Block {
            hash: B256,
        }
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let method = "eth_getBlockByNumber";
        let block = |number: u64| (method, json!([U64::from(number), false]));
        let ancestors = self.ask(numbers.iter().map(|number| block(*number)).collect()).await?;
        let hashes: Vec<Block> = read_each(method, &mut ancestors.into_iter(), numbers.len())?;
        let itself = self.ask(vec![block(parent.block.number.0)]).await?;
        let itself: Vec<Block> = read_each(method, &mut itself.into_iter(), 1)?;
        if itself.first().is_none_or(|found| found.hash != parent.block.hash) {
            return Err(SimulationFailure::Reorganised { block: parent.block });
        }
        let known = numbers.iter().zip(hashes).map(|(number, block)| Known::Hash(*number, block.hash));
        Ok(known.collect())
    }

    async fn ask(&self, questions: Vec<Question>) -> Result<Vec<Value>, RpcFailure> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        self.count();
        self.endpoint.ask_all(questions).await
    }

    fn count(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is wanted, sorted by kind.
#[derive(Debug, Default)]
struct Plan {
    accounts: Vec<Address>,
    /// Those whose code was never seen.
    unseen: Vec<Address>,
    slots: Vec<(Address, U256)>,
    hashes: Vec<u64>,
}

impl Plan {
    fn of(cache: &Cache, wanted: &Misses) -> Self {
        let mut plan = Self::default();
        for key in wanted {
            match key {
                Key::Account(address) => plan.accounts.push(*address),
                Key::Slot(address, slot) => plan.slots.push((*address, *slot)),
                Key::Hash(number) => plan.hashes.push(*number),
            }
        }
        let codes = cache.codes();
        plan.unseen = plan.accounts.iter().copied().filter(|account| !codes.has_last_of(*account)).collect();
        plan
    }

    fn questions(&self, parent: &Parent) -> Vec<Question> {
        let block = at(parent.block.hash);
        let probe = |accounts: &[Address]| {
            let mut data = PROBE.to_vec();
            data.extend(accounts.iter().flat_map(|account| account.as_slice()));
            let call = json!({ "input": Bytes::from(data), "gas": U64::from(PROBE_GAS) });
            ("eth_call", json!([call, block]))
        };
        let nonce = |account: &Address| ("eth_getTransactionCount", json!([account, block]));
        let slot = |(account, slot): &(Address, U256)| {
            ("eth_getStorageAt", json!([account, B256::from(*slot), block]))
        };
        let probes = self.accounts.chunks(PROBED_AT_ONCE).map(probe);
        let nonces = self.accounts.iter().map(nonce);
        let codes = self.unseen.iter().map(|account| code_of(*account, parent));
        probes.chain(nonces).chain(codes).chain(self.slots.iter().map(slot)).collect()
    }
}

fn code_of(account: Address, parent: &Parent) -> Question {
    ("eth_getCode", json!([account, at(parent.block.hash)]))
}

/// What a probe said of an account.
#[derive(Debug)]
struct Probed {
    address: Address,
    /// Zero where there is nobody.
    code_hash: B256,
    balance: U256,
}

impl Probed {
    fn account(&self, cache: &Cache, nonce: u64) -> Result<Option<AccountInfo>, SimulationFailure> {
        if self.code_hash.is_zero() {
            return Ok(None);
        }
        let (balance, code_hash, address) = (self.balance, self.code_hash, self.address);
        let code = cache.codes().get(address, code_hash);
        let code = code.ok_or(SimulationFailure::Contradiction { address })?;
        Ok(Some(AccountInfo { balance, nonce, code_hash, code: Some(code), ..AccountInfo::default() }))
    }
}

/// Reads the probes' answers.
fn probed(
    accounts: &[Address],
    answers: &mut impl Iterator<Item = Value>,
) -> Result<Vec<Probed>, RpcFailure> {
    let mut probed = Vec::with_capacity(accounts.len());
    for accounts in accounts.chunks(PROBED_AT_ONCE) {
        let answer: Vec<Bytes> = read_each("eth_call", answers, 1)?;
        let words = answer.iter().flat_map(|answer| answer.chunks_exact(32)).map(B256::from_slice);
        let words: Vec<B256> = words.skip(1).collect();
        let (pairs, rest) = words.as_chunks::<2>();
        if pairs.len() != accounts.len() || !rest.is_empty() {
            return Err(RpcFailure::unreadable("eth_call", "the probe of accounts was not answered in full"));
        }
        let found = accounts.iter().zip(pairs);
        probed.extend(found.map(|(address, [code_hash, balance])| Probed {
            address: *address,
            code_hash: *code_hash,
            balance: U256::from_be_bytes(balance.0),
        }));
    }
    Ok(probed)
}

fn read_each<T: DeserializeOwned>(
    method: &'static str,
    answers: &mut impl Iterator<Item = Value>,
    count: usize,
) -> Result<Vec<T>, RpcFailure> {
    let read = |answer| {
        serde_json::from_value(answer).map_err(|error| RpcFailure::unreadable(method, error.to_string()))
    };
    let read: Result<Vec<T>, _> = answers.take(count).map(read).collect();
    let read = read?;
    if read.len() == count { Ok(read) } else { Err(RpcFailure::unreadable(method, "an answer is missing")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_begins_with_a_byte_that_code_may_begin_with() {
        // Its length is where the addresses begin.
        assert_eq!(PROBE.get(1).copied().map(usize::from), Some(PROBE.len()));
    }
}
