//! Tokens, the arcs between them, and the pools that each arc stands for.

use alloy_primitives::Address;

use super::weight::NONE;
use crate::pool::Side;

mod build;

/// A direction between two tokens, with the best weight of all pools that trade it. Lies in the list of the token that goes in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arc {
    /// The token that comes out.
    pub(super) head: u32,
    /// What this direction weighs.
    pub(super) out: i32,
    /// What the opposite direction weighs, here too, for walks against the arrows.
    pub(super) into: i32,
}

/// What is seldom needed of an arc.
#[derive(Debug, Clone, Copy)]
struct Detail {
    tail: u32,
    twin: u32,
    /// Whose weight it is; any of them where the arc has none.
    best: u32,
    /// Where its pools begin and end.
    pools: (u32, u32),
}

/// The graph. Its shape is that of the list of pools it was made of; only weights change.
#[derive(Debug)]
pub(super) struct Graph {
    tokens: Vec<Address>,
    /// Where each token's arcs begin, and where the last one's end.
    starts: Vec<u32>,
    /// By token, then by head.
    arcs: Vec<Arc>,
    details: Vec<Detail>,
    /// The pools of each pair, one pair after the other.
    lanes: Vec<u32>,
    /// Of each pool, the arc from token 0 to token 1; none where both are the same.
    zero: Vec<Option<u32>>,
    /// Of each pool, what its two directions weigh.
    weights: Vec<[i32; 2]>,
}

/// An index of ours as one of the language's. They are the same where this is built: see [`build`]'s limit.
pub(super) fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn bits(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl Graph {
    pub(super) const fn tokens(&self) -> usize {
        self.tokens.len()
    }

    pub(super) const fn arcs(&self) -> usize {
        self.arcs.len()
    }

    pub(super) fn token(&self, token: u32) -> Option<Address> {
        self.tokens.get(at(token)).copied()
    }

    /// The arcs from a token, which stand for those into it too, and the number of the first.
    pub(super) fn around(&self, token: u32) -> (u32, &[Arc]) {
        let from = self.starts.get(at(token)).copied().unwrap_or_default();
        let to = self.starts.get(at(token.saturating_add(1))).copied().unwrap_or(from);
        (from, self.arcs.get(at(from)..at(to)).unwrap_or_default())
    }

    /// The arc from one token to another, if any pool trades them.
    pub(super) fn find(&self, tail: u32, head: u32) -> Option<u32> {
        let (from, arcs) = self.around(tail);
        let place = arcs.binary_search_by_key(&head, |arc| arc.head).ok()?;
        Some(from.saturating_add(bits(place)))
    }

    /// Tail, head and weight.
    pub(super) fn ends(&self, arc: u32) -> Option<(u32, u32, i32)> {
        let (detail, arc) = (self.details.get(at(arc))?, self.arcs.get(at(arc))?);
        Some((detail.tail, arc.head, arc.out))
    }

    pub(super) fn twin(&self, arc: u32) -> u32 {
        self.details.get(at(arc)).map_or(arc, |detail| detail.twin)
    }

    /// The arc that a pool's side is part of.
    pub(super) fn arc_of(&self, pool: usize, side: Side) -> Option<u32> {
        let zero = (*self.zero.get(pool)?)?;
        Some(match side {
            Side::Zero => zero,
            Side::One => self.twin(zero),
        })
    }

    /// Which of a pool's sides an arc is.
    pub(super) fn side_on(&self, pool: usize, arc: u32) -> Side {
        if self.zero.get(pool).is_some_and(|zero| *zero == Some(arc)) { Side::Zero } else { Side::One }
    }

    /// The pools of an arc.
    pub(super) fn pools(&self, arc: u32) -> impl Iterator<Item = usize> + '_ {
        let range = self.details.get(at(arc)).map(|detail| at(detail.pools.0)..at(detail.pools.1));
        self.lanes.get(range.unwrap_or_default()).unwrap_or_default().iter().map(|pool| at(*pool))
    }

    /// What one of a pool's sides weighs.
    pub(super) fn weight_of(&self, pool: usize, side: Side) -> i32 {
        let [zero, one] = self.weights.get(pool).copied().unwrap_or([NONE; 2]);
        match side {
            Side::Zero => zero,
            Side::One => one,
        }
    }

    /// Sets what a pool's side weighs. Where that changes what its arc weighs: what that was.
    pub(super) fn set(&mut self, pool: usize, side: Side, weight: i32) -> Option<i32> {
        let arc = self.arc_of(pool, side)?;
        let [zero, one] = self.weights.get_mut(pool)?;
        *(match side {
            Side::Zero => zero,
            Side::One => one,
        }) = weight;
        let (now, detail) = (self.arcs.get(at(arc))?.out, self.details.get(at(arc))?);
        let (best, most) = if weight > now {
            (bits(pool), weight)
        } else if at(detail.best) == pool {
            self.best(arc)?
        } else {
            return None;
        };
        self.details.get_mut(at(arc))?.best = best;
        self.promote(arc, most)
    }

    /// The best pool of an arc, and its weight.
    fn best(&self, arc: u32) -> Option<(u32, i32)> {
        let weighed = self.pools(arc).map(|pool| (self.weight_of(pool, self.side_on(pool, arc)), pool));
        weighed.max_by_key(|(weight, _)| *weight).map(|(weight, pool)| (bits(pool), weight))
    }

    fn promote(&mut self, arc: u32, weight: i32) -> Option<i32> {
        let twin = self.twin(arc);
        let past = std::mem::replace(&mut self.arcs.get_mut(at(arc))?.out, weight);
        self.arcs.get_mut(at(twin))?.into = weight;
        (past != weight).then_some(past)
    }
}
