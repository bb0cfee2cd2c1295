//! That no block's state is taken for another's, and that contracts which look for a simulation are found out.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::collections::BTreeMap;

use agent_core::{ports::Frame, units::Asset};
use alloy::primitives::{Address, B256, Bytes, I256, U256, bytes, keccak256};
use futures::future::join_all;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::{
    endpoint::fake_node::Reply,
    simulator::fake_world::{FakeAccount, FakeBlock, FakeWorld, ancestor},
};

mod pills;

pub(super) const SENDER: Address = Address::repeat_byte(0x5e);
const CONTRACT: Address = Address::repeat_byte(0xc0);
/// Returns the slots 0 and the one that slot 0 names.
const CHAIN_OF_SLOTS: Bytes = bytes!("5f545f52" "5f5154602052" "60405ff3");

pub(super) fn config() -> RevmSimulatorConfig {
    RevmSimulatorConfig { block_time: NonZeroU64::new(12).unwrap(), hardfork: Hardfork::default() }
}

pub(super) fn request(to: Address) -> SimulationRequest {
    SimulationRequest {
        ahead: Vec::new(),
        frame: Frame { from: SENDER, to: Some(to), data: Bytes::new() },
        gas_limit: 1_000_000,
        watch: vec![(SENDER, Asset::Native)],
    }
}

fn no_more(method: &str, _: &serde_json::Value) -> Reply {
    match method {
        "eth_createAccessList" => Reply::Refuses(-32601, "the method does not exist"),
        other => panic!("{other}"),
    }
}

/// The state after a block: everything in it follows from the block's hash.
fn block_of(hash: B256, number: u64) -> FakeBlock {
    let word = |seed: u8| U256::from_be_bytes(keccak256([hash.as_slice(), &[seed]].concat()).0);
    let pointer = word(0) % U256::from(4) + U256::from(10);
    let mut slots = BTreeMap::from([(U256::ZERO, pointer)]);
    slots.extend((10..14).map(|slot| (U256::from(slot), word(slot))));
    // Another code on every other block: the same, with something behind it.
    let mut code = CHAIN_OF_SLOTS.to_vec();
    code.extend(vec![0xfe; usize::from(hash[0] & 1)]);
    let contract = FakeAccount { slots, code: code.into(), nonce: 1, ..FakeAccount::default() };
    let sender = FakeAccount { balance: word(1).as_limbs()[0] >> 1, ..FakeAccount::default() };
    FakeBlock { number, accounts: BTreeMap::from([(CONTRACT, contract), (SENDER, sender)]) }
}

fn expected(block: &FakeBlock) -> Bytes {
    let slots = &block.accounts[&CONTRACT].slots;
    let pointer = slots[&U256::ZERO];
    [pointer.to_be_bytes::<32>(), slots[&pointer].to_be_bytes::<32>()].concat().into()
}

/// Blocks and forks in any order, several simulations at once: each sees its own block's state.
async fn mix_blocks(seed: u64, steps: usize) {
    let mut random = StdRng::seed_from_u64(seed);
    let world = FakeWorld::with(B256::ZERO, block_of(B256::ZERO, 0));
    let simulator = RevmSimulator::new(world.endpoint(no_more), config());
    let mut hashes = vec![B256::ZERO];
    for step in 0..steps {
        if random.random_bool(0.4) {
            let hash = B256::from(random.random::<[u8; 32]>());
            world.add(hash, block_of(hash, random.random_range(0..8)));
            hashes.push(hash);
        }
        let newest = hashes.len().saturating_sub(4);
        let chosen: Vec<B256> = (0..3).map(|_| hashes[random.random_range(newest..hashes.len())]).collect();
        let runs = join_all(chosen.iter().map(|hash| simulator.execute_at(*hash, request(CONTRACT)))).await;
        for (hash, ran) in chosen.iter().zip(runs) {
            let ran = ran.unwrap();
            let block = world.blocks.lock().unwrap()[hash].clone();
            assert_eq!(ran.returned, expected(&block), "seed {seed}, step {step}");
            assert_eq!(ran.simulation.at.hash, *hash, "seed {seed}, step {step}");
        }
    }
}

#[tokio::test]
async fn no_state_is_of_another_block() {
    for seed in 0..24 {
        mix_blocks(seed, 24).await;
    }
}

