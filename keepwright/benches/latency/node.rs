//! A node on loopback that plays a chain: heads when it is told to, the sender's nonce and receipts by script, and all else
//! from a tape, recorded from the devnet at the first question. The state never changes, so that an answer is the same at
//! every block; what a request costs is the wire, and the same for everybody.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use alloy::{
    primitives::{Address, B256, Bytes, U64, keccak256},
    providers::{DynProvider, Provider as _},
};
use axum::{
    Router,
    body::Bytes as Body,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::header::CONTENT_TYPE,
    response::IntoResponse,
    routing::get,
    serve::ListenerExt as _,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{QUIET, stage::Stage};

/// Blocks below the first that are there to be asked for.
const PAST: u64 = 300;

/// A raw transaction that has been read from a socket.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    /// When the last answer before it was written.
    pub(crate) answered: Instant,
    pub(crate) raw: Bytes,
}

/// Answers of the devnet, by question.
pub(crate) struct Tape {
    devnet: DynProvider,
    answers: Mutex<HashMap<String, Value>>,
    /// A header, whole; what is scripted of it is replaced.
    header: Value,
    first: u64,
}

impl Tape {
    pub(crate) async fn of(stage: &Stage) -> Self {
        let devnet = stage.devnet.provider().clone().erased();
        let header: Value =
            devnet.raw_request("eth_getBlockByNumber".into(), ("latest", false)).await.unwrap();
        let first = stage.head.number.0;
        Self { devnet, answers: Mutex::default(), header, first }
    }

    async fn answer(&self, method: &str, mut params: Value) -> Result<Value, Value> {
        at_any_block(&mut params);
        let key = format!("{method} {}", question(method, &params));
        if let Some(answer) = self.answers.lock().unwrap().get(&key) {
            return Ok(answer.clone());
        }
        match self.devnet.raw_request::<_, Value>(method.to_owned().into(), params).await {
            Ok(answer) => {
                self.answers.lock().unwrap().insert(key, answer.clone());
                Ok(answer)
            }
            Err(error) => match error.as_error_resp() {
                Some(refusal) => Err(serde_json::to_value(refusal).unwrap()),
                None => panic!("the devnet does not answer {method}: {error}"),
            },
        }
    }
}

/// Blocks by hash are the script's; the devnet's own state is that of its newest.
fn at_any_block(params: &mut Value) {
    match params {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("blockHash") => {
            *params = json!("latest")
        }
        Value::Object(fields) => fields.values_mut().for_each(at_any_block),
        Value::Array(items) => items.iter_mut().for_each(at_any_block),
        _ => {}
    }
}

/// What of a question its answer depends on: not on the block, nor on the names of contracts that exist for it only.
fn question(method: &str, params: &Value) -> Value {
    match method {
        "eth_simulateV1" => {
            let block = &params[0]["blockStateCalls"][0];
            let made_up = block["stateOverrides"].as_object().unwrap();
            let call = |call: &Value| {
                let to = call["to"].as_str().unwrap();
                let to = if made_up.contains_key(to) { "made up" } else { to };
                json!([call["from"], to, call["input"], call["gas"]])
            };
            block["calls"].as_array().unwrap().iter().map(call).collect()
        }
        "eth_estimateGas" => {
            json!([params[0]["from"], params[0]["to"], params[0]["input"], params[0]["data"]])
        }
        _ => params.clone(),
    }
}

/// The scripted part.
#[derive(Default)]
struct Chain {
    latest: u64,
    base_fees: HashMap<u64, u64>,
    numbers: HashMap<B256, u64>,
    nonce: u64,
    pending: Vec<B256>,
    mined: HashMap<B256, u64>,
}

struct Shared {
    tape: Arc<Tape>,
    key: Address,
    chain: Mutex<Chain>,
    subscriber: Mutex<Option<mpsc::UnboundedSender<String>>>,
    /// When the last head was written to its socket, and the last answer to whichever.
    pushed: Mutex<Instant>,
    answered: Mutex<Instant>,
    asked: AtomicU64,
    arrivals: mpsc::UnboundedSender<Arrival>,
}

