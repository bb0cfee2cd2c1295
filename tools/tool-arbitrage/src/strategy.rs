//! The strategy: chain events in, cycles out.

mod course;
mod desk;
mod interests;
mod look;

use std::collections::BTreeMap;

use agent_core::{
    Answered, ChainEvent, ChainLog, Head, Interest,
    ports::{Outbox, Strategy},
    units::{BlockNumber, BlockRef},
};

use self::{
    course::Course,
    desk::{Desk, Pending},
};
use crate::{
    config::ArbitrageConfig,
    hunt::{Board, Planned, STRATEGY},
    market::{Market, Took},
    prices::Prices,
    search::{Base, Cycle, Hops, Search, Terms},
    view::{ArbitrageView, Phase},
};

/// More cycles than these that gain by their rates are too many to keep.
const CYCLES: usize = 100_000;

/// Finds cycles through the pools of some exchanges that bring more than they cost.
///
/// It learns of pools by their factories' logs, and of how they stand by their own, from the first one on; a pool is read of the
/// chain only to compare it. After a reorg it takes blocks back; after one of more than 128 blocks it starts over.
#[derive(Debug)]
pub struct ArbitrageStrategy {
    config: ArbitrageConfig,
    view: ArbitrageView,
    course: Course,
    desk: Desk,
    market: Market,
    /// With the block that they were read at.
    prices: Option<(Prices, BlockNumber)>,
    search: Option<Search>,
    /// What each cycle that gains by its rates gains in fact, as far as that was looked at.
    sized: BTreeMap<Cycle, Option<Planned>>,
    board: Board,
    /// Everything was let go and nothing is asked for, until the next event: then all of it is news again.
    forgotten: bool,
}

impl ArbitrageStrategy {
    /// A strategy that knows nothing yet. An exchange that is not marked as verified is left alone, and said.
    #[must_use]
    pub fn new(mut config: ArbitrageConfig) -> Self {
        let mut desk = Desk::default();
        for exchange in config.exchanges.iter().filter(|exchange| !exchange.verified) {
            desk.say_first(format!(
                "the pools of factory {} are left alone: compare them with their bytecode and write `verified = true`",
                exchange.factory
            ));
        }
        config.exchanges.retain(|exchange| exchange.verified);
        let (view, course) = (ArbitrageView::default(), Course::default());
        Self {
            config,
            view,
            course,
            desk,
            market: Market::default(),
            prices: None,
            search: None,
            sized: BTreeMap::new(),
            board: Board::default(),
            forgotten: false,
        }
    }

    /// What tools see of it.
    #[must_use]
    pub fn view(&self) -> ArbitrageView {
        self.view.clone()
    }

    fn take(&mut self, logs: &[ChainLog], outbox: &mut Outbox) {
        let head = self.course.head();
        for log in logs {
            match self.market.take(log, head, &self.config) {
                Took::Found => {
                    // Its own logs come as history, and places have moved.
                    self.search = None;
                    self.course.await_history();
                    self.board.replace(Vec::new(), head, outbox);
                }
                Took::Lost(place) => self.desk.lost(self.market.get(place), outbox),
                Took::Nothing | Took::Changed => {}
            }
        }
        self.market.prune(head);
    }

    fn history(&mut self, head: Head, logs: &[ChainLog], last: bool, outbox: &mut Outbox) {
        let known = self.market.entries().len();
        self.course.reach(head);
        self.take(logs, outbox);
        // Where this history named pools, theirs is still to come.
        if last && self.market.entries().len() == known {
            self.course.arrive();
        }
    }

    fn rollback(&mut self, to: BlockRef, outbox: &mut Outbox) {
        self.board.replace(Vec::new(), to.number, outbox);
        self.desk.clear();
        if to.number < self.course.floor {
            outbox.warn("a reorg went back further than pools can be taken back; reading their logs again");
            (self.market, self.search, self.prices) = (Market::default(), None, None);
            self.forgotten = true;
            self.course = Course::default();
        } else {
            self.market.rewind(to.number);
            self.course.return_to(to);
        }
    }

    fn answer(&mut self, tag: u64, at: BlockRef, answers: &[Answered], outbox: &mut Outbox) {
        if let Some(Pending { places }) = self.desk.take(tag) {
            self.checked(&places, at, answers, outbox);
            if self.course.phase == Phase::Following {
                self.look(outbox);
            }
        }
    }

    fn follow(&mut self, outbox: &mut Outbox) {
        if self.course.phase == Phase::Following {
            self.check(outbox);
            self.look(outbox);
        }
    }

    /// The search over the pools that are known; built anew when there are more.
    fn searched(&mut self) -> Option<&mut Search> {
        let changed = self.market.take_changed();
        let fresh = self.search.is_none();
        if fresh {
            self.sized.clear();
            let tokens: Vec<_> = self.market.entries().iter().map(|entry| entry.tokens).collect();
            self.search = Search::new(&tokens, &self.terms()).ok();
        }
        let search = self.search.as_mut()?;
        let update = |search: &mut Search, place: usize| match self
            .market
            .get(place)
            .map(|entry| entry.state.pool())
        {
            Some(Some(pool)) => search.update(place, pool),
            Some(None) | None => search.disable(place),
        };
        if fresh {
            (0..self.market.entries().len()).for_each(|place| update(search, place));
        } else {
            changed.into_iter().for_each(|place| update(search, place));
        }
        Some(search)
    }

    fn terms(&self) -> Terms {
        let bases = self.config.bases.iter().map(|base| Base { token: base.token, dust: base.dust });
        let hops = if self.config.terms.hops > 3 { Hops::Four } else { Hops::Three };
        Terms { bases: bases.collect(), hops, limit: CYCLES }
    }
}

impl Strategy for ArbitrageStrategy {
    fn name(&self) -> &str {
        STRATEGY
    }

    fn interests(&self) -> (BlockNumber, Vec<Interest>) {
        let starts = self.config.exchanges.iter().map(|exchange| exchange.start_block);
        let wanted = if self.forgotten { Vec::new() } else { interests::of(&self.config, &self.market) };
        (starts.min().unwrap_or_default(), wanted)
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        self.desk.tell(outbox);
        self.forgotten = false;
        match event {
            ChainEvent::History { head, logs, last } => {
                self.history(*head, logs, *last, outbox);
                self.follow(outbox);
            }
            ChainEvent::Block { head, logs } => {
                self.course.reach(*head);
                self.take(logs, outbox);
                self.follow(outbox);
            }
            // What stands after it is proposed with the next block, whose base fee is known.
            ChainEvent::Rollback { to } => self.rollback(*to, outbox),
            ChainEvent::Answer { tag, at, answers } => self.answer(*tag, *at, answers, outbox),
            ChainEvent::Outcome(report) => self.board.close(report, self.course.head(), outbox),
        }
        self.publish_view();
    }
}

#[cfg(test)]
mod tests;
