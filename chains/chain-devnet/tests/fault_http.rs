//! Each fault reaches a client over HTTP, and is counted.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a stand that is broken fails its test")]

use std::time::Duration;

use alloy::primitives::{Address, Bytes, TxHash, U256, keccak256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::transports::http::reqwest::{Client, Response, StatusCode};
use chain_devnet::fault::{
    Calls, Failure, Fault, FaultHandle, FaultKind, FaultProxy, HeadView, Lie, Link, RateLimit, Rule,
    Schedule, Stage, Trigger,
};
use chain_devnet::{Devnet, DevnetConfig, Mining, Role};
use serde_json::{Value, json};

struct Stand {
    devnet: Devnet,
    proxy: FaultProxy,
    faults: FaultHandle,
    client: Client,
}

impl Stand {
    async fn new(mining: Mining) -> Self {
        let devnet = Devnet::launch(DevnetConfig::mining(mining)).await.unwrap();
        let proxy = FaultProxy::launch(&devnet.http_url()).await.unwrap();
        Self { faults: proxy.handle(), devnet, proxy, client: Client::new() }
    }

    /// One fault, at the next request.
    fn next(&self, fault: Fault) {
        self.faults.set_schedule(Schedule::of(1, [Rule::new(Calls::Any, Trigger::Nth(1), fault)]));
    }

    fn always(&self, fault: Fault) {
        self.faults.set_schedule(Schedule::of(1, [Rule::new(Calls::Any, Trigger::Always, fault)]));
    }

    async fn post(&self, method: &str, params: Value) -> alloy::transports::http::reqwest::Result<Response> {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
        let request = self.client.post(self.proxy.http_url()).header("content-type", "application/json");
        request.body(body).send().await
    }

    async fn text(&self, method: &str, params: Value) -> String {
        self.post(method, params).await.unwrap().text().await.unwrap()
    }

    async fn result(&self, method: &str, params: Value) -> Value {
        serde_json::from_str::<Value>(&self.text(method, params).await).unwrap()["result"].take()
    }

    fn provider(&self) -> DynProvider {
        ProviderBuilder::new().connect_http(self.proxy.http_url().parse().unwrap()).erased()
    }

    fn spare(&self) -> Address {
        self.devnet.manifest().account_with(Role::Spare).unwrap()
    }

    /// A transfer that the node has signed and nobody has sent, and its hash.
    async fn signed(&self, nonce: u64) -> (Bytes, TxHash) {
        let node = self.devnet.provider();
        let request = json!({
            "from": self.spare(), "to": Address::repeat_byte(9), "value": "0x1", "nonce": format!("{nonce:#x}"),
            "gas": "0x5208", "maxFeePerGas": "0x174876e800", "maxPriorityFeePerGas": "0x3b9aca00",
        });
        let raw: Bytes = node.raw_request("eth_signTransaction".into(), [request]).await.unwrap();
        let hash = keccak256(&raw);
        (raw, hash)
    }

    async fn nonce(&self) -> u64 {
        self.devnet.provider().get_transaction_count(self.spare()).await.unwrap()
    }

    async fn is_known(&self, hash: TxHash) -> bool {
        self.devnet.provider().get_transaction_by_hash(hash).await.unwrap().is_some()
    }
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn without_a_fault_everything_passes() {
    let stand = Stand::new(Mining::Manual).await;
    let (through, node) = (stand.provider(), stand.devnet.provider());
    assert_eq!(through.get_block_number().await.unwrap(), node.get_block_number().await.unwrap());
    let filter = Filter::new().from_block(0);
    assert_eq!(through.get_logs(&filter).await.unwrap(), node.get_logs(&filter).await.unwrap());
    let batch = json!([{"id": 1, "method": "eth_chainId", "params": []}, {"id": 2, "method": "eth_blockNumber", "params": []}]);
    let url = format!("{}/v2/a-key", stand.proxy.http_url());
    let sent = stand.client.post(url).header("content-type", "application/json").body(batch.to_string());
    let answers: Value = serde_json::from_str(&sent.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!(1), &json!(2)));
    assert_eq!(stand.faults.tally().total(), 0);
    assert_eq!(stand.faults.tally().forwarded("eth_getLogs"), 1);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn answers_break_in_every_way() {
    let stand = Stand::new(Mining::Manual).await;
    let chain = || stand.post("eth_chainId", json!([]));

    stand.next(Fault::before(Failure::Reset));
    assert!(chain().await.unwrap_err().is_request());

    stand.next(Fault::before(Failure::RateLimited { retry_after: Some(3) }));
    let refused = chain().await.unwrap();
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"3".parse().unwrap())
    );
    stand.next(Fault::before(Failure::RateLimited { retry_after: None }));
    assert!(!chain().await.unwrap().headers().contains_key("retry-after"));

    stand.next(Fault::before(Failure::ServerError { status: 503 }));
    let page = chain().await.unwrap();
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.text().await.unwrap().starts_with("<html>"));

    stand.next(Fault::before(Failure::Malformed));
    assert!(serde_json::from_str::<Value>(&stand.text("eth_chainId", json!([])).await).is_err());

    stand.next(Fault::after(Failure::Truncated));
    let mut cut = chain().await.unwrap();
    let promised = cut.content_length().unwrap();
    let begun = cut.chunk().await.unwrap().unwrap();
    assert!(begun.starts_with(b"{") && u64::try_from(begun.len()).unwrap() < promised);
    assert!(cut.chunk().await.is_err());

    stand.next(Fault::after(Failure::Huge { bytes: 3_000_000 }));
    assert!(stand.text("eth_chainId", json!([])).await.len() > 3_000_000);

    stand.next(Fault::after(Failure::Slow { pause: Duration::from_millis(5) }));
    let began = tokio::time::Instant::now();
    assert!(stand.text("eth_chainId", json!([])).await.contains("\"result\":\"0x"));
    assert!(began.elapsed() >= Duration::from_millis(30));

    stand.next(Fault::before(Failure::RpcError { code: -32_000, message: String::from("busy") }));
    assert!(stand.text("eth_chainId", json!([])).await.contains("busy"));

    let tally = stand.faults.tally();
    for kind in [
        FaultKind::Reset,
        FaultKind::ServerError,
        FaultKind::Malformed,
        FaultKind::Truncated,
        FaultKind::Huge,
        FaultKind::Slow,
        FaultKind::RpcError,
    ] {
        assert_eq!(tally.count(kind), 1, "{kind:?}");
    }
    assert_eq!((tally.count(FaultKind::RateLimited), tally.before, tally.after), (2, 6, 3));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_request_that_is_never_answered_is_heard_of_all_the_same() {
    let stand = Stand::new(Mining::Manual).await;
    stand.next(Fault::before(Failure::Silence));
    tokio::select! {
        answer = stand.post("eth_chainId", json!([])) => panic!("{answer:?}"),
        tally = stand.faults.until(|tally| tally.count(FaultKind::Silence) == 1) => assert_eq!(tally.before, 1),
    }
    assert_eq!(stand.faults.tally().forwarded("eth_chainId"), 0);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_transaction_is_lost_before_or_after_the_node_has_it() {
    let stand = Stand::new(Mining::Manual).await;
    let nonce = stand.nonce().await;
    let breaks =
        [Failure::Reset, Failure::ServerError { status: 502 }, Failure::Malformed, Failure::Truncated];
    for (offset, failure) in (0..).zip(breaks) {
        let (raw, hash) = stand.signed(nonce + offset).await;
        for (stage, known) in [(Stage::Before, false), (Stage::After, true)] {
            stand.next(Fault::Fail { stage, failure: failure.clone() });
            let sent = stand.post("eth_sendRawTransaction", json!([raw])).await;
            let heard = match sent {
                Ok(answer) => answer.text().await.ok(),
                Err(_reset) => None,
            };
            assert!(heard.is_none_or(|heard| !heard.contains(&hash.to_string())), "{failure:?}");
            assert_eq!(stand.is_known(hash).await, known, "{stage:?} {failure:?}");
        }
    }
    let tally = stand.faults.tally();
    assert_eq!((tally.before, tally.after), (4, 4));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_forgetful_pool_says_yes() {
    let stand = Stand::new(Mining::Manual).await;
    let (raw, hash) = stand.signed(stand.nonce().await).await;
    stand.next(Fault::Forget);
    assert_eq!(stand.result("eth_sendRawTransaction", json!([raw])).await, json!(hash));
    assert!(!stand.is_known(hash).await);
    assert_eq!(stand.faults.forgotten(), [hash]);
    assert_eq!(stand.result("eth_sendRawTransaction", json!([raw])).await, json!(hash));
    assert!(stand.is_known(hash).await);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_lagging_node_knows_nothing_newer() {
    let stand = Stand::new(Mining::Manual).await;
    let (through, node) = (stand.provider(), stand.devnet.provider());
    let (raw, hash) = stand.signed(stand.nonce().await).await;
    stand.devnet.mine(3).await.unwrap();
    let before = node.get_balance(stand.spare()).await.unwrap();
    stand.result("eth_sendRawTransaction", json!([raw])).await;
    stand.devnet.mine(2).await.unwrap();
    let head = node.get_block_number().await.unwrap();
    assert!(node.get_transaction_receipt(hash).await.unwrap().is_some());

    stand.faults.set_head(HeadView::Behind(2));
    assert_eq!(through.get_block_number().await.unwrap(), head - 2);
    let latest = through.get_block_by_number(Default::default()).await.unwrap().unwrap();
    assert_eq!(latest.header.number, head - 2);
    assert!(through.get_block_by_number(head.into()).await.unwrap().is_none());
    let newest = node.get_block_by_number(head.into()).await.unwrap().unwrap();
    assert!(through.get_block_by_hash(newest.header.hash).await.unwrap().is_none());
    assert!(through.get_transaction_receipt(hash).await.unwrap().is_none());
    let pending = through.get_transaction_by_hash(hash).await.unwrap().unwrap();
    assert_eq!(pending.block_number, None);
    assert_eq!(through.get_balance(stand.spare()).await.unwrap(), before);
    assert!(through.get_balance(stand.spare()).number(head).await.is_err());
    assert!(stand.faults.count(FaultKind::Behind) >= 8);

    // A stalled head stays where it is, whatever the node does.
    stand.faults.clear();
    assert_eq!(stand.faults.stall_head().await.unwrap(), head);
    stand.devnet.mine(4).await.unwrap();
    assert_eq!(through.get_block_number().await.unwrap(), head);
    stand.faults.clear();
    assert_eq!(through.get_block_number().await.unwrap(), head + 4);
    // One lagging answer of a node behind a load balancer.
    stand.next(Fault::Behind(1));
    assert_eq!(through.get_block_number().await.unwrap(), head + 3);
    assert_eq!(through.get_block_number().await.unwrap(), head + 4);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn logs_of_later_blocks_are_hidden() {
    let stand = Stand::new(Mining::Automine).await;
    let through = stand.provider();
    let usdc = stand.devnet.manifest().asset(chain_devnet::Asset::Usdc).unwrap().address;
    let start = stand.devnet.latest_block().await.unwrap().number;
    for _ in 0..3 {
        stand.devnet.deal(stand.spare(), chain_devnet::Asset::Usdc, U256::from(1_u8)).await.unwrap();
    }
    let filter = Filter::new().address(usdc).from_block(start + 1);
    assert_eq!(through.get_logs(&filter).await.unwrap().len(), 3);
    let newest = stand.devnet.latest_block().await.unwrap().hash;
    stand.faults.set_head(HeadView::Behind(1));
    assert_eq!(through.get_logs(&filter).await.unwrap().len(), 2);
    assert!(through.get_logs(&Filter::new().at_block_hash(newest)).await.is_err());
    stand.faults.clear();
    stand.always(Fault::Lie(Lie::MissingLogs { every: 3 }));
    assert_eq!(through.get_logs(&filter).await.unwrap().len(), 2);
    assert_eq!(stand.faults.count(FaultKind::MissingLogs), 1);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn lies_are_told_and_counted() {
    let stand = Stand::new(Mining::Manual).await;
    let (through, spare) = (stand.provider(), stand.spare());
    stand.always(Fault::Lie(Lie::ChainId(5)));
    assert_eq!(through.get_chain_id().await.unwrap(), 5);
    stand.always(Fault::Lie(Lie::Balance(U256::from(3_u8))));
    assert_eq!(through.get_balance(spare).await.unwrap(), U256::from(3_u8));
    let nonce = stand.nonce().await;
    stand.always(Fault::Lie(Lie::Nonce(2)));
    assert_eq!(through.get_transaction_count(spare).await.unwrap(), nonce + 2);
    stand.always(Fault::Lie(Lie::CallResult(Bytes::from_static(b"ab"))));
    let call = TransactionRequest::default().to(spare);
    assert_eq!(through.call(call).await.unwrap(), Bytes::from_static(b"ab"));
    // A receipt for what nobody sent, and a failure for what went well.
    let (raw, hash) = stand.signed(nonce).await;
    stand.always(Fault::Lie(Lie::Receipt { success: true }));
    assert!(through.get_transaction_receipt(hash).await.unwrap().unwrap().status());
    stand.result("eth_sendRawTransaction", json!([raw])).await;
    stand.devnet.mine(1).await.unwrap();
    stand.always(Fault::Lie(Lie::Receipt { success: false }));
    assert!(!through.get_transaction_receipt(hash).await.unwrap().unwrap().status());
    stand.always(Fault::Lie(Lie::Null));
    assert!(through.get_transaction_receipt(hash).await.unwrap().is_none());
    stand.always(Fault::Lie(Lie::Answer(json!("0x1"))));
    assert_eq!(through.get_block_number().await.unwrap(), 1);
    let tally = stand.faults.tally();
    let told = [
        FaultKind::WrongChain,
        FaultKind::ForgedBalance,
        FaultKind::WrongNonce,
        FaultKind::ForgedCall,
        FaultKind::Null,
        FaultKind::ForgedAnswer,
    ];
    assert!(told.iter().all(|kind| tally.count(*kind) == 1), "{tally:?}");
    assert_eq!(tally.count(FaultKind::ForgedReceipt), 2);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn requests_beyond_the_limit_are_refused() {
    let stand = Stand::new(Mining::Manual).await;
    stand.faults.set_rate_limit(Some(RateLimit { per_second: 0, retry_after: Some(1) }));
    let refused = stand.post("eth_chainId", json!([])).await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(stand.faults.count(FaultKind::RateLimited), 1);
    stand.faults.set_rate_limit(None);
    assert!(stand.result("eth_chainId", json!([])).await.is_string());
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn an_endpoint_goes_down_and_comes_back() {
    let stand = Stand::new(Mining::Manual).await;
    stand.faults.set_link(Link::Refusing);
    assert!(stand.post("eth_chainId", json!([])).await.is_err());
    assert!(stand.faults.count(FaultKind::Refused) >= 1);
    stand.faults.set_link(Link::Up);
    assert!(stand.result("eth_chainId", json!([])).await.is_string());
    stand.faults.set_link(Link::Mute);
    let asked = stand.post("eth_chainId", json!([]));
    let muted = stand.faults.until(|tally| tally.count(FaultKind::Muted) >= 1);
    tokio::pin!(asked);
    tokio::select! {
        answer = &mut asked => panic!("{answer:?}"),
        _ = muted => {}
    }
    stand.faults.set_link(Link::Up);
    assert!(asked.await.unwrap().text().await.unwrap().contains("result"));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn several_endpoints_of_one_node_fail_apart() {
    let stand = Stand::new(Mining::Manual).await;
    let other = FaultProxy::launch(&stand.devnet.http_url()).await.unwrap();
    other.handle().set_head(HeadView::Behind(1));
    let through: DynProvider =
        ProviderBuilder::new().connect_http(other.http_url().parse().unwrap()).erased();
    let head = stand.provider().get_block_number().await.unwrap();
    assert_eq!(through.get_block_number().await.unwrap(), head - 1);
    assert_eq!(stand.faults.tally().total(), 0);
    let url = other.http_url();
    drop(other);
    assert!(stand.client.get(url).send().await.is_err());
}

#[tokio::test]
async fn an_upstream_must_be_http() {
    let error = FaultProxy::launch("ws://127.0.0.1:1").await.unwrap_err();
    assert!(error.to_string().contains("http://"), "{error}");
}

#[tokio::test]
async fn a_dead_node_is_a_bad_gateway_and_no_injected_fault() {
    let port = {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        closed.local_addr().unwrap().port()
    };
    let proxy = FaultProxy::launch(&format!("http://127.0.0.1:{port}")).await.unwrap();
    let sent = Client::new().post(proxy.http_url()).body(r#"{"id":1,"method":"eth_chainId"}"#).send();
    assert_eq!(sent.await.unwrap().status(), StatusCode::BAD_GATEWAY);
    assert_eq!(proxy.handle().tally().total(), 0);
}
