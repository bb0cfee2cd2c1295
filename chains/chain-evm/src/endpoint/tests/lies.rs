//! One node of three does something wrong: no read that needs a quorum ever believes it, and it is out within three
//! reads.

use agent_core::units::{BlockRef, Timestamp};

use super::*;

/// What one run saw.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    agreed: u64,
    refused: u64,
    /// Reads from the first that the liar lied to until it was kept out.
    reads_until_out: Option<u64>,
}

/// The lies that contradict the others in what is asked below.
fn contradicts(lie: Lie, read: Read) -> bool {
    matches!(
        (lie, read),
        (Lie::ForgedBalance, Read::Balance)
            | (Lie::ForgedReceipt, Read::Receipt)
            | (Lie::ForgedLog | Lie::MissingLogs, Read::Logs)
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Balance,
    Receipt,
    Logs,
}

/// Reads for ten seconds, at blocks up to the newest and not only there.
async fn run(seed: u64, lie: Lie, read: Read) -> Seen {
    let mut random = StdRng::seed_from_u64(seed);
    let liar = random.random_range(0..3);
    let chain = FakeChain::start();
    let nodes = three(chain, liar, Lie::None);
    let pool = pool_of(&nodes, config(3)).await;
    tokio::time::sleep(Duration::from_millis(random.random_range(0..3_000))).await;
    nodes[liar].does(lie);
    let mut seen = Seen::default();
    for asked in 1..=20 {
        let newest = chain.length();
        // A block with a log.
        let number = FakeChain::logged(newest - 8, newest)[random.random_range(0..5)];
        match read_one(&pool, chain, read, number).await {
            Ok(()) => seen.agreed += 1,
            Err(failure) => {
                assert!(failure.is_of_the_line(), "{failure}");
                seen.refused += 1;
            }
        }
        if matches!(state(&pool, liar), NodeState::Quarantined { .. }) {
            seen.reads_until_out.get_or_insert(asked);
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1_000))).await;
    }
    for honest in (0..3).filter(|node| *node != liar) {
        assert!(
            !matches!(state(&pool, honest), NodeState::Quarantined { .. }),
            "{seed} {lie:?} {:?}",
            pool.health()
        );
    }
    seen
}

/// Asserts that what was read is the truth.
async fn read_one(pool: &Endpoint, chain: FakeChain, read: Read, number: u64) -> Result<(), RpcFailure> {
    let block = chain.hash(number);
    match read {
        Read::Balance => {
            let params = (alloy::primitives::Address::ZERO, at(block));
            let balance: U256 = pool.ask_agreed("eth_getBalance", params, Agreement::on_block()).await?;
            assert_eq!(balance, FakeChain::balance(number));
        }
        Read::Receipt => {
            // Two nodes that are not there yet may agree that they have none; no two may agree on a forged one.
            if let Some(receipt) = pool.agreed_receipt(transaction(number)).await? {
                assert_eq!((receipt.block_hash, receipt.status), (block, U64::from(1)));
            }
        }
        Read::Logs => {
            let logs = pool.logs_of_block(block, &json!({ "blockHash": block })).await?;
            assert_eq!(logs.len(), 1);
            let of = BlockRef { number: BlockNumber(number), hash: block, timestamp: Timestamp(number) };
            assert!(logs[0].is_of(of));
            let log = agent_core::ChainLog::from(logs[0].clone());
            assert_eq!(log.topics, [B256::left_padding_from(&number.to_be_bytes())]);
        }
    }
    Ok(())
}

async fn every_lie(seeds: std::ops::Range<u64>) {
    for lie in LIES {
        for read in [Read::Balance, Read::Receipt, Read::Logs] {
            let (mut agreed, mut refused, mut slowest) = (0, 0, 0);
            for seed in seeds.clone() {
                let seen = run(seed, lie, read).await;
                agreed += seen.agreed;
                refused += seen.refused;
                if contradicts(lie, read) {
                    let reads = seen.reads_until_out.unwrap_or(u64::MAX);
                    assert!(reads <= 3, "KEEPWRIGHT_SEED={seed} {lie:?} {read:?}: out after {reads} reads");
                    slowest = slowest.max(reads);
                }
            }
            println!(
                "lie {lie:?} read {read:?} seeds {}..{}: agreed {agreed}, without answer {refused}, out after {slowest} reads",
                seeds.start, seeds.end
            );
            assert!(agreed > refused * 9, "{lie:?} {read:?}: one bad node does not stop two good ones");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_lie_of_one_node_is_believed_and_liars_are_out_within_three_reads() {
    every_lie(0..4).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "long: scripts/test --long runs it"]
async fn long_no_lie_of_one_node_is_believed() {
    let first = first_seed();
    every_lie(first..first + 500).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_quorum_a_read_fails_in_one_sentence_and_nobody_is_blamed() {
    let chain = FakeChain::start();
    let nodes = three(chain, 1, Lie::ForgedBalance);
    let pool = pool_of(&nodes, config(3)).await;
    nodes[2].does(Lie::Breaks);
    let failure = read_one(&pool, chain, Read::Balance, 99).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "eth_getBalance has no quorum: 2 nodes must give the same answer, 1 of the 2 that answered do"
    );
    assert!(!matches!(state(&pool, 1), NodeState::Quarantined { .. }));
    assert_eq!(pool.health().without_quorum, 1);
    // One node is its own quorum.
    let alone = fake_pool(config(1), vec![nodes[0].script()]).await.unwrap();
    read_one(&alone, chain, Read::Balance, 99).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_revert_that_all_give_is_the_answer() {
    let script = || -> Arc<Script> {
        let chain = FakeChain::start().node(Lie::None).script();
        Arc::new(move |method, params| match method {
            "eth_call" => Reply::Refuses(3, "execution reverted"),
            _ => chain(method, params),
        })
    };
    let pool = fake_pool(config(3), (0..3).map(|_| script()).collect()).await.unwrap();
    let call =
        pool.ask_agreed::<_, alloy::primitives::Bytes>("eth_call", ("0x",), Agreement::on_block()).await;
    assert_eq!(call.unwrap_err().revert_data(), Some(alloy::primitives::Bytes::new()));
    assert_eq!(pool.health().without_quorum, 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_nothing_is_out_at_the_third_read() {
    let script = |nothing: bool| -> Arc<Script> {
        let chain = FakeChain::start().node(Lie::None).script();
        Arc::new(move |method, params| match method {
            "eth_getLogs" if nothing => Reply::Is(json!([])),
            _ => chain(method, params),
        })
    };
    let pool = fake_pool(config(3), vec![script(false), script(true), script(false)]).await.unwrap();
    let chain = FakeChain::start();
    let mut states = Vec::new();
    for _ in 0..3 {
        read_one(&pool, chain, Read::Logs, 99).await.unwrap();
        seconds(1).await;
        states.push(matches!(state(&pool, 1), NodeState::Quarantined { .. }));
    }
    assert_eq!(states, [false, false, true]);
}
