//! The strategy: chain events in, cycles out.

mod course;
mod desk;
mod interests;
mod look;

use std::collections::BTreeMap;

use agent_core::{
    Answered, ChainEvent, ChainLog, Interest,
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
    intake::Intake,
    market::{Market, Took},
    prices::Prices,
    search::{Base, Cycle, Hops, Search, Terms},
    view::{ArbitrageView, Phase},
};

/// More cycles than these that gain by their rates are too many to keep.
const CYCLES: usize = 100_000;

/// Finds cycles through the pools of some exchanges that bring more than they cost.
///
/// It learns of pools by their factories' logs, reads each of them once, and follows it by its own logs from there. After a reorg
/// it takes blocks back, and reads again what it knows only from a block that is void; after one of more than 128 blocks, that is
/// every pool.
#[derive(Debug)]
pub struct ArbitrageStrategy {
    config: ArbitrageConfig,
    view: ArbitrageView,
    course: Course,
    desk: Desk,
    market: Market,
    intake: Intake,
    /// With the block that they were read at.
    prices: Option<(Prices, BlockNumber)>,
    search: Option<Search>,
    /// What each cycle that gains by its rates gains in fact, as far as that was looked at.
    sized: BTreeMap<Cycle, Option<Planned>>,
    board: Board,
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
            intake: Intake::default(),
            prices: None,
            search: None,
            sized: BTreeMap::new(),
            board: Board::default(),
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
            match self.market.take(log, head, self.course.followed, &self.config) {
                // The search knows of as many pools as there were when it began.
                Took::Found => self.search = None,
                Took::Early(place) => self.intake.keep(place, log),
                Took::Lost(place) => self.desk.lost(self.market.get(place), outbox),
                Took::Nothing | Took::Changed => {}
            }
        }
        self.market.prune(head);
    }

    fn rollback(&mut self, to: BlockRef, outbox: &mut Outbox) {
        self.board.replace(Vec::new(), to.number, outbox);
        self.board.pardon();
        self.desk.clear();
        self.intake.clear();
        if self.course.reaches_back(to) {
            self.market.rewind(to.number);
        } else {
            outbox.warn("a reorg went back further than pools can be taken back; reading all of them again");
            self.market.forget(to.number);
            self.prices = None;
        }
        self.course.return_to(to);
    }

    fn answer(&mut self, tag: u64, at: BlockRef, answers: &[Answered], outbox: &mut Outbox) {
        if let Some(Pending { places }) = self.desk.take(tag) {
            self.checked(&places, at, answers, outbox);
        } else if !self.settled(tag, at, answers, outbox) {
            return;
        }
        if self.course.phase == Phase::Following {
            self.look(outbox);
        }
    }

    /// Takes pools that were read. Whether the cycles through them are to be looked for at once: they are with the next block,
    /// unless these were the last.
    fn settled(&mut self, tag: u64, at: BlockRef, answers: &[Answered], outbox: &mut Outbox) -> bool {
        let Some(ended) = self.intake.take(tag, at, self.course.knows(at), answers) else { return false };
        let head = self.course.head();
        for (place, end) in ended {
            let took = match end {
                Ok(snapshot) => self.market.settle(place, snapshot, head),
                Err(why) => {
                    self.market.distrust(place, why);
                    Took::Lost(place)
                }
            };
            if took == Took::Lost(place) {
                self.desk.lost(self.market.get(place), outbox);
            }
        }
        self.read_pools(false, outbox);
        self.market.awaiting().is_empty()
    }

    /// Reads the pools that wait for it, as many as may be under way.
    fn read_pools(&mut self, is_block: bool, outbox: &mut Outbox) {
        let Some(head) = self.course.now else { return };
        let Self { intake, market, desk, .. } = self;
        let ask = |queries| desk.send(queries, outbox);
        if is_block {
            intake.at_block(market, head.block, ask);
        } else {
            intake.go_on(market, head.block, ask);
        }
    }

    fn follow(&mut self, outbox: &mut Outbox) {
        if self.course.phase == Phase::Following {
            self.check(outbox);
            self.read_pools(true, outbox);
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

    fn interests(&self) -> Vec<Interest> {
        interests::of(&self.config, self.course.followed)
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        self.desk.tell(outbox);
        match event {
            ChainEvent::History { head, logs, last } => {
                self.course.reach(*head);
                self.take(logs, outbox);
                self.course.take_history(*last);
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
            // Prices are those of the pools.
            ChainEvent::Observed(_) => {}
            ChainEvent::Outcome(report) => self.board.close(report, self.course.head(), outbox),
        }
        self.publish_view();
    }
}

#[cfg(test)]
mod tests;
