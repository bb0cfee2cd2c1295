//! The pools that a cycle of tokens may go through.

use super::{
    cycle::Cycle,
    graph::Graph,
    weight::{NONE, plus},
};
use crate::pool::Side;

/// One pool of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hop {
    /// Its place in the list of pools.
    pub pool: usize,
    /// Which token goes in.
    pub side: Side,
}

/// A choice of pools for a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The pools in their order, none twice.
    pub hops: Vec<Hop>,
    /// As [`Cycle::gain`].
    pub gain: i32,
}

/// The choices for a cycle.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Those with the best marginal rates first.
    pub routes: Vec<Route>,
    /// Whether there were more than asked for, of which the first that were found are here: what is missing may be deeper.
    pub cut: bool,
}

/// The parallel pools of one hop, best first, and what the best of the following hops weigh together.
struct Level {
    choices: Vec<(i32, Hop)>,
    rest: i32,
}

impl Routes {
    pub(super) fn of(graph: &Graph, cycle: &Cycle, limit: usize) -> Self {
        let mut levels: Vec<Level> = cycle.arcs().iter().map(|arc| Level::of(graph, *arc)).collect();
        let mut rest = 0;
        for level in levels.iter_mut().rev() {
            level.rest = rest;
            rest = plus(rest, level.choices.first().map_or(NONE, |(weight, _)| *weight));
        }
        let mut routes = Self::default();
        routes.extend(&levels, &mut Vec::new(), 0, limit);
        routes.routes.sort_by_key(|route| std::cmp::Reverse(route.gain));
        routes
    }

    /// Goes on from some hops that weigh `gain`, for as long as the best of the rest would gain.
    fn extend(&mut self, levels: &[Level], hops: &mut Vec<Hop>, gain: i32, limit: usize) {
        let Some((level, rest)) = levels.split_first() else {
            if self.routes.len() < limit {
                self.routes.push(Route { hops: hops.clone(), gain });
            } else {
                self.cut = true;
            }
            return;
        };
        for (weight, hop) in &level.choices {
            let gain = plus(gain, *weight);
            if plus(gain, level.rest) <= 0 || self.cut {
                return;
            }
            if hops.iter().all(|past| past.pool != hop.pool) {
                hops.push(*hop);
                self.extend(rest, hops, gain, limit);
                hops.pop();
            }
        }
    }
}

/// See [`Search::lanes`](super::Search::lanes).
pub(super) fn lanes(graph: &Graph, cycle: &Cycle) -> Vec<Vec<Hop>> {
    let levels = cycle.arcs().iter().map(|arc| Level::of(graph, *arc));
    levels.map(|level| level.choices.into_iter().map(|(_, hop)| hop).collect()).collect()
}

impl Level {
    fn of(graph: &Graph, arc: u32) -> Self {
        let hops = graph.pools(arc).map(|pool| Hop { pool, side: graph.side_on(pool, arc) });
        let weighed = hops.map(|hop| (graph.weight_of(hop.pool, hop.side), hop));
        let mut choices: Vec<(i32, Hop)> = weighed.filter(|(weight, _)| *weight > NONE).collect();
        choices.sort_by_key(|(weight, hop)| (std::cmp::Reverse(*weight), hop.pool));
        Self { choices, rest: 0 }
    }
}
