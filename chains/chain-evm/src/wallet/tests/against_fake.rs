//! What leaves, and what a bad node makes of it.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use agent_core::units::ChainId;
use alloy::primitives::{B256, U64, U256};
use serde_json::{Value, json};

use super::*;
use crate::endpoint::fake_node::{Reply, fake};

/// What a fake node saw and does.
#[derive(Default)]
pub(super) struct Node {
    pub(super) broadcasts: Mutex<Vec<Value>>,
    pub(super) mined: AtomicU64,
    pending: AtomicU64,
    answers: Mutex<Vec<Reply>>,
    /// The newest block, and by how much it grows each time that somebody asks for it.
    pub(super) head: AtomicU64,
    pub(super) grows: AtomicU64,
    /// Wei.
    pub(super) balance: AtomicU64,
}

impl Node {
    /// Answers broadcasts with `answers`, the last first.
    pub(super) fn new(answers: Vec<Reply>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers),
            head: AtomicU64::new(9),
            balance: AtomicU64::new(42),
            ..Self::default()
        })
    }

    pub(super) fn endpoint(self: &Arc<Self>) -> Endpoint {
        let node = Arc::clone(self);
        fake(move |method, params| match method {
            "eth_sendRawTransaction" => {
                node.broadcasts.lock().unwrap().push(params[0].clone());
                node.answers.lock().unwrap().pop().unwrap_or(Reply::Is(json!(B256::ZERO)))
            }
            "eth_getTransactionCount" => {
                let count = if params[1] == "pending" { &node.pending } else { &node.mined };
                Reply::Is(json!(U64::from(count.load(Ordering::SeqCst))))
            }
            "eth_getTransactionReceipt" | "eth_getTransactionByHash" => Reply::Is(Value::Null),
            "eth_getBalance" => {
                assert_eq!(*params, json!([FROM, "latest"]));
                Reply::Is(json!(U64::from(node.balance.load(Ordering::SeqCst))))
            }
            "eth_feeHistory" => Reply::Is(json!({
                "baseFeePerGas": ["0x64", "0x6e", "0x78"], "reward": [["0x0"], ["0x77359401"]], "oldestBlock": "0x1",
                "gasUsedRatio": [0.5, 0.5],
            })),
            "eth_getBlockByNumber" => {
                let number =
                    U64::from(node.head.fetch_add(node.grows.load(Ordering::SeqCst), Ordering::SeqCst));
                Reply::Is(json!({
                    "hash": B256::with_last_byte(9), "parentHash": B256::ZERO, "number": number, "timestamp": "0x1",
                }))
            }
            other => panic!("{other}"),
        })
    }

    pub(super) fn broadcasts(&self) -> usize {
        self.broadcasts.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_quote_holds_fees_within_bounds_and_the_nodes_count() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::new(Vec::new());
    let wallet = spawn(node.endpoint(), config(&folder, 1));
    assert_eq!(wallet.address(), FROM);
    node.pending.store(4, Ordering::SeqCst);
    let quote = wallet.next_quote().await.unwrap();
    assert_eq!((quote.nonce, quote.from, quote.chain, quote.head.number.0), (4, FROM, ChainId(31337), 9));
    assert_eq!((quote.tip, quote.max_fee), (2_000_000_000, 2_000_000_240), "cap, and twice 0x78");
    assert_eq!((quote.least_fee, quote.balance), (2_000_000_120, Wei(U256::from(42))));
    wallet.send_to(FROM, Bytes::new()).await;
    // Whether the node has seen it is for the door to think about: it knows what it holds.
    assert_eq!(wallet.next_quote().await.unwrap().nonce, 4);
    node.pending.store(8, Ordering::SeqCst);
    assert_eq!(wallet.next_quote().await.unwrap().nonce, 8);
}

#[tokio::test]
async fn whatever_a_broadcast_is_answered_the_transaction_counts_as_sent() {
    let answers = || {
        vec![
            Reply::Refuses(-32000, "already known"),
            Reply::Refuses(-32003, "transaction already imported"),
            Reply::Refuses(-32000, "nonce too low"),
            Reply::Refuses(-32000, "insufficient funds for gas * price + value"),
            Reply::Breaks,
        ]
    };
    let folder = tempfile::tempdir().unwrap();
    let node = Node::new(answers());
    let wallet = spawn(node.endpoint(), config(&folder, 1));
    for nonce in 0..5 {
        node.pending.store(nonce, Ordering::SeqCst);
        let (_, sent) = wallet.send_to(FROM, Bytes::new()).await;
        assert_eq!(sent.nonce, nonce);
        assert!(wallet.lane.attempt(sent).is_some(), "kept, so that it can be sent again");
    }
    assert_eq!(node.broadcasts(), 5);
}

#[tokio::test]
async fn signing_twice_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::new(Vec::new());
    let wallet = spawn(node.endpoint(), config(&folder, 1));
    let (transaction, sent) = wallet.send_to(FROM, Bytes::from_static(b"data")).await;
    let restarted = spawn(node.endpoint(), config(&folder, 1));
    assert_eq!(restarted.sign_and_broadcast(&transaction).await.unwrap(), sent);
    let broadcasts = node.broadcasts.lock().unwrap();
    assert_eq!(broadcasts[0], broadcasts[1]);
}

