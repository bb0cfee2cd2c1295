//! The peer: all cycles of the whole market, every block.

use std::collections::HashMap;

use alloy_primitives::Address;
use tool_arbitrage::{Pool, Side};

const NONE: f32 = f32::NEG_INFINITY;

pub(crate) struct Rescan {
    bases: u32,
    starts: Vec<u32>,
    /// Head and weight, both ways of each pair, by tail.
    out: Vec<(u32, f32)>,
    /// The same against the arrows.
    into: Vec<(u32, f32)>,
    /// Of each arc: its pools with their weights, and its twin.
    lanes: Vec<Vec<(usize, f32)>>,
    twins: Vec<u32>,
    /// The arc of each pool's token 0 to token 1.
    zero: Vec<u32>,
    last: Vec<f32>,
    ahead: Vec<Best>,
    behind: Vec<Best>,
}

/// The best two, by different tokens.
#[derive(Clone, Copy)]
struct Best {
    first: (f32, u32),
    second: f32,
}

const NOTHING: Best = Best { first: (NONE, u32::MAX), second: NONE };

impl Best {
    fn see(&mut self, weight: f32, via: u32) {
        if weight > self.first.0 {
            self.second = self.first.0;
            self.first = (weight, via);
        } else if weight > self.second {
            self.second = weight;
        }
    }

    /// The best sum of two that do not share their token.
    fn with(&self, other: &Self) -> f32 {
        if self.first.1 == other.first.1 {
            (self.first.0 + other.second).max(self.second + other.first.0)
        } else {
            self.first.0 + other.first.0
        }
    }
}

impl Rescan {
    pub(crate) fn new<P: Pool>(pools: &[P], bases: &[Address]) -> Self {
        let mut numbers: HashMap<Address, u32> = HashMap::new();
        for token in bases.iter().copied().chain(pools.iter().flat_map(Pool::tokens)) {
            let next = numbers.len() as u32;
            numbers.entry(token).or_insert(next);
        }
        let ends: Vec<[u32; 2]> =
            pools.iter().map(|pool| pool.tokens().map(|token| numbers[&token])).collect();
        let mut arcs: Vec<[u32; 2]> =
            ends.iter().flat_map(|[zero, one]| [[*zero, *one], [*one, *zero]]).collect();
        arcs.sort_unstable();
        arcs.dedup();
        let place = |arc: [u32; 2]| arcs.binary_search(&arc).unwrap() as u32;
        let zero: Vec<u32> = ends.iter().map(|ends| place(*ends)).collect();
        let twins: Vec<u32> = arcs.iter().map(|[tail, head]| place([*head, *tail])).collect();
        let starts =
            (0..=numbers.len() as u32).map(|token| arcs.partition_point(|[tail, _]| *tail < token) as u32);
        let mut lanes = vec![Vec::new(); arcs.len()];
        for (pool, arc) in zero.iter().enumerate() {
            lanes[*arc as usize].push((pool, NONE));
            lanes[twins[*arc as usize] as usize].push((pool, NONE));
        }
        let out: Vec<(u32, f32)> = arcs.iter().map(|[_, head]| (*head, NONE)).collect();
        let tokens = numbers.len();
        let mut rescan = Self {
            bases: bases.len() as u32,
            starts: starts.collect(),
            into: out.clone(),
            out,
            lanes,
            twins,
            zero,
            last: vec![NONE; tokens],
            ahead: vec![NOTHING; tokens],
            behind: vec![NOTHING; tokens],
        };
        pools.iter().enumerate().for_each(|(place, pool)| rescan.update(place, pool));
        rescan
    }

    pub(crate) fn update<P: Pool>(&mut self, place: usize, pool: &P) {
        let zero = self.zero[place] as usize;
        for (side, arc) in [(Side::Zero, zero), (Side::One, self.twins[zero] as usize)] {
            let weight = pool.stretch(side).map_or(NONE, |stretch| {
                (stretch.reserve_out / stretch.reserve_in * (1.0 - stretch.fee)).ln() as f32
            });
            let mut best = NONE;
            for (lane, rate) in &mut self.lanes[arc] {
                if *lane == place {
                    *rate = weight;
                }
                best = best.max(*rate);
            }
            self.out[arc].1 = best;
            self.into[self.twins[arc] as usize].1 = best;
        }
    }

    fn around(&self, token: u32) -> std::ops::Range<usize> {
        self.starts[token as usize] as usize..self.starts[token as usize + 1] as usize
    }

    /// The logarithm of the best cycle's rate.
    pub(crate) fn best(&mut self, four: bool) -> f64 {
        (0..self.bases)
            .map(|base| if four { self.four(base) } else { self.three(base) })
            .fold(NONE, f32::max)
            .into()
    }

    fn three(&mut self, base: u32) -> f32 {
        let mut best = NONE;
        let around = self.around(base);
        for (token, weight) in &self.into[around.clone()] {
            self.last[*token as usize] = *weight;
        }
        for (first, weight) in &self.out[around.clone()] {
            if *first < base {
                continue;
            }
            best = best.max(weight + self.last[*first as usize]);
            for (second, more) in &self.out[self.around(*first)] {
                if *second > base {
                    best = best.max(weight + more + self.last[*second as usize]);
                }
            }
        }
        for (token, _) in &self.into[around] {
            self.last[*token as usize] = NONE;
        }
        best
    }

    /// Meets in the middle: the best two ways there and the best two ways back.
    fn four(&mut self, base: u32) -> f32 {
        let mut best = self.three(base);
        self.ahead.fill(NOTHING);
        self.behind.fill(NOTHING);
        for place in self.around(base) {
            let (via, to, back) = (self.out[place].0, self.out[place].1, self.into[place].1);
            if via < base {
                continue;
            }
            let around = self.around(via);
            for ((token, out), (_, into)) in self.out[around.clone()].iter().zip(&self.into[around]) {
                if *token > base {
                    self.ahead[*token as usize].see(to + out, via);
                    self.behind[*token as usize].see(into + back, via);
                }
            }
        }
        for (ahead, behind) in self.ahead.iter().zip(&self.behind) {
            best = best.max(ahead.with(behind));
        }
        best
    }
}
