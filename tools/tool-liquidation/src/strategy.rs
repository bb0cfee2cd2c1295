//! The strategy: chain events in, liquidations out.

mod course;
mod desk;
mod interests;
mod look;
mod settle;

use agent_core::{
    ChainEvent, ChainLog, Head, Interest,
    ports::{Outbox, Strategy},
    units::{BlockNumber, BlockRef, Timestamp},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolEvent;

use self::{
    course::Course,
    desk::{Desk, Pending},
};
use crate::{
    abi::IPool,
    config::LiquidationConfig,
    hunt::{Board, STRATEGY, Watch},
    market::Market,
    positions::{Positions, Role},
    v3_0::{Account, Position, Seizure},
    view::{LiquidationView, Phase},
};

/// Finds liquidations of one Aave v3 pool.
///
/// It reads the pool's configuration, then asks for the logs that positions are made of, and from there on needs no
/// read but those about what it is about to publish. After a reorg it takes blocks back, and reads the configuration
/// again; after one of more than 128 blocks it starts over.
#[derive(Debug)]
pub struct LiquidationStrategy {
    config: LiquidationConfig,
    view: LiquidationView,
    course: Course,
    desk: Desk,
    market: Market,
    positions: Positions,
    hunt: Hunt,
}

/// What is watched, and what is published.
#[derive(Debug, Default)]
struct Hunt {
    watch: Watch,
    board: Board,
}

impl LiquidationStrategy {
    /// A strategy that knows nothing yet.
    #[must_use]
    pub fn new(config: LiquidationConfig) -> Self {
        Self {
            config,
            view: LiquidationView::default(),
            course: Course::default(),
            desk: Desk::default(),
            market: Market::default(),
            positions: Positions::default(),
            hunt: Hunt::default(),
        }
    }

    /// What tools see of it.
    #[must_use]
    pub fn view(&self) -> LiquidationView {
        self.view.clone()
    }

    /// Everybody who owes something, by address.
    pub fn borrowers(&self) -> impl Iterator<Item = Address> + '_ {
        self.positions.iter().filter(|(_, position)| position.owes()).map(|(user, _)| *user)
    }

    /// A user's position, as its logs have it.
    #[must_use]
    pub fn position(&self, user: Address) -> Option<&Position> {
        self.positions.get(&user)
    }

    /// A user's account, as the pool would compute it at `now`: that of the block it is to be compared with. `None`
    /// for who owes at a stable rate or holds what has no price.
    #[must_use]
    pub fn account(&self, user: Address, now: Timestamp) -> Option<Account> {
        let position = self.positions.get(&user).cloned().unwrap_or_default();
        self.market.at(now).account(&position).filter(|_| !position.owes_stable())
    }

    /// What a liquidation of `cover` mined at `now` would move; `cover` is cut to the close factor, as the pool does.
    #[must_use]
    pub fn liquidation(
        &self,
        user: Address,
        (collateral, debt): (Address, Address),
        cover: U256,
        now: Timestamp,
    ) -> Option<Seizure> {
        let moment = self.market.at(now);
        let position = self.positions.get(&user).filter(|position| !position.owes_stable())?;
        moment.liquidation(position, (collateral, debt), cover)
    }

    /// Takes a log of the past: only what positions are made of counts, the rest is read afterwards.
    fn take_past(&mut self, log: &ChainLog, head: BlockNumber) {
        let pool = (log.address == self.config.market.pool).then_some(Role::Pool);
        if let Some(role) = pool.or_else(|| self.market.role(&log.address)) {
            self.positions.take(log, role, head);
        }
    }

    fn take_live(&mut self, log: &ChainLog, head: Head) {
        self.take_past(log, head.block.number);
        let around = self.market.addresses;
        let upgraded = log.address == self.config.market.pool
            && log.topics.first() == Some(&IPool::Upgraded::SIGNATURE_HASH);
        if upgraded || [around.provider, around.configurator, around.oracle].contains(&log.address) {
            self.course.survey_from(head.block.number);
        }
        if log.address == self.config.market.pool {
            self.market.take(log, head.block.timestamp);
        }
        self.market.prices.take(log);
    }

    fn history(&mut self, head: Head, logs: &[ChainLog], last: bool) {
        self.course.reach(head);
        let newest = self.course.head();
        for log in logs {
            self.take_past(log, newest);
        }
        self.forget(newest);
        if last {
            self.course.arrive();
        }
    }

    fn block(&mut self, head: Head, logs: &[ChainLog], outbox: &mut Outbox) {
        self.course.reach(head);
        self.course.live = true;
        for log in logs {
            self.take_live(log, head);
        }
        self.forget(head.block.number);
        if self.course.phase == Phase::Following {
            self.poll(outbox);
            self.look(outbox);
        }
    }

    /// Takes back every block after `to`, and reads the market again before anything is published: what was read at
    /// a block that is void may be void too.
    fn rollback(&mut self, to: BlockRef, outbox: &mut Outbox) {
        self.desk.clear();
        self.hunt.board.clear(outbox);
        if to.number < self.course.floor {
            let sentence =
                "a reorg went back further than positions can be taken back; reading the pool again";
            outbox.warn(sentence);
            self.market = Market::default();
            self.positions = Positions::default();
            self.course = Course { live: true, ..Course::default() };
        } else {
            self.positions.rewind(to.number);
            self.market.rewind(to.number);
            self.course.return_to(to);
        }
        self.hunt.watch = Watch::default();
        self.publish_view();
    }

    fn answer(&mut self, tag: u64, at: BlockRef, answers: &[agent_core::Answered], outbox: &mut Outbox) {
        match self.desk.take(tag) {
            Some(Pending::Survey) => self.surveyed(at, answers, outbox),
            Some(Pending::Poll(assets)) => self.polled(&assets, at, answers, outbox),
            Some(Pending::Quotes { head, targets }) => self.quoted(head, targets, at, answers, outbox),
            None => {}
        }
    }

    fn forget(&mut self, head: BlockNumber) {
        self.positions.prune(head);
        self.market.prune(head);
    }
}

impl Strategy for LiquidationStrategy {
    fn name(&self) -> &str {
        STRATEGY
    }

    fn interests(&self) -> Vec<Interest> {
        interests::of(self.config.market.start_block, self.config.market.pool, &self.market)
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        if matches!(self.course.phase, Phase::Refused(_)) {
            return;
        }
        match event {
            ChainEvent::History { head, logs, last } => self.history(*head, logs, *last),
            ChainEvent::Block { head, logs } => self.block(*head, logs, outbox),
            ChainEvent::Rollback { to } => self.rollback(*to, outbox),
            ChainEvent::Answer { tag, at, answers } => self.answer(*tag, *at, answers, outbox),
            // Prices are the pool's own.
            ChainEvent::Observed(_) => {}
            ChainEvent::Outcome(report) => self.hunt.board.close(report, self.course.head(), outbox),
        }
        self.survey(outbox);
    }
}

#[cfg(test)]
mod tests;
