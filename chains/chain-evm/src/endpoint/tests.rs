//! Pools of nodes that fail and lie, with paused time; and real sockets for what only those can do.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

mod lies;
mod sockets;
mod storms;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::units::ChainId;
use alloy::primitives::{B256, U64, U256};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::{
    fake_chain::{ChainNode, FakeChain, LIES, Lie, transaction},
    fake_node::{Reply, Script, config, fake_pool},
    *,
};

/// Seeds of the long version, and where to begin.
#[expect(clippy::disallowed_methods, reason = "test support")]
fn first_seed() -> u64 {
    std::env::var("KEEPWRIGHT_SEED").map_or(0, |seed| seed.parse().unwrap())
}

async fn pool_of(nodes: &[ChainNode], config: PoolConfig) -> Endpoint {
    fake_pool(config, nodes.iter().map(ChainNode::script).collect()).await.unwrap()
}

fn three(chain: FakeChain, liar: usize, lie: Lie) -> Vec<ChainNode> {
    (0..3).map(|node| chain.node(if node == liar { lie } else { Lie::None })).collect()
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn state(endpoint: &Endpoint, node: usize) -> NodeState {
    endpoint.health().nodes[node].state
}

fn in_use(endpoint: &Endpoint) -> usize {
    endpoint.health().nodes.iter().position(|node| node.in_use).unwrap()
}

#[tokio::test(start_paused = true)]
async fn reads_stay_with_one_node_and_move_on_when_it_fails() {
    let chain = FakeChain::start();
    let nodes = three(chain, 9, Lie::None);
    let pool = pool_of(&nodes, config(3)).await;
    let before: Vec<_> =
        nodes.iter().map(|node| node.requests.load(std::sync::atomic::Ordering::SeqCst)).collect();
    for _ in 0..20 {
        pool.latest().await.unwrap();
    }
    let after: Vec<_> =
        nodes.iter().map(|node| node.requests.load(std::sync::atomic::Ordering::SeqCst)).collect();
    assert_eq!((after[0] - before[0], after[1] - before[1], after[2] - before[2]), (20, 0, 0));
    nodes[0].does(Lie::Breaks);
    for _ in 0..20 {
        pool.latest().await.unwrap();
    }
    assert_eq!((in_use(&pool), state(&pool, 0)), (1, NodeState::Unreachable));
    assert!((1..=3).contains(&pool.health().retried), "{:?}", pool.health());
    // It is looked at all the while, and good again once it answers.
    nodes[0].does(Lie::None);
    seconds(2).await;
    assert_eq!((in_use(&pool), state(&pool, 0)), (1, NodeState::Alive));
}

#[tokio::test(start_paused = true)]
async fn nothing_but_a_read_is_ever_sent_twice() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let script = |node: usize| -> Arc<Script> {
        let seen = seen.clone();
        let chain = FakeChain::start().node(Lie::None).script();
        Arc::new(move |method, params| {
            if !method.starts_with("anvil_") {
                return chain(method, params);
            }
            seen.lock().unwrap().push(node);
            Reply::Breaks
        })
    };
    let pool = fake_pool(config(3), (0..3).map(script).collect()).await.unwrap();
    assert!(pool.ask::<_, Value>("anvil_mine", (1,)).await.is_err());
    assert_eq!(*seen.lock().unwrap(), [0]);
}

/// What each node says to a broadcast, and whether the whole is a success.
async fn check_broadcast(replies: [fn() -> Reply; 3], expected: Result<(), &str>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let script = |node: usize| -> Arc<Script> {
        let seen = seen.clone();
        let chain = FakeChain::start().node(Lie::None).script();
        Arc::new(move |method, params| {
            if method != "eth_sendRawTransaction" {
                return chain(method, params);
            }
            seen.lock().unwrap().push(node);
            replies[node]()
        })
    };
    let pool = fake_pool(config(3), (0..3).map(script).collect()).await.unwrap();
    let kill = KillSwitch::at(&tempfile::tempdir().unwrap().path().join("KILL"));
    let answer = pool.broadcast(&Bytes::from_static(&[2]), &kill).await;
    match expected {
        Ok(()) => assert_eq!(answer.unwrap(), B256::repeat_byte(1)),
        Err(why) => assert!(answer.unwrap_err().to_string().contains(why), "{why}"),
    }
    seconds(60).await;
    seen.lock().unwrap().sort_unstable();
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2], "every node gets it, once");
}

