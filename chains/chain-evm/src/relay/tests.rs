//! Against a relay in this process that takes everything down.

use std::{
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use alloy::primitives::{B256, Signature, keccak256};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;

/// One request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) signature: Option<String>,
    body: String,
}

impl Heard {
    pub(crate) fn method(&self) -> String {
        self.json()["method"].as_str().unwrap().to_owned()
    }

    pub(crate) fn param(&self) -> Value {
        self.json()["params"][0].clone()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Answers every request with one text.
pub(crate) struct TestRelay {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl TestRelay {
    pub(crate) async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret-path?key=hidden", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&book), answer));
            }
        });
        Self { url, heard }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(stream: TcpStream, book: Arc<Mutex<Vec<Heard>>>, answer: &'static str) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut length, mut signature) = (0, None);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
                return;
            }
            let Some((name, value)) = line.trim().split_once(": ") else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "x-flashbots-signature" => signature = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let body = String::from_utf8(body).unwrap();
        book.lock().unwrap().push(Heard { signature, body });
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        stream.write_all(reply.as_bytes()).await.unwrap();
    }
}

pub(crate) const TOOK_IT: &str = r#"{"jsonrpc":"2.0","id":1,"result":null}"#;

fn head(number: u64, timestamp: u64) -> BlockRef {
    BlockRef { number: BlockNumber(number), hash: B256::ZERO, timestamp: Timestamp(timestamp) }
}

fn alive() -> (tempfile::TempDir, KillSwitch) {
    let folder = tempfile::tempdir().unwrap();
    let kill = KillSwitch::at(&folder.path().join("KILL"));
    (folder, kill)
}

fn offer(bytes: &Bytes) -> Offer<'_> {
    Offer { from: Address::repeat_byte(1), nonce: 4, bytes, deadline: Some(Timestamp(50)) }
}

#[tokio::test]
async fn every_route_gets_it_at_once_and_builders_for_each_block_ahead() {
    let (rpc, one, other) =
        (TestRelay::start(TOOK_IT).await, TestRelay::start(TOOK_IT).await, TestRelay::start(TOOK_IT).await);
    let private = PrivateRpc { url: rpc.url.clone(), method: RawMethod::SendPrivateRawTransaction };
    let routes = OrderFlowRoutes::new(&[private], &[one.url.clone(), other.url.clone()], 2).unwrap();
    let (_folder, kill) = alive();
    let bytes = Bytes::from_static(b"signed");
    routes.offer(&offer(&bytes), head(10, 50), &kill).await;
    let raw = rpc.heard();
    assert_eq!((raw.len(), raw[0].method().as_str()), (1, "eth_sendPrivateRawTransaction"));
    assert_eq!(raw[0].param(), json!(bytes));
    assert!(raw[0].signature.is_none());
    let mut names = Vec::new();
    for builder in [&one, &other] {
        let mut bundles: Vec<_> = builder.heard().iter().map(Heard::param).collect();
        bundles.sort_by_key(|bundle| bundle["blockNumber"].to_string());
        let blocks: Vec<_> = bundles.iter().map(|bundle| bundle["blockNumber"].clone()).collect();
        assert_eq!(blocks, [json!("0xb"), json!("0xc")]);
        assert!(bundles.iter().all(|bundle| bundle["maxTimestamp"] == 50 && bundle["txs"] == json!([bytes])));
        names = bundles.iter().map(|bundle| bundle["replacementUuid"].clone()).collect();
    }
    // Withdrawn by the same names.
    routes.withdraw(Address::repeat_byte(1), 4, BlockNumber(10), &kill).await;
    let withdrawn: Vec<_> =
        one.heard().iter().filter(|heard| heard.method() == "eth_cancelBundle").map(Heard::param).collect();
    assert_eq!(withdrawn.len(), 2);
    assert!(withdrawn.iter().all(|cancel| names.contains(&cancel["replacementUuid"])), "{withdrawn:?}");
    assert_eq!(rpc.heard().len(), 1);
}

