//! The arbitrageur of the examples, at work on a devnet.

use std::collections::BTreeSet;

use alloy::{
    primitives::{Address, Bytes, U256, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use chain_devnet::{
    Asset, Devnet, Mining, World,
    relay::{BlockBuilder, Relay},
};
use serde_json::Value;

use crate::desk::{Checked, Desk, Running, sent};

const CONFIG: &str = include_str!("../../../examples/arbitrageur.toml");
const POLICY: &str = include_str!("../../../examples/arbitrageur.policy.toml");
pub(crate) const RUN: &str = "run --config arbitrageur.toml --json";

/// The example's config at a desk on a devnet.
pub(crate) async fn at_desk(mining: Mining) -> Checked<(Desk, Devnet, Address)> {
    let (desk, devnet, key) = Desk::on(mining).await?;
    desk.write("arbitrageur.toml", CONFIG)?;
    desk.write("arbitrageur.policy.toml", POLICY)?;
    for (from, to) in [
        ("ws://127.0.0.1:8545", devnet.ws_url().as_str()),
        ("\"../.state/arbitrageur\"", "\"state\""),
        ("\"../.state/keys/agent.json\"", "\"keys/agent.json\""),
        ("# password_file = \"../.state/password\"", "password_file = \"password\""),
    ] {
        desk.edit("arbitrageur.toml", from, to)?;
    }
    Ok((desk, devnet, key))
}

/// The same, with an executor that the policy names, and the agent acting.
async fn live() -> Checked<(Desk, Devnet, Address, Running)> {
    let (desk, devnet, key) = at_desk(Mining::Automine).await?;
    let executor = adopted(&desk, key)?;
    let agent = start(&desk)?;
    Ok((desk, devnet, executor, agent))
}

/// Deploys the first executor of this key, and names it in the policy.
pub(crate) fn adopted(desk: &Desk, key: Address) -> Checked<Address> {
    desk.succeeds("executor deploy --config arbitrageur.toml")?;
    let executor = key.create(0);
    let line = POLICY.lines().find(|line| line.starts_with("# executor =")).ok_or("no executor line")?;
    desk.edit("arbitrageur.policy.toml", line, &format!("executor = \"{executor}\""))?;
    Ok(executor)
}

/// Starts the agent in mode `live`, and waits until it follows the chain.
pub(crate) fn start(desk: &Desk) -> Checked<Running> {
    let hash = keccak256(std::fs::read(desk.path("arbitrageur.policy.toml"))?);
    let mut agent = desk.start(&format!("{RUN} --mode live --confirm-policy {hash}"))?;
    agent.until_event("head")?;
    Ok(agent)
}

pub(crate) fn ends(mut agent: Running) -> Checked {
    agent.signal("TERM")?;
    assert!(agent.ended()?.success());
    Ok(())
}

/// Base units of what an opportunity says, like `0.25 WETH`.
fn amount(found: &Value, fact: &str, devnet: &Devnet) -> Checked<(Asset, U256)> {
    let text = found["facts"][fact].as_str().ok_or("no such fact")?;
    let (amount, symbol) = text.split_once(' ').ok_or("no symbol")?;
    let known = [Asset::Weth, Asset::Usdc].into_iter().find(|asset| asset.symbol() == symbol);
    let asset = known.ok_or("an asset that is no base")?;
    let decimals = devnet.manifest().asset(asset)?.decimals;
    Ok((asset, alloy::primitives::utils::parse_units(amount, decimals)?.get_absolute()))
}

pub(crate) async fn held(devnet: &Devnet, executor: Address, asset: Asset) -> Checked<U256> {
    Ok(devnet.balance_of(devnet.manifest().asset(asset)?.address, executor).await?)
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn the_example_observes_a_gap_without_a_key() -> Checked {
    let (desk, devnet, key) = at_desk(Mining::Automine).await?;
    std::fs::remove_dir_all(desk.path("keys"))?;
    let mut agent = desk.start(RUN)?;
    agent.until_event("head")?;
    World::new(&devnet, 1).open_gap(Asset::Weth, 150).await?;
    let found = agent.until_event("opportunity")?;
    assert!(found["class"].as_str().is_some_and(|class| class.starts_with("arbitrage/")), "{found}");
    ends(agent)?;
    assert_eq!(sent(&devnet, key).await?, 0);
    Ok(())
}

/// The example's lines for flash swaps, with nothing else that lends.
fn only_flash_swaps(desk: &Desk) -> Checked {
    let config = std::fs::read_to_string(desk.path("arbitrageur.toml"))?;
    let lender = config.lines().find(|line| line.starts_with("lender =")).ok_or("no lender")?;
    desk.edit("arbitrageur.toml", lender, "")?;
    let line = "# flash_swaps = true";
    while std::fs::read_to_string(desk.path("arbitrageur.toml"))?.contains(line) {
        desk.edit("arbitrageur.toml", line, "flash_swaps = true")?;
    }
    let policy = std::fs::read_to_string(desk.path("arbitrageur.policy.toml"))?;
    let (_, commented) = policy.split_once("# [[flash_swaps]]").ok_or("no flash swaps")?;
    let table = format!("# [[flash_swaps]]{commented}");
    desk.edit("arbitrageur.policy.toml", &table, &table.replace("\n# ", "\n").replacen("# ", "", 1))?;
    Ok(())
}

/// A pool's fee; a pair has none.
async fn fee_of(devnet: &Devnet, pool: Address) -> Checked<Option<Bytes>> {
    let call = TransactionRequest::default().to(pool).input(keccak256("fee()")[..4].to_vec().into());
    Ok(devnet.provider().call(call).await.ok())
}

/// Nothing is held and nothing is borrowed: pairs and pools of both kinds lend what they sell, and are paid at the end.
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn live_flash_swaps_need_nothing_and_gain_what_was_computed() -> Checked {
    let (desk, devnet, key) = at_desk(Mining::Automine).await?;
    only_flash_swaps(&desk)?;
    let executor = adopted(&desk, key)?;
    let mut agent = start(&desk)?;
    let (mut world, mut lenders) = (World::new(&devnet, 1), BTreeSet::new());
    for bps in [150, -150, 400, -400] {
        let before =
            [held(&devnet, executor, Asset::Weth).await?, held(&devnet, executor, Asset::Usdc).await?];
        world.open_gap(Asset::Weth, bps).await?;
        let found = agent.until_event("opportunity")?;
        agent.until(|line| {
            line.contains("\"outcome\":\"settled\"") && line.contains("\"as_simulated\":true")
        })?;
        let (asset, profit) = amount(&found, "profit", &devnet)?;
        let before = if asset == Asset::Weth { before[0] } else { before[1] };
        assert_eq!(held(&devnet, executor, asset).await?.checked_sub(before), Some(profit), "{found}");
        assert!(found["facts"]["lent"].is_string(), "{found}");
        let pools = found["facts"]["pools"].as_str().ok_or("no pools")?;
        let first: Address = pools.split(" > ").next().ok_or("no pool")?.parse()?;
        lenders.insert(fee_of(&devnet, first).await?);
    }
    assert!(lenders.contains(&None) && lenders.len() > 1, "pairs and pools: {lenders:?}");
    ends(agent)
}

/// What was computed is what is gained, to the wei, whichever way the gap opens.
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn live_it_closes_a_gap_and_gains_what_it_computed() -> Checked {
    let (_desk, devnet, executor, mut agent) = live().await?;
    let mut world = World::new(&devnet, 1);
    for bps in [150, -150, 400] {
        let before =
            [held(&devnet, executor, Asset::Weth).await?, held(&devnet, executor, Asset::Usdc).await?];
        world.open_gap(Asset::Weth, bps).await?;
        let found = agent.until_event("opportunity")?;
        agent.until(|line| {
            line.contains("\"outcome\":\"settled\"") && line.contains("\"as_simulated\":true")
        })?;
        let (asset, profit) = amount(&found, "profit", &devnet)?;
        let before = if asset == Asset::Weth { before[0] } else { before[1] };
        assert_eq!(held(&devnet, executor, asset).await?.checked_sub(before), Some(profit), "{found}");
        let gaps = world.gaps().await?;
        assert!(gaps.iter().all(|(_, bps)| *bps < 120), "{gaps:?}");
    }
    // Nothing is left of what was only on its way.
    assert!(held(&devnet, executor, Asset::Wbtc).await?.is_zero());
    ends(agent)
}

/// A bundle to a builder: no node's pool ever has it, and the block that the builder makes gains what was computed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node: scripts/test runs it"]
async fn live_a_bundle_closes_a_gap_and_no_pool_ever_has_it() -> Checked {
    let (desk, devnet, key) = at_desk(Mining::Manual).await?;
    devnet.set_automine(true).await?;
    let executor = adopted(&desk, key)?;
    let strategy = "[strategies.arbitrage]\n";
    desk.edit("arbitrageur.policy.toml", strategy, &format!("{strategy}order_flow = \"private\"\n"))?;
    let relay = Relay::launch(&devnet).await?;
    let flow = format!("[order_flow]\nbuilders = \"{}\"\n\n[arbitrage]\n", relay.http_url());
    desk.edit("arbitrageur.toml", "[arbitrage]\n", &flow)?;
    let mut agent = start(&desk)?;
    World::new(&devnet, 1).open_gap(Asset::Weth, 150).await?;
    devnet.set_automine(false).await?;
    let found = agent.until_event("opportunity")?;
    let (asset, profit) = amount(&found, "profit", &devnet)?;
    let orders = relay.handle().until(|orders| !orders.is_empty()).await;
    let sent = orders[0].transactions[0];
    assert!(devnet.provider().get_transaction_by_hash(sent).await?.is_none(), "a node has it");
    let built = BlockBuilder::new(&devnet, [relay.handle()])?.build(Some(0)).await?;
    assert!(built.transactions.contains(&sent), "{built:?} {:?}", relay.handle().orders());
    agent.until(|line| line.contains("\"outcome\":\"settled\"") && line.contains("\"as_simulated\":true"))?;
    assert_eq!(held(&devnet, executor, asset).await?, profit, "{found}");
    ends(agent)
}
