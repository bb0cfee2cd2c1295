//! The built-in files, what is refused, what the operator may add, and what is found at an address.

use std::collections::BTreeSet;

use agent_core::{Interest, units::BlockNumber};
use alloy::primitives::{Address, B256, keccak256};
use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::endpoint::fake_node::{Reply, fake};

const MINE: &str = r#"
name = "mine"
verified = "a test"
[chain_id]
value = 4242
at = "https://example.org/chain"
says = "4242"
read = "2026-11-22"
[pace.block_ms]
value = 1_500
at = "https://example.org/chain"
says = "1.5 s"
read = "2026-11-22"
[pace.finality]
value = "safe"
at = "https://example.org/chain"
says = "safe"
read = "2026-11-22"
[pace.confirmations]
value = 3
at = "ours"
says = "a test"
read = "2026-11-22"
[pace.reorg_depth]
value = 64
at = "ours"
says = "a test"
read = "2026-11-22"
[fees.model]
value = "eip1559"
at = "https://example.org/fees"
says = "gas"
read = "2026-11-22"
[[addresses]]
role = "pool"
address = "0x0000000000000000000000000000000000000abc"
at = "https://example.org/pool"
says = "the pool"
read = "2026-11-22"
"#;

fn built_in() -> ChainProfiles {
    ChainProfiles::built_in().unwrap()
}

/// What is said to a file that differs from `MINE` in one place.
fn check(from: &str, to: &str, said: &Expect) {
    assert!(MINE.contains(from), "{from} is not in the file");
    let error = built_in().add(&MINE.replacen(from, to, 1)).unwrap_err();
    said.assert_eq(&error.to_string());
}

