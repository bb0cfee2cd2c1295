//! `scripts/bench search`: the search over what changed in a block against a full scan of the same market, and sizing against
//! golden section search.
//!
//! Markets are generated recordings (see `tool_arbitrage::recording`), replayed block by block; both sides get the same states
//! in the same order, in turns, and what they found is compared before anything is printed. The full scan is not a straw man:
//! parallel pools are collapsed, rates are cached and only those of changed pools computed anew, tables are dense, and four hops
//! are searched by meeting in the middle; and it says how much the best cycle gains, where the search lists every one that does.
//! A scan that computes all rates anew is beside it. Golden section search has 60 evaluations, of these quotes and of plain 256-bit
//! ones.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should say where")]
#![expect(clippy::arithmetic_side_effects, reason = "counts of a benchmark do not overflow")]
#![expect(clippy::float_arithmetic, reason = "rates of the peer, and ratios")]
#![expect(clippy::indexing_slicing, reason = "the peer is as fast as plain Rust makes it")]
#![expect(clippy::as_conversions, reason = "the peer is as fast as plain Rust makes it")]

use std::time::Instant;

use tool_arbitrage::{
    recording::{Block, Generator, Pools, Shape},
    search::{Base, Hops, Search, Terms},
};

mod golden;
mod rescan;
mod row;

use rescan::Rescan;
use row::Row;

/// Blocks before the measured ones.
const WARM: usize = 20;
/// How far the peer's sums of 32-bit logarithms and ours may be apart.
const APART: f64 = 6e-5;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let small = Shape { seed: 1, tokens: 3_000, pools: 10_000, ticked: 0, changes: 100 };
    let large = Shape { seed: 1, tokens: 30_000, pools: 100_000, ticked: 0, changes: 1_000 };
    row::head(json);
    let [three, four] = [Hops::Three, Hops::Four].map(|hops| searched(small, 400, hops));
    let three_of_many = searched(large, 60, Hops::Three);
    let four_of_many = searched(large, 60, Hops::Four);
    three.row("10k pools, 100 changed, 3 hops").against("full scan", &three.peer, Some(5.0)).print(json);
    three
        .row("10k pools, 100 changed, 3 hops")
        .against("full scan, all rates anew", &three.anew, None)
        .print(json);
    four.row("10k pools, 100 changed, 4 hops").against("full scan", &four.peer, Some(2.0)).print(json);
    let limit = vec![5_000_000];
    three_of_many.row("100k pools, 1k changed, 3 hops").against("5 ms", &limit, Some(1.0)).print(json);
    three_of_many
        .row("100k pools, 1k changed, 3 hops")
        .against("full scan", &three_of_many.peer, None)
        .print(json);
    four_of_many
        .row("100k pools, 1k changed, 4 hops")
        .against("full scan", &four_of_many.peer, None)
        .print(json);
    Row::of("10k pools: update alone", "us", &three.update).print(json);
    golden::rows(small).into_iter().for_each(|row| row.print(json));
}

/// Nanoseconds of each block.
#[derive(Default)]
struct Times {
    update: Vec<u128>,
    ours: Vec<u128>,
    peer: Vec<u128>,
    /// The peer, with all rates computed anew.
    anew: Vec<u128>,
}

impl Times {
    fn row(&self, name: &'static str) -> Row {
        Row::of(name, "us", &self.ours)
    }
}

fn searched(shape: Shape, blocks: usize, hops: Hops) -> Times {
    let mut market = Generator::new(shape);
    let header = market.header();
    let mut pools = Pools::of(&header);
    let bases = header.bases.iter().map(|token| Base { token: *token, dust: Default::default() }).collect();
    let mut search = Search::new(&pools.tokens(), &Terms { bases, hops, limit: 1 << 20 }).unwrap();
    let mut peer = Rescan::new(pools.pools(), &header.bases);
    pools.pools().iter().enumerate().for_each(|(place, pool)| search.update(place, pool));
    search.rescan();
    // Made up before, so that this does not clear the caches in between.
    let recorded: Vec<Block> = (0..WARM + blocks).map(|_| market.block()).collect();
    let mut times = Times::default();
    for (block, logs) in recorded.iter().enumerate() {
        let changed = pools.apply(logs).unwrap();
        let measured = block >= WARM;
        let ours = |search: &mut Search, times: &mut Times| {
            let began = Instant::now();
            changed.iter().for_each(|place| search.update(*place, &pools.pools()[*place]));
            let updated = began.elapsed().as_nanos();
            search.search();
            if measured {
                times.update.push(updated);
                times.ours.push(began.elapsed().as_nanos());
            }
        };
        let theirs = |peer: &mut Rescan, times: &mut Times| {
            let began = Instant::now();
            changed.iter().for_each(|place| peer.update(*place, &pools.pools()[*place]));
            let best = peer.best(hops == Hops::Four);
            if measured {
                times.peer.push(began.elapsed().as_nanos());
            }
            best
        };
        // In turns, so that neither always finds the caches as the other left them.
        let best = if block % 2 == 0 {
            ours(&mut search, &mut times);
            theirs(&mut peer, &mut times)
        } else {
            let best = theirs(&mut peer, &mut times);
            ours(&mut search, &mut times);
            best
        };
        let found = search.standing().iter().map(|cycle| f64::from(cycle.gain())).fold(0.0, f64::max);
        let found = found / 1_048_576.0;
        assert!((found - best.max(0.0)).abs() < APART, "block {block}: {found} is not {best}");
    }
    for _time in 0..50 {
        let began = Instant::now();
        pools.pools().iter().enumerate().for_each(|(place, pool)| peer.update(place, pool));
        std::hint::black_box(peer.best(hops == Hops::Four));
        times.anew.push(began.elapsed().as_nanos());
    }
    times
}
