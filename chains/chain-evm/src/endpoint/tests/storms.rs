//! Outages and rate limits: nothing is asked more than twice as often as usual, and it ends when the trouble does.

use std::sync::atomic::Ordering::SeqCst;

use super::*;

fn asked(nodes: &[ChainNode]) -> u64 {
    nodes.iter().map(|node| node.requests.load(SeqCst)).sum()
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_met_with_no_more_than_twice_the_usual_rate() {
    for trouble in [Lie::Breaks, Lie::Nulls, Lie::Flaky(2)] {
        let nodes: Vec<_> = (0..3).map(|_| FakeChain::start().node(Lie::None)).collect();
        let pool = pool_of(&nodes, config(3)).await;
        seconds(5).await;
        let before = asked(&nodes);
        nodes.iter().for_each(|node| node.does(trouble));
        // Ten minutes at ten a second.
        for _ in 0..6_000 {
            drop(pool.latest().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let sent = asked(&nodes) - before;
        // Looks: three nodes, twice a second at most every 450 ms, with a third as many audits of two questions.
        let looks = 600 * 3 * 23 / 10 * 5 / 3;
        println!("{trouble:?}: 6000 reads, {sent} requests with at most {looks} looks, {:?}", pool.health());
        assert!(sent <= 12_000 + looks, "{trouble:?}: {sent}");
        nodes.iter().for_each(|node| node.does(Lie::None));
        seconds(1).await;
        assert!(pool.latest().await.is_ok(), "{trouble:?}: over within two looks");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_asks_for_a_rest_gets_it_and_the_next_one_the_reads() {
    let nodes = three(FakeChain::start(), 9, Lie::None);
    let pool = pool_of(&nodes, config(3)).await;
    nodes[0].does(Lie::Limits(Some(Duration::from_secs(20))));
    assert!(pool.latest().await.is_ok(), "another node answers at once");
    let limited = nodes[0].requests.load(SeqCst);
    for _ in 0..19 {
        assert!(pool.latest().await.is_ok());
        seconds(1).await;
    }
    assert_eq!(nodes[0].requests.load(SeqCst), limited, "not one request while it rests");
    nodes[0].does(Lie::None);
    // The rest, a quarter of it by chance, and a look.
    seconds(7).await;
    assert_eq!(state(&pool, 0), NodeState::Alive);
}

#[tokio::test(start_paused = true)]
async fn when_all_rest_nothing_is_sent_until_the_first_may_be_asked() {
    let nodes = three(FakeChain::start(), 9, Lie::None);
    let pool = pool_of(&nodes, config(3)).await;
    nodes.iter().for_each(|node| node.does(Lie::Limits(Some(Duration::from_secs(30)))));
    while pool.latest().await.is_err_and(|failure| !matches!(failure, RpcFailure::Resting { .. })) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (before, shed) = (asked(&nodes), pool.health().shed);
    for _ in 0..25 {
        let failure = pool.latest().await.unwrap_err();
        assert!(
            failure
                .to_string()
                .starts_with("eth_getBlockByNumber was not sent: the node asked for a rest of")
        );
        seconds(1).await;
    }
    assert_eq!((asked(&nodes), pool.health().shed - shed), (before, 25));
    nodes.iter().for_each(|node| node.does(Lie::None));
    seconds(13).await;
    assert!(pool.latest().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn rests_that_name_no_time_are_short_and_end() {
    let nodes = three(FakeChain::start(), 9, Lie::None);
    let pool = pool_of(&nodes, config(3)).await;
    nodes.iter().for_each(|node| node.does(Lie::Limits(None)));
    let before = asked(&nodes);
    for _ in 0..6_000 {
        drop(pool.latest().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let sent = asked(&nodes) - before;
    println!("ten minutes of rate limits: 6000 reads, {sent} requests");
    assert!(sent < 600, "{sent}");
    nodes.iter().for_each(|node| node.does(Lie::None));
    seconds(11).await;
    assert!(pool.latest().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_node_alone_is_asked_whatever_it_does_but_for_its_rests() {
    let chain = FakeChain::start();
    let node = chain.node(Lie::None);
    let pool = pool_of(std::slice::from_ref(&node), config(1)).await;
    for lie in [Lie::Breaks, Lie::Nulls, Lie::Stalled(100)] {
        node.does(lie);
        for _ in 0..50 {
            drop(pool.latest().await);
            seconds(1).await;
        }
        node.does(Lie::None);
        assert!(pool.latest().await.is_ok(), "{lie:?}");
    }
    node.does(Lie::Limits(Some(Duration::from_secs(9))));
    assert!(matches!(pool.latest().await.unwrap_err(), RpcFailure::RateLimited { .. }));
    node.does(Lie::None);
    assert!(matches!(pool.latest().await.unwrap_err(), RpcFailure::Resting { .. }));
    seconds(12).await;
    assert!(pool.latest().await.is_ok());
}
