//! `scripts/bench exact`: quotes and their parts, beside a plain `U256` implementation for v2 and beside the `uniswap_v3_math`
//! crate, and the loop over it, for v3. Both sides get the same inputs and have to answer the same before they are timed.
//!
//! Amounts, reserves and liquidity are of any length up to 100 bits or so, prices within a factor of 2^40; steps are half of
//! those that come to their target and half of those that do not, in both directions, for exact inputs and outputs.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should say where")]
#![expect(clippy::arithmetic_side_effects, reason = "counts of a benchmark do not overflow")]

use alloy_primitives::{Address, I256, U256};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tool_arbitrage::{
    Pool as _, Side,
    math::full::mul_div,
    pool::{TickLiquidity, V3Event, V3Pool, V3Terms},
    v2::{V2Fee, amount_out},
    v3::{Exact, compute_swap_step, sqrt_price_at_tick, tick_at_sqrt_price},
};
use uniswap_v3_math::{full_math, swap_math, tick_math};

mod peer;
mod row;

use row::Row;

const INPUTS: usize = 4_096;
const TOKENS: [Address; 2] = [Address::ZERO, Address::repeat_byte(1)];
const CRATE: &str = "uniswap_v3_math";

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let mut random = StdRng::seed_from_u64(1);
    v2(json, &mut random);
    steps(json, &mut random);
    parts(json, &mut random);
    pools(json, &mut random);
}

fn any(random: &mut StdRng, least: u32, most: u32) -> u128 {
    (random.random::<u128>() | 1 << 127) >> (128 - random.random_range(least..most))
}

fn v2(json: bool, random: &mut StdRng) {
    let inputs: Vec<_> = (0..INPUTS)
        .map(|_| (U256::from(any(random, 20, 90)), [any(random, 50, 100), any(random, 50, 100)]))
        .collect();
    Row { name: "v2 quote", peer: "plain U256", goal: Some(2) }.run(
        json,
        &inputs,
        |(amount, [reserve_in, reserve_out])| {
            amount_out(*amount, *reserve_in, *reserve_out, V2Fee::UNISWAP).unwrap()
        },
        |(amount, [reserve_in, reserve_out])| peer::amount_out(*amount, *reserve_in, *reserve_out),
    );
}

struct Step {
    from: U256,
    to: U256,
    liquidity: u128,
    amount: I256,
    fee: u32,
}

/// A step to a tick nearby, with an amount that is enough for it or not.
fn step(random: &mut StdRng, reaches: bool) -> Step {
    let tick: i32 = random.random_range(-200_000..200_000);
    let away = random.random_range(1..600) * if random.random() { 1 } else { -1 };
    let [from, to] = [tick, tick + away].map(|tick| sqrt_price_at_tick(tick).unwrap());
    let (liquidity, fee) = (any(random, 60, 100), *[100, 500, 3_000, 10_000].choose(random).unwrap());
    let (most, out) = (I256::MAX, random.random());
    let all = compute_swap_step(from, to, liquidity, if out { -most } else { most }, fee).unwrap();
    let enough = if out { all.amount_out } else { all.amount_in + all.fee_amount };
    let percent =
        U256::from(if reaches { random.random_range(100..500) } else { random.random_range(1..100_u32) });
    let amount = I256::from_raw(enough * percent / U256::from(100));
    Step { from, to, liquidity, amount: if out { -amount } else { amount }, fee }
}

fn steps(json: bool, random: &mut StdRng) {
    let [reach, inside] =
        [true, false].map(|reaches| -> Vec<_> { (0..INPUTS).map(|_| step(random, reaches)).collect() });
    let mixed: Vec<_> = (0..INPUTS)
        .map(|_| {
            let reaches = random.random();
            step(random, reaches)
        })
        .collect();
    let kinds =
        [("v3 swap step", mixed, Some(4)), ("  to its target", reach, None), ("  and not", inside, None)];
    for (name, inputs, goal) in kinds {
        Row { name, peer: CRATE, goal }.run(
            json,
            &inputs,
            |of| {
                let step = compute_swap_step(of.from, of.to, of.liquidity, of.amount, of.fee).unwrap();
                (step.sqrt_price_next, step.amount_in, step.amount_out, step.fee_amount)
            },
            |of| swap_math::compute_swap_step(of.from, of.to, of.liquidity, of.amount, of.fee).unwrap(),
        );
    }
}

