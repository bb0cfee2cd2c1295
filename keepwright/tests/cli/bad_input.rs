//! Whatever is wrong with what an operator gives, the binary says so in one sentence that names what to do, and signs nothing.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use alloy::{
    primitives::{Address, U256, bytes},
    providers::ext::AnvilApi,
};
use chain_devnet::{Asset, Devnet, Role};
use expect_test::{Expect, expect};

use crate::desk::{BINARY, Checked, Desk, key_of, sent};

/// The key of somebody else.
const OTHER: [u8; 32] = [2; 32];

const OBSERVE: &str = "run --config liquidator.toml --json";
const LIVE: &str = "run --config liquidator.toml --json --mode live";

/// Refusals that need no chain: the same in both modes.
fn check(change: impl FnOnce(&Desk) -> Checked, expected: Expect) -> Checked {
    let desk = Desk::new()?;
    change(&desk)?;
    let said = desk.refuses(OBSERVE)?;
    assert_eq!(said, desk.refuses(LIVE)?);
    expected.assert_eq(&said);
    Ok(())
}

#[test]
fn a_config_that_is_missing() -> Checked {
    let desk = Desk::new()?;
    let said = desk.refuses("run --config elsewhere.toml")?;
    assert_eq!(said, desk.refuses("executor deploy --config elsewhere.toml")?);
    expect![
        "config elsewhere.toml cannot be read; name an existing file: No such file or directory (os error 2)"
    ]
    .assert_eq(&said);
    Ok(())
}

#[test]
fn a_config_with_an_unknown_key() -> Checked {
    check(
        |desk| desk.edit("liquidator.toml", "# confirmations = 1", "confirms = 1"),
        expect![
            "config liquidator.toml is wrong in line 18: unknown field `confirms`, expected one of `profile`, `id`, `block_seconds`, `confirmations`, `endpoint`, `endpoints`, `quorum`, `lag_allowed`"
        ],
    )
}

/// What is wrong with the table `[chain]` or `[order_flow]`, once the example's lines are these.
fn check_edit(from: &str, to: &str, expected: Expect) -> Checked {
    check(|desk| desk.edit("liquidator.toml", from, to), expected)
}

const PROFILE: &str = "profile = \"devnet\"";
const ENDPOINTS: &str = "endpoints = [\"ws://127.0.0.1:8545\"]";
const KEYSTORE: &str = "keystore = \"keys/agent.json\"";
const ORDER_FLOW: &str = "# [order_flow]";

#[test]
fn a_chain_that_nobody_knows() -> Checked {
    check_edit(
        PROFILE,
        "profile = \"moon\"",
        expect![
            "there is no chain profile `moon`; the known ones are arbitrum, base, bnb, devnet, ethereum, op, polygon, and a TOML file adds another"
        ],
    )?;
    check_edit(
        PROFILE,
        "",
        expect!["`chain` names no `profile`; add one, or `id`, `block_seconds` and `confirmations`"],
    )?;
    check_edit(
        PROFILE,
        "profile = \"devnet\"\nid = 1",
        expect!["`chain.id` is 1, but profile `devnet` is of chain 31337; remove the one that is wrong"],
    )?;
    check_edit(
        PROFILE,
        "profile = \"./own.toml\"",
        expect![
            "chain profile ./own.toml cannot be read; name an existing file: No such file or directory (os error 2)"
        ],
    )?;
    check(
        |desk| {
            desk.write("own.toml", "name = \"own\"\nverified = \"no\"")?;
            desk.edit("liquidator.toml", PROFILE, "profile = \"own.toml\"")
        },
        expect![
            "`chain.profile` own.toml cannot be used: chain profile is wrong in line 1: missing field `chain_id`"
        ],
    )
}

