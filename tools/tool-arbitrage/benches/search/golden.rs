//! Sizing against golden section search, on cycles that a recording's blocks brought.

use std::{hint::black_box, time::Instant};

use agent_core::units::Bps;
use alloy_primitives::U256;
use tool_arbitrage::{
    Side,
    pool::V2Pool,
    recording::{Generator, Pools, Recorded, Shape},
    search::{Base, Hops, Search, Terms},
    sizing::{Costs, Leg, Limits, Sized, Tip, output, size},
};

use crate::row::Row;

/// How many cycles, and how often each is sized in one measurement.
const CYCLES: usize = 2_000;
const TIMES: u32 = 32;
const EVALUATIONS: u32 = 60;

/// A cycle's pools as they were.
type Cycle = Vec<(V2Pool, Side)>;

fn pair(pool: &Recorded) -> Option<V2Pool> {
    if let Recorded::V2(pair) = pool { Some(*pair) } else { None }
}

fn cycles(shape: Shape) -> Vec<Cycle> {
    let mut market = Generator::new(shape);
    let header = market.header();
    let mut pools = Pools::of(&header);
    let bases = header.bases.iter().map(|token| Base { token: *token, dust: U256::ZERO }).collect();
    let terms = Terms { bases, hops: Hops::Four, limit: 1 << 20 };
    let mut search = Search::new(&pools.tokens(), &terms).unwrap();
    pools.pools().iter().enumerate().for_each(|(place, pool)| search.update(place, pool));
    search.rescan();
    let mut cycles = Vec::new();
    while cycles.len() < CYCLES {
        let changed = pools.apply(&market.block()).unwrap();
        changed.iter().for_each(|place| search.update(*place, &pools.pools()[*place]));
        for cycle in search.search() {
            for route in search.routes(&cycle, 16).routes {
                let hops = route.hops.iter();
                let hops = hops.map(|hop| Some((pair(&pools.pools()[hop.pool])?, hop.side)));
                cycles.push(hops.collect::<Option<Cycle>>().unwrap());
            }
        }
    }
    cycles.truncate(CYCLES);
    cycles
}

/// The best profit that golden section search finds between nothing and `most`.
fn golden(most: u128, output: impl Fn(u128) -> u128) -> i128 {
    let value = |input: u128| output(input) as i128 - input as i128;
    let (mut low, mut high) = (0u128, most);
    let inner = |low: u128, high: u128| ((high - low) as f64 * 0.618_033_988_749_895) as u128;
    let (mut one, mut other) = (high - inner(low, high), low + inner(low, high));
    let (mut at_one, mut at_other) = (value(one), value(other));
    for _evaluation in 2..EVALUATIONS {
        if at_one < at_other {
            (low, one, at_one) = (one, other, at_other);
            other = low + inner(low, high);
            at_other = value(other);
        } else {
            (high, other, at_other) = (other, one, at_one);
            one = high - inner(low, high);
            at_one = value(one);
        }
    }
    at_one.max(at_other)
}

/// The formula as it stands in the library, in plain 256-bit integers.
fn plain(cycle: &Cycle, input: u128) -> u128 {
    let mut amount = U256::from(input);
    for (pool, side) in cycle {
        let [zero, one] = pool.reserves().map(U256::from);
        let (into, out) = if *side == Side::Zero { (zero, one) } else { (one, zero) };
        let taxed = amount * U256::from(pool.fee().kept());
        amount = taxed * out / (into * U256::from(pool.fee().whole()) + taxed);
    }
    amount.to()
}

fn timed<T>(mut of: impl FnMut() -> T) -> (T, u128) {
    let began = Instant::now();
    for _time in 1..TIMES {
        black_box(of());
    }
    let last = of();
    (last, began.elapsed().as_nanos() / u128::from(TIMES))
}

pub(crate) fn rows(shape: Shape) -> Vec<Row> {
    let costs = Costs { fixed: U256::from(1_000u64), premium: Bps(0), tip: Tip::None };
    let limits = Limits { most: U256::MAX, effort: 256 };
    let (mut ours, mut quotes, mut plains) = (Vec::new(), Vec::new(), Vec::new());
    for cycle in cycles(shape) {
        let legs: Vec<Leg<'_>> = cycle.iter().map(|(pool, side)| Leg { pool, side: *side }).collect();
        let (sized, took) = timed(|| size(black_box(&legs), &costs, &limits));
        let (first, side) = &cycle[0];
        let [zero, one] = first.reserves();
        let most = if *side == Side::Zero { zero } else { one };
        let quoted = |input| output(black_box(&legs), U256::from(input)).unwrap_or_default().to();
        let (by_quotes, took_quotes) = timed(|| golden(most, quoted));
        let (by_plain, took_plain) = timed(|| golden(most, |input| plain(black_box(&cycle), input)));
        let profit = sized.as_ref().map_or(0, |sized: &Sized| sized.gross.to::<i128>());
        assert!(
            profit >= by_quotes && profit >= by_plain,
            "{profit} is less than {by_quotes} or {by_plain}: {cycle:?} {sized:?}"
        );
        ours.push(took);
        quotes.push(took_quotes);
        plains.push(took_plain);
    }
    vec![
        Row::of("sizing a cycle", "ns", &ours).against("golden section, plain U256", &plains, Some(40.0)),
        Row::of("sizing a cycle", "ns", &ours).against("golden section, our quotes", &quotes, None),
    ]
}
