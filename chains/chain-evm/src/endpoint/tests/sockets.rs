//! What only a real socket can do: bodies without end, statuses, silence.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};

use super::*;

const MOST: usize = 100_000;

/// What a server sends to one request but `eth_chainId`.
type Answer = fn(id: Value) -> Vec<u8>;

/// A server that speaks as much HTTP as the tests need. Gives its URL.
async fn serve(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, answer));
        }
    });
    format!("http://127.0.0.1:{port}")
}

async fn converse(mut stream: TcpStream, answer: Answer) {
    while let Some(request) = read_request(&mut stream).await {
        let bytes = if request["method"] == "eth_chainId" {
            whole(200, "", &json!({ "jsonrpc": "2.0", "id": request["id"], "result": "0x7a69" }).to_string())
        } else {
            answer(request["id"].clone())
        };
        if bytes.is_empty() {
            std::future::pending::<()>().await;
        }
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Value> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1)?.lines().next()?.parse::<usize>().unwrap();
            if body.len() >= length {
                let start = bytes.len() - body.len();
                return serde_json::from_slice(&bytes[start..]).ok();
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await.ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&more[..read]),
        }
    }
}

fn whole(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A server that answers one request for each permit.
struct AtLeisure {
    url: String,
    permits: Arc<Semaphore>,
    heard: mpsc::UnboundedReceiver<String>,
    listening: JoinHandle<()>,
}

impl AtLeisure {
    async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (permits, (tell, heard)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
        let permitted = Arc::clone(&permits);
        let listening = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (tell, permits) = (tell.clone(), Arc::clone(&permitted));
                tokio::spawn(async move {
                    while let Some(request) = read_request(&mut stream).await {
                        tell.send(request["method"].as_str().unwrap().to_owned()).unwrap();
                        permits.acquire().await.unwrap().forget();
                        let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "result": "0x7a69" });
                        stream.write_all(&whole(200, "", &answer.to_string())).await.unwrap();
                    }
                });
            }
        });
        Self { url, permits, heard, listening }
    }

    async fn hears(&mut self, method: &str) {
        assert_eq!(self.heard.recv().await.unwrap(), method);
    }

    /// What else it was asked before the last connection was closed.
    async fn rest(mut self) -> Vec<String> {
        self.listening.abort();
        let mut rest = Vec::new();
        while let Some(method) = self.heard.recv().await {
            rest.push(method);
        }
        rest
    }
}

fn limits(url: String) -> PoolConfig {
    PoolConfig { urls: vec![url], max_answer: MOST, patience: Duration::from_secs(5), ..config(1) }
}

/// What an endpoint without a pool's looks makes of the server's answer.
async fn asked(answer: Answer) -> RpcFailure {
    let pool = Endpoint::pool_of(&limits(serve(answer).await)).unwrap();
    let endpoint = Endpoint { pool: Arc::new(pool), only: None };
    endpoint.ask::<_, Value>("eth_blockNumber", ()).await.unwrap_err()
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let too_large = "eth_blockNumber was answered with more than 100000 bytes: ask for less, or raise the endpoint's limit";
    let announced = asked(|_| b"HTTP/1.1 200 X\r\ncontent-length: 99999999999\r\n\r\n{".to_vec()).await;
    assert_eq!(announced.to_string(), too_large);
    let chunked = asked(|_| {
        let mut bytes = b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        (0..100).for_each(|_| bytes.extend(format!("{:x}\r\n{}\r\n", 4_000, "x".repeat(4_000)).bytes()));
        // Never closed: only a limit ends this.
        bytes
    });
    assert_eq!(chunked.await.to_string(), too_large);
    // An error's body is cut, not refused: its status is what counts.
    let error = asked(|_| whole(500, "", &"x".repeat(1_000_000))).await.to_string();
    assert!(error.contains("500") && error.len() < 1_000, "{error}");
}

#[tokio::test]
async fn what_waits_when_the_kill_switch_is_latched_never_leaves() {
    let folder = tempfile::tempdir().unwrap();
    for waits_for_its_turn in [false, true] {
        let kill = KillSwitch::at(&folder.path().join(waits_for_its_turn.to_string()));
        let mut server = AtLeisure::serve().await;
        let pool = Endpoint::pool_of(&PoolConfig { at_once: 1, ..limits(server.url.clone()) }).unwrap();
        let endpoint = Endpoint { pool: Arc::new(pool), only: None };
        let other = endpoint.clone();
        let read = waits_for_its_turn
            .then(|| tokio::spawn(async move { other.ask::<_, U64>("eth_blockNumber", ()).await.unwrap() }));
        if read.is_some() {
            server.permits.add_permits(1);
            server.hears("eth_chainId").await;
            server.hears("eth_blockNumber").await;
        }
        let (other, switch) = (endpoint.clone(), kill.clone());
        let broadcast =
            tokio::spawn(async move { other.broadcast(&Bytes::from_static(&[2]), &switch).await });
        if read.is_none() {
            server.hears("eth_chainId").await;
        }
        // Far enough to wait for what the other request holds.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        kill.latch().unwrap();
        server.permits.add_permits(9);
        if let Some(read) = read {
            assert_eq!(read.await.unwrap(), U64::from(31_337));
        }
        let failure = broadcast.await.unwrap().unwrap_err().to_string();
        assert!(failure.contains("the kill switch is latched"), "{failure}");
        drop(endpoint);
        assert_eq!(server.rest().await, [""; 0], "waits for its turn: {waits_for_its_turn}");
    }
}