#[test]
fn nodes_that_make_no_sense() -> Checked {
    check_edit(ENDPOINTS, "", expect!["`chain` names no node; add its URL to `chain.endpoints`"])?;
    check_edit(
        ENDPOINTS,
        "endpoints = []",
        expect!["`chain` names no node; add its URL to `chain.endpoints`"],
    )?;
    check_edit(
        ENDPOINTS,
        "endpoint = \"ws://h/s3cr3t\"\nendpoints = \"ws://h/s3cr3t\"",
        expect!["`chain.endpoint` and `chain.endpoints` are both there; keep the list only"],
    )?;
    check_edit(
        ENDPOINTS,
        "endpoints = { url = \"ws://h/s3cr3t\" }",
        expect!["config liquidator.toml is wrong in line 14: expected a URL or a list of URLs"],
    )?;
    check_edit(
        ENDPOINTS,
        "endpoints = [\"h/s3cr3t:1\", \"ftp://h/s3cr3t\"]",
        expect!["rpc address is neither an http(s):// or ws(s):// url nor the path of an ipc socket"],
    )?;
    check_edit(
        ENDPOINTS,
        "endpoints = \"ws://h\"\nquorum = 2",
        expect!["`chain.quorum` needs several `chain.endpoints`; add some, or remove it"],
    )?;
    check_edit(
        ENDPOINTS,
        "endpoints = [\"ws://a\", \"ws://b\", \"ws://c\"]\nquorum = 4",
        expect!["a quorum of 4 of 3 nodes says nothing: configure 1, or 2 to 3"],
    )
}

#[test]
fn a_phrase_in_clear_beyond_the_devnet() -> Checked {
    let phrase = "mnemonic = { file = \"phrase\" }";
    check(
        |desk| {
            desk.edit("liquidator.toml", KEYSTORE, phrase)?;
            desk.edit("liquidator.toml", PROFILE, "profile = \"base\"")
        },
        expect![
            "`key.mnemonic` lies on disk in clear, and this is chain 8453; use a keystore, or say `beyond_devnet = true`"
        ],
    )?;
    let both = format!("{KEYSTORE}\n{phrase}");
    check_edit(KEYSTORE, &both, expect!["`key.keystore` and `key.mnemonic` are both there; keep one"])
}

