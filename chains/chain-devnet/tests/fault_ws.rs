//! Each fault reaches a client over a websocket, and is counted.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a stand that is broken fails its test"
)]

use std::time::Duration;

use alloy::primitives::U256;
use alloy::providers::{DynProvider, Provider, ProviderBuilder, WsConnect};
use alloy::rpc::types::Filter;
use chain_devnet::fault::{
    Calls, Failure, Fault, FaultHandle, FaultKind, FaultProxy, HeadView, Lie, Link, Rule, Schedule, Trigger,
};
use chain_devnet::{Asset, Devnet, DevnetConfig, Mining, Role};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

struct Stand {
    devnet: Devnet,
    proxy: FaultProxy,
    faults: FaultHandle,
}

/// A client that sees every frame.
struct Frames(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Frames {
    async fn ask(&mut self, method: &str, params: Value) {
        let request = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        self.0.send(Message::text(request.to_string())).await.unwrap();
    }

    /// The next frame's text; `None` where the connection ended.
    async fn text(&mut self) -> Option<String> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Some(text.to_string()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => None,
            other => panic!("{other:?}"),
        }
    }

    async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await.unwrap()).unwrap()
    }

    async fn subscribe(&mut self, params: Value) {
        self.ask("eth_subscribe", params).await;
        assert!(self.json().await["result"].is_string());
    }

    /// The number of the next head.
    async fn head(&mut self) -> u64 {
        let frame = self.json().await;
        let number = frame["params"]["result"]["number"].as_str().unwrap().to_owned();
        u64::from_str_radix(number.strip_prefix("0x").unwrap(), 16).unwrap()
    }
}

impl Stand {
    async fn new(mining: Mining) -> Self {
        let devnet = Devnet::launch(DevnetConfig::mining(mining)).await.unwrap();
        let proxy = FaultProxy::launch(&devnet.http_url()).await.unwrap();
        Self { faults: proxy.handle(), devnet, proxy }
    }

    async fn frames(&self) -> Frames {
        Frames(connect_async(self.proxy.ws_url()).await.unwrap().0)
    }

    async fn heads(&self) -> Frames {
        let mut frames = self.frames().await;
        frames.subscribe(json!(["newHeads"])).await;
        frames
    }

    fn nth(&self, calls: Calls, nth: u64, fault: Fault) {
        self.faults.set_schedule(Schedule::of(1, [Rule::new(calls, Trigger::Nth(nth), fault)]));
    }