pub(crate) struct Node {
    shared: Arc<Shared>,
    address: SocketAddr,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

impl Node {
    pub(crate) fn start(runtime: &tokio::runtime::Handle, tape: Arc<Tape>, key: Address) -> Self {
        let (arrive, arrivals) = mpsc::unbounded_channel();
        let mut chain = Chain { latest: tape.first, ..Chain::default() };
        chain.numbers =
            (tape.first.saturating_sub(PAST)..=tape.first).map(|number| (hash(number), number)).collect();
        let now = Instant::now();
        let shared = Arc::new(Shared {
            tape,
            key,
            chain: Mutex::new(chain),
            subscriber: Mutex::default(),
            pushed: Mutex::new(now),
            answered: Mutex::new(now),
            asked: AtomicU64::new(0),
            arrivals: arrive,
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(socket).post(post)).with_state(Arc::clone(&shared));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
            axum::serve(listener, router).await.unwrap();
        });
        Self { shared, address, arrivals }
    }

    pub(crate) fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub(crate) fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A new head, in which everything pending is mined.
    pub(crate) fn head(&self, base_fee: u64) -> u64 {
        let (number, header) = {
            let mut chain = self.shared.chain.lock().unwrap();
            chain.latest += 1;
            let number = chain.latest;
            chain.numbers.insert(hash(number), number);
            chain.base_fees.insert(number, base_fee);
            let mined = std::mem::take(&mut chain.pending);
            chain.nonce += u64::try_from(mined.len()).unwrap();
            chain.mined.extend(mined.into_iter().map(|transaction| (transaction, number)));
            (number, self.shared.header(&chain, number))
        };
        let params = json!({ "subscription": "0x1", "result": header });
        let push = json!({ "jsonrpc": "2.0", "method": "eth_subscription", "params": params }).to_string();
        let subscriber = self.shared.subscriber.lock().unwrap();
        subscriber.as_ref().expect("somebody subscribed").send(push).unwrap();
        number
    }

    /// Whether somebody listens for heads.
    pub(crate) fn is_heard(&self) -> bool {
        self.shared.subscriber.lock().unwrap().is_some()
    }

    /// When the last head was written to the socket.
    pub(crate) fn pushed(&self) -> Instant {
        *self.shared.pushed.lock().unwrap()
    }

    /// Requests so far, those in batches counted one by one.
    pub(crate) fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::SeqCst)
    }

    pub(crate) async fn arrival(&mut self) -> Arrival {
        self.arrivals.recv().await.unwrap()
    }
}

fn hash(number: u64) -> B256 {
    keccak256(number.to_be_bytes())
}

async fn socket(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_upgrade(|socket| converse(shared, socket))
}