#[tokio::test(start_paused = true)]
async fn a_signed_transaction_goes_to_every_node_once() {
    let taken = || Reply::Is(json!(B256::repeat_byte(1)));
    let known = || Reply::Refuses(-32000, "already known");
    let low = || Reply::Refuses(-32000, "nonce too low");
    check_broadcast([taken, taken, taken], Ok(())).await;
    check_broadcast([low, || Reply::Hangs, taken], Ok(())).await;
    check_broadcast([|| Reply::Breaks, known, low], Err("already known")).await;
    check_broadcast([low, known, || Reply::Breaks], Err("already known")).await;
    check_broadcast([|| Reply::Breaks, || Reply::Hangs, || Reply::Breaks], Err("on the way")).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_node_does_shows_in_its_state() {
    for (lie, after, expected) in [
        (Lie::Stale(12), 3, "12 blocks behind"),
        (Lie::MadeUp(1_000), 3, "1000 blocks ahead of what a quorum has seen"),
        (Lie::WrongChain, 3, "serves chain 7: not asked again"),
        (Lie::Fork(90), 3, "on another fork than the majority"),
        (Lie::Breaks, 3, "unreachable"),
        (Lie::Hangs, 9, "unreachable"),
        (Lie::Nulls, 3, "unreachable"),
        (Lie::Stalled(108), 40, "no new head for"),
        (Lie::Limits(Some(Duration::from_secs(100))), 2, "rate limited for"),
    ] {
        let chain = FakeChain::start();
        let nodes = three(chain, 0, Lie::None);
        let pool = pool_of(&nodes, config(3)).await;
        seconds(8).await;
        nodes[0].does(lie);
        seconds(after).await;
        let shown = state(&pool, 0).to_string();
        assert!(shown.starts_with(expected), "{lie:?}: {shown}");
        assert_ne!(pool.one().unwrap().to_string(), pool.health().nodes[0].address, "{lie:?}");
        assert_eq!(pool.latest().await.unwrap().block.number.0, chain.length(), "{lie:?}");
        // All but a node of another chain come back by themselves.
        nodes[0].does(Lie::None);
        seconds(126).await;
        let back = state(&pool, 0);
        let expected = if lie == Lie::WrongChain {
            NodeState::WrongChain { found: ChainId(7) }
        } else {
            NodeState::Alive
        };
        assert_eq!(back, expected, "{lie:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_holds_no_secret_and_asks_nobody() {
    let chain = FakeChain::start();
    let nodes = three(chain, 1, Lie::Breaks);
    let pool = pool_of(&nodes, config(3)).await;
    let requests =
        || nodes.iter().map(|node| node.requests.load(std::sync::atomic::Ordering::SeqCst)).sum::<u64>();
    let before = requests();
    let health = pool.health();
    assert_eq!(requests(), before);
    let shown = format!("{health:?} {} {pool:?} {:?}", serde_json::to_string(&health).unwrap(), config(3));
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(health.head.map(|head| head.0), Some(100));
    assert_eq!(health.nodes[1].address, "http://fake1.test/…");
    assert!(health.nodes[1].last_error.as_ref().unwrap().contains("the wire broke"), "{health:?}");
    assert_eq!((health.nodes[0].lag, health.nodes[1].lag), (Some(0), None));
}

#[tokio::test(start_paused = true)]
async fn nobody_looks_at_a_pool_that_nobody_has() {
    let nodes = three(FakeChain::start(), 9, Lie::None);
    let requests =
        || nodes.iter().map(|node| node.requests.load(std::sync::atomic::Ordering::SeqCst)).sum::<u64>();
    let pool = pool_of(&nodes, config(3)).await;
    let other = pool.clone();
    drop(pool);
    let before = requests();
    seconds(5).await;
    assert!(requests() > before);
    drop(other);
    seconds(2).await;
    let after = requests();
    seconds(60).await;
    assert_eq!(requests(), after);
}

#[tokio::test(start_paused = true)]
async fn a_pool_starts_with_whoever_is_there() {
    let chain = FakeChain::start();
    let down = [Lie::Breaks, Lie::WrongChain, Lie::None].map(|lie| chain.node(lie));
    let pool = pool_of(&down, config(3)).await;
    assert!(pool.latest().await.is_ok());
    let none = [Lie::Breaks, Lie::Hangs].map(|lie| chain.node(lie).script());
    let refused = fake_pool(config(2), none.to_vec()).await.unwrap_err().to_string();
    assert!(
        refused.starts_with("rpc at http://fake0.test/…, http://fake1.test/… cannot be reached"),
        "{refused}"
    );
}

#[test]
fn a_quorum_that_two_groups_could_reach_is_refused() {
    let refused =
        |nodes, quorum| PoolConfig { quorum, ..config(nodes) }.check().map_err(|error| error.to_string());
    for (nodes, quorum) in [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (5, 3)] {
        assert_eq!(refused(nodes, quorum), Ok(()), "{quorum} of {nodes}");
    }
    for (nodes, quorum) in [(1, 0), (1, 2), (3, 0), (3, 4), (5, 2)] {
        assert!(refused(nodes, quorum).is_err(), "{quorum} of {nodes}");
    }
    assert_eq!(refused(5, 2).unwrap_err(), "a quorum of 2 of 5 nodes says nothing: configure 1, or 3 to 5");
    assert_eq!(refused(0, 1).unwrap_err(), "no rpc address is configured: name at least one");
}

#[tokio::test(start_paused = true)]
async fn final_is_what_the_chain_says_it_is() {
    let chain = FakeChain::start();
    for (finality, number) in
        [(Finality::Finalized, 90), (Finality::Depth(64), 36), (Finality::Depth(0), 100)]
    {
        let pool = pool_of(&three(chain, 1, Lie::Stale(12)), PoolConfig { finality, ..config(3) }).await;
        let head = pool.final_head().await.unwrap().block;
        assert_eq!((head.number.0, head.hash), (number, chain.hash(number)), "{finality:?}");
    }
    let pool =
        pool_of(&three(chain, 9, Lie::None), PoolConfig { finality: Finality::Depth(101), ..config(3) })
            .await;
    assert!(pool.final_head().await.unwrap_err().to_string().ends_with("no block is final yet"));
}

fn revert_data(code: i64, message: &'static str) -> Option<alloy::primitives::Bytes> {
    let message = Scrubbed(message.to_owned());
    RpcFailure::Refused { method: "eth_call", code, message, data: None }.revert_data()
}

#[test]
fn only_the_machines_own_words_are_a_revert() {
    for (code, message) in [
        (3, "execution reverted: nope"),
        (3, "anything"),
        (-32000, "execution reverted"),
        (-32000, "out of gas: gas required exceeds: 50000000"),
        (-32000, "stack underflow (0 <=> 1)"),
        (-32000, "stack limit reached 1024 (1023)"),
        (-32000, "invalid opcode: INVALID"),
        (-32000, "invalid jump destination"),
        (-32003, "EVM error: StackUnderflow"),
        (-32003, "EVM error StackOverflow"),
        (-32015, "VM execution error."),
        (-32000, "Execution reverted"),
        (-32603, "Error: VM Exception while processing transaction: reverted with reason string 'x'"),
    ] {
        assert!(revert_data(code, message).is_some(), "{code} {message}");
    }
    for (code, message) in [
        (-32603, "internal error: see the stack trace"),
        (-32000, "panic: stack of 12 frames"),
        (-32000, "header not found"),
        (-32000, "backend reverted to a snapshot"),
        (-32601, "execution reverted"),
        (-32602, "invalid opcode in params"),
        (-32005, "out of gas budget for this key"),
        (-32000, "upstream said: execution reverted"),
    ] {
        assert!(revert_data(code, message).is_none(), "{code} {message}");
    }
}
