//! Two opinions that agree, differ, or are one.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::num::NonZeroU64;

use agent_core::ports::{Frame, SimulatedOutcome};
use alloy::primitives::{Address, B256, Bytes, U64, bytes};
use serde_json::{Value, json};

use super::*;
use crate::{
    endpoint::fake_node::Reply,
    simulator::{
        Hardfork, RevmSimulatorConfig,
        fake_world::{FakeAccount, FakeBlock, FakeWorld},
    },
};

mod against_anvil;

const SENDER: Address = Address::repeat_byte(0x5e);
const PAYER: Address = Address::repeat_byte(0xc0);
/// Pays the caller 100 wei and returns 7.
const PAYS: Bytes = bytes!("5f5f5f5f606433 5af150 60075f5260205ff3");
const GAS: u64 = 30_000;

fn request() -> SimulationRequest {
    SimulationRequest {
        ahead: Vec::new(),
        frame: Frame { from: SENDER, to: Some(PAYER), data: Bytes::new() },
        gas_limit: 1_000_000,
        watch: vec![(SENDER, Asset::Native)],
    }
}

/// `eth_simulateV1`'s answer of a frame between two measurements.
fn simulated(gas: u64, change: u64, returned: u64) -> Value {
    let word = |value: u64| Bytes::from(U256::from(value).to_be_bytes::<32>());
    let call =
        |gas: u64, word: Bytes| json!({ "status": "0x1", "gasUsed": U64::from(gas), "returnData": word });
    let calls = [call(1, word(1_000)), call(gas, word(returned)), call(1, word(1_000 + change))];
    json!([{ "calls": calls }])
}

async fn check(
    without: WithoutOpinion,
    node: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> Result<Execution, String> {
    let payer = FakeAccount { balance: 1_000_000, code: PAYS, nonce: 1, ..FakeAccount::default() };
    let sender = FakeAccount { balance: 1_000, ..FakeAccount::default() };
    let block = FakeBlock { number: 9, accounts: [(PAYER, payer), (SENDER, sender)].into() };
    let world = FakeWorld::with(B256::repeat_byte(9), block);
    let endpoint = world.endpoint(move |method, _| match method {
        "eth_createAccessList" => Reply::Refuses(-32601, "the method does not exist"),
        other => node(other),
    });
    let config = RevmSimulatorConfig { block_time: NonZeroU64::MIN, hardfork: Hardfork::default() };
    let local = RevmSimulator::new(endpoint.clone(), config);
    let checked = CheckedSimulator::new(local, endpoint, without);
    checked.execute(request()).await.map_err(|failure| failure.to_string())
}

async fn gas() -> u64 {
    let most = WithoutOpinion::AtMost([(Asset::Native, U256::from(100))].into());
    check(most, |_| Reply::Breaks).await.unwrap().simulation.gas_used
}

#[tokio::test]
async fn what_differs_is_named_with_both_sides() {
    let gas = gas().await;
    assert!(gas < GAS, "{gas}");
    let differs = async |answer: Value| {
        check(WithoutOpinion::Refuse, move |_| Reply::Is(answer.clone())).await.unwrap_err()
    };
    let agreed = check(WithoutOpinion::Refuse, move |_| Reply::Is(simulated(gas, 100, 7))).await.unwrap();
    assert_eq!((agreed.simulation.outcome, agreed.simulation.gas_used), (SimulatedOutcome::Success, gas));
    let error = differs(simulated(GAS, 100, 7)).await;
    assert!(error.contains(&format!("it uses {gas} gas here and {GAS} at the node")), "{error}");
    let error = differs(simulated(gas, 99, 7)).await;
    assert!(
        error.contains("the native coin balance of") && error.contains("by 100 here and by 99"),
        "{error}"
    );
    let error = differs(simulated(gas, 100, 8)).await;
    assert!(error.contains("it returns 0x"), "{error}");
    let mut reverts = simulated(gas, 100, 7);
    reverts[0]["calls"][1]["status"] = json!("0x0");
    let error = differs(reverts).await;
    assert!(error.contains("it ends in Success here and in Revert"), "{error}");
}

#[tokio::test]
async fn without_a_second_opinion_little_may_move() {
    let most = |wei: u64| WithoutOpinion::AtMost([(Asset::Native, U256::from(wei))].into());
    for without in [WithoutOpinion::Refuse, most(99), WithoutOpinion::AtMost(BTreeMap::new())] {
        let error = check(without, |_| Reply::Breaks).await.unwrap_err();
        assert!(error.contains("no second opinion"), "{error}");
    }
    assert_eq!(check(most(100), |_| Reply::Breaks).await.unwrap().simulation.variants.len(), 4);
}

#[tokio::test]
async fn a_node_without_the_method_is_asked_by_eth_call() {
    let call = |returned: u64| {
        move |method: &str| match method {
            "eth_simulateV1" => Reply::Refuses(-32601, "the method eth_simulateV1 does not exist"),
            "eth_call" => Reply::Is(json!(B256::from(U256::from(returned)))),
            other => panic!("{other}"),
        }
    };
    assert!(check(WithoutOpinion::Refuse, call(7)).await.is_ok());
    let error = check(WithoutOpinion::Refuse, call(8)).await.unwrap_err();
    assert!(error.contains("it returns"), "{error}");
    let reverts = |method: &str| match method {
        "eth_call" => Reply::Refuses(3, "execution reverted"),
        _ => Reply::Refuses(-32601, "the method eth_simulateV1 does not exist"),
    };
    let error = check(WithoutOpinion::Refuse, reverts).await.unwrap_err();
    assert!(error.contains("it ends in Success here and in Revert"), "{error}");
    let neither = |_: &str| Reply::Refuses(-32601, "the method does not exist");
    let error = check(WithoutOpinion::Refuse, neither).await.unwrap_err();
    assert!(error.contains("no second opinion"), "{error}");
}
