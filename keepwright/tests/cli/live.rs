//! `run`, from observing to acting.

use alloy::primitives::Address;
use chain_devnet::{Asset, World};

use crate::desk::{Checked, Desk, sent};

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn the_example_observes_without_a_key() -> Checked {
    let (desk, devnet, key) = Desk::on_devnet().await?;
    std::fs::remove_dir_all(desk.path("keys"))?;
    let mut agent = desk.start("run --config liquidator.toml --json")?;
    agent.until_event("head")?;
    World::new(&devnet, 1).crash(Asset::Weth, 900).await?;
    let found = agent.until_event("opportunity")?;
    assert!(
        found["class"].as_str().is_some_and(|class| class.starts_with("aave-liquidation/WETH/")),
        "{found}"
    );
    assert!(found["facts"]["health_factor"].is_string(), "{found}");
    agent.signal("TERM")?;
    assert!(agent.ended()?.success());
    assert_eq!(sent(&devnet, key).await?, 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn live_it_liquidates() -> Checked {
    let (desk, devnet, key) = Desk::on_devnet().await?;
    desk.succeeds("executor deploy --config liquidator.toml")?;
    let executor: Address = key.create(0);
    desk.adopt(executor)?;
    let mut agent = desk.start("run --config liquidator.toml --json --mode live")?;
    agent.until_event("head")?;
    World::new(&devnet, 1).crash(Asset::Weth, 900).await?;
    // Where two land in one block, the block is as simulated once both are counted.
    agent.until(|line| line.contains("\"outcome\":\"settled\"") && line.contains("\"as_simulated\":true"))?;
    agent.signal("TERM")?;
    assert!(agent.ended()?.success());
    let usdc = devnet.manifest().asset(Asset::Usdc)?.address;
    assert!(!devnet.balance_of(usdc, executor).await?.is_zero());
    Ok(())
}
