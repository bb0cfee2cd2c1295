//! A cycle of tokens, and the list of those that were found.

use super::{
    graph::Graph,
    weight::{NONE, plus},
};

use std::cmp::Reverse;

/// A cycle of two to four tokens that gains by its best marginal rates. It begins and ends at the first of the configured base
/// tokens that it visits, and visits no token twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cycle {
    /// Its arcs; what is unused repeats the first.
    arcs: [u32; 4],
    hops: u8,
    gain: i32,
}

impl Cycle {
    /// How many pools it goes through.
    #[must_use]
    pub const fn hops(&self) -> u8 {
        self.hops
    }

    /// The logarithm of what an infinitely small amount becomes, in 2^-20, rounded up once a hop. Ranks, and is no profit.
    #[must_use]
    pub const fn gain(&self) -> i32 {
        self.gain
    }

    /// What it gains by now.
    pub(super) fn weigh(&mut self, graph: &Graph) -> i32 {
        let weights = self.arcs().iter().map(|arc| graph.ends(*arc).map_or(NONE, |(.., weight)| weight));
        self.gain = weights.fold(0, plus);
        self.gain
    }

    pub(super) fn arcs(&self) -> &[u32] {
        self.arcs.get(..usize::from(self.hops)).unwrap_or_default()
    }
}

/// Cycles, and whether they are all.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) cycles: Vec<Cycle>,
    /// As many as it may hold in the end. Meanwhile twice as many, since they come repeatedly.
    pub(super) limit: usize,
    pub(super) full: bool,
}

impl Found {
    pub(super) const fn up_to(limit: usize) -> Self {
        Self { cycles: Vec::new(), limit, full: false }
    }

    /// Keeps a cycle of arcs that are all there.
    pub(super) fn keep(&mut self, arcs: &[Option<u32>], gain: i32) {
        let mut filled = [arcs.first().copied().flatten().unwrap_or_default(); 4];
        for (slot, arc) in filled.iter_mut().zip(arcs) {
            match arc {
                Some(arc) => *slot = *arc,
                None => return,
            }
        }
        let Ok(hops) = u8::try_from(arcs.len()) else { return };
        if self.cycles.len() >= self.limit.saturating_mul(2) && !self.full {
            self.settle();
        }
        if !self.full {
            self.cycles.push(Cycle { arcs: filled, hops, gain });
        }
    }

    /// In a fixed order, and each once: one is found from each of its arcs that changed. Of too many, those that gain most.
    pub(super) fn settle(&mut self) {
        self.cycles.sort_unstable();
        self.cycles.dedup();
        if self.cycles.len() > self.limit {
            self.full = true;
            self.cycles.sort_unstable_by_key(|cycle| (Reverse(cycle.gain), *cycle));
            self.cycles.truncate(self.limit);
            self.cycles.sort_unstable();
        }
    }
}