#[tokio::test]
async fn a_request_to_a_builder_is_signed_by_a_key_of_its_own() {
    let builder = TestRelay::start(TOOK_IT).await;
    let (_folder, kill) = alive();
    let bytes = Bytes::from_static(b"signed");
    let mut signers = Vec::new();
    for _process in 0..2 {
        let routes = OrderFlowRoutes::new(&[], std::slice::from_ref(&builder.url), 1).unwrap();
        routes.offer(&offer(&bytes), head(10, 1), &kill).await;
        let heard = builder.heard().pop().unwrap();
        let signature = heard.signature.unwrap();
        let (address, signature) = signature.split_once(':').unwrap();
        let signature = Signature::from_str(signature).unwrap();
        let message = keccak256(&heard.body).to_string();
        let signer = signature.recover_address_from_msg(message).unwrap();
        assert_eq!(signer.to_string(), address);
        signers.push(signer);
    }
    assert_ne!(signers[0], signers[1], "made anew in each process");
}

#[tokio::test]
async fn nothing_is_sent_after_the_latch_or_the_deadline() {
    let builder = TestRelay::start(TOOK_IT).await;
    let rpc = PrivateRpc { url: builder.url.clone(), method: RawMethod::SendRawTransaction };
    let routes = OrderFlowRoutes::new(&[rpc], std::slice::from_ref(&builder.url), 3).unwrap();
    let (_folder, kill) = alive();
    let bytes = Bytes::from_static(b"signed");
    routes.offer(&offer(&bytes), head(10, 51), &kill).await;
    assert!(builder.heard().is_empty(), "its deadline was 50");
    kill.latch().unwrap();
    routes.offer(&offer(&bytes), head(10, 1), &kill).await;
    routes.withdraw(Address::ZERO, 1, BlockNumber(1), &kill).await;
    assert!(builder.heard().is_empty());
}

#[tokio::test]
async fn no_text_shows_what_follows_the_host() {
    let rude =
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no such key: hidden, at secret-path"}}"#;
    let (refuses, babbles) = (TestRelay::start(rude).await, TestRelay::start("hidden secret-path").await);
    let (_folder, kill) = alive();
    for (url, expected) in [
        (refuses.url, "eth_sendBundle was refused by the node: no such key: …, at … (code -32000)"),
        (
            babbles.url,
            "eth_sendBundle was answered with something else than expected: the answer is not JSON-RPC",
        ),
        (
            "http://127.0.0.1:1/secret-path?key=hidden".to_owned(),
            "eth_sendBundle failed on the way: error sending request",
        ),
    ] {
        let relay = Relay::at(&url, PATIENCE).unwrap();
        let failure = relay.ask("eth_sendBundle", &json!([]), None, &kill).await.unwrap_err();
        assert_eq!(failure.to_string(), expected);
        let routes = OrderFlowRoutes::new(&[], &[url], 1).unwrap();
        let shown = format!("{relay} {routes:?} {failure:?}");
        assert!(!shown.contains("secret") && !shown.contains("hidden"), "{shown}");
    }
}

#[test]
fn routes_that_are_none_are_refused() {
    let refused = |url: &str| OrderFlowRoutes::new(&[], &[url.to_owned()], 1).unwrap_err().to_string();
    assert_eq!(refused("wss://relay.test/secret"), "a private rpc or builder is not an http(s):// url");
    assert_eq!(refused("/run/relay.ipc"), "a private rpc or builder is not an http(s):// url");
    let readable = "http://relay.test/… is not private: use https://, or an address of this machine";
    assert_eq!(refused("http://relay.test/secret"), readable);
    assert!(OrderFlowRoutes::new(&[], &["https://relay.test/secret".to_owned()], 1).is_ok());
    assert!(OrderFlowRoutes::new(&[], &["http://[::1]:8080".to_owned()], 1).is_ok());
    let nowhere = OrderFlowRoutes::new(&[], &[], 0).unwrap_err().to_string();
    assert_eq!(nowhere, "bundles are for no block: say at least 1 block ahead");
    assert!(OrderFlowRoutes::none().is_empty());
}
