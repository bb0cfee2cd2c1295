//! `demo`, and the examples that it plays.

use std::path::Path;

use alloy::primitives::Address;
use chain_devnet::{Asset, Devnet, DevnetConfig};
use toml::{Table, Value};

use crate::desk::{Checked, Desk};

#[test]
#[ignore = "needs a node: scripts/test runs it"]
fn the_demo_ends_with_more() -> Checked {
    let desk = Desk::new()?;
    let output = desk.run("demo --json --seed 3")?;
    let said = String::from_utf8(output.stdout)?;
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let events: Vec<serde_json::Value> = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let summary = events.last().ok_or("no summary")?;
    let number = |key: &str| summary[key].as_u64().ok_or_else(|| format!("no {key} in {summary}"));
    assert_eq!((summary["event"].as_str(), number("seed")?), (Some("summary"), 3));
    assert!(summary["profit_usd"].as_str().ok_or("no profit")?.parse::<f64>()? > 0.0, "{summary}");
    assert!(
        summary["token_deltas"]["USDC"].as_str().is_some_and(|delta| delta.starts_with('+')),
        "{summary}"
    );
    assert!(summary["gas_wei"].as_str().ok_or("no gas")?.parse::<u128>()? > 0, "{summary}");
    assert!(number("intents_settled")? >= 2, "{summary}");
    assert!(number("intents_by_reflex")? >= 1 && number("intents_by_planner")? >= 1, "{summary}");
    for strategy in ["aave-liquidation", "arbitrage"] {
        assert!(summary["intents_by_strategy"][strategy].as_u64() >= Some(1), "{summary}");
    }
    assert!(number("refusals").is_ok() && number("block_to_broadcast_us")? > 0, "{summary}");
    assert!(number("rss_bytes")? < 150_000_000, "{summary}");
    assert_eq!(summary["journal_verified"], true, "{summary}");
    Ok(())
}

fn example(name: &str) -> Checked<Table> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    Ok(std::fs::read_to_string(path)?.parse()?)
}

/// Every address below `value`, with the path to it. What a table calls itself is its part of the path.
fn addresses(value: &Value, path: &str, found: &mut Vec<(String, Address)>) {
    match value {
        Value::String(text) => found.extend(text.parse().ok().map(|address| (path.to_owned(), address))),
        Value::Array(values) => {
            for value in values {
                let name = |key| value.get(key).and_then(Value::as_str);
                let name = name("symbol").or(name("name")).unwrap_or_default();
                addresses(value, &format!("{path}/{name}"), found);
            }
        }
        Value::Table(table) => {
            for (key, value) in table {
                // A venue's two sides are told by name in one file and by address in another.
                addresses(value, &format!("{path}/{key}"), found);
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn the_examples_name_the_devnets_addresses() -> Checked {
    let devnet = Devnet::launch(DevnetConfig::default()).await?;
    let manifest = devnet.manifest();
    let (pool, uniswap) = (manifest.protocols.aave.pool, &manifest.protocols.uniswap_v3);
    let asset = |asset| -> Checked<Address> { Ok(manifest.asset(asset)?.address) };
    let (weth, usdc, wbtc) = (asset(Asset::Weth)?, asset(Asset::Usdc)?, asset(Asset::Wbtc)?);
    let (mut checked, mut bases, mut factories, mut routers) = (0, 0, 0, 0);
    // In the order in which they stand in the file.
    let seen = |count: &mut usize| std::mem::replace(count, *count + 1);
    let (v2, feeds) = (&manifest.protocols.uniswap_v2, &manifest.feeds);
    let feed = |asset| feeds.iter().find(|feed| feed.asset == asset).map(|feed| feed.proxy).ok_or("no feed");
    let names = [
        "arbitrageur.toml",
        "arbitrageur.policy.toml",
        "liquidator.toml",
        "liquidator.policy.toml",
        "first_agent.toml",
    ];
    for name in names {
        let mut found = Vec::new();
        addresses(&Value::Table(example(name)?), name, &mut found);
        for (path, address) in found {
            let expected = match path.split_once('/').ok_or("no path")?.1 {
                "liquidation/pool" | "market/pool" | "contracts/Aave v3 pool/address" => pool,
                "arbitrage/terms/lender" => pool,
                "market/wrapped_native" | "tokens/WETH/address" | "venues//collateral" => weth,
                "tokens/USDC/address" | "venues//debt" => usdc,
                "tokens/WBTC/address" => wbtc,
                "contracts/Uniswap SwapRouter02/address" => uniswap.swap_router_02,
                "contracts/Uniswap v2 Router02/address" => v2.router,
                "arbitrage/bases//feed" => [feed(Asset::Weth)?, feed(Asset::Usdc)?][seen(&mut bases)],
                "arbitrage/exchanges//factory" => [v2.factory, uniswap.factory][seen(&mut factories)],
                "arbitrage/exchanges//router" => [v2.router, uniswap.swap_router_02][seen(&mut routers)],
                "liquidation/venues//router" | "venues//router" => uniswap.swap_router_02,
                "liquidation/venues//quoter" | "venues//quoter" => uniswap.quoter_v2,
                "executor" => Address::ZERO,
                other => return Err(format!("nobody knows what {other} should be").into()),
            };
            assert_eq!(address, expected, "{path}");
            checked += 1;
        }
    }
    assert!(checked > 15, "only {checked} addresses were found");
    Ok(())
}
