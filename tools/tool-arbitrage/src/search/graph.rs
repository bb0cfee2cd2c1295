//! Tokens, the arcs between them, and the pools that each arc stands for.

use std::cmp::Ordering;

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

/// What is not needed to walk an arc: half a cache line, since a change takes all of it.
#[derive(Debug, Clone, Copy)]
struct Detail {
    tail: u32,
    twin: u32,
    /// Whose weight it is; any of them where the arc has none.
    best: u32,
    /// Where its pools begin and end.
    pools: (u32, u32),
    /// The round in which its weight changed last.
    weighed: u32,
    /// What it weighed before that round.
    past: i32,
}

/// What is known of a pool.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The arcs from token 0 to token 1 and back; none where both are the same.
    arcs: Option<[u32; 2]>,
    /// The tokens that come out of these: 1 and 0.
    heads: [u32; 2],
    /// What its two directions weigh.
    weights: [i32; 2],
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
    slots: Vec<Slot>,
    /// A bit for each arc: whether any of its pools changed in this round. All of them are near, however many arcs there are.
    touched: Vec<u64>,
    /// The arcs that have their bit.
    marked: Vec<u32>,
    /// Counts searches, from 1.
    round: u32,
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

    /// The arcs that a pool's sides 0 and 1 are part of.
    pub(super) fn arcs_of(&self, pool: usize) -> Option<[u32; 2]> {
        self.slots.get(pool)?.arcs
    }

    /// The tokens that come out of a pool where token 0 or token 1 goes in; none where both are the same.
    pub(super) fn heads_of(&self, pool: usize) -> Option<[u32; 2]> {
        self.slots.get(pool).filter(|slot| slot.arcs.is_some()).map(|slot| slot.heads)
    }

    /// Which of a pool's sides an arc is.
    pub(super) fn side_on(&self, pool: usize, arc: u32) -> Side {
        if self.slots.get(pool).is_some_and(|slot| slot.arcs.is_some_and(|[zero, _]| zero == arc)) {
            Side::Zero
        } else {
            Side::One
        }
    }

    /// The pools of an arc.
    pub(super) fn pools(&self, arc: u32) -> impl Iterator<Item = usize> + '_ {
        let range = self.details.get(at(arc)).map(|detail| at(detail.pools.0)..at(detail.pools.1));
        self.lanes.get(range.unwrap_or_default()).unwrap_or_default().iter().map(|pool| at(*pool))
    }

    /// What one of a pool's sides weighs.
    pub(super) fn weight_of(&self, pool: usize, side: Side) -> i32 {
        let [zero, one] = self.slots.get(pool).map_or([NONE; 2], |slot| slot.weights);
        match side {
            Side::Zero => zero,
            Side::One => one,
        }
    }

    /// Whether any pool of an arc changed in this round.
    pub(super) fn is_touched(&self, arc: u32) -> bool {
        self.touched.get(at(arc >> 6)).is_some_and(|word| word >> (arc & 63) & 1 != 0)
    }

    /// Whether an arc weighs more than it did before this round.
    pub(super) fn is_better(&self, arc: u32) -> bool {
        let detail = self.details.get(at(arc)).filter(|detail| detail.weighed == self.round);
        detail.zip(self.arcs.get(at(arc))).is_some_and(|(detail, arc)| arc.out > detail.past)
    }

    /// Begins another round: nothing has changed in it.
    pub(super) fn turn(&mut self) {
        for arc in self.marked.drain(..) {
            if let Some(word) = self.touched.get_mut(at(arc >> 6)) {
                *word = 0;
            }
        }
        self.round = self.round.checked_add(1).unwrap_or_else(|| {
            self.details.iter_mut().for_each(|detail| detail.weighed = 0);
            1
        });
    }

    /// Looks at all that [`Graph::set`] will look at for these pools. It is all over memory: asked for at once, it comes at once,
    /// while setting one after the other waits for each, since which way that goes depends on what is there.
    pub(super) fn look_at(&self, pools: impl Iterator<Item = usize>) {
        let place = |arc: u32| {
            let (arc, detail) = (self.arcs.get(at(arc))?, self.details.get(at(arc))?);
            Some(detail.weighed.wrapping_add(arc.head))
        };
        let seen = pools.filter_map(|pool| self.arcs_of(pool)).flatten().filter_map(place);
        std::hint::black_box(seen.fold(0, u32::wrapping_add));
    }

    /// Sets what a pool's sides weigh. Of the arcs that it is part of: those that weigh something else now, and whether for
    /// the first time in this round.
    pub(super) fn set(&mut self, pool: usize, weights: [i32; 2]) -> [Option<(u32, bool)>; 2] {
        let Some(arcs) = self.arcs_of(pool) else { return [None; 2] };
        if let Some(slot) = self.slots.get_mut(pool) {
            slot.weights = weights;
        }
        let ([zero, one], [forth, back]) = (arcs, weights);
        let forth = self.promote(pool, zero, one, forth).map(|new| (zero, new));
        [forth, self.promote(pool, one, zero, back).map(|new| (one, new))]
    }

    /// Gives an arc the weight of its best pool, one of which is `pool` with this weight now.
    fn promote(&mut self, pool: usize, arc: u32, twin: u32, weight: i32) -> Option<bool> {
        let round = self.round;
        let now = self.arcs.get(at(arc))?.out;
        *self.touched.get_mut(at(arc >> 6))? |= 1 << (arc & 63);
        self.marked.push(arc);
        let detail = self.details.get(at(arc))?;
        let is_best = at(detail.best) == pool;
        let (best, most) = match weight.cmp(&now) {
            Ordering::Greater => (bits(pool), weight),
            Ordering::Less if is_best => self.best(arc)?,
            Ordering::Equal | Ordering::Less => return None,
        };
        let detail = self.details.get_mut(at(arc))?;
        detail.best = best;
        if most == now {
            return None;
        }
        let new = std::mem::replace(&mut detail.weighed, round) != round;
        detail.past = if new { now } else { detail.past };
        self.arcs.get_mut(at(arc))?.out = most;
        self.arcs.get_mut(at(twin))?.into = most;
        Some(new)
    }

    /// The best pool of an arc, and its weight.
    fn best(&self, arc: u32) -> Option<(u32, i32)> {
        let weighed = self.pools(arc).map(|pool| (self.weight_of(pool, self.side_on(pool, arc)), pool));
        weighed.max_by_key(|(weight, _)| *weight).map(|(weight, pool)| (bits(pool), weight))
    }
}
