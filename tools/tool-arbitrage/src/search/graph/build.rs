//! From a list of pools to the graph.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use alloy_primitives::Address;

use super::{Arc, Detail, Graph, Slot, at, bits};
use crate::search::weight::NONE;

/// A pool between two tokens, the one with the smaller number first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    pair: (u32, u32),
    pool: u32,
}

impl Graph {
    /// The graph of these pools, all without weights. The bases get the first numbers, in their order, then tokens by how many
    /// pools they have: what is walked most lies together.
    pub(in crate::search) fn of(pools: &[[Address; 2]], bases: &[Address]) -> Self {
        let tokens = ranked(pools, bases);
        let numbers: HashMap<Address, u32> =
            tokens.iter().enumerate().map(|(number, token)| (*token, bits(number))).collect();
        let number = |token: &Address| numbers.get(token).copied().unwrap_or(u32::MAX);
        let ends: Vec<(u32, u32)> = pools.iter().map(|[zero, one]| (number(zero), number(one))).collect();
        let mut lanes: Vec<Lane> = (0u32..).zip(&ends).filter_map(|(pool, ends)| lane(pool, *ends)).collect();
        lanes.sort_unstable();
        let (arcs, details, starts) = arcs(&lanes, tokens.len());
        let lanes = lanes.iter().map(|lane| lane.pool).collect();
        let touched = vec![0; arcs.len().div_ceil(64)];
        let (slots, marked) = (Vec::new(), Vec::new());
        let mut graph = Self { tokens, starts, arcs, details, lanes, slots, touched, marked, round: 1 };
        let slot = |(zero, one): &(u32, u32)| {
            let arcs = graph.find(*zero, *one).zip(graph.find(*one, *zero)).map(<[u32; 2]>::from);
            Slot { arcs, heads: [*one, *zero], weights: [NONE; 2] }
        };
        graph.slots = ends.iter().map(slot).collect();
        graph
    }
}

fn lane(pool: u32, (zero, one): (u32, u32)) -> Option<Lane> {
    (zero != one).then(|| Lane { pair: (zero.min(one), zero.max(one)), pool })
}

fn ranked(pools: &[[Address; 2]], bases: &[Address]) -> Vec<Address> {
    let mut degrees: BTreeMap<Address, usize> = BTreeMap::new();
    for token in pools.iter().flatten() {
        let degree = degrees.entry(*token).or_default();
        *degree = degree.saturating_add(1);
    }
    for base in bases {
        degrees.remove(base);
    }
    let mut others: Vec<(Reverse<usize>, Address)> =
        degrees.into_iter().map(|(token, degree)| (Reverse(degree), token)).collect();
    others.sort_unstable();
    bases.iter().copied().chain(others.into_iter().map(|(_, token)| token)).collect()
}

/// Both arcs of each pair, by tail and head, and where each token's begin.
fn arcs(lanes: &[Lane], tokens: usize) -> (Vec<Arc>, Vec<Detail>, Vec<u32>) {
    let mut ends: Vec<(u32, u32, (u32, u32))> = Vec::new();
    let mut from = 0u32;
    for pair in lanes.chunk_by(|one, other| one.pair == other.pair) {
        let to = from.saturating_add(bits(pair.len()));
        if let Some(Lane { pair: (low, high), .. }) = pair.first() {
            ends.extend([(*low, *high, (from, to)), (*high, *low, (from, to))]);
        }
        from = to;
    }
    ends.sort_unstable();
    let place = |tail, head| ends.binary_search_by_key(&(tail, head), |(tail, head, _)| (*tail, *head));
    let detail = |(tail, head, pools): &(u32, u32, (u32, u32))| {
        let best = lanes.get(at(pools.0)).map_or(u32::MAX, |lane| lane.pool);
        let (tail, twin) = (*tail, place(*head, *tail).map_or(u32::MAX, bits));
        Detail { tail, twin, best, pools: *pools, weighed: 0, past: NONE }
    };
    let details = ends.iter().map(detail).collect();
    let starts =
        (0..=tokens).map(|token| bits(ends.partition_point(|(tail, ..)| at(*tail) < token))).collect();
    let arcs = ends.iter().map(|(_, head, _)| Arc { head: *head, out: NONE, into: NONE }).collect();
    (arcs, details, starts)
}
