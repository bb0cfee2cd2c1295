//! What a base token reaches in two steps, and is reached from: where both meet, there is a cycle.

use super::{
    cycle::Found,
    graph::{Arc, Graph, at},
    weight::{NONE, plus},
};

/// The tables of one base token. Each has an entry for each token. Only tokens with a greater number count: a cycle through an
/// earlier base is that base's.
#[derive(Debug)]
pub(super) struct Reach {
    base: u32,
    four: bool,
    /// base → token, exactly.
    first: Vec<i32>,
    /// token → base, exactly.
    last: Vec<i32>,
    /// base → any → token: never less than the best, more where an arc got worse since it was last counted. Only for four hops.
    ahead: Vec<i32>,
    /// token → any → base, likewise, and for three hops too.
    behind: Vec<i32>,
}

/// One arc and what it weighs.
#[derive(Debug, Clone, Copy)]
struct Step {
    arc: u32,
    tail: u32,
    head: u32,
    weight: i32,
}

fn entry(table: &[i32], token: u32) -> i32 {
    table.get(at(token)).copied().unwrap_or(NONE)
}

/// Raises an entry to what was seen, and says what it is.
fn raise(table: &mut [i32], token: u32, seen: i32) {
    if let Some(entry) = table.get_mut(at(token)) {
        *entry = (*entry).max(seen);
    }
}

fn set(table: &mut [i32], token: u32, to: i32) {
    if let Some(entry) = table.get_mut(at(token)) {
        *entry = to;
    }
}

impl Reach {
    pub(super) fn of(base: u32, graph: &Graph, four: bool) -> Self {
        let table = || vec![NONE; graph.tokens()];
        let ahead = if four { table() } else { Vec::new() };
        let mut reach = Self { base, four, first: table(), last: table(), ahead, behind: table() };
        for arc in graph.around(base).1 {
            reach.set(base, arc.head, arc.out);
            reach.set(arc.head, base, arc.into);
        }
        reach
    }

    /// Notes what an arc weighs now. The paths' entries follow in [`Reach::through`].
    pub(super) fn set(&mut self, tail: u32, head: u32, weight: i32) {
        if tail == self.base {
            set(&mut self.first, head, weight);
        } else if head == self.base {
            set(&mut self.last, tail, weight);
        }
    }

    /// Every cycle from this base that gains and goes through `arc`. All weights are set before; called once for each arc that
    /// weighs more than it did, in any order.
    pub(super) fn through(&mut self, graph: &Graph, arc: u32, found: &mut Found) {
        let Some((tail, head, weight)) = graph.ends(arc) else { return };
        let step = Step { arc, tail, head, weight };
        let inner = |token| token > self.base;
        if weight <= NONE {
        } else if tail == self.base && inner(head) {
            self.leaving(graph, step, found);
        } else if head == self.base && inner(tail) {
            self.returning(graph, step, found);
        } else if inner(tail) && inner(head) {
            self.between(graph, step, found);
        }
    }

    /// base → head → …
    fn leaving(&mut self, graph: &Graph, step: Step, found: &mut Found) {
        let Step { arc, head, weight, .. } = step;
        let both = plus(weight, entry(&self.last, head));
        if both > 0 {
            found.keep(&[Some(arc), Some(graph.twin(arc))], both);
        }
        if !self.four && plus(weight, entry(&self.behind, head)) <= 0 {
            return;
        }
        let mut best = NONE;
        for (second, to) in numbered(graph, head) {
            if to.head <= self.base {
                continue;
            }
            let path = plus(weight, to.out);
            let rest = plus(to.out, entry(&self.last, to.head));
            best = best.max(rest);
            let back = plus(weight, rest);
            if back > 0 {
                found.keep(&[Some(arc), Some(second), graph.find(to.head, self.base)], back);
            }
            if self.four {
                raise(&mut self.ahead, to.head, path);
                if plus(path, entry(&self.behind, to.head)) > 0 {
                    self.onward(graph, [arc, second], (head, to.head, path), found);
                }
            }
        }
        set(&mut self.behind, head, best);
    }

