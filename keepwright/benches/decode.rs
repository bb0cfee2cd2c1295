//! `scripts/bench decode`: the logs of a block, from the JSON of a node's answer to pools and values.
//!
//! Blocks are made from a seed: a third each of Uniswap v2 `Sync`, v3 `Swap` and ERC-20 `Transfer`, with all the fields that a
//! node sends. Both sides read the same text, and what they make of it must be equal. The peer is alloy: its `Log` by serde, and
//! its decoding of events.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should say where")]
#![expect(clippy::arithmetic_side_effects, reason = "counts of a benchmark do not overflow")]
#![expect(clippy::float_arithmetic, reason = "nanoseconds a log, and a ratio")]

use std::{hint::black_box, time::Instant};

use alloy::{
    primitives::{Address, B256, Bytes, I256, U256, aliases::I24},
    rpc::types::Log,
    sol,
    sol_types::SolEvent,
};
use keepwright::evm::logs_from_json;
use rand::{Rng, SeedableRng, rngs::StdRng};

sol! {
    event Sync(uint112 reserve0, uint112 reserve1);
    event Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1, uint160 sqrtPriceX96,
        uint128 liquidity, int24 tick);
    event Transfer(address indexed from, address indexed to, uint256 value);
}

/// Logs of a block.
const LOGS: usize = 300;
const BLOCKS: u64 = 20;
const ROUNDS: usize = 50;
const GOAL: f64 = 2.4;

/// Which contract, and what it said.
type Said = (Address, [U256; 2]);

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let blocks: Vec<String> = (0..BLOCKS).map(block).collect();
    for block in &blocks {
        assert_eq!(ours(block), theirs(block), "the two sides differ");
    }
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for block in &blocks {
            one.push(time(block, ours));
            other.push(time(block, theirs));
        }
    }
    let [p50, p99] = [50, 99].map(|percent| quantile(&mut one, percent));
    let peer = quantile(&mut other, 50);
    let ratio = peer / p50;
    let (name, unit, by) = ("a log from JSON to values", "ns", "alloy's serde");
    if json {
        let row = serde_json::json!({
            "name": name, "unit": unit, "ours_p50": p50, "ours_p99": p99, "peer": by, "peer_p50": peer,
            "ratio": ratio, "goal": GOAL, "equal": true, "samples": one.len(),
        });
        println!("{row}");
    } else {
        let bytes = blocks.iter().map(String::len).sum::<usize>().div_euclid(LOGS * blocks.len());
        println!(
            "{name} ({bytes} bytes)  p50 {p50:.0} {unit}, p99 {p99:.0}  {by}: {peer:.0}  {ratio:.1}x, goal {GOAL}x"
        );
    }
}

fn ours(block: &str) -> Vec<Said> {
    let logs = logs_from_json(block).unwrap();
    logs.iter().map(|log| (log.address, values(&log.topics, &log.data))).collect()
}

fn theirs(block: &str) -> Vec<Said> {
    let logs: Vec<Log> = serde_json::from_str(block).unwrap();
    logs.iter().map(|log| (log.address(), values(log.topics(), &log.data().data))).collect()
}

fn values(topics: &[B256], data: &[u8]) -> [U256; 2] {
    match topics.first() {
        Some(&Sync::SIGNATURE_HASH) => {
            let sync = Sync::decode_raw_log(topics, data).unwrap();
            [sync.reserve0.to(), sync.reserve1.to()]
        }
        Some(&Swap::SIGNATURE_HASH) => {
            let swap = Swap::decode_raw_log(topics, data).unwrap();
            [swap.sqrtPriceX96.to(), U256::from(swap.liquidity)]
        }
        _ => [Transfer::decode_raw_log(topics, data).unwrap().value, U256::ZERO],
    }
}

fn block(number: u64) -> String {
    let mut random = StdRng::seed_from_u64(number);
    let logs: Vec<_> = (0..LOGS).map(|index| log(&mut random, number, index)).collect();
    serde_json::to_string(&logs).unwrap()
}

fn log(random: &mut StdRng, number: u64, index: usize) -> serde_json::Value {
    let mut address = || Address::from(random.random::<[u8; 20]>());
    let [pool, one, other] = [address(), address(), address()];
    let amount = U256::from(random.random::<u128>() >> 17);
    let data = match index % 3 {
        0 => Sync { reserve0: amount.to(), reserve1: amount.to() }.encode_log_data(),
        1 => {
            let (price, liquidity) = (amount.to(), random.random());
            let [amount0, amount1] = [I256::from_raw(amount), -I256::from_raw(amount)];
            let tick = I24::try_from(random.random_range(-100_000..100_000)).unwrap();
            Swap { sender: one, recipient: other, amount0, amount1, sqrtPriceX96: price, liquidity, tick }
                .encode_log_data()
        }
        _ => Transfer { from: one, to: other, value: amount }.encode_log_data(),
    };
    serde_json::json!({
        "address": pool, "topics": data.topics(), "data": Bytes::clone(&data.data),
        "blockNumber": format!("0x{:x}", 19_000_000 + number), "blockHash": B256::from(random.random::<[u8; 32]>()),
        "blockTimestamp": "0x65f0a1b2", "transactionHash": B256::from(random.random::<[u8; 32]>()),
        "transactionIndex": format!("0x{:x}", index / 3), "logIndex": format!("0x{index:x}"), "removed": false,
    })
}

/// Nanoseconds a log.
fn time(block: &str, side: impl Fn(&str) -> Vec<Said>) -> f64 {
    let began = Instant::now();
    black_box(side(black_box(block)));
    began.elapsed().as_secs_f64() * 1e9 / 300.0
}

fn quantile(samples: &mut [f64], percent: usize) -> f64 {
    samples.sort_by(f64::total_cmp);
    *samples.get((samples.len() * percent / 100).min(samples.len() - 1)).unwrap()
}
