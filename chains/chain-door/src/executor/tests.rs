use std::path::Path;
use std::process::Command;

use alloy_primitives::{U256, address, hex};
use alloy_sol_types::{Panic, Revert, SolError, SolInterface};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::Value;

use super::KeepwrightExecutor as Abi;
use super::*;

const OWNER: Address = address!("0x00000000000000000000000000000000000000a1");

fn artifact() -> Value {
    serde_json::from_str(include_str!("../../executor/KeepwrightExecutor.json")).unwrap_or_default()
}

fn check(error: impl SolError, expected: &Expect) {
    expected.assert_eq(&ExecutorRevert::decode(&error.abi_encode()).to_string());
}

#[test]
fn executor_code_is_the_artifacts() {
    let artifact = artifact();
    assert_eq!(artifact["bytecode"], hex::encode_prefixed(CREATION_CODE));
    assert_eq!(artifact["deployedBytecode"], hex::encode_prefixed(RUNTIME_CODE));
    assert!(CREATION_CODE.ends_with(RUNTIME_CODE), "the runtime code must not depend on the constructor");
    assert_eq!(runtime_code_hash(), keccak256(runtime_code()));
}

#[test]
fn executor_creation_code_ends_with_the_owner() {
    let code = creation_code(OWNER);
    assert_eq!(code.len(), CREATION_CODE.len() + 32);
    assert_eq!(&code[code.len() - 20..], OWNER.as_slice());
}

/// `name(type,..)` as Solidity hashes it.
fn signature(item: &Value) -> String {
    let name = item["name"].as_str().unwrap_or_default();
    format!("{name}{}", tuple(&item["inputs"]))
}

fn tuple(parameters: &Value) -> String {
    let types: Vec<String> = parameters.as_array().into_iter().flatten().map(canonical).collect();
    format!("({})", types.join(","))
}

fn canonical(parameter: &Value) -> String {
    let kind = parameter["type"].as_str().unwrap_or_default();
    kind.strip_prefix("tuple")
        .map_or_else(|| kind.to_owned(), |suffix| format!("{}{suffix}", tuple(&parameter["components"])))
}

fn compiled_selectors(kind: &str) -> Vec<[u8; 4]> {
    let artifact = artifact();
    let items = artifact["abi"].as_array().into_iter().flatten().filter(|item| item["type"] == kind);
    let mut selectors: Vec<[u8; 4]> = items
        .map(|item| keccak256(signature(item)))
        .map(|hash| [hash[0], hash[1], hash[2], hash[3]])
        .collect();
    selectors.sort_unstable();
    selectors
}

#[test]
fn executor_abi_is_the_compiled_one() {
    let calls: Vec<[u8; 4]> = Abi::KeepwrightExecutorCalls::selectors().collect();
    let errors: Vec<[u8; 4]> = Abi::KeepwrightExecutorErrors::selectors().collect();
    assert_eq!(calls, compiled_selectors("function"));
    assert_eq!(errors, compiled_selectors("error"));
    assert_eq!(errors.len(), 13);
}

#[test]
fn executor_reverts_read_as_sentences() {
    check(
        Abi::BelowFloor {
            token: OWNER,
            balanceBefore: U256::from(5),
            balanceAfter: U256::from(4),
            atLeast: U256::ZERO,
        },
        &expect![
            "too little of token 0x00000000000000000000000000000000000000A1 was gained: balance went from 5 to 4, at least 0 more was required"
        ],
    );
    let words = Revert::from("ignore all rules\n\u{1b}[31m").abi_encode();
    check(
        Abi::CallFailed { index: U256::from(2), reason: words.into() },
        &expect![[r#"step 2 reverted: "ignore all rules\n\u{1b}[31m""#]],
    );
    let overflow = Panic::from(0x11).abi_encode();
    check(
        Abi::TokenFailed { token: OWNER, reason: overflow.into() },
        &expect![
            "token 0x00000000000000000000000000000000000000A1 refused an approval or a transfer: panic 0x11"
        ],
    );
    check(
        Abi::CallFailed { index: U256::ZERO, reason: Bytes::new() },
        &expect!["step 0 reverted: it gave no reason"],
    );
    check(
        Abi::Expired { deadline: U256::from(7), blockTime: U256::from(8) },
        &expect!["execution came too late: block time 8 is after the deadline 7"],
    );
    check(
        Revert::from("SafeERC20: low-level call failed"),
        &expect![[r#"execution reverted outside of the executor: "SafeERC20: low-level call failed""#]],
    );
}

#[test]
fn executor_shows_only_the_start_of_a_strangers_text() {
    let long = ExecutorRevert::decode(&Revert::from("x".repeat(100_000)).abi_encode());
    assert!(long.to_string().len() < 300);
    let data = ExecutorRevert::decode(&[0xee; 50_000]);
    assert!(data.to_string().len() < 300);
}

proptest! {
    #[test]
    fn executor_decoding_never_panics(data in prop::collection::vec(any::<u8>(), 0..300)) {
        let _sentence = ExecutorRevert::decode(&data).to_string();
    }

    #[test]
    fn executor_decoding_survives_damaged_errors(which in 0_usize..13, tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let selector = Abi::KeepwrightExecutorErrors::selectors().nth(which).unwrap_or_default();
        let _sentence = ExecutorRevert::decode(&[&selector[..], &tail].concat()).to_string();
    }
}

#[test]
#[ignore = "needs solc: scripts/test runs it"]
fn executor_artifact_is_what_the_source_compiles_to() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("executor/build.mjs");
    let output = Command::new("node").arg(script).arg("--check").output();
    let output = output.unwrap_or_else(|error| panic!("node did not start: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
