//! All cycles, one after the other: slow, and simple enough to be believed.
#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]
#![expect(clippy::float_arithmetic, reason = "leaves out what cannot gain by far")]

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};

use super::sized;
use crate::{
    math::v3::Exact,
    pool::{Pool, Side, V2Pool},
    recording::Recorded,
    search::{Hop, weight},
    sizing::{Leg, output},
};

/// Every token after `here` by any pool that is not in `hops`, back at `base` and visiting nothing twice.
fn extend(
    tokens: &[[Address; 2]],
    visited: &mut Vec<Address>,
    hops: &mut Vec<Hop>,
    most: usize,
    barred: &[Address],
    each: &mut impl FnMut(&[Address], &[Hop]),
) {
    let (base, here) = (visited[0], *visited.last().unwrap());
    for (place, [zero, one]) in tokens.iter().enumerate() {
        for (from, to, side) in [(zero, one, Side::Zero), (one, zero, Side::One)] {
            if *from != here || zero == one || hops.iter().any(|hop| hop.pool == place) || barred.contains(to)
            {
                continue;
            }
            hops.push(Hop { pool: place, side });
            if *to == base {
                each(visited, hops);
            } else if hops.len() < most && !visited.contains(to) {
                visited.push(*to);
                extend(tokens, visited, hops, most, barred, each);
                visited.pop();
            }
            hops.pop();
        }
    }
}

/// Calls `each` with the tokens and the pools of every cycle. One through an earlier base is that base's.
fn walk(tokens: &[[Address; 2]], bases: &[Address], most: usize, mut each: impl FnMut(&[Address], &[Hop])) {
    for (place, base) in bases.iter().enumerate() {
        extend(tokens, &mut vec![*base], &mut Vec::new(), most, &bases[..place], &mut each);
    }
}

/// The best gross profit from each base, over every choice of pools.
pub(super) struct Best {
    /// As [`size`](crate::sizing::size) finds it.
    pub(super) sized: Vec<U256>,
    /// As golden section search finds it, of the choices with ticks: it knows nothing of stretches.
    pub(super) golden: Vec<U256>,
}

pub(super) fn best(pools: &[Recorded], bases: &[Address]) -> Best {
    let tokens: Vec<[Address; 2]> = pools.iter().map(Pool::tokens).collect();
    let rates: Vec<[f64; 2]> = pools.iter().map(rates).collect();
    let nothing = vec![U256::ZERO; bases.len()];
    let mut best = Best { sized: nothing.clone(), golden: nothing };
    walk(&tokens, bases, 4, |visited, hops| {
        let rate: f64 = hops.iter().map(|hop| rates[hop.pool][usize::from(hop.side == Side::One)]).product();
        // Quotes are never better than the marginal rate: a thousandth below is a loss, whatever floats do.
        if rate < 0.999 {
            return;
        }
        let place = bases.iter().position(|base| *base == visited[0]).unwrap();
        let gross = sized(pools, hops).map_or(U256::ZERO, |sized| sized.gross);
        best.sized[place] = best.sized[place].max(gross);
        if hops.iter().any(|hop| matches!(pools[hop.pool], Recorded::V3(_))) {
            best.golden[place] = best.golden[place].max(golden(pools, hops));
        }
    });
    best
}

/// By reserves and by the price: where there is no liquidity at it, the rate behind it is worse.
fn rates(pool: &Recorded) -> [f64; 2] {
    let (price, kept) = match pool {
        Recorded::V2(pair) => {
            let [zero, one] = pair.reserves().map(|reserve| f64::from(U256::from(reserve)));
            (one / zero, f64::from(pair.fee().kept()) / f64::from(pair.fee().whole()))
        }
        Recorded::V3(ticked) => {
            let root = f64::from(ticked.slot().sqrt_price) / 2f64.powi(96);
            (root * root, 1.0 - f64::from(ticked.terms().fee_pips) / 1e6)
        }
    };
    [price * kept, kept / price]
}

/// The most that goes into a pool before its price is moved by half.
fn most(pool: &Recorded, side: Side) -> U256 {
    match pool {
        Recorded::V2(pair) => U256::from(pair.reserves()[usize::from(side == Side::One)]),
        Recorded::V3(ticked) => {
            let price = ticked.slot().sqrt_price;
            let limit = if side == Side::Zero {
                price * U256::from(3) / U256::from(4)
            } else {
                price * U256::from(4) / U256::from(3)
            };
            ticked.quote(side, Exact::In(U256::MAX >> 1), Some(limit)).unwrap().consumed
        }
    }
}

/// Sixty exact quotes of the whole chain between nothing and the most that the first pool takes.
fn golden(pools: &[Recorded], hops: &[Hop]) -> U256 {
    let legs: Vec<Leg<'_>> = hops.iter().map(|hop| Leg { pool: &pools[hop.pool], side: hop.side }).collect();
    let value = |input: U256| {
        let output = output(&legs, input).unwrap_or_default();
        alloy_primitives::I256::from_raw(output) - alloy_primitives::I256::from_raw(input)
    };
    let inner = |low: U256, high: U256| {
        high.saturating_sub(low) * U256::from(618_033_989) / U256::from(1_000_000_000)
    };
    let (mut low, mut high) = (U256::ZERO, most(&pools[hops[0].pool], hops[0].side));
    let (mut one, mut other) = (high - inner(low, high), low + inner(low, high));
    let (mut at_one, mut at_other) = (value(one), value(other));
    for _evaluation in 2..60 {
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
    let best = at_one.max(at_other);
    if best.is_positive() { best.into_raw() } else { U256::ZERO }
}

/// The cycles of tokens that gain by some choice of pools, with the most that they gain by.
pub(super) fn cycles(
    tokens: &[[Address; 2]],
    pools: &[Option<V2Pool>],
    bases: &[Address],
    most: usize,
) -> BTreeSet<(Vec<Address>, i32)> {
    let mut found: BTreeSet<(Vec<Address>, i32)> = BTreeSet::new();
    walk(tokens, bases, most, |visited, hops| {
        let weigh = |hop: &Hop| {
            let stretch = |side| pools[hop.pool].as_ref().and_then(|pool| pool.stretch(side));
            let weights =
                weight::weights(stretch(Side::Zero), stretch(Side::One), &mut weight::Kept::default());
            match weights[usize::from(hop.side == Side::One)] {
                weight::NONE => i64::from(weight::NONE) * 4,
                weight => weight.into(),
            }
        };
        let gain: i64 = hops.iter().map(weigh).sum();
        if gain > 0 {
            found.insert((visited.to_vec(), i32::try_from(gain).unwrap()));
        }
    });
    // Of several choices for the same tokens, the best.
    let better = |(visited, gain): &(Vec<Address>, i32)| {
        !found.iter().any(|(others, most)| others == visited && most > gain)
    };
    found.iter().filter(|cycle| better(cycle)).cloned().collect()
}
