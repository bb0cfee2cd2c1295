//! What a base token reaches in two steps, and is reached from: where both meet, there is a cycle.

use super::{
    cycle::Found,
    graph::{Arc, Graph, at},
    weight::{NONE, plus},
};

/// The table of one base token, with an entry for each token. Only tokens with a greater number count: a cycle through an
/// earlier base is that base's.
#[derive(Debug)]
pub(super) struct Reach {
    base: u32,
    four: bool,
    paths: Vec<Paths>,
}

/// The best weights between the base and a token.
#[derive(Debug, Clone, Copy)]
struct Paths {
    /// base → token, exactly.
    first: i32,
    /// token → base, exactly.
    last: i32,
    /// base → any → token: never less than the best, more where an arc got worse since it was last counted. Only for four hops.
    ahead: i32,
    /// token → any → base, likewise, and for three hops too.
    behind: i32,
}

const NO_PATHS: Paths = Paths { first: NONE, last: NONE, ahead: NONE, behind: NONE };

/// One arc and what it weighs.
#[derive(Debug, Clone, Copy)]
struct Step {
    arc: u32,
    tail: u32,
    head: u32,
    weight: i32,
}

impl Reach {
    pub(super) fn of(base: u32, graph: &Graph, four: bool) -> Self {
        let mut reach = Self { base, four, paths: vec![NO_PATHS; graph.tokens()] };
        for arc in graph.around(base).1 {
            reach.set(base, arc.head, arc.out);
            reach.set(arc.head, base, arc.into);
        }
        reach
    }

    fn paths(&self, token: u32) -> Paths {
        self.paths.get(at(token)).copied().unwrap_or(NO_PATHS)
    }

    fn change(&mut self, token: u32, to: impl FnOnce(&mut Paths)) {
        if let Some(paths) = self.paths.get_mut(at(token)) {
            to(paths);
        }
    }

    /// Notes what an arc weighs now. The paths' entries follow in [`Reach::through`].
    pub(super) fn set(&mut self, tail: u32, head: u32, weight: i32) {
        if tail == self.base {
            self.change(head, |paths| paths.first = weight);
        } else if head == self.base {
            self.change(tail, |paths| paths.last = weight);
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
        let Paths { last, behind, .. } = self.paths(head);
        let both = plus(weight, last);
        if both > 0 {
            found.keep(&[Some(arc), Some(graph.twin(arc))], both);
        }
        if !self.four && plus(weight, behind) <= 0 {
            return;
        }
        let mut best = NONE;
        for (second, to) in beyond(graph, head, self.base) {
            let path = plus(weight, to.out);
            let Some(paths) = self.paths.get_mut(at(to.head)) else { continue };
            paths.ahead = paths.ahead.max(path);
            let Paths { last, behind, .. } = *paths;
            best = best.max(plus(to.out, last));
            let back = plus(path, last);
            if back > 0 {
                found.keep(&[Some(arc), Some(second), graph.find(to.head, self.base)], back);
            }
            if self.four && plus(path, behind) > 0 {
                self.onward(graph, [arc, second], (head, to.head, path), found);
            }
        }
        self.change(head, |paths| paths.behind = best);
    }

    /// … → tail → base.
    fn returning(&mut self, graph: &Graph, step: Step, found: &mut Found) {
        let Step { arc, tail, weight, .. } = step;
        let both = plus(weight, self.paths(tail).first);
        if both > 0 {
            found.keep(&[Some(graph.twin(arc)), Some(arc)], both);
        }
        for (twin, from) in beyond(graph, tail, self.base) {
            let path = plus(from.into, weight);
            let Some(paths) = self.paths.get_mut(at(from.head)) else { continue };
            paths.behind = paths.behind.max(path);
            let Paths { first, ahead, .. } = *paths;
            let back = plus(first, path);
            if back > 0 {
                let first = graph.find(self.base, from.head);
                found.keep(&[first, Some(graph.twin(twin)), Some(arc)], back);
            }
            if self.four && plus(ahead, path) > 0 {
                self.backward(graph, [graph.twin(twin), arc], (from.head, tail, path), found);
            }
        }
    }

    /// base → tail → head → …, and … → tail → head → base.
    fn between(&mut self, graph: &Graph, step: Step, found: &mut Found) {
        let Step { arc, tail, head, weight } = step;
        let (from, to) = (self.paths(tail), self.paths(head));
        let (path, rest) = (plus(from.first, weight), plus(weight, to.last));
        let back = plus(path, to.last);
        if back > 0 {
            found.keep(&[graph.find(self.base, tail), Some(arc), graph.find(head, self.base)], back);
        }
        if rest > from.behind {
            self.change(tail, |paths| paths.behind = rest);
        }
        if !self.four {
            return;
        }
        if path > to.ahead {
            self.change(head, |paths| paths.ahead = path);
        }
        if plus(path, to.behind) > 0
            && let Some(first) = graph.find(self.base, tail)
        {
            self.onward(graph, [first, arc], (tail, head, path), found);
        }
        if plus(from.ahead, rest) > 0
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
        for (third, to) in beyond(graph, here, self.base) {
            let rest = plus(to.out, self.paths(to.head).last);
            best = best.max(rest);
            if plus(path, rest) > 0 && to.head != past {
                let last = graph.find(to.head, self.base);
                found.keep(&[Some(first), Some(second), Some(third), last], plus(path, rest));
            }
        }
        self.change(here, |paths| paths.behind = best);
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
        for (twin, from) in beyond(graph, here, self.base) {
            let path = plus(self.paths(from.head).first, from.into);
            best = best.max(path);
            if plus(path, rest) > 0 && from.head != next {
                let first = graph.find(self.base, from.head);
                found.keep(&[first, Some(graph.twin(twin)), Some(third), Some(last)], plus(path, rest));
            }
        }
        self.change(here, |paths| paths.ahead = best);
    }

    /// Every cycle from this base that gains, and all its table exact.
    pub(super) fn rescan(&mut self, graph: &Graph, found: &mut Found) {
        self.paths.iter_mut().for_each(|paths| (paths.ahead, paths.behind) = (NONE, NONE));
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

/// Those of them to and from tokens with a greater number than the base's. Arcs are in the order of these numbers.
fn beyond(graph: &Graph, token: u32, base: u32) -> impl Iterator<Item = (u32, &Arc)> {
    numbered(graph, token).skip_while(move |(_, arc)| arc.head <= base)
}
