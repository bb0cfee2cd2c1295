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
struct Node {
    broadcasts: Mutex<Vec<Value>>,
    pending: AtomicU64,
    answers: Mutex<Vec<Reply>>,
}

impl Node {
    /// Answers broadcasts with `answers`, the last first.
    fn new(answers: Vec<Reply>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers), ..Self::default() })
    }

    fn endpoint(self: &Arc<Self>) -> Endpoint {
        let node = Arc::clone(self);
        fake(move |method, params| match method {
            "eth_sendRawTransaction" => {
                node.broadcasts.lock().unwrap().push(params[0].clone());
                node.answers.lock().unwrap().pop().unwrap_or(Reply::Is(json!(B256::ZERO)))
            }
            "eth_getTransactionCount" => Reply::Is(json!(U64::from(node.pending.load(Ordering::SeqCst)))),
            "eth_getBalance" => {
                assert_eq!(*params, json!([FROM, "latest"]));
                Reply::Is(json!("0x2a"))
            }
            "eth_feeHistory" => Reply::Is(json!({
                "baseFeePerGas": ["0x64", "0x6e", "0x78"], "reward": [["0x0"], ["0x77359401"]], "oldestBlock": "0x1",
                "gasUsedRatio": [0.5, 0.5],
            })),
            "eth_getBlockByNumber" => Reply::Is(json!({
                "hash": B256::with_last_byte(9), "parentHash": B256::ZERO, "number": "0x9", "timestamp": "0x1",
            })),
            other => panic!("{other}"),
        })
    }

    fn broadcasts(&self) -> usize {
        self.broadcasts.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_quote_holds_fees_within_bounds_and_never_a_used_nonce() {
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
    // The node has not seen it yet, or has forgotten it.
    assert_eq!(wallet.next_quote().await.unwrap().nonce, 5);
    node.pending.store(3, Ordering::SeqCst);
    assert_eq!(wallet.next_quote().await.unwrap().nonce, 5);
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
        let (_, sent) = wallet.send_to(FROM, Bytes::new()).await;
        assert_eq!(sent.nonce, nonce);
        assert!(wallet.lane.signed(sent).is_some(), "kept, so that it can be sent again");
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
    let signed = wallet.lane.signed(sent).unwrap();
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
