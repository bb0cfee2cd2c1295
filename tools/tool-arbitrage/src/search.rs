//! Profitable cycles through the pools that changed, and only those.
//!
//! # What is complete
//! A *cycle* starts and ends at a base token, goes through two, three or four pools, and visits no token twice (so no pool
//! twice either). A longer walk that visits a token twice is two cycles, each of which is found. Of the base tokens of a cycle
//! the first in the configured order is its start; it is reported once.
//!
//! A pool says its marginal rate by [`Pool::stretch`]. Where there is no liquidity at its price, but behind it, that has to be
//! the first stretch that has some: a pool without a stretch does not trade.
//!
//! Parallel pools of a direction are collapsed to the one with the best marginal rate. Quotes are concave and rounded down:
//! whatever amount goes in, each pool's average rate is at most its marginal rate. So
//! - a cycle of *tokens* has a choice of pools that gains if and only if the best marginal rates multiply to more than 1,
//!   whole base units aside; and
//! - a choice of pools that gains has marginal rates that multiply to more than 1, so [`Search::routes`] is complete with those
//!   that do: the deeper pool behind the best one is among them whenever it gains at all.
//!
//! In a cycle of two hops both best rates can be the same pool's. Then their product is that of its fees, at most 1, and no
//! other choice is better: nothing is hidden.
//!
//! # The margin
//! A rate's logarithm is kept in units of 2^-20, rounded up, as an `i32`: sums are exact. The `f64` that is rounded is
//! `ln(reserve_out / reserve_in · (1 − fee))`. Each reserve is an integer's nearest `f64` and `1 − fee` is within two roundings,
//! so with the division and the product the rate is within 6 · 2^-53 of the truth; the logarithm, at most 178 in size, adds 2 of
//! its own last places, 2^-44 (and one more where it is the sum of two, the fee's and the reserves'). Both are less than 1e-13, hence less than 2e-7 units; 1e-5 units are added before rounding up, so
//! that any pool is served whose stretch is right to nine parts in 10^12, a fee of nearly all included. So a weight is never
//! below the truth and at most 1.00002 units above it: **no cycle that gains is missed**, and a cycle of h hops is kept from
//! h · 1.00002 · 2^-20 below break-even, less than 4 parts in a million. What is kept is quoted in integers by
//! [`sizing`](crate::sizing).
//!
//! # Changes
//! A pool changes by [`Search::update`], for better or worse, or is taken out by [`Search::disable`]. [`Search::search`] then
//! returns every cycle whose sizing may have changed, and [`Search::standing`] all that gain. A cycle none of whose pools changed
//! stays as it is. [`Search::rescan`] finds all of them from nothing, with the same result, and makes the tables tight again.
//!
//! # How
//! A cycle that did not gain and now does has an arc whose weight rose, so only those are searched; of the standing ones that
//! changed, the gain is added up again. For each base, two tables over all tokens hold the best weight of base → any → token and token → any → base. A cycle of four
//! hops is where both meet, so an arc that changed costs as many steps as its other token has neighbours, and only where both
//! entries sum to more than zero is the path walked. An entry may be too great (an arc on it got worse), never too small; walking
//! it makes it exact.
//!
//! # Limits
//! A worthless pool with an enormous rate makes every cycle through it gain. [`Base::dust`] drops directions whose whole reserve
//! of a base token is less than that; and at most [`Terms::limit`] cycles are kept, which [`Search::is_full`] admits to.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};

use crate::pool::{Pool, Side, Stretch};

mod cycle;
mod graph;
mod reach;
mod routes;
mod weight;

pub use cycle::Cycle;
pub use routes::{Hop, Route, Routes};

use cycle::Found;
use graph::{Graph, at};
use reach::Reach;
use weight::{Kept, NONE};

/// A token that cycles may start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Which.
    pub token: Address,
    /// A pool whose whole reserve of this token is less, in base units, is not traded into it: it cannot pay for its gas.
    pub dust: U256,
}

/// How far to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hops {
    /// Up to three. Keeps no table of paths.
    Three,
    /// Up to four.
    Four,
}

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Where cycles start, the preferred ones first. Repeated ones count once.
    pub bases: Vec<Base>,
    /// How long they may be.
    pub hops: Hops,
    /// How many cycles to keep at most.
    pub limit: usize,
}

/// More pools than 2^30.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at most 2^30 pools can be searched: split them by chain")]
pub struct TooManyPools;

/// The search over a fixed list of pools, each named by its place in that list.
#[derive(Debug)]
pub struct Search {
    graph: Graph,
    reaches: Vec<Reach>,
    dust: Vec<f64>,
    /// What pools were updated to since the last search.
    pending: Vec<(usize, [i32; 2])>,
    kept: Kept,
    /// The arcs that changed since the last search.
    changed: Vec<u32>,
    standing: Found,
}

