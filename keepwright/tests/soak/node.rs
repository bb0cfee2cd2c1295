//! A node whose chain is arithmetic: blocks and logs follow from their number, so that it keeps nothing but how many logs the
//! last blocks have.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use agent_core::units::{BlockNumber, BlockRef, Timestamp};
use alloy::primitives::{Address, B256, U64, U256};
use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

/// The chain's first block; those before it are empty.
pub(crate) const FIRST: u64 = 1_000;
/// Blocks whose logs can still be asked for: a reader that is further behind than that has lost its way.
const KEPT: usize = 4_096;
/// Who emits.
pub(crate) const EMITTER: Address = Address::repeat_byte(0xe1);

#[derive(Clone)]
pub(crate) struct Node {
    shared: Arc<Shared>,
    pub(crate) address: SocketAddr,
}

struct Shared {
    blocks: Mutex<Blocks>,
    logs_a_block: AtomicU64,
    stalled: watch::Sender<bool>,
    heads: broadcast::Sender<u64>,
}

struct Blocks {
    latest: u64,
    /// How many logs the last of them have, the latest last.
    logs: VecDeque<u64>,
}

impl Node {
    pub(crate) async fn start(logs_a_block: u64) -> Self {
        let shared = Arc::new(Shared {
            blocks: Mutex::new(Blocks { latest: FIRST, logs: VecDeque::from([0]) }),
            logs_a_block: AtomicU64::new(logs_a_block),
            stalled: watch::Sender::new(false),
            heads: broadcast::channel(16).0,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(socket)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, address }
    }

    pub(crate) fn logs_a_block(&self, logs: u64) {
        self.shared.logs_a_block.store(logs, Ordering::SeqCst);
    }

    /// A node that stalls answers nobody and pushes nothing, and its chain goes on.
    pub(crate) fn stall(&self, stalled: bool) {
        self.shared.stalled.send_replace(stalled);
    }

    pub(crate) fn head(&self) {
        let number = {
            let mut blocks = self.shared.blocks.lock().unwrap();
            blocks.latest += 1;
            let logs = self.shared.logs_a_block.load(Ordering::SeqCst);
            blocks.logs.push_back(logs);
            if blocks.logs.len() > KEPT {
                blocks.logs.pop_front();
            }
            blocks.latest
        };
        // Nobody may be listening just now.
        drop(self.shared.heads.send(number));
    }

    pub(crate) fn latest(&self) -> BlockRef {
        block(self.shared.blocks.lock().unwrap().latest)
    }
}

pub(crate) fn block(number: u64) -> BlockRef {
    BlockRef { number: BlockNumber(number), hash: hash(number), timestamp: Timestamp(number) }
}

fn hash(number: u64) -> B256 {
    U256::from(number).into()
}

async fn socket(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_upgrade(|socket| converse(shared, socket))
}

async fn converse(shared: Arc<Shared>, mut socket: WebSocket) {
    let (mut stalled, mut heads) = (shared.stalled.subscribe(), shared.heads.subscribe());
    let mut subscribed = false;
    loop {
        if stalled.wait_for(|stalled| !stalled).await.is_err() {
            return;
        }
        let said = tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => shared.serve(text.as_str(), &mut subscribed),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            head = heads.recv() => match head {
                Ok(number) if subscribed && !*stalled.borrow() => {
                    let params = json!({ "subscription": "0x1", "result": header(number) });
                    json!({ "jsonrpc": "2.0", "method": "eth_subscription", "params": params }).to_string()
                }
                // What was missed is the reader's to find out.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            },
        };
        if socket.send(Message::Text(said.into())).await.is_err() {
            return;
        }
    }
}

impl Shared {
    fn serve(&self, text: &str, subscribed: &mut bool) -> String {
        let asked: Value = serde_json::from_str(text).unwrap();
        let answer = match asked.as_array() {
            Some(each) => each.iter().map(|one| self.answer(one, subscribed)).collect(),
            None => self.answer(&asked, subscribed),
        };
        answer.to_string()
    }

    fn answer(&self, asked: &Value, subscribed: &mut bool) -> Value {
        let (method, params) = (asked["method"].as_str().unwrap(), &asked["params"]);
        let latest = self.blocks.lock().unwrap().latest;
        let there = |number: u64| if number <= latest { header(number) } else { Value::Null };
        let result = match method {
            "eth_chainId" => json!("0x7a69"),
            "eth_subscribe" => {
                *subscribed = true;
                json!("0x1")
            }
            "eth_getBlockByNumber" => match params[0].as_str().unwrap() {
                "latest" => header(latest),
                number => there(number.parse::<U64>().unwrap().to()),
            },
            "eth_getBlockByHash" => there(number_of(&params[0])),
            "eth_getLogs" => match params[0].get("blockHash") {
                Some(hash) => self.logs(number_of(hash)),
                None => json!([]),
            },
            // A balance, a call, whatever: a word.
            _ => json!(B256::ZERO),
        };
        json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result })
    }

    fn logs(&self, number: u64) -> Value {
        let count = {
            let blocks = self.blocks.lock().unwrap();
            let back = usize::try_from(blocks.latest.saturating_sub(number)).unwrap();
            blocks.logs.iter().rev().nth(back).copied().unwrap_or_default()
        };
        let log = |index: u64| {
            json!({
                "address": EMITTER, "topics": [B256::repeat_byte(1)], "data": B256::from(U256::from(index)),
                "blockNumber": U64::from(number), "blockHash": hash(number), "logIndex": U64::from(index),
            })
        };
        (0..count).map(log).collect()
    }
}

fn number_of(hash: &Value) -> u64 {
    let hash: B256 = serde_json::from_value(hash.clone()).unwrap();
    U256::from_be_bytes(hash.0).saturating_to()
}

fn header(number: u64) -> Value {
    json!({
        "number": U64::from(number), "hash": hash(number), "parentHash": hash(number.saturating_sub(1)),
        "timestamp": U64::from(number), "baseFeePerGas": "0x8",
    })
}
