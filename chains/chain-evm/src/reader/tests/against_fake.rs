//! The chain as a bad node tells it.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use super::*;

fn number(value: &Value) -> u64 {
    serde_json::from_value::<U64>(value.clone()).unwrap().to()
}

fn hash(number: u64) -> B256 {
    B256::left_padding_from(&number.wrapping_add(1).to_be_bytes())
}

fn head(number: u64) -> Value {
    json!({ "hash": hash(number), "parentHash": hash(number.wrapping_sub(1)), "number": U64::from(number),
        "timestamp": U64::from(number * 2), "baseFeePerGas": "0x7" })
}

fn log(block: u64) -> Value {
    json!({ "address": LOGGER, "topics": [B256::left_padding_from(&block.to_be_bytes())], "data": "0x",
        "blockNumber": U64::from(block), "blockHash": hash(block), "logIndex": "0x0" })
}

/// A chain of `length` blocks with one log each, behind a node that answers no more than `most` blocks at once and
/// breaks the wire on every seventh request.
fn stubborn(length: Arc<AtomicU64>, most: u64) -> (Endpoint, Arc<Mutex<Vec<u64>>>) {
    let (requests, spans) = (AtomicU64::new(0), Arc::new(Mutex::new(Vec::new())));
    let seen = spans.clone();
    let endpoint = fake(move |method, params| {
        if requests.fetch_add(1, Ordering::SeqCst) % 7 == 6 {
            return Reply::Breaks;
        }
        let newest = length.load(Ordering::SeqCst);
        match method {
            "eth_getBlockByNumber" if params[0] == "latest" => Reply::Is(head(newest)),
            "eth_getBlockByNumber" => {
                let asked = number(&params[0]);
                Reply::Is(if asked <= newest { head(asked) } else { Value::Null })
            }
            "eth_getBlockByHash" => {
                Reply::Is((0..=newest).find(|n| params[0] == json!(hash(*n))).map_or(Value::Null, head))
            }
            "eth_getLogs" if params[0]["blockHash"].is_string() => {
                let block = (0..=newest).find(|n| params[0]["blockHash"] == json!(hash(*n))).unwrap();
                Reply::Is(json!([log(block)]))
            }
            "eth_getLogs" => {
                let (from, to) = (number(&params[0]["fromBlock"]), number(&params[0]["toBlock"]));
                if to - from >= most {
                    return Reply::Refuses(-32005, "query returned more than 10000 results");
                }
                seen.lock().unwrap().push(to - from + 1);
                Reply::Is((from..=to).map(log).collect())
            }
            other => panic!("{other}"),
        }
    });
    (endpoint, spans)
}

#[tokio::test(start_paused = true)]
async fn refused_ranges_and_broken_wires_lose_and_repeat_nothing() {
    let length = Arc::new(AtomicU64::new(300));
    let (endpoint, spans) = stubborn(length.clone(), 70);
    let config = ReaderConfig { depth: 8, ..config(1_000) };
    let mut events = EvmReader::new(endpoint, config).events(BlockNumber(3), interests());
    let mut replay = Replay::default();
    // The paused clock lets a stream wait through hours of backing off at once.
    replay.until(&mut events, hash(300)).await;
    for newest in [301, 302, 310, 500] {
        length.store(newest, Ordering::SeqCst);
        replay.until(&mut events, hash(newest)).await;
    }
    assert_eq!(replay.topics(), (3..=500).collect::<Vec<_>>());
    assert!(spans.lock().unwrap().iter().all(|span| *span <= 70));
    assert!(spans.lock().unwrap().len() < 30, "the span grows again after a refusal");
}

#[tokio::test(start_paused = true)]
async fn a_start_beyond_the_head_waits_for_it() {
    let length = Arc::new(AtomicU64::new(10));
    let (endpoint, _) = stubborn(length.clone(), 70);
    let config = ReaderConfig { depth: 8, ..config(1_000) };
    let mut events = EvmReader::new(endpoint, config).events(BlockNumber(13), interests());
    let mut replay = Replay::default();
    replay.until(&mut events, hash(10)).await;
    length.store(15, Ordering::SeqCst);
    replay.until(&mut events, hash(15)).await;
    assert_eq!(replay.topics(), [13, 14, 15]);
    assert_eq!(replay.heads.len(), 6, "blocks before the start are told, without logs");
}

#[tokio::test(start_paused = true)]
async fn no_interest_asks_for_no_log() {
    let endpoint = fake(|method, params| match method {
        "eth_getBlockByNumber" if params[0] == "latest" => Reply::Is(head(20)),
        "eth_getBlockByNumber" => Reply::Is(head(number(&params[0]))),
        other => panic!("{other}"),
    });
    let mut events = EvmReader::new(endpoint, config(10)).events(BlockNumber(0), Vec::new());
    let mut replay = Replay::default();
    replay.until(&mut events, hash(20)).await;
    assert!(replay.logs.is_empty());
}

#[tokio::test]
async fn nobody_there_is_one_clear_sentence_without_the_secret() {
    let gone = Endpoint::connect("http://127.0.0.1:1/v3/topsecret", CHAIN).await.unwrap_err().to_string();
    assert!(
        gone.starts_with("rpc at http://127.0.0.1:1/… cannot be reached: dialling")
            || gone.contains("eth_chainId failed on the way"),
        "{gone}"
    );
    assert!(!gone.contains("topsecret") && !gone.contains('\n'), "{gone}");
    let gone = Endpoint::connect("ws://127.0.0.1:1/topsecret", CHAIN).await.unwrap_err().to_string();
    assert!(
        gone.starts_with("rpc at ws://127.0.0.1:1/… cannot be reached") && !gone.contains("topsecret"),
        "{gone}"
    );
    let gone = Endpoint::connect("/no/such/socket.ipc", CHAIN).await.unwrap_err().to_string();
    assert!(gone.starts_with("rpc at /no/such/socket.ipc cannot be reached"), "{gone}");
    let debug = format!("{:?}", Endpoint::connect("http://127.0.0.1:1/v3/topsecret", CHAIN).await);
    assert!(!debug.contains("topsecret"), "{debug}");
}