impl Search {
    /// A search over pools of these tokens, none of which trades until it is [updated](Search::update). A pool of twice the same
    /// token never trades.
    ///
    /// # Errors
    /// With more pools than fit.
    pub fn new(pools: &[[Address; 2]], terms: &Terms) -> Result<Self, TooManyPools> {
        if pools.len() > 1 << 30 {
            return Err(TooManyPools);
        }
        let mut seen = BTreeSet::new();
        let bases: Vec<&Base> = terms.bases.iter().filter(|base| seen.insert(base.token)).collect();
        let tokens: Vec<Address> = bases.iter().map(|base| base.token).collect();
        let graph = Graph::of(pools, &tokens);
        let four = terms.hops == Hops::Four;
        let reaches = (0u32..).zip(&bases).map(|(base, _)| Reach::of(base, &graph, four)).collect();
        let dust = bases.iter().map(|base| f64::from(base.dust)).collect();
        let standing = Found::up_to(terms.limit);
        Ok(Self {
            graph,
            reaches,
            dust,
            pending: Vec::new(),
            kept: Kept::default(),
            changed: Vec::new(),
            standing,
        })
    }

    /// Takes note of a pool's state: it counts from the next search on.
    pub fn update<P: Pool + ?Sized>(&mut self, pool: usize, state: &P) {
        let Some([one, zero]) = self.graph.heads_of(pool) else { return };
        let stretch = |head, side| state.stretch(side).filter(|stretch| !self.is_dust(head, *stretch));
        let [forth, back] = [stretch(one, Side::Zero), stretch(zero, Side::One)];
        let weights = weight::weights(forth, back, &mut self.kept);
        self.pending.push((pool, weights));
    }

    /// Trades a pool no more from the next search on, until it is updated again.
    pub fn disable(&mut self, pool: usize) {
        self.pending.push((pool, [NONE; 2]));
    }

    /// Every cycle that gains and goes through a pair whose pools changed since the last search: what is to be sized, again or
    /// for the first time. One that was standing and is neither here nor in [`Search::standing`] gains no more.
    pub fn search(&mut self) -> Vec<Cycle> {
        self.settle();
        let Self { graph, reaches, changed, standing, .. } = self;
        changed.retain(|arc| graph.is_better(*arc));
        // Better ones are found again; those that only changed are weighed again.
        let has =
            |cycle: &Cycle, which: fn(&Graph, u32) -> bool| cycle.arcs().iter().any(|arc| which(graph, *arc));
        let mut again = Vec::new();
        standing.cycles.retain_mut(|cycle| {
            if !has(cycle, Graph::is_touched) {
                return true;
            }
            let stays = !has(cycle, Graph::is_better) && cycle.weigh(graph) > 0;
            if stays {
                again.push(*cycle);
            }
            stays
        });
        let mut found = Found::up_to(standing.limit.saturating_sub(standing.cycles.len()));
        for reach in reaches {
            changed.iter().for_each(|arc| reach.through(graph, *arc, &mut found));
        }
        found.settle();
        again.extend_from_slice(&found.cycles);
        standing.cycles.append(&mut found.cycles);
        standing.full |= found.full;
        self.turn();
        again
    }

    /// Finds every cycle that gains from nothing, as after an update of all pools.
    pub fn rescan(&mut self) -> &[Cycle] {
        self.settle();
        let mut found = Found::up_to(self.standing.limit);
        for reach in &mut self.reaches {
            reach.rescan(&self.graph, &mut found);
        }
        found.settle();
        self.standing = found;
        self.turn();
        self.standing()
    }

    /// Every cycle that gained when last searched.
    #[must_use]
    pub fn standing(&self) -> &[Cycle] {
        &self.standing.cycles
    }

    /// Whether there were more cycles than may be kept since the last [`Search::rescan`]: the result is not complete.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.standing.full
    }

    /// The tokens of a cycle, its base first.
    pub fn tokens(&self, cycle: &Cycle) -> impl Iterator<Item = Address> + '_ {
        let arcs: Vec<u32> = cycle.arcs().to_vec();
        arcs.into_iter().filter_map(|arc| self.graph.token(self.graph.ends(arc)?.0))
    }

    /// The choices of pools for a cycle whose marginal rates gain, at most `limit` of them.
    #[must_use]
    pub fn routes(&self, cycle: &Cycle, limit: usize) -> Routes {
        Routes::of(&self.graph, cycle, limit)
    }

    /// The pools of each hop of a cycle that trade at all, those with the best marginal rates first: what an amount may be split
    /// between. Those of a cycle of two hops are the same, there and back.
    #[must_use]
    pub fn lanes(&self, cycle: &Cycle) -> Vec<Vec<Hop>> {
        routes::lanes(&self.graph, cycle)
    }

    /// Whether a pool of this stretch is not traded into a token: bases have the first numbers, and each its dust.
    fn is_dust(&self, head: u32, stretch: Stretch) -> bool {
        self.dust.get(at(head)).is_some_and(|dust| weight::is_dust(stretch, *dust))
    }

    /// Sets what was updated, in its order.
    fn settle(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        self.graph.look_at(pending.iter().map(|(pool, _)| *pool));
        for (pool, weights) in pending.drain(..) {
            self.set(pool, weights);
        }
        self.pending = pending;
    }

    fn set(&mut self, pool: usize, weights: [i32; 2]) {
        for (arc, new) in self.graph.set(pool, weights).into_iter().flatten() {
            if new {
                self.changed.push(arc);
            }
            let Some((tail, head, weight)) = self.graph.ends(arc) else { continue };
            if at(tail.min(head)) < self.reaches.len() {
                self.reaches.iter_mut().for_each(|reach| reach.set(tail, head, weight));
            }
        }
    }

    fn turn(&mut self) {
        self.changed.clear();
        self.graph.turn();
    }
}

#[cfg(test)]
mod tests;