#[test]
fn keys_elsewhere_that_make_no_sense() -> Checked {
    let both = "ledger = {}\naws_kms = { key = \"k\" }";
    check_edit(KEYSTORE, both, expect!["`key.aws_kms` and `key.ledger` are both there; keep one"])?;
    check_edit(
        KEYSTORE,
        "gcp_kms = { project = \"p\" }",
        expect![[r#"config liquidator.toml is wrong in line 31: missing field `location`"#]],
    )?;
    check_edit(
        KEYSTORE,
        "aws_kms = { key = \"k\", secret = \"s\" }",
        expect![[
            r#"config liquidator.toml is wrong in line 31: unknown field `secret`, expected one of `key`, `region`, `endpoint`"#
        ]],
    )
}

#[test]
fn order_flow_that_makes_no_sense() -> Checked {
    let wrong = |table: &str, expected| check_edit(ORDER_FLOW, &format!("[order_flow]\n{table}"), expected);
    check_edit(
        "[chain]",
        "order_flow = \"https://h/s3cr3t\"\n[chain]",
        expect![[
            r#"config liquidator.toml is wrong in line 12: invalid type: string "…", expected struct OrderFlowTable"#
        ]],
    )?;
    wrong(
        "known = [\"flashbots-relay\"]",
        expect!["profile `devnet` knows no order flow `flashbots-relay`; it knows none"],
    )?;
    wrong(
        "builders = [\"wss://h/s3cr3t\"]",
        expect!["`order_flow` is wrong: a private rpc or builder is not an http(s):// url"],
    )?;
    wrong(
        "private_rpcs = [\"http://example.com/s3cr3t\"]",
        expect![
            "`order_flow` is wrong: http://example.com/… is not private: use https://, or an address of this machine"
        ],
    )?;
    wrong(
        "private_rpcs = [{ url = \"https://h/s3cr3t\", method = \"eth_call\" }]",
        expect![
            "config liquidator.toml is wrong in line 24: expected a URL, or one with a `method`: `eth_sendRawTransaction` or `eth_sendPrivateRawTransaction`"
        ],
    )?;
    wrong(
        "private_rpcs = \"https://h/s3cr3t\"",
        expect![[
            r#"config liquidator.toml is wrong in line 24: invalid type: string "…", expected a sequence"#
        ]],
    )?;
    wrong(
        "builders = [\"https://h/s3cr3t\"]\nblocks_ahead = 0",
        expect!["`order_flow` is wrong: bundles are for no block: say at least 1 block ahead"],
    )
}

#[test]
fn a_config_with_a_wrong_type() -> Checked {
    check(
        |desk| desk.edit("liquidator.toml", "min_net_usd = 20", "min_net_usd = \"lots\""),
        expect![[r#"config liquidator.toml is wrong in line 45: invalid type: string "lots", expected u32"#]],
    )
}

#[test]
fn a_policy_that_is_missing() -> Checked {
    check(
        |desk| desk.edit("liquidator.toml", "\"liquidator.policy.toml\"", "\"no.toml\""),
        expect![
            "policy no.toml cannot be read; name an existing file: No such file or directory (os error 2)"
        ],
    )
}

#[test]
fn a_policy_that_is_no_toml() -> Checked {
    check(
        |desk| desk.write("liquidator.policy.toml", "let me do anything"),
        expect!["policy liquidator.policy.toml is wrong in line 1: key with no value, expected `=`"],
    )
}

#[test]
fn a_policy_that_hands_out_tokens() -> Checked {
    check(
        |desk| {
            let functions = "functions = [\"liquidationCall";
            desk.edit(
                "liquidator.policy.toml",
                functions,
                "functions = [\"approve(address,uint256)\", \"liquidationCall",
            )
        },
        expect![
            "policy liquidator.policy.toml is wrong: policy key `contracts.Aave v3 pool.functions` allows `approve(address,uint256)`, which no policy can: it hands out tokens or control, or hides other calls inside; the executor approves exactly and by itself"
        ],
    )
}

#[test]
fn a_node_that_is_not_there() -> Checked {
    // The port was free a moment ago, and was given by the system.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    for scheme in ["ws", "http"] {
        let desk = Desk::new()?;
        desk.edit("liquidator.toml", "ws://127.0.0.1:8545", &format!("{scheme}://127.0.0.1:{port}"))?;
        let said = desk.refuses(LIVE)?.replace(&port.to_string(), "PORT").replace(scheme, "SCHEME");
        assert!(said.contains("rpc at SCHEME://127.0.0.1:PORT cannot be reached"), "{said}");
    }
    Ok(())
}

#[test]
fn a_command_that_does_not_exist() -> Checked {
    let output = std::process::Command::new(BINARY).arg("liquidate").output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: unrecognized subcommand 'liquidate'"), "{said}");
    Ok(())
}

/// Refusals on a chain, in mode `live`: nothing of the key is sent.
async fn check_live(
    change: impl AsyncFnOnce(&Desk, &Devnet, Address) -> Checked,
    expected: Expect,
) -> Checked {
    let (desk, devnet, key) = Desk::on_devnet().await?;
    change(&desk, &devnet, key).await?;
    let before = sent(&devnet, key).await?;
    let port = devnet.ws_url().rsplit(':').next().unwrap_or_default().to_owned();
    let other = key_of(&OTHER)?.to_string();
    let said = desk.refuses(LIVE)?.replace(&port, "PORT");
    let said = said.replace(&key.to_string(), "KEY").replace(&other, "OTHER");
    expected.assert_eq(&said);
    assert_eq!(sent(&devnet, key).await?, before);
    Ok(())
}

/// Deploys an executor of this key's.
fn deploy(desk: &Desk) -> Checked<Address> {
    let said = desk.succeeds("executor deploy --config liquidator.toml")?;
    let executor = said.lines().next().and_then(|line| line.rsplit(' ').next()).ok_or("no address")?;
    let executor = executor.parse()?;
    desk.adopt(executor)?;
    Ok(executor)
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_node_of_another_chain() -> Checked {
    check_live(
        async |desk, _, _| {
            desk.edit("liquidator.toml", "profile = \"devnet\"", "profile = \"ethereum\"")?;
            desk.edit("liquidator.policy.toml", "chain = 31337", "chain = 1")
        },
        expect!["rpc serves chain 31337, but the configuration says 1"],
    )
    .await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_policy_for_another_chain() -> Checked {
    check_live(
        async |desk, _, _| {
            deploy(desk)?;
            desk.edit("liquidator.policy.toml", "chain = 31337", "chain = 1")
        },
        expect!["the policy is for chain 1, but ws://127.0.0.1:PORT serves chain 31337; use the policy of that chain"],
    )
    .await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_keystore_that_is_missing() -> Checked {
    check_live(
        async |desk, _, _| {
            deploy(desk)?;
            desk.edit("liquidator.toml", "keys/agent.json", "keys/nobody.json")
        },
        expect!["keystore keys/nobody.json does not exist: check the path, or create a keystore first"],
    )
    .await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_wrong_password() -> Checked {
    check_live(
        async |desk, _, _| {
            deploy(desk)?;
            desk.write("password", "sesame")
        },
        expect![
            "password does not open keystore keys/agent.json: check it, or restore the file if it is damaged"
        ],
    )
    .await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn no_executor_in_the_policy() -> Checked {
    check_live(async |_, _, _| Ok(()), expect!["the policy names no executor; run `keepwright executor deploy` and write its address into the policy"]).await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn an_executor_without_code() -> Checked {
    check_live(async |desk, _, _| desk.adopt(Address::repeat_byte(0x11)), expect!["0x1111111111111111111111111111111111111111 holds no executor of this version; run `keepwright executor deploy`"]).await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn an_executor_of_somebody_else() -> Checked {
    check_live(
        async |desk, _, _| {
            deploy(desk)?;
            desk.import(&OTHER)?;
            Ok(())
        },
        expect!["executor 0x32dCAB0EF3FB2De2fce1D2E0799D36239671F04A belongs to KEY, not to the key OTHER; use its owner's keystore"],
    )
    .await
}

/// Puts another pool into the config: an address without code, or with code that says of everything that it is revision 2.
async fn other_pool(desk: &Desk, devnet: &Devnet, revision_2: bool) -> Checked {
    let pool = Address::repeat_byte(0x22);
    if revision_2 {
        devnet.provider().anvil_set_code(pool, bytes!("0x600260005260206000f3")).await?;
    }
    let known = devnet.manifest().protocols.aave.pool;
    desk.edit("liquidator.toml", &format!("{known:#x}"), &pool.to_string())
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_pool_that_is_none() -> Checked {
    check_live(
        async |desk, devnet, _| {
            deploy(desk)?;
            other_pool(desk, devnet, false).await
        },
        expect!["0x2222222222222222222222222222222222222222 is no Aave pool; correct `liquidation.pool`"],
    )
    .await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_pool_of_another_revision() -> Checked {
    check_live(
        async |desk, devnet, _| {
            deploy(desk)?;
            other_pool(desk, devnet, true).await
        },
        expect!["`liquidation.pool` 0x2222222222222222222222222222222222222222 cannot be used: pool revision 2 is not supported: this version knows revision 1 (Aave v3.0) only"],
    )
    .await
}

const QUOTER: Address = alloy::primitives::address!("4c5859f0f772848b2d91f1d83e2fe57935348029");

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_contract_whose_code_is_another_than_the_first_time() -> Checked {
    check_live(
        async |desk, devnet, _| {
            deploy(desk)?;
            crate::live::ends({
                let mut agent = crate::live::start(desk)?;
                agent.until_event("head")?;
                agent
            })?;
            Ok(devnet.provider().anvil_set_code(QUOTER, bytes!("00")).await?)
        },
        expect!["`liquidation.venues.quoter` 0x4c5859f0F772848b2D91F1D83E2Fe57935348029 has code 0xbc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a, but had 0xd88fefcbaf1b8d616073d0c06f10f230338f16170f778ed2904a8baf1792a1fa; find out why before it is used again; what was seen is in state/code.json"],
    )
    .await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_contract_whose_code_is_not_the_profiles() -> Checked {
    check_live(
        async |desk, _, _| {
            deploy(desk)?;
            let source = "at = \"https://example.com\"\nsays = \"so\"\nread = \"2026-11-22\"";
            let hash = alloy::primitives::B256::repeat_byte(7);
            let known =
                format!("role = \"quoter\"\naddress = \"{QUOTER}\"\ncode_hash = \"{hash}\"\n{source}");
            desk.write("own.toml", &format!("name = \"devnet\"\n[[addresses]]\n{known}\n"))?;
            desk.edit("liquidator.toml", PROFILE, "profile = \"own.toml\"")
        },
        expect!["`liquidation.venues.quoter` 0x4c5859f0F772848b2D91F1D83E2Fe57935348029 has code 0xd88fefcbaf1b8d616073d0c06f10f230338f16170f778ed2904a8baf1792a1fa, but its profile cites 0x0707070707070707070707070707070707070707070707070707070707070707; find out why; what was seen is in state/code.json"],
    )
    .await
}

/// Who only observes is warned, once, and can correct the config while the agent stays up.
async fn check_warning(revision_2: bool, expected: Expect) -> Checked {
    let (desk, devnet, _) = Desk::on_devnet().await?;
    other_pool(&desk, &devnet, revision_2).await?;
    let mut agent = desk.start(OBSERVE)?;
    expected.assert_eq(agent.until_event("warned")?["text"].as_str().unwrap_or_default());
    devnet.mine(20).await?;
    let last = devnet.latest_block().await?.number;
    let mut again = Vec::new();
    agent.until(|line| {
        again.extend(line.contains("\"warned\"").then(|| line.to_owned()));
        line.contains(&format!("\"number\":{last},"))
    })?;
    assert_eq!(again, Vec::<String>::new());
    agent.signal("TERM")?;
    assert!(agent.ended()?.success());
    Ok(())
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_pool_that_cannot_be_observed() -> Checked {
    check_warning(false, expect!["the pool could not be read: POOL_REVISION() of 0x2222222222222222222222222222222222222222 cannot be read"]).await?;
    check_warning(
        true,
        expect!["pool revision 2 is not supported: this version knows revision 1 (Aave v3.0) only"],
    )
    .await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn files_that_others_may_read_are_a_warning() -> Checked {
    let (desk, _devnet, _) = Desk::on_devnet().await?;
    for file in ["keys/agent.json", "password"] {
        fs::set_permissions(desk.path(file), Permissions::from_mode(0o644))?;
    }
    let output = desk.run("executor deploy --config liquidator.toml")?;
    assert!(output.status.success());
    expect![[r#"
        keepwright: warning: others may use keys/agent.json (mode 0644): take their permissions away with chmod go-rwx
        keepwright: warning: others may use password (mode 0644): take their permissions away with chmod go-rwx
    "#]].assert_eq(&desk.told(&output.stderr));
    Ok(())
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn an_order_for_an_unknown_token() -> Checked {
    check_live(
        async |desk, _, _| {
            deploy(desk)?;
            desk.edit("liquidator.toml", "\"25 WETH\"", "\"25 STETH\"")
        },
        expect!["order weth-usdc is wrong: token STETH is not in the policy; add it to `tokens` there"],
    )
    .await
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_state_folder_that_is_in_use() -> Checked {
    let (desk, devnet, key) = Desk::on_devnet().await?;
    let mut first = desk.start(OBSERVE)?;
    first.until_event("head")?;
    expect!["memory DESK/state/memory is in use by another process; stop that one first"]
        .assert_eq(&desk.refuses(OBSERVE)?);
    first.signal("TERM")?;
    assert!(first.ended()?.success());
    assert_eq!(sent(&devnet, key).await?, 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_withdrawal_to_whom_the_policy_does_not_name() -> Checked {
    let (desk, devnet, key) = Desk::on_devnet().await?;
    devnet.deal(deploy(&desk)?, Asset::Usdc, U256::from(1_000_000)).await?;
    let before = sent(&devnet, key).await?;
    let stranger = devnet.manifest().account_with(Role::Trader)?;
    let hash = crate::live::hash(&desk)?;
    let withdraw = &format!("executor withdraw --config liquidator.toml --amount 1 --confirm-policy {hash}");
    let said = desk.refuses(&format!("{withdraw} --token USDC --to {stranger}"))?;
    expect!["recipient STRANGER is not allowed by the policy"]
        .assert_eq(&said.replace(&stranger.to_string(), "STRANGER"));
    expect!["token DOGE is not in the policy; add it to `tokens` there"]
        .assert_eq(&desk.refuses(&format!("{withdraw} --token DOGE --to {stranger}"))?);
    assert_eq!(sent(&devnet, key).await?, before);
    Ok(())
}
