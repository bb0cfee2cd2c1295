//! Cuts and reorgs against a real node, a few in every run and many in the long one.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::endpoint::PoolConfig;

/// Where a long run begins.
#[expect(clippy::disallowed_methods, reason = "test support")]
pub(super) fn first_seed() -> u64 {
    std::env::var("KEEPWRIGHT_SEED").map_or(0, |seed| seed.parse().unwrap())
}

async fn tip(anvil: &Anvil) -> B256 {
    anvil.endpoint.latest().await.unwrap().block.hash
}

/// What one fresh `eth_getLogs` over everything says.
async fn all_logs(anvil: &Anvil) -> Vec<ChainLog> {
    let filter = json!({ "fromBlock": "0x0", "toBlock": "latest", "address": LOGGER });
    let logs: Vec<WireLog> = anvil.ask("eth_getLogs", [filter]).await;
    logs.into_iter().map(ChainLog::from).collect()
}

fn pool(urls: Vec<String>, quorum: usize) -> PoolConfig {
    let patience = Duration::from_secs(1);
    PoolConfig { quorum, patience, ..PoolConfig::usual(urls, CHAIN, Duration::from_millis(500)) }
}

/// Through which wires a run reads.
#[derive(Debug, Clone, Copy)]
enum Through {
    One(&'static str),
    /// Two wires to the same node, as a pool.
    Pool,
}

/// Cuts open connections `cuts` times, while blocks are mined and logs come; every cut once all is caught up, or while
/// it is not. Every eighth wire goes silent before, without being closed.
async fn cut_again_and_again(seed: u64, through: Through, cuts: usize) {
    println!("KEEPWRIGHT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let anvil = Anvil::start(&[]).await;
    anvil.log(0).await;
    let mut wires = vec![anvil.wire().await, anvil.wire().await];
    let url = |scheme: &str, wire: &crate::anvil::Wire| format!("{scheme}://127.0.0.1:{}", wire.port);
    let endpoint = match through {
        Through::One(scheme) => {
            wires.truncate(1);
            let patience = Duration::from_secs(1);
            Endpoint::connect_with_patience(&url(scheme, &wires[0]), CHAIN, patience).await.unwrap()
        }
        Through::Pool => {
            let urls = vec![url("ws", &wires[0]), url("http", &wires[1])];
            Endpoint::connect_pool(pool(urls, 1)).await.unwrap()
        }
    };
    let mut events = EvmReader::new(endpoint.clone(), config(16)).events(BlockNumber(0), interests());
    let mut replay = Replay::default();
    replay.until(&mut events, tip(&anvil).await).await;
    let (mut cut, mut topic) = (0, 1);
    while cut < cuts {
        let wire = random.random_range(0..wires.len());
        let silent = matches!(through, Through::Pool) && random.random_ratio(1, 8);
        for _ in 0..random.random_range(0..3) {
            anvil.log(topic).await;
            topic += 1;
        }
        wires[wire].silence(silent);
        if random.random_ratio(1, 2) {
            replay.until(&mut events, tip(&anvil).await).await;
        } else {
            // In the midst of whatever the reader asks.
            let wait = Duration::from_micros(random.random_range(0..5_000));
            if let Ok(event) = tokio::time::timeout(wait, events.next()).await {
                replay.apply(event.unwrap());
            }
        }
        cut += usize::from(wires[wire].carried() > 0);
        wires[wire].cut().await;
        wires[wire].silence(false);
        anvil.log(topic).await;
        topic += 1;
        if random.random_ratio(1, 4) {
            let wait = Duration::from_millis(random.random_range(0..50));
            if let Ok(event) = tokio::time::timeout(wait, events.next()).await {
                replay.apply(event.unwrap());
            }
        }
        anvil.mine(random.random_range(0..4)).await;
        wires[wire].mend().await;
        if random.random_ratio(3, 4) {
            replay.until(&mut events, tip(&anvil).await).await;
        }
    }
    replay.until(&mut events, tip(&anvil).await).await;
    assert_eq!(replay.logs, all_logs(&anvil).await, "KEEPWRIGHT_SEED={seed}");
    assert!(replay.rollbacks.is_empty(), "no reorg happened");
    println!(
        "{through:?}: {cut} disconnects, {} logs once and in order, equal to eth_getLogs, {} blocks",
        replay.logs.len(),
        replay.heads.last().unwrap().block.number
    );
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn disconnects_lose_and_repeat_nothing_by_websocket() {
    cut_again_and_again(1, Through::One("ws"), 12).await;
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn disconnects_lose_and_repeat_nothing_by_polling() {
    cut_again_and_again(2, Through::One("http"), 12).await;
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn disconnects_lose_and_repeat_nothing_in_a_pool() {
    cut_again_and_again(3, Through::Pool, 20).await;
}

#[tokio::test]
#[ignore = "long, needs anvil: scripts/test --long runs it"]
async fn long_disconnects_by_websocket_lose_and_repeat_nothing() {
    cut_again_and_again(first_seed(), Through::One("ws"), 500).await;
}

#[tokio::test]
#[ignore = "long, needs anvil: scripts/test --long runs it"]
async fn long_disconnects_by_polling_lose_and_repeat_nothing() {
    cut_again_and_again(first_seed(), Through::One("http"), 500).await;
}

#[tokio::test]
#[ignore = "long, needs anvil: scripts/test --long runs it"]
async fn long_disconnects_in_a_pool_lose_and_repeat_nothing() {
    cut_again_and_again(first_seed(), Through::Pool, 500).await;
}

/// Every depth `rounds` times, at heights and with logs by chance. What was told, replayed, is what a fresh reader and
/// one `eth_getLogs` say.
async fn every_depth(seed: u64, rounds: u64) {
    println!("KEEPWRIGHT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let anvil = Anvil::start(&[]).await;
    let mut topic = 0;
    for _ in 0..70 {
        anvil.log(topic).await;
        topic += 1;
    }
    // All three transports at once; two of them must agree on each block's logs.
    let urls = vec![anvil.ws(), anvil.http(), anvil.ipc().to_str().unwrap().to_owned()];
    let endpoint = Endpoint::connect_pool(pool(urls, 2)).await.unwrap();
    let reader = EvmReader::new(endpoint, config(1_000));
    let mut events = reader.events(BlockNumber(0), interests());
    let mut replay = Replay::default();
    replay.until(&mut events, tip(&anvil).await).await;
    for depth in [1, 2, 7, 32, 64] {
        for round in 0..rounds {
            anvil.reorg(depth).await;
            let before = replay.rollbacks.len();
            // The new branch: some logs, so that it is longer than the old one.
            for _ in 0..random.random_range(1..4) {
                anvil.log(topic).await;
                topic += 1;
            }
            replay.until(&mut events, tip(&anvil).await).await;
            assert!(replay.rollbacks.len() > before, "depth {depth}, round {round}");
            let mut fresh = Replay::default();
            fresh.until(&mut reader.events(BlockNumber(0), interests()), tip(&anvil).await).await;
            assert_eq!(replay.logs, fresh.logs, "KEEPWRIGHT_SEED={seed}: depth {depth}, round {round}");
            assert_eq!(
                replay.logs,
                all_logs(&anvil).await,
                "KEEPWRIGHT_SEED={seed}: depth {depth}, round {round}"
            );
            // So that the next reorg takes logs back, however deep it is.
            for _ in 0..random.random_range(0..depth.min(8)) {
                anvil.log(topic).await;
                topic += 1;
            }
            anvil.mine(random.random_range(0..depth)).await;
            replay.until(&mut events, tip(&anvil).await).await;
        }
        println!(
            "depth {depth}: {rounds} reorgs, {} rollbacks so far, equal to a fresh replay of {} logs",
            replay.rollbacks.len(),
            replay.logs.len()
        );
    }
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn reorgs_of_every_depth_end_as_a_fresh_replay() {
    every_depth(4, 1).await;
}

#[tokio::test]
#[ignore = "long, needs anvil: scripts/test --long runs it"]
async fn long_reorgs_of_every_depth_end_as_a_fresh_replay() {
    every_depth(first_seed(), 20).await;
}