#[tokio::test]
async fn code_is_fetched_once_and_again_when_it_changed() {
    let block = |first: u8, number| {
        let mut hash = B256::repeat_byte(7);
        hash[0] = first;
        hash[1] = number;
        (hash, block_of(hash, number.into()))
    };
    let (hash, first) = block(0, 1);
    let world = FakeWorld::with(hash, first);
    let simulator = RevmSimulator::new(world.endpoint(no_more), config());
    simulator.execute(request(CONTRACT)).await.unwrap();
    let asked = world.asked("eth_getCode");
    let (hash, same) = block(0, 2);
    world.add(hash, same);
    simulator.execute(request(CONTRACT)).await.unwrap();
    assert_eq!(world.asked("eth_getCode"), asked, "code of a known hash");
    let (hash, other) = block(1, 3);
    world.add(hash, other.clone());
    let ran = simulator.execute(request(CONTRACT)).await.unwrap();
    assert_eq!((world.asked("eth_getCode"), ran.returned), (asked + 1, expected(&other)));
}

#[tokio::test]
async fn what_was_read_is_fetched_ahead_until_it_is_idle() {
    let world = Arc::new(FakeWorld::default());
    let simulator = RevmSimulator::new(world.endpoint(no_more), config());
    let mut trips = Vec::new();
    for number in 1..=3 {
        let hash = B256::with_last_byte(number);
        world.add(hash, block_of(B256::ZERO, number.into()));
        let before = simulator.round_trips();
        simulator.execute(request(CONTRACT)).await.unwrap();
        trips.push(simulator.round_trips() - before);
    }
    assert!(trips[0] > 3 && trips[1..] == [2, 2], "{trips:?}");

    let mut asked = Vec::new();
    for number in 4..=9 {
        world.add(B256::with_last_byte(number), block_of(B256::ZERO, number.into()));
        let before = world.asked("eth_getStorageAt");
        simulator.execute(request(SENDER)).await.unwrap();
        asked.push(world.asked("eth_getStorageAt") - before);
    }
    assert_eq!(asked, [2, 2, 2, 2, 0, 0]);
}

#[tokio::test]
async fn a_node_that_contradicts_itself_is_not_believed() {
    let world = FakeWorld::with(B256::ZERO, block_of(B256::ZERO, 1));
    let liar = crate::endpoint::fake_node::fake(move |method, params| match method {
        "eth_getCode" => Reply::Is(serde_json::json!("0x6001")),
        _ => world.answer(method, params).map_or_else(|| no_more(method, params), Reply::Is),
    });
    let error = RevmSimulator::new(liar, config()).execute(request(CONTRACT)).await.unwrap_err();
    assert!(matches!(error, SimulationFailure::Contradiction { .. }), "{error}");
}

#[tokio::test]
async fn hashes_of_ancestors_are_of_this_chain_or_an_error() {
    // Returns the hash of the block whose number is two less than this one's.
    let code = bytes!("6002430340" "5f5260205ff3");
    let contract = FakeAccount { code, nonce: 1, ..FakeAccount::default() };
    let block = FakeBlock { number: 9, accounts: BTreeMap::from([(CONTRACT, contract)]) };
    let world = FakeWorld::with(ancestor(9), block.clone());
    let simulator = RevmSimulator::new(world.endpoint(no_more), config());
    let ran = simulator.execute(request(CONTRACT)).await.unwrap();
    assert_eq!(ran.returned.as_ref(), ancestor(8).as_slice());
    // The same, on a block that is not canonical.
    world.add(B256::repeat_byte(1), block);
    let error = simulator.execute(request(CONTRACT)).await.unwrap_err();
    assert!(matches!(error, SimulationFailure::Reorganised { .. }), "{error}");
}

#[tokio::test]
async fn nobody_is_led_around_for_ever() {
    // Reads slot after slot, each named by the one before.
    let code = bytes!("5f" "5b" "54" "80" "6001" "57" "00");
    let slots = (0..200).map(|slot| (U256::from(slot), U256::from(slot + 1))).collect();
    let contract = FakeAccount { code, slots, nonce: 1, ..FakeAccount::default() };
    let block = FakeBlock { number: 9, accounts: BTreeMap::from([(CONTRACT, contract)]) };
    let world = FakeWorld::with(ancestor(9), block);
    let error =
        RevmSimulator::new(world.endpoint(no_more), config()).execute(request(CONTRACT)).await.unwrap_err();
    assert!(matches!(error, SimulationFailure::Wandering { .. }), "{error}");
}

#[tokio::test]
async fn what_no_block_can_contain_is_an_error() {
    let world = FakeWorld::with(B256::ZERO, block_of(B256::ZERO, 1));
    let simulator = RevmSimulator::new(world.endpoint(no_more), config());
    for gas_limit in [20_000, 40_000_000] {
        let error = simulator.execute(SimulationRequest { gas_limit, ..request(CONTRACT) }).await;
        assert!(matches!(error, Err(SimulationFailure::Invalid { .. })), "{gas_limit}: {error:?}");
    }
}

pub(super) fn gained(deltas: &[agent_core::BalanceDelta]) -> I256 {
    deltas[0].change
}
