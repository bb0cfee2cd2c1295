//! All cycles, one after the other: slow, and simple enough to be believed.
#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};

use super::sized;
use crate::{
    pool::{Pool, Side, V2Pool},
    search::{Hop, weight},
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
pub(super) fn best(pools: &[V2Pool], bases: &[Address]) -> Vec<U256> {
    let tokens: Vec<[Address; 2]> = pools.iter().map(Pool::tokens).collect();
    let mut best = vec![U256::ZERO; bases.len()];
    walk(&tokens, bases, 4, |visited, hops| {
        let place = bases.iter().position(|base| *base == visited[0]).unwrap();
        let gross = sized(pools, hops).map_or(U256::ZERO, |sized| sized.gross);
        best[place] = best[place].max(gross);
    });
    best
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
            let stretch = pools[hop.pool].as_ref().and_then(|pool| pool.stretch(hop.side));
            stretch.map_or(i64::from(weight::NONE) * 4, |stretch| weight::weight(stretch).into())
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