fn parts(json: bool, random: &mut StdRng) {
    let ticks: Vec<i32> = (0..INPUTS).map(|_| random.random_range(-400_000..400_000)).collect();
    Row { name: "tick to price", peer: CRATE, goal: None }.run(
        json,
        &ticks,
        |tick| sqrt_price_at_tick(*tick).unwrap(),
        |tick| tick_math::get_sqrt_ratio_at_tick(*tick).unwrap(),
    );
    let off: U256 = U256::from(any(random, 20, 40));
    let prices: Vec<_> = ticks.iter().map(|tick| sqrt_price_at_tick(*tick).unwrap() + off).collect();
    Row { name: "price to tick", peer: CRATE, goal: None }.run(
        json,
        &prices,
        |price| tick_at_sqrt_price(*price).unwrap(),
        |price| tick_math::get_tick_at_sqrt_ratio(*price).unwrap(),
    );
    let factors: Vec<_> = (0..INPUTS)
        .map(|_| {
            let [a, b, by] =
                [any(random, 60, 128), any(random, 60, 128), any(random, 60, 128)].map(U256::from);
            (a, b << 64, by)
        })
        .collect();
    Row { name: "mul_div", peer: CRATE, goal: None }.run(
        json,
        &factors,
        |(a, b, by)| mul_div(*a, *b, *by).ok(),
        |(a, b, by)| full_math::mul_div(*a, *b, *by).ok(),
    );
}

/// A pool with positions of any size between neighbouring multiples of the spacing, 40 to each side of the price.
fn pool(random: &mut StdRng) -> (V3Pool, peer::Pool) {
    let terms = V3Terms { tokens: TOKENS, fee_pips: 3_000, tick_spacing: 60 };
    let mut pool = V3Pool::created(terms).unwrap();
    let tick = random.random_range(-100_000..100_000);
    let sqrt_price = sqrt_price_at_tick(tick).unwrap() + U256::from(12_345);
    let tick = tick_at_sqrt_price(sqrt_price).unwrap();
    pool.apply(V3Event::Initialize { sqrt_price, tick }).unwrap();
    let here = tick.div_euclid(60);
    for place in -40..40 {
        let (lower, upper) = ((here + place) * 60, (here + place + 1) * 60);
        pool.apply(V3Event::Mint { lower, upper, amount: any(random, 70, 72) }).unwrap();
    }
    let ticks: Vec<(i32, TickLiquidity)> =
        (-40..=40).map(|place| (here + place) * 60).map(|tick| (tick, pool.tick(tick))).collect();
    let peer = peer::Pool::new(terms, pool.slot(), &ticks);
    (pool, peer)
}

/// The amount that ends between the `crossed`th initialised tick and the next.
fn amount(pool: &V3Pool, side: Side, crossed: i32) -> U256 {
    let here = pool.slot().tick.div_euclid(60);
    let limit = if side == Side::Zero {
        sqrt_price_at_tick((here - crossed) * 60 - 30)
    } else {
        sqrt_price_at_tick((here + 1 + crossed) * 60 + 30)
    };
    let limit = Some(limit.unwrap());
    pool.quote(side, Exact::In(U256::MAX >> 1), limit).unwrap().consumed
}

fn pools(json: bool, random: &mut StdRng) {
    let pools: Vec<_> = (0..32).map(|_| pool(random)).collect();
    for (name, crossed, goal) in [("v3 quote, 1 tick", 1, None), ("v3 quote, 20 ticks", 20, Some(30))] {
        let inputs: Vec<_> = pools
            .iter()
            .flat_map(|(ours, peer)| {
                [Side::Zero, Side::One].map(|side| (ours, peer, side, amount(ours, side, crossed)))
            })
            .collect();
        Row { name, peer: "the loop over it", goal }.run(
            json,
            &inputs,
            |(pool, _, side, amount)| {
                let quote = pool.quote_in(*side, *amount).unwrap();
                (quote.consumed, quote.output)
            },
            |(_, peer, side, amount)| peer.quote_in(*side == Side::Zero, *amount),
        );
        if crossed > 1 {
            Row { name: "  by our own loop", peer: "the loop over it", goal: None }.run(
                json,
                &inputs,
                |(pool, _, side, amount)| {
                    let swap = pool.walk(*side, Exact::In(*amount), None).unwrap().swap;
                    (swap.consumed, swap.output)
                },
                |(_, peer, side, amount)| peer.quote_in(*side == Side::Zero, *amount),
            );
        }
    }
}
