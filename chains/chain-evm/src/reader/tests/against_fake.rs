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

/// A chain of `length` blocks with one log each, of which those above `fork` are of branch `salt`.
#[derive(Debug, Clone, Copy)]
struct Forked {
    length: u64,
    fork: u64,
    salt: u64,
}

impl Forked {
    fn hash(self, number: u64) -> B256 {
        let salt = if number > self.fork && number <= self.length { self.salt } else { 0 };
        hash(number | (salt << 32))
    }

    fn head(self, number: u64) -> Value {
        let parent = self.hash(number.wrapping_sub(1));
        json!({ "hash": self.hash(number), "parentHash": parent, "number": U64::from(number), "timestamp": "0x1" })
    }

    fn log(self, block: u64) -> Value {
        json!({ "address": LOGGER, "topics": [self.hash(block)], "data": "0x", "blockNumber": U64::from(block),
            "blockHash": self.hash(block), "logIndex": "0x0" })
    }

    fn find(self, hash: &Value) -> Option<u64> {
        (0..=self.length).find(|number| *hash == json!(self.hash(*number)))
    }

    fn answer(self, method: &str, params: &Value) -> Reply {
        match method {
            "eth_getBlockByNumber" if params[0] == "latest" => Reply::Is(self.head(self.length)),
            "eth_getBlockByNumber" => {
                let asked = number(&params[0]);
                Reply::Is(if asked <= self.length { self.head(asked) } else { Value::Null })
            }
            "eth_getBlockByHash" => {
                Reply::Is(self.find(&params[0]).map_or(Value::Null, |number| self.head(number)))
            }
            "eth_getLogs" if params[0]["blockHash"].is_string() => {
                let block = self.find(&params[0]["blockHash"]);
                block.map_or(Reply::Refuses(-32000, "unknown block"), |block| {
                    Reply::Is(json!([self.log(block)]))
                })
            }
            "eth_getLogs" => {
                let (from, to) = (number(&params[0]["fromBlock"]), number(&params[0]["toBlock"]));
                Reply::Is((from..=to).map(|block| self.log(block)).collect())
            }
            other => panic!("{other}"),
        }
    }
}

/// A reader that starts at `from` sees a chain of 100 blocks grow to each length, forked as given, and remembers 8.
async fn check_forks(from: u64, story: &[(u64, u64)]) {
    let chain = Arc::new(Mutex::new(Forked { length: 100, fork: 100, salt: 0 }));
    let seen = chain.clone();
    let endpoint = fake(move |method, params| seen.lock().unwrap().answer(method, params));
    let config = ReaderConfig { depth: 8, ..config(30) };
    let mut events = EvmReader::new(endpoint, config).events(BlockNumber(from), interests());
    let mut replay = Replay::default();
    replay.until(&mut events, hash(100)).await;
    for (salt, (length, fork)) in (1..).zip(story) {
        // Each fork leaves the first branch, so that no two branches share more than that.
        let now = Forked { length: *length, fork: *fork, salt };
        *chain.lock().unwrap() = now;
        replay.until(&mut events, now.hash(*length)).await;
        let expected: Vec<_> = (from..=*length).map(|block| now.hash(block)).collect();
        let logs: Vec<_> = replay.logs.iter().map(|log| log.topics[0]).collect();
        assert_eq!(logs, expected, "from {from}: {story:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fork_below_memory_takes_back_every_live_block_above_it() {
    for tip in [101, 104, 108, 111, 117, 119] {
        for fork in (86..tip).chain([2, 3, 59]) {
            check_forks(3, &[(tip, tip), (tip + 3, fork)]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn forks_upon_forks_take_back_every_live_block_above_them() {
    for first in [90, 94, 97, 99] {
        for second in [2, 50, 88, 91, 95] {
            for from in [0, 3, 98, 100, 105] {
                check_forks(from, &[(103, first), (119, second), (122, first), (140, second)]).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_gives_another_block_is_asked_for_again() {
    let chain = Arc::new(AtomicU64::new(20));
    let (length, wrong) = (chain.clone(), AtomicU64::new(0));
    let endpoint = fake(move |method, params| {
        let newest = length.load(Ordering::SeqCst);
        let Reply::Is(mut answer) = (Forked { length: newest, fork: newest, salt: 0 }).answer(method, params)
        else {
            panic!("{method}")
        };
        if method == "eth_getLogs" && wrong.fetch_add(1, Ordering::SeqCst) % 2 == 0 {
            answer[0]["blockNumber"] = json!("0x2");
        }
        Reply::Is(answer)
    });
    let mut events = EvmReader::new(endpoint, config(10)).events(BlockNumber(3), interests());
    let mut replay = Replay::default();
    replay.until(&mut events, hash(20)).await;
    chain.store(25, Ordering::SeqCst);
    replay.until(&mut events, hash(25)).await;
    assert_eq!(replay.logs.iter().map(|log| log.block.0).collect::<Vec<_>>(), (3..=25).collect::<Vec<_>>());
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
async fn an_interest_that_begins_later_costs_nothing_before() {
    let length = Arc::new(AtomicU64::new(300));
    let (endpoint, spans) = stubborn(length.clone(), 70);
    let later = |from| Interest { from: BlockNumber(from), addresses: vec![LOGGER], topics: vec![] };
    let config = ReaderConfig { depth: 8, ..config(50) };
    let mut events = EvmReader::new(endpoint, config).events(BlockNumber(0), vec![later(250), later(270)]);
    let mut replay = Replay::default();
    replay.until(&mut events, hash(300)).await;
    length.store(302, Ordering::SeqCst);
    replay.until(&mut events, hash(302)).await;
    assert_eq!(replay.topics(), (250..=302).collect::<Vec<_>>());
    // What a broken wire made it ask again, counts once.
    let mut spans = spans.lock().unwrap().clone();
    spans.dedup();
    assert_eq!(spans, [20, 31], "no range goes past where another interest begins");
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