async fn converse(shared: Arc<Shared>, mut socket: WebSocket) {
    let (push, mut pushes) = mpsc::unbounded_channel::<String>();
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    let at = Instant::now();
                    let answer = shared.serve(text.as_bytes(), at, Some(&push)).await;
                    *shared.answered.lock().unwrap() = Instant::now();
                    if socket.send(Message::Text(answer.into())).await.is_err() {
                        return;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            Some(head) = pushes.recv() => {
                *shared.pushed.lock().unwrap() = Instant::now();
                if socket.send(Message::Text(head.into())).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn post(State(shared): State<Arc<Shared>>, body: Body) -> impl IntoResponse {
    let at = Instant::now();
    let answer = shared.serve(&body, at, None).await;
    *shared.answered.lock().unwrap() = Instant::now();
    ([(CONTENT_TYPE, "application/json")], answer)
}

impl Shared {
    async fn serve(&self, text: &[u8], at: Instant, push: Option<&mpsc::UnboundedSender<String>>) -> String {
        let asked: Value = serde_json::from_slice(text).unwrap();
        match asked {
            Value::Array(each) => {
                let mut answers = Vec::with_capacity(each.len());
                for one in each {
                    answers.push(self.answer(one, at, push).await);
                }
                Value::Array(answers).to_string()
            }
            one => self.answer(one, at, push).await.to_string(),
        }
    }

    async fn answer(&self, asked: Value, at: Instant, push: Option<&mpsc::UnboundedSender<String>>) -> Value {
        let method = asked["method"].as_str().unwrap();
        let answer = match (method, push) {
            ("eth_sendRawTransaction", _) => Ok(self.arrived(&asked["params"], at)),
            ("eth_subscribe", Some(push)) => {
                *self.subscriber.lock().unwrap() = Some(push.clone());
                Ok(json!("0x1"))
            }
            _ => {
                self.asked.fetch_add(1, Ordering::SeqCst);
                match self.scripted(method, &asked["params"]) {
                    Some(answer) => Ok(answer),
                    None => self.tape.answer(method, asked["params"].clone()).await,
                }
            }
        };
        match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }),
            Err(error) => json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error }),
        }
    }

    fn arrived(&self, params: &Value, at: Instant) -> Value {
        let raw: Bytes = serde_json::from_value(params[0].clone()).unwrap();
        let transaction = keccak256(&raw);
        self.chain.lock().unwrap().pending.push(transaction);
        let answered = *self.answered.lock().unwrap();
        self.arrivals.send(Arrival { at, answered, raw }).unwrap();
        json!(transaction)
    }

    /// What moves with the heads; nothing, where the tape knows.
    fn scripted(&self, method: &str, params: &Value) -> Option<Value> {
        let chain = self.chain.lock().unwrap();
        let of_key = params[0].as_str().is_some_and(|text| text.parse() == Ok(self.key));
        Some(match method {
            "eth_chainId" => json!(U64::from(31_337)),
            "eth_blockNumber" => json!(U64::from(chain.latest)),
            "eth_getBlockByNumber" => match params[0].as_str()? {
                "latest" | "pending" => self.header(&chain, chain.latest),
                number => self.header(&chain, number.parse::<U64>().ok()?.to()),
            },
            "eth_getBlockByHash" => {
                let hash: B256 = serde_json::from_value(params[0].clone()).ok()?;
                chain.numbers.get(&hash).map_or(Value::Null, |number| self.header(&chain, *number))
            }
            "eth_getTransactionCount" if of_key => {
                let pending = if params[1] == "pending" { chain.pending.len() } else { 0 };
                json!(U64::from(chain.nonce + u64::try_from(pending).unwrap()))
            }
            "eth_feeHistory" => json!({
                "oldestBlock": U64::from(chain.latest.saturating_sub(9)),
                "baseFeePerGas": vec![U64::from(QUIET); 11],
                "gasUsedRatio": vec![0.5; 10],
                "reward": vec![[U64::from(2_000_000)]; 10],
            }),
            "eth_getLogs" => json!([]),
            "eth_getTransactionByHash" | "eth_getTransactionReceipt" => {
                let transaction: B256 = serde_json::from_value(params[0].clone()).ok()?;
                match chain.mined.get(&transaction) {
                    Some(number) => json!({
                        "transactionHash": transaction, "blockHash": hash(*number), "blockNumber": U64::from(*number),
                        "status": "0x1", "gasUsed": "0x30000", "effectiveGasPrice": U64::from(QUIET),
                    }),
                    None if method == "eth_getTransactionByHash" && chain.pending.contains(&transaction) => {
                        json!({ "hash": transaction })
                    }
                    None => Value::Null,
                }
            }
            _ => return None,
        })
    }

    /// The header of a block, or nothing where there is none yet.
    fn header(&self, chain: &Chain, number: u64) -> Value {
        if number > chain.latest {
            return Value::Null;
        }
        let base_fee = chain.base_fees.get(&number).copied().unwrap_or(QUIET);
        let mut header = self.tape.header.clone();
        header["number"] = json!(U64::from(number));
        header["hash"] = json!(hash(number));
        header["parentHash"] = json!(hash(number.saturating_sub(1)));
        header["baseFeePerGas"] = json!(U64::from(base_fee));
        header
    }
}