#[tokio::test]
async fn just_under_the_limit_is_an_answer() {
    let url = serve(|id| {
        whole(200, "", &json!({ "jsonrpc": "2.0", "id": id, "result": "x".repeat(MOST - 100) }).to_string())
    });
    let pool = Endpoint::pool_of(&limits(url.await)).unwrap();
    let endpoint = Endpoint { pool: Arc::new(pool), only: None };
    let answer: String = endpoint.ask("eth_blockNumber", ()).await.unwrap();
    assert_eq!(answer.len(), MOST - 100);
}

#[tokio::test]
async fn a_rate_limit_is_one_however_it_is_dressed() {
    let after = |failure: RpcFailure| {
        let RpcFailure::RateLimited { after, .. } = failure else { panic!("{failure}") };
        after.map(|after| after.as_secs())
    };
    assert_eq!(after(asked(|_| whole(429, "retry-after: 7\r\n", "slow down")).await), Some(7));
    assert_eq!(after(asked(|_| whole(429, "", "")).await), None);
    assert_eq!(
        after(asked(|_| whole(429, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", "")).await),
        None
    );
    assert_eq!(after(asked(|_| whole(503, "retry-after: 2\r\n", "")).await), Some(2));
    assert_eq!(
        after(
            asked(|id| {
                let error = json!({ "code": -32005, "message": "daily request count exceeded, request rate limited" });
                whole(429, "retry-after: 3\r\n", &json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string())
            })
            .await
        ),
        Some(3)
    );
    assert_eq!(
        after(
            asked(|id| {
                let error = json!({ "code": 429, "message": "exceeded its compute units per second" });
                whole(200, "", &json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string())
            })
            .await
        ),
        None
    );
    // Too many results are not too many requests.
    let refused = asked(|id| {
        let error = json!({ "code": -32005, "message": "query returned more than 10000 results" });
        whole(400, "", &json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string())
    });
    assert!(refused.await.is_refusal());
}

#[tokio::test]
async fn silence_is_a_failure_in_time() {
    let url = serve(|_| Vec::new()).await;
    let patience = Duration::from_millis(200);
    let pool = Endpoint::pool_of(&PoolConfig { patience, ..limits(url) }).unwrap();
    let endpoint = Endpoint { pool: Arc::new(pool), only: None };
    let failure = endpoint.ask::<_, Value>("eth_blockNumber", ()).await.unwrap_err();
    assert!(matches!(failure, RpcFailure::TimedOut { .. } | RpcFailure::Transport { .. }), "{failure}");
}

#[tokio::test]
async fn what_is_no_json_rpc_is_said_so_without_its_whole_text() {
    let page = asked(|_| whole(200, "", &"<html>".repeat(10_000))).await;
    assert!(matches!(page, RpcFailure::Unreadable { .. }), "{page}");
    assert!(page.to_string().len() < 1_000);
}

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
static MOST_UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn no_more_requests_than_allowed_are_under_way() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while let Some(request) = read_request(&mut stream).await {
                    MOST_UNDER_WAY.fetch_max(UNDER_WAY.fetch_add(1, SeqCst) + 1, SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    UNDER_WAY.fetch_sub(1, SeqCst);
                    let answer =
                        json!({ "jsonrpc": "2.0", "id": request["id"], "result": "0x7a69" }).to_string();
                    stream.write_all(&whole(200, "", &answer)).await.unwrap();
                }
            });
        }
    });
    let pool = Endpoint::pool_of(&PoolConfig { at_once: 3, ..limits(url) }).unwrap();
    let endpoint = Endpoint { pool: Arc::new(pool), only: None };
    let asks = (0..30).map(|_| endpoint.ask::<_, U64>("eth_blockNumber", ()));
    let answers = futures::future::join_all(asks).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
    assert_eq!(MOST_UNDER_WAY.load(SeqCst), 3);
}

#[tokio::test]
async fn a_frame_without_end_closes_the_websocket() {
    use futures::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://127.0.0.1:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    let Message::Text(text) = message else { continue };
                    let request: Value = serde_json::from_str(&text).unwrap();
                    let short = request["method"] == "eth_chainId";
                    let result = if short { "0x7a69".to_owned() } else { "x".repeat(MOST + 1) };
                    let answer =
                        json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }).to_string();
                    if socket.send(Message::Text(answer.into())).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let pool = Endpoint::pool_of(&limits(url)).unwrap();
    let endpoint = Endpoint { pool: Arc::new(pool), only: None };
    let failure = endpoint.ask::<_, Value>("eth_blockNumber", ()).await.unwrap_err();
    assert!(failure.to_string().contains("or sent more than 100000 bytes at once"), "{failure}");
    // The next request dials again.
    assert_eq!(endpoint.ask::<_, U64>("eth_chainId", ()).await.unwrap(), U64::from(31337));
}
