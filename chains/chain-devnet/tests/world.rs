//! The world does the same for the same seed, and what it is told.

use std::time::Duration;

use alloy::primitives::U256;
use chain_devnet::{Asset, Devnet, DevnetConfig, Inclusion, Mining, StartTime, World, WorldEvent};

const E8: u128 = 100_000_000;

async fn launch(mining: Mining) -> chain_devnet::Result<Devnet> {
    Devnet::launch(DevnetConfig { start_time: StartTime::AtDump, ..DevnetConfig::mining(mining) }).await
}

async fn story(seed: u64) -> chain_devnet::Result<(Vec<WorldEvent>, u128)> {
    let devnet = launch(Mining::Automine).await?;
    let mut world = World::new(&devnet, seed);
    let mut events = world.publish_all().await?;
    for _ in 0..5 {
        events.extend(world.calm_step().await?);
    }
    events.extend(world.crash(Asset::Wbtc, 700).await?);
    Ok((events, world.market_price(Asset::Weth).await?))
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_seed_is_a_story() {
    let first = story(7).await.unwrap();
    assert_eq!(first, story(7).await.unwrap());
    assert_ne!(first, story(8).await.unwrap());
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn markets_go_both_ways_and_feeds_follow() {
    let devnet = launch(Mining::Automine).await.unwrap();
    let mut world = World::new(&devnet, 1);
    let events = world.crash(Asset::Weth, 1_500).await.unwrap();
    assert!(
        matches!(events.last(), Some(WorldEvent::Round(round)) if round.answer.abs_diff(2_550 * E8) < E8)
    );
    assert!(world.market_price(Asset::Weth).await.unwrap().abs_diff(2_550 * E8) < 1_000);
    world.move_market(Asset::Weth, 3_000 * E8).await.unwrap();
    assert!(world.market_price(Asset::Weth).await.unwrap().abs_diff(3_000 * E8) < 1_000);
    let gaps = world.gaps().await.unwrap();
    assert!(gaps.iter().all(|(_, gap)| *gap < 40), "{gaps:?}");
    // The feed has not heard of it yet.
    assert!(world.feed_price(Asset::Weth).await.unwrap() < 2_600 * E8);
    world.publish(Asset::Weth).await.unwrap();
    assert!(world.feed_price(Asset::Weth).await.unwrap().abs_diff(3_000 * E8) < 1_000);
    world.publish_price(Asset::Weth, 1_234 * E8).await.unwrap();
    assert_eq!(world.feed_price(Asset::Weth).await.unwrap(), 1_234 * E8);
    world.rally(Asset::Wbtc, 300).await.unwrap();
    assert!(world.feed_price(Asset::Wbtc).await.unwrap() > 92_000 * E8);
    assert!(world.move_market(Asset::Usdc, E8).await.is_err());
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn borrowers_act_for_themselves() {
    let devnet = launch(Mining::Automine).await.unwrap();
    let mut world = World::new(&devnet, 1);
    let loan = devnet.manifest().borrower("weth-usdc-1.06").unwrap();
    let health = world.account_data(loan).await.unwrap().health_factor;
    world.repay(loan, Asset::Usdc, U256::from(1_000_000_000_u64)).await.unwrap();
    assert!(world.account_data(loan).await.unwrap().health_factor > health);
    world.borrow(loan, Asset::Usdc, U256::from(500_000_000_u64)).await.unwrap();
    world.repay(loan, Asset::Usdc, U256::MAX).await.unwrap();
    assert_eq!(world.account_data(loan).await.unwrap().debt, U256::ZERO);
    world.withdraw(loan, Asset::Weth, U256::MAX).await.unwrap();
    world.supply(loan, Asset::Weth, U256::from(1_000_000_u64)).await.unwrap();
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_ticking_chain_takes_one_block_for_a_wave() {
    let devnet = launch(Mining::Interval(Duration::from_millis(250))).await.unwrap();
    let mut world = World::new(&devnet, 1);
    let events = world.crash(Asset::Weth, 900).await.unwrap();
    let mut blocks: Vec<u64> = events.iter().map(block).collect();
    blocks.dedup();
    assert!((4..=8).contains(&blocks.len()), "{blocks:?}");
    assert_eq!(world.market_price(Asset::Weth).await.unwrap() / E8, 2_730);
}

const fn block(event: &WorldEvent) -> u64 {
    match event {
        WorldEvent::Trade(trade) => trade.block,
        WorldEvent::Round(round) => round.block,
        _ => 0,
    }
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn without_automine_the_world_mines_or_leaves_it_to_the_caller() {
    let devnet = launch(Mining::Manual).await.unwrap();
    let mut world = World::new(&devnet, 1);
    let events = world.crash(Asset::Weth, 900).await.unwrap();
    assert!(matches!(events.last(), Some(WorldEvent::Round(_))));
    let loan = devnet.manifest().borrower("weth-usdc-1.06").unwrap();
    let debt = world.account_data(loan).await.unwrap().debt;
    world.set_inclusion(Inclusion::Leave);
    world.set_bid(Some(500_000_000_000));
    world.repay(loan, Asset::Usdc, U256::from(20_000_000_000_u64)).await.unwrap();
    assert_eq!(world.account_data(loan).await.unwrap().debt, debt);
    devnet.mine(1).await.unwrap();
    assert!(world.account_data(loan).await.unwrap().debt < debt);
    let usdc = devnet.manifest().asset(Asset::Usdc).unwrap().address;
    let account = devnet.manifest().account_with(chain_devnet::Role::Spare).unwrap();
    devnet.deal(account, Asset::Usdc, U256::from(5_u8)).await.unwrap();
    assert_eq!(devnet.balance_of(usdc, account).await.unwrap(), U256::from(5_u8));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn somebody_elses_faster_trade_is_no_failure() {
    let devnet = launch(Mining::Manual).await.unwrap();
    let (mut slow, mut fast) = (World::new(&devnet, 1), World::new(&devnet, 2));
    fast.set_inclusion(Inclusion::Leave);
    fast.set_bid(Some(500_000_000_000));
    // Mined first, by the slower world's block, and well past where that one wants to go.
    fast.move_market(Asset::Weth, 2_500 * E8).await.unwrap();
    let events = slow.move_market(Asset::Weth, 2_900 * E8).await.unwrap();
    assert!(events.len() < 5, "{events:?}");
    assert!(slow.market_price(Asset::Weth).await.unwrap() < 2_501 * E8);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_long_day_goes_up_and_down() {
    let devnet = launch(Mining::Automine).await.unwrap();
    let mut world = World::new(&devnet, 42);
    for round in 0..6 {
        let asset = if round % 2 == 0 { Asset::Weth } else { Asset::Wbtc };
        world.crash(asset, 900).await.unwrap();
        for _ in 0..5 {
            world.calm_step().await.unwrap();
        }
        world.rally(asset, 900).await.unwrap();
    }
    for asset in [Asset::Weth, Asset::Wbtc] {
        let (market, feed) =
            (world.market_price(asset).await.unwrap(), world.feed_price(asset).await.unwrap());
        assert!(market.abs_diff(feed) * 100 < feed, "{asset:?} {market} {feed}");
    }
}
