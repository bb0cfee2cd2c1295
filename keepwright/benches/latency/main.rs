//! `scripts/bench latency`: from a new head on a websocket to the signed raw transaction at the node, beside a stock alloy
//! pipeline with the same strategy.
//!
//! Both sides talk over loopback to a node that answers from a tape (`node.rs`), recorded from a devnet before anything is
//! timed, and push it the same transaction: when a head's base fee falls to a threshold, close the gap between two pools through the executor.
//! The clock starts when the head is written to the socket, and stops when the raw transaction has been read from one.
//!
//! Ours is the real agent: reader, reflex lane, door with a real policy, a simulation in this process that the node confirms, the
//! journal on disk, and the wallet. Once as the strategy prepares what it may publish, and once without. The journal's device
//! syncs are timed in the file under it, and shown apart. The peer is what alloy's users write: heads by subscription, default
//! fillers and wallet, sent over HTTP; it checks nothing and records nothing.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time, and its peer sends as it likes")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that fails should say where"
)]
#![expect(clippy::arithmetic_side_effects, reason = "counts of a benchmark do not overflow")]
#![expect(
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "its node reads and writes JSON as it comes"
)]

mod journal;
mod node;
mod ours;
mod peer;
mod stage;
mod table;

use std::{sync::Arc, time::Duration};

use alloy::{
    consensus::{Transaction as _, TxEnvelope, transaction::SignerRecoverable as _},
    eips::Decodable2718 as _,
    primitives::{Address, Bytes, ChainId, TxKind, U256},
};

use crate::{
    node::{Arrival, Node, Tape},
    ours::Ours,
    peer::Peer,
    stage::Stage,
    table::Column,
};

/// Timed samples of each side, and those before them that warm everything up.
const SAMPLES: usize = 300;
const WARM_UP: usize = 30;
/// Wei per gas of heads that change nothing, and of heads at which is acted.
const QUIET: u64 = 1_000_000_000;
const TRIGGER: u64 = 900_000_000;
/// What is under way in the background gets this long to be over before a head is timed.
const SETTLE: Duration = Duration::from_millis(15);

fn main() {
    // The node has threads of its own, as it would in a process of its own.
    let nodes = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sides = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    sides.block_on(bench(nodes.handle()));
}

async fn bench(nodes: &tokio::runtime::Handle) {
    let json = std::env::args().any(|argument| argument == "--json");
    let stage = Stage::build().await;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tape = Arc::new(Tape::of(&stage).await);
    let node = || Node::start(nodes, Arc::clone(&tape), stage.key);
    let mut prepared = Ours::start(&stage, node(), &folder.path().join("prepared"), true).await;
    let mut peer = Peer::start(&stage, node()).await;
    let mut offered = Ours::start(&stage, node(), &folder.path().join("offered"), false).await;

    let (mut ready, mut theirs, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for sample in 0..WARM_UP + SAMPLES {
        // In turns, and not always in the same order, so that the machine's moods meet all of them.
        let (one, other, third) = if sample % 2 == 1 {
            let (one, other) = (prepared.sample().await, peer.sample().await);
            (one, other, offered.sample().await)
        } else {
            let third = offered.sample().await;
            let other = peer.sample().await;
            (prepared.sample().await, other, third)
        };
        assert_eq!(what(&one.arrival), what(&other.arrival), "the two sides are to send the same");
        assert_eq!(what(&third.arrival), what(&other.arrival), "the two sides are to send the same");
        if sample >= WARM_UP {
            ready.push(one);
            theirs.push(other);
            plain.push(third);
        }
    }
    let asked = [
        asked(ready.iter().map(|times| times.asked)),
        asked(plain.iter().map(|times| times.asked)),
        asked(theirs.iter().map(|times| times.asked)),
    ];
    eprintln!(
        "{SAMPLES} transactions of each side, all to the same contract with the same data; requests between head and \
         transaction, in the median and at most: {:?} prepared, {:?} as offered, {:?} by the peer",
        asked[0], asked[1], asked[2]
    );
    assert_eq!(asked[0].0, 0, "what is ready asks the node nothing");
    table::print(json, &Column::ours(&ready), &Column::peers(&theirs), &Column::ours(&plain));
    prepared.stop().await;
    offered.stop().await;
}

/// The median and the most.
fn asked(counts: impl Iterator<Item = u64>) -> (u64, u64) {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_unstable();
    (counts[counts.len() / 2], *counts.last().unwrap())
}

/// What a raw transaction does: who signed it, for which chain, to whom, with what.
fn what(arrival: &Arrival) -> (Address, Option<ChainId>, TxKind, Bytes, U256) {
    let envelope = TxEnvelope::decode_2718(&mut arrival.raw.as_ref()).unwrap();
    let signer = envelope.recover_signer().unwrap();
    (signer, envelope.chain_id(), envelope.kind(), envelope.input().clone(), envelope.value())
}