    async fn number(&self) -> u64 {
        self.devnet.latest_block().await.unwrap().number
    }
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn requests_heads_and_logs_pass() {
    let stand = Stand::new(Mining::Manual).await;
    let through: DynProvider =
        ProviderBuilder::new().connect_ws(WsConnect::new(stand.proxy.ws_url())).await.unwrap().erased();
    let start = stand.number().await;
    assert_eq!(through.get_block_number().await.unwrap(), start);
    let mut heads = through.subscribe_blocks().await.unwrap();
    let usdc = stand.devnet.manifest().asset(Asset::Usdc).unwrap().address;
    let mut logs = through.subscribe_logs(&Filter::new().address(usdc)).await.unwrap();
    let spare = stand.devnet.manifest().account_with(Role::Spare).unwrap();
    stand.devnet.deal(spare, Asset::Usdc, U256::from(1_u8)).await.unwrap();
    assert_eq!(heads.recv().await.unwrap().number, start + 1);
    assert_eq!(logs.recv().await.unwrap().block_number, Some(start + 1));
    assert_eq!(stand.faults.tally().total(), 0);
    assert_eq!(stand.faults.tally().seen("eth_subscription"), 2);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn answers_break_in_every_way() {
    let stand = Stand::new(Mining::Manual).await;
    let failures = [
        (Failure::RateLimited { retry_after: Some(1) }, Some("429")),
        (Failure::RpcError { code: -32_000, message: String::from("busy") }, Some("busy")),
        (Failure::Malformed, Some("]")),
        (Failure::Slow { pause: Duration::from_millis(2) }, Some("0x")),
        (Failure::Huge { bytes: 100_000 }, Some("0x")),
        (Failure::Truncated, Some("{")),
        (Failure::Reset, None),
        (Failure::ServerError { status: 500 }, None),
    ];
    for (failure, expected) in failures {
        let kind = failure.kind();
        stand.nth(Calls::Any, 1, Fault::after(failure));
        let mut frames = stand.frames().await;
        frames.ask("eth_chainId", json!([])).await;
        match (frames.text().await, expected) {
            (Some(text), Some(expected)) => {
                assert!(text.contains(expected), "{kind:?} {text}");
                assert_eq!(text.len() > 100_000, kind == FaultKind::Huge);
            }
            (None, None) => {}
            (heard, _) => panic!("{kind:?} {heard:?}"),
        }
        if kind == FaultKind::Truncated {
            assert_eq!(frames.text().await, None);
        }
        assert_eq!(stand.faults.count(kind), 1);
    }
    // Never answered, while the next one is.
    stand.nth(Calls::Any, 1, Fault::before(Failure::Silence));
    let mut frames = stand.frames().await;
    frames.ask("eth_chainId", json!([])).await;
    stand.faults.until(|tally| tally.count(FaultKind::Silence) == 1).await;
    frames.ask("eth_blockNumber", json!([])).await;
    assert!(frames.json().await["result"].is_string());
    stand.nth(Calls::Any, 1, Fault::Repeat);
    frames.ask("eth_chainId", json!([])).await;
    assert_eq!(frames.json().await, frames.json().await);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_subscription_can_be_refused_and_its_answer_lost() {
    let stand = Stand::new(Mining::Manual).await;
    stand.nth(Calls::to("eth_subscribe"), 1, Fault::before(Failure::RateLimited { retry_after: None }));
    let mut frames = stand.frames().await;
    frames.ask("eth_subscribe", json!(["newHeads"])).await;
    assert!(frames.json().await["error"].is_object());
    stand.nth(Calls::to("eth_subscribe"), 1, Fault::after(Failure::Silence));
    frames.ask("eth_subscribe", json!(["newHeads"])).await;
    // The node has it: its frames come, though nobody said under which name.
    stand.faults.until(|tally| tally.forwarded("eth_subscribe") == 1).await;
    frames.ask("eth_unsubscribe", json!(["0x1"])).await;
    frames.json().await;
    stand.devnet.mine(1).await.unwrap();
    assert_eq!(frames.head().await, stand.number().await);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_socket_is_cut_in_the_middle_of_a_burst() {
    let stand = Stand::new(Mining::Manual).await;
    for (fault, is_delivered) in
        [(Fault::before(Failure::Reset), false), (Fault::after(Failure::Reset), true)]
    {
        stand.nth(Calls::Pushes, 4, fault);
        let mut heads = stand.heads().await;
        let start = stand.number().await;
        for block in 1..=3 {
            stand.devnet.mine(1).await.unwrap();
            assert_eq!(heads.head().await, start + block);
        }
        stand.devnet.mine(7).await.unwrap();
        // A reset may overtake what was delivered right before it.
        let end = match heads.0.next().await {
            Some(Ok(Message::Text(_))) if is_delivered => heads.0.next().await,
            end => end,
        };
        assert!(matches!(end, Some(Err(Error::Io(_)))), "{end:?}");
    }
    assert_eq!(stand.faults.count(FaultKind::Reset), 2);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn frames_go_missing_and_come_twice() {
    let stand = Stand::new(Mining::Manual).await;
    let rules = [
        Rule::new(Calls::Pushes, Trigger::Nth(2), Fault::Lie(Lie::Null)),
        Rule::new(Calls::Pushes, Trigger::Nth(3), Fault::Repeat),
        Rule::new(Calls::Pushes, Trigger::Nth(4), Fault::Delay(Duration::from_millis(5))),
    ];
    stand.faults.set_schedule(Schedule::of(1, rules));
    let mut heads = stand.heads().await;
    let start = stand.number().await;
    stand.devnet.mine(5).await.unwrap();
    for block in [1, 3, 3, 4, 5] {
        assert_eq!(heads.head().await, start + block);
    }
    let tally = stand.faults.tally();
    let kinds = [FaultKind::Null, FaultKind::Repeat, FaultKind::Delay];
    assert!(kinds.iter().all(|kind| tally.count(*kind) == 1), "{tally:?}");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_half_open_socket_says_nothing_and_stays() {
    let stand = Stand::new(Mining::Manual).await;
    stand.nth(Calls::Pushes, 2, Fault::before(Failure::Silence));
    let mut heads = stand.heads().await;
    stand.devnet.mine(3).await.unwrap();
    heads.head().await;
    stand.faults.until(|tally| tally.count(FaultKind::Silence) == 1).await;
    // A new socket works while the old one neither speaks nor ends.
    let mut other = stand.heads().await;
    stand.devnet.mine(1).await.unwrap();
    tokio::select! {
        biased;
        frame = heads.text() => panic!("{frame:?}"),
        head = other.head() => assert_eq!(head, stand.number().await),
    }
    stand.faults.mute();
    assert!(stand.faults.count(FaultKind::Muted) >= 1);
    stand.faults.set_link(Link::Up);
    stand.devnet.mine(1).await.unwrap();
    assert_eq!(other.head().await, stand.number().await);
    stand.faults.sever();
    assert_eq!(other.text().await, None);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn heads_and_logs_are_held_back_while_the_node_lags() {
    let stand = Stand::new(Mining::Manual).await;
    let start = stand.number().await;
    stand.faults.set_head(HeadView::Behind(2));
    let mut heads = stand.heads().await;
    stand.devnet.mine(3).await.unwrap();
    assert_eq!(heads.head().await, start + 1);
    stand.faults.until(|tally| tally.count(FaultKind::Withheld) == 3).await;
    heads.ask("eth_blockNumber", json!([])).await;
    assert_eq!(heads.json().await["result"], json!(format!("{:#x}", start + 1)));
    // Thawed, it catches up in order.
    stand.faults.set_head(HeadView::True);
    assert_eq!((heads.head().await, heads.head().await), (start + 2, start + 3));
    assert_eq!(stand.faults.stall_head().await.unwrap(), start + 3);
    let usdc = stand.devnet.manifest().asset(Asset::Usdc).unwrap().address;
    let mut logs = stand.frames().await;
    logs.subscribe(json!(["logs", {"address": usdc}])).await;
    let spare = stand.devnet.manifest().account_with(Role::Spare).unwrap();
    stand.devnet.deal(spare, Asset::Usdc, U256::from(1_u8)).await.unwrap();
    stand.faults.until(|tally| tally.count(FaultKind::Withheld) == 5).await;
    stand.faults.clear();
    assert_eq!(heads.head().await, start + 4);
    assert_eq!(logs.json().await["params"]["result"]["blockNumber"], json!(format!("{:#x}", start + 4)));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_websocket_can_be_refused() {
    let stand = Stand::new(Mining::Manual).await;
    stand.nth(Calls::Connections, 1, Fault::before(Failure::RateLimited { retry_after: Some(2) }));
    match connect_async(stand.proxy.ws_url()).await {
        Err(Error::Http(answer)) => assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (429, &"2".parse().unwrap())
        ),
        other => panic!("{other:?}"),
    }
    stand.frames().await.ask("eth_chainId", json!([])).await;
}
