//! What the agent holds, and what it had no room for: counted, and told once in a while instead of each time.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use agent_core::ports::{Moment, Observer};

use crate::board::Board;

/// What there was no room for, since the agent was made. Nothing of it is lost for good: a strategy publishes, asks and
/// prepares again with the next block, if there is still reason to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shed {
    /// Offers under standing orders, because too many waited at the door.
    pub offers: u64,
    /// Opportunities that a full board let go, the least worth first.
    pub opportunities: u64,
    /// Reads, because too many of one strategy were under way.
    pub reads: u64,
    /// Preparations, because too many were under way.
    pub preparations: u64,
}

impl Shed {
    /// What was shed since `earlier`.
    fn since(self, earlier: Self) -> Self {
        Self {
            offers: self.offers.saturating_sub(earlier.offers),
            opportunities: self.opportunities.saturating_sub(earlier.opportunities),
            reads: self.reads.saturating_sub(earlier.reads),
            preparations: self.preparations.saturating_sub(earlier.preparations),
        }
    }
}

impl fmt::Display for Shed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offers, opportunities, reads, preparations } = self;
        write!(
            f,
            "{offers} offers, {opportunities} opportunities, {reads} reads, {preparations} preparations"
        )
    }
}

/// How much of everything an agent holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Opportunities on the board.
    pub open: usize,
    /// Opportunities at the door, under way, or spent not long ago.
    pub taken: usize,
    /// Offers, preparations and commands that wait for their turn at the door.
    pub waiting: usize,
    /// Those whose turn it is.
    pub at_the_door: usize,
    /// What there was no room for so far.
    pub shed: Shed,
}

/// A look at an agent's load while it runs. Cheap to clone; all clones look at one agent.
#[derive(Debug, Clone)]
pub struct Gauge {
    board: Board,
    tally: Tally,
}

impl Gauge {
    pub(crate) const fn new(board: Board, tally: Tally) -> Self {
        Self { board, tally }
    }

    /// How much it holds now.
    #[must_use]
    pub fn read(&self) -> Load {
        let (open, taken) = self.board.sizes();
        let counts = &self.tally.0;
        Load {
            open,
            taken,
            waiting: counts.waiting.load(Ordering::SeqCst),
            at_the_door: counts.at_the_door.load(Ordering::SeqCst),
            shed: self.tally.shed(),
        }
    }
}

/// What there was no room for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Offer,
    Opportunity,
    Read,
    Preparation,
}

/// The counts. All clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    offers: AtomicU64,
    opportunities: AtomicU64,
    reads: AtomicU64,
    preparations: AtomicU64,
    waiting: AtomicUsize,
    at_the_door: AtomicUsize,
    /// What was told of it.
    told: Mutex<Shed>,
}

impl Tally {
    /// Counts one. The first is told at once, so that the operator hears of it while it happens; those after it when
    /// [`tell`](Self::tell) is called.
    pub(crate) fn count(&self, kind: Kind, observer: &dyn Observer) {
        let counts = &self.0;
        let counter = match kind {
            Kind::Offer => &counts.offers,
            Kind::Opportunity => &counts.opportunities,
            Kind::Read => &counts.reads,
            Kind::Preparation => &counts.preparations,
        };
        counter.fetch_add(1, Ordering::SeqCst);
        let is_first = *counts.told.lock().unwrap_or_else(PoisonError::into_inner) == Shed::default();
        if is_first {
            self.tell(observer);
        }
    }

    /// Tells what was shed since the last time, if anything was.
    pub(crate) fn tell(&self, observer: &dyn Observer) {
        let news = {
            let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.shed();
            now.since(std::mem::replace(&mut *told, now))
        };
        if news != Shed::default() {
            observer.saw(Moment::Warned(&format!("more than there is room for: {news} were let go")));
        }
    }

    /// One more waits at the door.
    pub(crate) fn waits(&self) {
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
    }

    /// One waits no more.
    pub(crate) fn is_served(&self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    /// So many are at the door.
    pub(crate) fn serves(&self, at_the_door: usize) {
        self.0.at_the_door.store(at_the_door, Ordering::SeqCst);
    }

    fn shed(&self) -> Shed {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        let Counts { offers, opportunities, reads, preparations, .. } = &*self.0;
        Shed {
            offers: read(offers),
            opportunities: read(opportunities),
            reads: read(reads),
            preparations: read(preparations),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Ears(Mutex<Vec<String>>);

    impl Observer for Ears {
        fn saw(&self, moment: Moment<'_>) {
            if let Moment::Warned(sentence) = moment {
                self.0.lock().unwrap().push(sentence.to_owned());
            }
        }
    }

    #[test]
    fn what_is_shed_is_told_at_once_and_then_in_sums_and_nothing_twice() {
        let (tally, ears) = (Tally::default(), Ears::default());
        tally.count(Kind::Opportunity, &ears);
        for _ in 0..1_000 {
            tally.count(Kind::Offer, &ears);
            tally.count(Kind::Read, &ears);
        }
        tally.count(Kind::Preparation, &ears);
        for _ in 0..3 {
            tally.tell(&ears);
        }
        let told = ears.0.lock().unwrap();
        let let_go = |news: &str| format!("more than there is room for: {news} were let go");
        assert_eq!(
            *told,
            [
                let_go("0 offers, 1 opportunities, 0 reads, 0 preparations"),
                let_go("1000 offers, 0 opportunities, 1000 reads, 1 preparations"),
            ]
        );
        let all = Shed { offers: 1_000, opportunities: 1, reads: 1_000, preparations: 1 };
        assert_eq!(Gauge::new(Board::default(), tally).read().shed, all);
    }
}