#[test]
fn the_built_in_ones_say_what_the_sources_say() {
    let profiles = built_in();
    let lines = profiles.iter().map(|profile| {
        let ChainProfile { name, pace, order_flow, addresses, .. } = profile;
        let tip = profile.tip();
        format!(
            "{name} {}: {} ms, {:?} or {} deep, {} remembered, {:?}, tip {} to {}, {} ways, {} addresses\n",
            profile.chain().0,
            pace.block_ms.value,
            pace.finality.value,
            pace.confirmations.value,
            pace.reorg_depth.value,
            profile.fee_model(),
            tip.floor,
            tip.cap,
            order_flow.len(),
            addresses.len(),
        )
    });
    expect![[r#"
        arbitrum 42161: 250 ms, Finalized or 5 deep, 256 remembered, Arbitrum, tip 1000000 to 5000000000, 1 ways, 9 addresses
        base 8453: 2000 ms, Finalized or 10 deep, 256 remembered, OpStack { oracle: 0x420000000000000000000000000000000000000f }, tip 1000000 to 5000000000, 1 ways, 8 addresses
        bnb 56: 450 ms, Finalized or 8 deep, 256 remembered, Eip1559, tip 50000000 to 5000000000, 1 ways, 9 addresses
        devnet 31337: 1000 ms, Depth or 1 deep, 256 remembered, Eip1559, tip 1000000 to 5000000000, 0 ways, 0 addresses
        ethereum 1: 12000 ms, Finalized or 15 deep, 128 remembered, Eip1559, tip 1000000 to 5000000000, 5 ways, 9 addresses
        op 10: 2000 ms, Finalized or 10 deep, 256 remembered, OpStack { oracle: 0x420000000000000000000000000000000000000f }, tip 1000000 to 5000000000, 1 ways, 9 addresses
        polygon 137: 2000 ms, Finalized or 64 deep, 256 remembered, Eip1559, tip 25000000000 to 100000000000, 0 ways, 9 addresses
    "#]]
    .assert_eq(&lines.collect::<String>());
}

#[test]
fn every_chain_is_there_once_and_only_the_devnet_was_run() {
    let profiles = built_in();
    let ids: BTreeSet<_> = profiles.iter().map(ChainProfile::chain).collect();
    assert_eq!(ids.len(), profiles.iter().count());
    for profile in profiles.iter() {
        assert_eq!(profiles.named(&profile.name), Ok(profile));
        assert_eq!(profiles.of_chain(profile.chain()), Some(profile));
        let run = profile.verified.starts_with("run: ");
        assert_eq!(run, profile.name == "devnet", "{}", profile.verified);
    }
}

#[test]
fn a_facts_source_is_for_the_chain_not_from_this_repository() {
    for profile in built_in().iter().filter(|profile| profile.name != "devnet") {
        let cited = profile.addresses.iter().map(|known| &known.at);
        for at in cited.chain(profile.order_flow.iter().map(|flow| &flow.at)).chain([&profile.chain_id.at]) {
            assert!(at.starts_with("https://"), "{}: {at}", profile.name);
        }
    }
}

#[test]
fn seconds_are_rounded_up() {
    let seconds = |name: &str| built_in().named(name).unwrap().block_seconds().get();
    assert_eq!(["ethereum", "base", "bnb", "arbitrum"].map(seconds), [12, 2, 1, 1]);
}

#[test]
fn a_fact_without_a_source_is_refused() {
    let nowhere = expect![
        "chain profile mine is wrong: address `pool` has no source; write into `at` the https:// address where it was read"
    ];
    check("https://example.org/pool", "", &nowhere);
    check("https://example.org/pool", "ours", &nowhere);
    check(
        "https://example.org/fees",
        "my memory",
        &expect![
            "chain profile mine is wrong: fees.model has no source; write into `at` the https:// address where it was read"
        ],
    );
    check(
        "says = \"the pool\"",
        "says = \" \"",
        &expect![
            "chain profile mine is wrong: address `pool` has an empty `says`; write what stands at its source"
        ],
    );
    check(
        "read = \"2026-11-22\"",
        "read = \"yesterday\"",
        &expect![
            "chain profile mine is wrong: chain_id has no date; write into `read` the day as YYYY-MM-DD"
        ],
    );
    check("says = \"the pool\"\n", "", &expect!["chain profile is wrong in line 34: missing field `says`"]);
}

#[test]
fn what_does_not_fit_is_refused_in_one_sentence() {
    check(
        "name = \"mine\"",
        "name = mine",
        &expect![[
            r#"chain profile is wrong in line 2: string values must be quoted, expected literal string"#
        ]],
    );
    check(
        "name = \"mine\"",
        "name = \"Mine!\"",
        &expect!["chain profile Mine! is wrong: `name` must be lower case letters, digits and `-`"],
    );
    check(
        "\"safe\"",
        "\"probably\"",
        &expect![
            "chain profile is wrong in line 15: unknown variant `probably`, expected one of `depth`, `safe`, `finalized`"
        ],
    );
    check(
        "\"eip1559\"",
        "\"op_stack\"",
        &expect![
            "chain profile mine is wrong: fee model `op_stack` needs `fees.oracle`, the address of the GasPriceOracle"
        ],
    );
    check(
        "value = 4242",
        "value = 8453",
        &expect!["chain profile mine is wrong: chain 8453 has the profile `base` already; use that name"],
    );
    check(
        "[[addresses]]",
        "[[order_flow]]\nname = \"a\"\nkind = \"builder\"\nurl = \"http://a\"\nat = \"https://a\"\nsays = \"a\"\nread = \"2026-11-22\"\n[[addresses]]",
        &expect!["chain profile mine is wrong: the url of order flow `a` must begin with https://"],
    );
    check(
        "value = 3",
        "value = 0",
        &expect!["chain profile is wrong in line 20: invalid value: integer `0`, expected a nonzero u64"],
    );
    let unknown = built_in().named("solana").unwrap_err().to_string();
    expect!["there is no chain profile `solana`; the known ones are arbitrum, base, bnb, devnet, ethereum, op, polygon, and a TOML file adds another"]
        .assert_eq(&unknown);
}

#[test]
fn a_file_replaces_sections_of_a_built_in_one() {
    let mut profiles = built_in();
    let before = profiles.named("base").unwrap().clone();
    let mine = "name = \"base\"\n[[order_flow]]\nname = \"mine\"\nkind = \"private_rpc\"\nurl = \"https://rpc.example\"\n\
                at = \"https://docs.example\"\nsays = \"mine\"\nread = \"2026-11-22\"";
    profiles.add(mine).unwrap();
    let after = profiles.named("base").unwrap();
    assert_eq!(after.order_flow.iter().map(|flow| flow.name.as_str()).collect::<Vec<_>>(), ["mine"]);
    assert_eq!(ChainProfile { order_flow: before.order_flow.clone(), ..after.clone() }, before);

    let unknown = profiles.add("name = \"base\"\nflow = 1").unwrap_err().to_string();
    assert!(unknown.starts_with("chain profile base is wrong: unknown field `flow`"), "{unknown}");
    let moved = profiles.add(&MINE.replace("\"mine\"", "\"base\"")).unwrap_err().to_string();
    assert_eq!(
        moved,
        "chain profile base is wrong: its chain is 8453, not 4242; give another chain another name"
    );
    assert_eq!(profiles.named("base").unwrap().order_flow.len(), 1, "what was refused changes nothing");
}

#[tokio::test]
async fn code_is_compared_with_its_hash_and_with_what_was_there_before() {
    let (full, empty) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let endpoint = fake(move |method, params| match method {
        "eth_getCode" if params[0] == json!(full) => Reply::Is(json!("0x6001")),
        "eth_getCode" => Reply::Is(json!("0x")),
        "eth_getBlockByNumber" => Reply::Is(json!({
            "hash": B256::repeat_byte(9), "parentHash": B256::repeat_byte(8), "number": "0x9", "timestamp": "0x9",
            "baseFeePerGas": "0x1", "logsBloom": format!("0x{}", "0".repeat(512)),
        })),
        _ => Reply::Refuses(-1, "not asked for"),
    });
    let mut profile = built_in().named("op").unwrap().clone();
    let used = [("router".to_owned(), full), ("quoter".to_owned(), empty)];
    let hash = keccak256([0x60, 0x01]);
    let verdicts = async |profile: &ChainProfile, seen: &SeenCode| {
        let findings = profile.check(&endpoint, &used, seen).await.unwrap();
        findings.iter().map(|finding| (finding.verdict, finding.is_fit())).collect::<Vec<_>>()
    };
    let nothing = (CodeVerdict::NoCode, false);

    let seen = SeenCode::new();
    assert_eq!(verdicts(&profile, &seen).await, [(CodeVerdict::FirstSeen, true), nothing]);
    let seen = SeenCode::from([(full, hash)]);
    assert_eq!(verdicts(&profile, &seen).await, [(CodeVerdict::AsBefore, true), nothing]);
    let before = B256::repeat_byte(5);
    let seen = SeenCode::from([(full, before)]);
    assert_eq!(verdicts(&profile, &seen).await, [(CodeVerdict::Changed { before }, false), nothing]);

    profile.addresses[0].address = full;
    profile.addresses[0].code_hash = Some(hash);
    assert_eq!(verdicts(&profile, &seen).await, [(CodeVerdict::AsCited, true), nothing]);
    profile.addresses[0].code_hash = Some(before);
    assert_eq!(
        verdicts(&profile, &seen).await,
        [(CodeVerdict::NotAsCited { cited: before }, false), nothing]
    );
}

#[tokio::test]
#[ignore = "needs anvil"]
async fn a_chain_that_is_only_a_file_works() {
    use futures::StreamExt;

    use crate::{
        EvmReader, ReaderConfig,
        anvil::{Anvil, LOGGER},
    };

    let mut profiles = built_in();
    profiles.add(MINE).unwrap();
    let mine = profiles.named("mine").unwrap();
    let anvil = Anvil::start_on(mine.chain(), &["--chain-id", "4242"]).await;

    let config = ReaderConfig { depth: mine.pace.reorg_depth.value, ..ReaderConfig::usual() };
    anvil.log(7).await;
    let reader = EvmReader::new(anvil.endpoint.clone(), config);
    let mut events = agent_core::ports::Reader::events(&reader, BlockNumber(0), Vec::<Interest>::new());
    assert!(events.next().await.is_some());

    let used = [("logger".to_owned(), LOGGER), ("pool".to_owned(), mine.address("pool").unwrap())];
    let findings = mine.check(&anvil.endpoint, &used, &SeenCode::new()).await.unwrap();
    let fit: Vec<_> = findings.iter().map(Finding::is_fit).collect();
    assert_eq!(fit, [true, false], "{findings:?}");
    let head = anvil.endpoint.latest().await.unwrap().block.hash;
    let fee = mine.data_fee(&anvil.endpoint, &[1, 2, 3], head).await.unwrap();
    assert_eq!(fee.0, alloy::primitives::U256::ZERO);
}