    /// … → tail → base.
    fn returning(&mut self, graph: &Graph, step: Step, found: &mut Found) {
        let Step { arc, tail, weight, .. } = step;
        let both = plus(weight, entry(&self.first, tail));
        if both > 0 {
            found.keep(&[Some(graph.twin(arc)), Some(arc)], both);
        }
        for (twin, from) in numbered(graph, tail) {
            if from.head <= self.base {
                continue;
            }
            let path = plus(from.into, weight);
            let back = plus(entry(&self.first, from.head), path);
            if back > 0 {
                let first = graph.find(self.base, from.head);
                found.keep(&[first, Some(graph.twin(twin)), Some(arc)], back);
            }
            raise(&mut self.behind, from.head, path);
            if self.four {
                if plus(entry(&self.ahead, from.head), path) > 0 {
                    self.backward(graph, [graph.twin(twin), arc], (from.head, tail, path), found);
                }
            }
        }
    }

    /// base → tail → head → …, and … → tail → head → base.
    fn between(&mut self, graph: &Graph, step: Step, found: &mut Found) {
        let Step { arc, tail, head, weight } = step;
        let path = plus(entry(&self.first, tail), weight);
        let rest = plus(weight, entry(&self.last, head));
        let back = plus(path, entry(&self.last, head));
        if back > 0 {
            found.keep(&[graph.find(self.base, tail), Some(arc), graph.find(head, self.base)], back);
        }
        raise(&mut self.behind, tail, rest);
        if !self.four {
            return;
        }
        raise(&mut self.ahead, head, path);
        if plus(path, entry(&self.behind, head)) > 0
            && let Some(first) = graph.find(self.base, tail)
        {
            self.onward(graph, [first, arc], (tail, head, path), found);
        }
        if plus(entry(&self.ahead, tail), rest) > 0
            && let Some(last) = graph.find(head, self.base)
        {
            self.backward(graph, [arc, last], (tail, head, rest), found);
        }
    }

    /// From base → past → here: … → any → base. The entry that said so is exact afterwards.
    fn onward(
        &mut self,
        graph: &Graph,
        [first, second]: [u32; 2],
        (past, here, path): (u32, u32, i32),
        found: &mut Found,
    ) {
        let mut best = NONE;
        for (third, to) in numbered(graph, here) {
            if to.head <= self.base {
                continue;
            }
            let rest = plus(to.out, entry(&self.last, to.head));
            best = best.max(rest);
            if plus(path, rest) > 0 && to.head != past {
                let last = graph.find(to.head, self.base);
                found.keep(&[Some(first), Some(second), Some(third), last], plus(path, rest));
            }
        }
        set(&mut self.behind, here, best);
    }

    /// To here → next → base: base → any → …
    fn backward(
        &mut self,
        graph: &Graph,
        [third, last]: [u32; 2],
        (here, next, rest): (u32, u32, i32),
        found: &mut Found,
    ) {
        let mut best = NONE;
        for (twin, from) in numbered(graph, here) {
            if from.head <= self.base {
                continue;
            }
            let path = plus(entry(&self.first, from.head), from.into);
            best = best.max(path);
            if plus(path, rest) > 0 && from.head != next {
                let first = graph.find(self.base, from.head);
                found.keep(&[first, Some(graph.twin(twin)), Some(third), Some(last)], plus(path, rest));
            }
        }
        set(&mut self.ahead, here, best);
    }

    /// Every cycle from this base that gains, and all tables exact.
    pub(super) fn rescan(&mut self, graph: &Graph, found: &mut Found) {
        self.ahead.fill(NONE);
        self.behind.fill(NONE);
        for (arc, _) in numbered(graph, self.base) {
            self.through(graph, graph.twin(arc), &mut Found::up_to(0));
        }
        for (arc, _) in numbered(graph, self.base) {
            self.through(graph, arc, found);
        }
    }
}

/// The arcs around a token with their numbers.
fn numbered(graph: &Graph, token: u32) -> impl Iterator<Item = (u32, &Arc)> {
    let (from, arcs) = graph.around(token);
    (from..).zip(arcs)
}
