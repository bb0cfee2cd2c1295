//! The chain as a real node tells it.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use super::*;

impl Anvil {
    async fn tip(&self) -> B256 {
        self.endpoint.latest().await.unwrap().block.hash
    }

    /// What one fresh `eth_getLogs` over everything says.
    async fn all_logs(&self) -> Vec<ChainLog> {
        let filter = json!({ "fromBlock": "0x0", "toBlock": "latest", "address": LOGGER });
        let logs: Vec<WireLog> = self.ask("eth_getLogs", [filter]).await;
        logs.into_iter().map(ChainLog::from).collect()
    }
}

async fn reader(url: &str, span: u64) -> EvmReader {
    EvmReader::new(Endpoint::connect(url, CHAIN).await.unwrap(), config(span))
}

async fn history_then_live(url: &str, anvil: &Anvil) {
    for topic in 0..9 {
        anvil.log(topic).await;
        anvil.mine(topic % 3).await;
    }
    let mut events = reader(url, 4).await.events(BlockNumber(0), interests());
    let mut replay = Replay::default();
    replay.until(&mut events, anvil.tip().await).await;
    for topic in 100..112 {
        anvil.log(topic).await;
        // Several blocks at once: the node tells of each, or the reader walks back.
        anvil.mine(topic % 5).await;
    }
    // Two logs in one block.
    let _: Value = anvil.ask("evm_setAutomine", [false]).await;
    anvil.submit_log(200).await;
    anvil.submit_log(201).await;
    anvil.mine(1).await;
    let _: Value = anvil.ask("evm_setAutomine", [true]).await;
    replay.until(&mut events, anvil.tip().await).await;
    assert_eq!(replay.logs, anvil.all_logs().await);
    let mut expected: Vec<u64> = (0..9).chain(100..112).chain(200..202).collect();
    let mut topics = replay.topics();
    topics.sort_unstable();
    expected.sort_unstable();
    assert_eq!(topics, expected);
    assert!(replay.rollbacks.is_empty());
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn history_and_live_are_every_log_once_in_order_by_polling() {
    let anvil = Anvil::start(&[]).await;
    history_then_live(&anvil.http(), &anvil).await;
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn history_and_live_are_every_log_once_in_order_by_websocket() {
    let anvil = Anvil::start(&[]).await;
    history_then_live(&anvil.ws(), &anvil).await;
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn history_and_live_are_every_log_once_in_order_by_ipc() {
    let anvil = Anvil::start(&[]).await;
    history_then_live(anvil.ipc().to_str().unwrap(), &anvil).await;
}

async fn reorgs(url: &str, anvil: &Anvil) {
    for topic in 0..20 {
        anvil.log(topic).await;
    }
    let reader = reader(url, 1_000).await;
    let mut events = reader.events(BlockNumber(0), interests());
    let mut replay = Replay::default();
    replay.until(&mut events, anvil.tip().await).await;
    for (round, depth) in [1, 2, 7].into_iter().enumerate() {
        anvil.reorg(depth).await;
        anvil.log(100 + depth).await;
        replay.until(&mut events, anvil.tip().await).await;
        assert_eq!(replay.logs, anvil.all_logs().await, "depth {depth}");
        assert!(replay.rollbacks.len() > round, "depth {depth}");
        for topic in 0..depth {
            anvil.log(1_000 * depth + topic).await;
        }
        replay.until(&mut events, anvil.tip().await).await;
    }
    let mut fresh = Replay::default();
    fresh.until(&mut reader.events(BlockNumber(0), interests()), anvil.tip().await).await;
    assert_eq!(replay.logs, fresh.logs);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn reorgs_roll_back_and_read_as_a_fresh_reader_reads_by_polling() {
    let anvil = Anvil::start(&[]).await;
    reorgs(&anvil.http(), &anvil).await;
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn reorgs_roll_back_and_read_as_a_fresh_reader_reads_by_websocket() {
    let anvil = Anvil::start(&[]).await;
    reorgs(&anvil.ws(), &anvil).await;
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_reorg_deeper_than_memory_rolls_back_to_what_still_stands() {
    let anvil = Anvil::start(&[]).await;
    for topic in 0..20 {
        anvil.log(topic).await;
    }
    let config = ReaderConfig { depth: 4, ..config(3) };
    let mut events = EvmReader::new(anvil.endpoint.clone(), config).events(BlockNumber(1), interests());
    let mut replay = Replay::default();
    replay.until(&mut events, anvil.tip().await).await;
    anvil.reorg(11).await;
    anvil.log(500).await;
    replay.live = false;
    replay.heads.clear();
    while replay.logs != anvil.all_logs().await {
        let event = tokio::time::timeout(Duration::from_secs(10), events.next()).await.unwrap().unwrap();
        match event {
            ChainEvent::Rollback { to } => {
                assert!(to.number.0 >= 4, "no further than the last chunk that stands: {}", to.number);
                replay.logs.retain(|log| log.block <= to.number);
            }
            ChainEvent::History { logs, .. } | ChainEvent::Block { logs, .. } => replay.logs.extend(logs),
            other @ (ChainEvent::Answer { .. } | ChainEvent::Observed(_) | ChainEvent::Outcome(_)) => {
                panic!("{other:?}")
            }
        }
    }
}

async fn killed_and_restarted(scheme: &str, anvil: &Anvil) {
    let mut wire = anvil.wire().await;
    anvil.log(0).await;
    let mut events =
        reader(&format!("{scheme}://127.0.0.1:{}", wire.port), 10).await.events(BlockNumber(0), interests());
    let mut replay = Replay::default();
    replay.until(&mut events, anvil.tip().await).await;
    for round in 1..4 {
        wire.cut().await;
        // The reader is asked for an event while nobody answers.
        let waited = tokio::time::timeout(Duration::from_millis(300), events.next()).await;
        assert!(waited.is_err(), "nothing to tell while the node is gone");
        anvil.log(round).await;
        anvil.mine(round * 40).await;
        wire.mend().await;
        replay.until(&mut events, anvil.tip().await).await;
    }
    assert_eq!(replay.logs, anvil.all_logs().await);
    assert_eq!(replay.topics(), [0, 1, 2, 3]);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_killed_and_restarted_node_is_survived_by_polling() {
    let anvil = Anvil::start(&[]).await;
    killed_and_restarted("http", &anvil).await;
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_killed_and_restarted_node_is_survived_by_websocket() {
    let anvil = Anvil::start(&[]).await;
    killed_and_restarted("ws", &anvil).await;
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn another_chain_behind_the_same_address_is_no_answer() {
    let anvil = Anvil::start(&[]).await;
    let refused = Endpoint::connect(&anvil.http(), agent_core::units::ChainId(1)).await.unwrap_err();
    assert_eq!(refused.to_string(), "rpc serves chain 31337, but the configuration says 1");

    for scheme in ["http", "ws"] {
        let mut wire = anvil.wire().await;
        let endpoint =
            Endpoint::connect(&format!("{scheme}://127.0.0.1:{}", wire.port), CHAIN).await.unwrap();
        wire.cut().await;
        assert!(endpoint.latest().await.is_err());
        let _: Value = anvil.ask("anvil_setChainId", [7]).await;
        wire.mend().await;
        let refused = endpoint.latest().await.unwrap_err().to_string();
        assert_eq!(refused, "rpc serves chain 7 now, but the configuration says 31337", "{scheme}");
        let _: Value = anvil.ask("anvil_setChainId", [CHAIN.0]).await;
        assert!(endpoint.latest().await.is_ok(), "{scheme}: the right chain is back");
    }
}

async fn reads(anvil: &Anvil) {
    // Echoes its call data's first word; reverts with it when it is zero.
    let echo = agent_core::Query {
        to: alloy::primitives::Address::repeat_byte(0xbb),
        data: B256::with_last_byte(7).into(),
    };
    let code = alloy::primitives::hex!("60003560005260003560115760206000fd5b60206000f3");
    let _: Value = anvil.ask("anvil_setCode", (echo.to, alloy::primitives::Bytes::from(code))).await;
    let reader = EvmReader::new(anvil.endpoint.clone(), config(10));
    let failing = Query { data: B256::ZERO.into(), ..echo.clone() };
    let (at, answers) = reader.read(vec![echo.clone(), failing, echo]).await.unwrap();
    assert_eq!(at.hash, anvil.tip().await);
    let (seven, zero) = (B256::with_last_byte(7), B256::ZERO);
    assert_eq!(answers, [Ok(seven.into()), Err(zero.into()), Ok(seven.into())]);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn reads_keep_each_querys_revert_data_without_multicall() {
    reads(&Anvil::start(&[]).await).await;
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn reads_keep_each_querys_revert_data_through_multicall() {
    let anvil = Anvil::start(&[]).await;
    let multicall = anvil.deploy("Multicall3").await;
    let code = anvil.endpoint.code(multicall, anvil.tip().await).await.unwrap();
    let _: Value = anvil.ask("anvil_setCode", (super::multicall::MULTICALL3, code)).await;
    reads(&anvil).await;
}
