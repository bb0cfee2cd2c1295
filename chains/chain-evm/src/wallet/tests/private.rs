//! What the public may not see, against a fake node and a relay that takes everything down.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::{against_fake::Node, *};
use crate::relay::{
    PrivateRpc, RawMethod,
    tests::{Heard, TOOK_IT, TestRelay},
};

const PRIVATE: Terms = Terms { flow: OrderFlow::Private, deadline: None };

struct Bench {
    node: Arc<Node>,
    relay: TestRelay,
    wallet: WalletHandle,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Self {
        let (node, relay) = (Node::new(Vec::new()), TestRelay::start(TOOK_IT).await);
        node.balance.store(u64::MAX, Ordering::SeqCst);
        let folder = tempfile::tempdir().unwrap();
        let routes = OrderFlowRoutes::new(&[], std::slice::from_ref(&relay.url), 1).unwrap();
        let config = WalletConfig { routes, ..config(&folder, 1) };
        let wallet = spawn(node.endpoint(), config);
        Self { node, relay, wallet, _folder: folder }
    }

    async fn send(&self, terms: Terms, data: &'static [u8]) -> Sent {
        let quote = self.wallet.next_quote().await.unwrap();
        let transaction = transaction(&quote, Some(FROM), Bytes::from_static(data));
        self.wallet.sign_and_send(&transaction, terms).await.unwrap()
    }

    /// Blocks come.
    fn go(&self) {
        self.node.grows.store(1, Ordering::SeqCst);
    }

    fn blocks(&self, method: &str) -> Vec<String> {
        let heard = self.relay.heard().into_iter().filter(|heard| heard.method() == method);
        heard.map(|heard| heard.param()["blockNumber"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_private_transaction_is_offered_for_every_block_and_no_node_ever_gets_it() {
    let bench = Bench::start().await;
    let sent = bench.send(PRIVATE, b"").await;
    assert_eq!(bench.blocks("eth_sendBundle"), ["0xa"]);
    bench.go();
    let stuck = bench.wallet.stuck(vec![sent]).await;
    assert_eq!(stuck, Stuck { reason: StuckReason::PassedOver, blocks: 5 });
    assert_eq!(bench.blocks("eth_sendBundle"), ["0xa", "0xb", "0xc", "0xd", "0xe"]);
    // Followed on, it is offered on.
    bench.wallet.stuck(vec![sent]).await;
    assert!(bench.blocks("eth_sendBundle").len() > 5);
    assert_eq!(bench.node.broadcasts(), 0);
}

#[tokio::test]
async fn after_its_time_with_the_relays_everybody_gets_it() {
    let bench = Bench::start().await;
    let flow = OrderFlow::PrivateThenPublic { after_blocks: 3 };
    let sent = bench.send(Terms { flow, deadline: None }, b"").await;
    assert_eq!(bench.node.broadcasts(), 0);
    bench.go();
    let stuck = bench.wallet.stuck(vec![sent]).await;
    assert_eq!(stuck.reason, StuckReason::Nowhere, "the fake keeps nothing");
    assert_eq!(bench.blocks("eth_sendBundle"), ["0xa", "0xb", "0xc"]);
    assert!(bench.node.broadcasts() > 0);
    // The time is the nonce's: its replacement has none left.
    let before = bench.node.broadcasts();
    bench.send(Terms { flow, deadline: None }, b"dearer").await;
    assert_eq!(bench.node.broadcasts(), before.saturating_add(1));
}

#[tokio::test]
async fn attempts_replace_each_other_at_the_builders_and_a_public_one_takes_their_bundles_back() {
    let bench = Bench::start().await;
    bench.send(PRIVATE, b"").await;
    bench.send(PRIVATE, b"dearer").await;
    let names = || {
        let heard = bench.relay.heard();
        heard.iter().map(|heard| heard.param()["replacementUuid"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names()[0], names()[1]);
    let cancelling = bench.send(PUBLIC, b"cancel").await;
    let heard: Vec<_> = bench.relay.heard().iter().map(Heard::method).collect();
    assert_eq!(heard, ["eth_sendBundle", "eth_sendBundle", "eth_cancelBundle"]);
    assert_eq!(names()[2], names()[0]);
    let bytes = bench.wallet.lane.attempt(cancelling).unwrap().signed.bytes;
    assert_eq!(*bench.node.broadcasts.lock().unwrap(), [json!(bytes)]);
}

#[tokio::test]
async fn without_a_private_route_nothing_private_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::new(Vec::new());
    let wallet = spawn(node.endpoint(), config(&folder, 1));
    let transaction = transaction(&wallet.next_quote().await.unwrap(), Some(FROM), Bytes::new());
    let later = Terms { flow: OrderFlow::PrivateThenPublic { after_blocks: 9 }, deadline: None };
    for terms in [PRIVATE, later] {
        let refused = wallet.sign_and_send(&transaction, terms).await.unwrap_err().to_string();
        assert_eq!(
            refused,
            "the policy sends it privately, and no private rpc or builder is configured: configure one, or allow `public`"
        );
    }
    assert!(wallet.lane.nonces().is_empty() && node.broadcasts() == 0);
}

#[tokio::test]
async fn after_the_latch_no_relay_hears_of_it_again() {
    let bench = Bench::start().await;
    let sent = bench.send(PRIVATE, b"").await;
    bench.wallet.lane.config.kill.latch().unwrap();
    bench.go();
    bench.wallet.stuck(vec![sent]).await;
    let transaction = transaction(&bench.wallet.next_quote().await.unwrap(), Some(FROM), Bytes::new());
    assert!(matches!(bench.wallet.sign_and_send(&transaction, PUBLIC).await, Err(WalletError::Killed)));
    assert_eq!((bench.relay.heard().len(), bench.node.broadcasts()), (1, 0));
}

#[tokio::test]
async fn a_private_rpc_gets_the_bytes_and_after_the_deadline_nothing() {
    let (node, relay) = (Node::new(Vec::new()), TestRelay::start(TOOK_IT).await);
    let folder = tempfile::tempdir().unwrap();
    let rpc = PrivateRpc { url: relay.url.clone(), method: RawMethod::SendRawTransaction };
    let routes = OrderFlowRoutes::new(&[rpc], &[], 1).unwrap();
    let wallet = spawn(node.endpoint(), WalletConfig { routes, ..config(&folder, 1) });
    let quote = wallet.next_quote().await.unwrap();
    for (nonce, deadline) in [(0, quote.head.timestamp.0), (1, 0)] {
        let transaction = transaction(&Quote { nonce, ..quote }, Some(FROM), Bytes::new());
        let terms = Terms { deadline: Some(Timestamp(deadline)), ..PRIVATE };
        wallet.sign_and_send(&transaction, terms).await.unwrap();
    }
    let heard = relay.heard();
    assert_eq!((heard.len(), heard[0].method().as_str()), (1, "eth_sendRawTransaction"));
    assert_eq!(node.broadcasts(), 0);
}
