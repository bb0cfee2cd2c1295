//! Against nodes that lie, lack the method, or do not take creations.

use agent_core::ports::Frame;
use alloy::primitives::{B256, Bytes, I256, U64, U256};
use serde_json::{Value, json};

use super::*;
use crate::endpoint::fake_node::{Reply, fake};

mod against_anvil;

const TOKEN: Address = Address::with_last_byte(7);
const HOLDER: Address = Address::with_last_byte(8);

fn request() -> SimulationRequest {
    SimulationRequest {
        ahead: Vec::new(),
        frame: Frame { from: HOLDER, to: Some(TOKEN), data: Bytes::new() },
        gas_limit: 100_000,
        watch: vec![(HOLDER, Asset::Token(TOKEN)), (HOLDER, Asset::Native)],
    }
}

fn call(status: u64, data: impl Into<Bytes>) -> Value {
    json!({ "status": U64::from(status), "gasUsed": "0x5208", "returnData": data.into(), "logs": [] })
}

fn word(value: u64) -> Value {
    call(1, U256::from(value).to_be_bytes::<32>().to_vec())
}

fn head() -> Value {
    json!({ "hash": B256::with_last_byte(5), "parentHash": B256::with_last_byte(4), "number": "0x5",
        "timestamp": "0x64", "baseFeePerGas": "0x7", "gasLimit": "0x1c9c380" })
}

async fn check(calls: Vec<Value>) -> Result<Simulation, String> {
    let endpoint = fake(move |method, params| match method {
        "eth_getBlockByNumber" => Reply::Is(head()),
        "eth_simulateV1" => {
            assert_eq!(params[0]["blockStateCalls"][0]["blockOverrides"]["time"], "0x70", "head and 12 s");
            assert_eq!(params[1], json!({ "blockHash": B256::with_last_byte(5) }));
            Reply::Is(json!([{ "number": "0x6", "calls": calls }]))
        }
        other => panic!("{other}"),
    });
    let simulator = EvmSimulator::new(endpoint, NonZeroU64::new(12).unwrap());
    simulator.simulate(request()).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn deltas_are_balances_after_less_before() {
    let ran = check(vec![word(100), word(5), word(1), word(30), word(5)]).await.unwrap();
    assert_eq!(ran.outcome, SimulatedOutcome::Success);
    let changes: Vec<_> = ran.deltas.iter().map(|delta| delta.change).collect();
    assert_eq!(changes, [I256::try_from(-70).unwrap(), I256::ZERO]);
    assert_eq!((ran.gas_used, ran.at.number.0), (21_000, 5));
}

#[tokio::test]
async fn a_revert_is_an_answer() {
    let data = Bytes::from_static(b"boo");
    let ran = check(vec![word(1), word(5), call(0, data.clone()), word(1), word(5)]).await.unwrap();
    assert_eq!(ran.outcome, SimulatedOutcome::Revert(data));
    let out_of_gas =
        json!({ "status": "0x0", "gasUsed": "0x1", "error": { "code": -32015, "message": "out of gas" } });
    let ran = check(vec![word(1), word(5), out_of_gas, word(1), word(5)]).await.unwrap();
    assert_eq!(ran.outcome, SimulatedOutcome::Revert(Bytes::new()));
}

#[tokio::test]
async fn a_balance_that_cannot_be_measured_is_an_error_and_never_zero() {
    for garbage in [call(0, Bytes::new()), call(1, Bytes::new()), call(1, vec![0; 31]), call(1, vec![0; 64])]
    {
        let before = check(vec![garbage.clone(), word(5), word(1), word(1), word(5)]).await.unwrap_err();
        let sentence = format!("the token {TOKEN} balance of {HOLDER} cannot be measured");
        assert!(before.contains(&sentence), "{before}");
        let after = check(vec![word(1), word(5), word(1), word(1), garbage]).await.unwrap_err();
        assert!(after.contains("the native coin balance"), "{after}");
    }
    assert!(check(vec![word(1), word(5), word(1), word(1)]).await.unwrap_err().contains("not every call"));
}

#[tokio::test]
async fn a_node_without_the_method_is_named() {
    let endpoint = fake(|method, _| match method {
        "eth_getBlockByNumber" => Reply::Is(head()),
        _ => Reply::Refuses(-32601, "the method eth_simulateV1 does not exist/is not available"),
    });
    let simulator = EvmSimulator::new(endpoint, NonZeroU64::MIN);
    let error = simulator.simulate(request()).await.unwrap_err().to_string();
    assert!(error.contains("does not have eth_simulateV1"), "{error}");
}
