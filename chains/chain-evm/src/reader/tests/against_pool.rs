//! The chain as a pool tells it of which one node or more fail, lag, fork or lie.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use alloy::primitives::{Address, Bytes};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{cuts_and_reorgs::first_seed, *};
use crate::endpoint::{
    PoolConfig,
    fake_chain::{ChainNode, FakeChain, LIES, Lie},
    fake_node::{Script, config as pool_config, fake_pool},
};

/// What may be wrong with any number of nodes, if only for a while: no lies, which need a majority of honest nodes.
const TROUBLES: [Lie; 9] = [
    Lie::None,
    Lie::None,
    Lie::Stale(1),
    Lie::Stale(9),
    Lie::Stalled(90),
    Lie::Breaks,
    Lie::Hangs,
    Lie::Limits(Some(Duration::from_secs(2))),
    Lie::Flaky(3),
];

/// Reads until the chain is 60 blocks longer, while `happens` each second; the log of each block that has one has then
/// come once, in order.
async fn check(
    seed: u64,
    nodes: &[ChainNode],
    config: PoolConfig,
    mut happens: impl FnMut(&mut StdRng, u64),
) {
    let mut random = StdRng::seed_from_u64(seed);
    let chain = nodes[0].chain();
    let scripts = nodes.iter().map(ChainNode::script).collect();
    let pool = fake_pool(config, scripts).await.unwrap();
    let reader_config = ReaderConfig { poll: None, span: 7, depth: 32 };
    let from = random.random_range(0..100);
    let mut events = EvmReader::new(pool.clone(), reader_config).events(BlockNumber(from), interests());
    let mut replay = Replay::default();
    let mut second = 0;
    while replay.heads.last().is_none_or(|head| head.block.number.0 < 160) {
        let next = tokio::time::timeout(Duration::from_secs(1), events.next()).await;
        match next {
            Ok(event) => replay.apply(event.expect("the stream never ends")),
            Err(_a_second_went_by) => {}
        }
        while chain.length() > 100 + second {
            second += 1;
            happens(&mut random, second);
        }
        assert!(
            second < 2_000,
            "KEEPWRIGHT_SEED={seed}: stuck at {:?} {:?}",
            replay.heads.last(),
            pool.health()
        );
    }
    let told = replay.heads.last().unwrap().block;
    assert_eq!(told.hash, chain.hash(told.number.0), "KEEPWRIGHT_SEED={seed}");
    assert_eq!(replay.topics(), FakeChain::logged(from, told.number.0), "KEEPWRIGHT_SEED={seed}");
}

/// The node that gives the head cannot call: all is asked of the next, once.
#[tokio::test(start_paused = true)]
async fn what_is_asked_together_moves_on_together() {
    let chain = FakeChain::start();
    let failed = Arc::new(AtomicU64::new(0));
    let script = |place: usize| -> Arc<Script> {
        let (node, failed) = (chain.node(Lie::None).script(), failed.clone());
        Arc::new(move |method, params| match (method, place) {
            ("eth_call", 0) => {
                failed.fetch_add(1, Ordering::SeqCst);
                Reply::Breaks
            }
            ("eth_call", _) => Reply::Is(json!("0x2a")),
            _ => node(method, params),
        })
    };
    let pool = fake_pool(pool_config(3), (0..3).map(script).collect()).await.unwrap();
    let query = Query { to: Address::ZERO, data: Bytes::new() };
    let (block, answered) = Multicall::default().read(&pool, &[query]).await.unwrap();
    assert_eq!(block.hash, chain.hash(block.number.0));
    assert_eq!(answered, [Ok(Bytes::from([0x2a]))]);
    assert_eq!(failed.load(Ordering::SeqCst), 1);
}

async fn any_trouble(seed: u64, nodes: usize, quorum: usize) {
    let chain = FakeChain::start();
    let nodes: Vec<_> = (0..nodes).map(|_| chain.node(Lie::None)).collect();
    let config = PoolConfig { quorum, patience: Duration::from_secs(2), ..pool_config(nodes.len()) };
    let all = nodes.clone();
    check(seed, &nodes, config, move |random, second| {
        // After a while all is well, so that every run ends.
        for node in &all {
            if second > 300 {
                node.does(Lie::None);
            } else if random.random_ratio(1, 5) {
                node.does(TROUBLES[random.random_range(0..TROUBLES.len())]);
            }
        }
    })
    .await;
}

async fn one_liar(seed: u64, lie: Lie) {
    let chain = FakeChain::start();
    let liar = StdRng::seed_from_u64(seed).random_range(0..3);
    let nodes: Vec<_> = (0..3).map(|_| chain.node(Lie::None)).collect();
    let from = StdRng::seed_from_u64(seed + 1).random_range(0..20);
    let node = nodes[liar].clone();
    if from == 0 {
        // From the first request on.
        node.does(if lie == Lie::WrongChain { Lie::None } else { lie });
    }
    let config = PoolConfig { patience: Duration::from_secs(2), ..pool_config(3) };
    check(seed, &nodes, config, move |_, second| {
        if second == from {
            node.does(lie);
        }
    })
    .await;
}

async fn whatever_happens(seeds: std::ops::Range<u64>) {
    for seed in seeds.clone() {
        any_trouble(seed, 1, 1).await;
        any_trouble(seed, 2, 1).await;
        any_trouble(seed, 3, 1).await;
        any_trouble(seed, 3, 2).await;
    }
    println!(
        "any trouble of 1, 2 or 3 nodes, seeds {}..{}: every log once, in order",
        seeds.start, seeds.end
    );
}

async fn whoever_lies(seeds: std::ops::Range<u64>) {
    for lie in LIES {
        for seed in seeds.clone() {
            one_liar(seed, lie).await;
        }
        println!(
            "{lie:?} of one node of three, seeds {}..{}: every log once, in order",
            seeds.start, seeds.end
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_to_the_nodes_every_log_comes_once_in_order() {
    whatever_happens(0..5).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_one_node_of_three_says_every_log_comes_once_in_order() {
    whoever_lies(0..2).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "long: scripts/test --long runs it"]
async fn long_whatever_happens_to_the_nodes_every_log_comes_once_in_order() {
    let first = first_seed();
    whatever_happens(first..first + 500).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "long: scripts/test --long runs it"]
async fn long_whatever_one_node_of_three_says_every_log_comes_once_in_order() {
    let first = first_seed();
    whoever_lies(first..first + 500).await;
}