#[tokio::test]
async fn after_the_latch_nothing_is_signed_to_be_sent_and_nothing_is_broadcast() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::new(Vec::new());
    let config = config(&folder, 1);
    let wallet = spawn(node.endpoint(), config.clone());
    let (transaction, sent) = wallet.send_to(FROM, Bytes::new()).await;
    let signed = wallet.lane.attempt(sent).unwrap().signed;
    config.kill.latch().unwrap();

    let refused = wallet.sign_and_broadcast(&transaction).await.unwrap_err();
    assert!(matches!(refused, WalletError::Killed), "{refused}");
    // The second check: bytes that were signed before the latch.
    assert!(matches!(wallet.lane.broadcast(&signed).await, Err(WalletError::Killed)));
    assert_eq!(node.broadcasts(), 1);
    // What was sent before is still found, which takes a signature that does not leave.
    let found = wallet.lane.key.sign(&transaction, Purpose::Find).await.unwrap();
    assert_eq!(found.sent, sent);
}

#[tokio::test]
async fn what_is_not_this_wallets_is_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::new(Vec::new());
    let wallet = spawn(node.endpoint(), config(&folder, 1));
    let good = transaction(&wallet.next_quote().await.unwrap(), Some(FROM), Bytes::new());
    let other_chain = Transaction { chain: ChainId(1), ..good.clone() };
    let other_key = Transaction { from: Address::ZERO, ..good };
    let refusals = [
        wallet.sign_and_broadcast(&other_chain).await.unwrap_err().to_string(),
        wallet.sign_and_broadcast(&other_key).await.unwrap_err().to_string(),
    ];
    assert_eq!(refusals[0], "the transaction is for chain 1, this wallet is on 31337");
    assert!(refusals[1].contains("this wallet signs for 0x7099"), "{refusals:?}");
    assert_eq!(node.broadcasts(), 0);
    let shown = format!("{wallet:?} {:?}", wallet.lane.key);
    assert!(!shown.contains("59c6") && !shown.contains("secret"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn what_no_node_keeps_is_broadcast_again_and_then_said_to_be_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::new(Vec::new());
    let wallet = spawn(node.endpoint(), config(&folder, 1));
    let (_, sent) = wallet.send_to(FROM, Bytes::new()).await;
    node.grows.store(1, Ordering::SeqCst);
    let poor = wallet.stuck(vec![sent]).await;
    assert_eq!(poor.reason, StuckReason::Unfunded, "42 wei");
    assert!(node.broadcasts() > 2, "again, and again");
    // By a follower that does not know the bytes, which cannot tell what it costs either.
    wallet.lane.forget(sent.nonce);
    let broadcasts = node.broadcasts();
    let lost = wallet.stuck(vec![sent]).await;
    assert_eq!(lost, Stuck { reason: StuckReason::Nowhere, blocks: 5 });
    assert_eq!(node.broadcasts(), broadcasts);
    // What comes before it is helped first.
    let later = Sent { nonce: 2, ..sent };
    assert_eq!(wallet.stuck(vec![later]).await.reason, StuckReason::Gap { missing: 0 });
    node.pending.store(2, Ordering::SeqCst);
    assert_eq!(wallet.stuck(vec![later]).await.reason, StuckReason::Behind { nonce: 0 });
}

/// 100 transactions are followed and rebroadcast, and as many are being sent, when the switch is latched.
#[tokio::test]
async fn after_the_latch_nothing_leaves_of_a_hundred_in_flight() {
    const IN_FLIGHT: u64 = 100;
    let folder = tempfile::tempdir().unwrap();
    let node = Node::new(Vec::new());
    node.grows.store(1, Ordering::SeqCst);
    let config = config(&folder, 1);
    let wallet = spawn(node.endpoint(), WalletConfig { poll: Duration::ZERO, ..config.clone() });
    let quote = wallet.next_quote().await.unwrap();
    let mut all = tokio::task::JoinSet::new();
    for nonce in 0..IN_FLIGHT {
        let transaction = transaction(&Quote { nonce, ..quote }, Some(FROM), Bytes::new());
        let sent = wallet.sign_and_broadcast(&transaction).await.unwrap();
        let lane = Arc::clone(&wallet.lane);
        all.spawn(async move {
            loop {
                follow::until_final(Arc::clone(&lane), vec![sent], Vec::new()).await;
            }
        });
        let wallet = wallet.clone();
        all.spawn(async move {
            loop {
                // Of the same bytes: whoever sends does not know yet.
                let killed = wallet.sign_and_broadcast(&transaction).await;
                assert!(matches!(killed, Ok(_) | Err(WalletError::Killed)), "{killed:?}");
                tokio::task::yield_now().await;
            }
        });
    }
    let before = node.broadcasts();
    while node.broadcasts() < before.saturating_add(1_000) {
        tokio::task::yield_now().await;
    }
    config.kill.latch().unwrap();
    let at_the_latch = node.broadcasts();
    // Everybody goes on trying, and everybody is asked again many times.
    let asked = node.head.load(Ordering::SeqCst);
    while node.head.load(Ordering::SeqCst) < asked.saturating_add(2_000) {
        tokio::task::yield_now().await;
    }
    assert_eq!(node.broadcasts(), at_the_latch);
    all.shutdown().await;
}
